// No answer and no log line of a gateway may hold a secret. What suites hear of their gateways is kept here and searched when all their
// tests have ended; a hit fails the suite by the names of the secret and of the place, and shows neither.
//
// The rule: no bytes of an answer (status, headers, body, events) hold a known secret, in the open or as base64 or percent-encoded, unless
// the body of the very request that is answered said it: a model may repeat its prompt. A log excuses nothing.
import assert from 'node:assert/strict';
import { after } from 'node:test';

/** Needles by the name of their secret. The simulated service begins every token that it issues like this. */
const known = new Map([
  ['aoaSIM-', 'an access token'],
  ['aorSIM-', 'a rotated refresh token'],
]);
const heard = [];
const gateways = new Set();

/** From here on this is a secret; `name` may be shown. What is shorter than any real one (the development key) is none. */
export function know(name, secret) {
  if (secret?.length >= SHORTEST && !known.has(secret)) known.set(secret, name);
}

/** The secrets among the settings of a gateway. */
export function knowSettings(settings) {
  for (const name of ['KIRO_CLIENT_TOKEN', 'TOKEN_STORE_KEY', 'AWS_REFRESHTOKEN', 'KIRO_AUTH_TOKEN']) {
    for (const secret of secretsOf(settings[name] ?? '')) know(name, secret);
  }
}

/** The secrets of a simulated service's accounts. */
export function knowAccounts(accounts) {
  for (const { label, secret, kind } of accounts) {
    know(`the secret of ${label}`, secret);
    know(`the client secret of ${label}`, kind.client_secret);
  }
}

/** A comma list, or JSON whose members of these names are the secrets. */
function secretsOf(text) {
  try {
    return [JSON.parse(text)].flat().flatMap((one) => [one.refreshToken, one.clientSecret, one.key]).filter((one) => typeof one === 'string');
  } catch {
    return text.split(',').map((one) => one.trim());
  }
}

/** Keeps something that a gateway said: byte strings that are one. `said` is the body of the request that it answers. */
export function hear(place, parts, said = '') {
  const one = { place, parts: parts.map((part) => Buffer.from(part)), said };
  heard.push(one);
  return one;
}

/** What a gateway at this address answers to `fetch` is heard. */
export const listen = (url) => gateways.add(new URL(url).origin);

/** Which secrets are where, by name, in what was heard from this place on in time. */
export function found(from = 0) {
  const needles = [...known].map(([secret, name]) => ({ secret, name, forms: forms(secret) }));
  return [...new Set(heard.slice(from).flatMap(({ place, parts, said }) => {
    const bytes = Buffer.concat(parts);
    return needles.filter(({ secret, forms }) => forms.some((form) => bytes.includes(form)) && !said.includes(secret)).map(({ name }) => `${name} is in ${place}`);
  }))];
}

/** Fails by what is found in all that was heard. For a suite whose gateways end after its last test. */
export async function search() {
  if (process.env.SIM_URL) knowAccounts((await (await fetch(`${process.env.SIM_URL}/_sim/config`)).json()).accounts);
  assert.deepEqual(found(), [], 'secrets that a gateway told');
}

/** How much was heard: a place in time for `found` and `forget`. */
export const moment = () => heard.length;
/** What was heard since was planted. */
export const forget = (from) => heard.splice(from);

/** In the open, percent-encoded, and as base64, where it depends on the two bytes before it. */
function forms(secret) {
  const open = Buffer.from(secret);
  const packed = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), open]).toString('base64').replace(/=+$/, '');
    // Characters that bytes before or behind have a part in tell nothing.
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + open.length) * 8) / 6));
  });
  return [...new Set([secret, encodeURIComponent(secret), ...packed])];
}

/** Passes every chunk of an answer on, and keeps it. */
function tapped(fetch) {
  return async (input, init) => {
    const answer = await fetch(input, init);
    if (!gateways.has(new URL(answer.url).origin)) return answer;
    const { status, statusText, headers, url } = answer;
    const path = new URL(url).pathname;
    const head = [...headers].map((line) => line.join(': ')).join('\n');
    const { parts } = hear(`an answer ${status} to ${init?.method ?? 'GET'} ${path}`, [`${status} ${statusText}\n${head}\n`], bodyOf(init));
    const tap = new TransformStream({
      transform(chunk, out) {
        parts.push(Buffer.from(chunk));
        out.enqueue(chunk);
      },
    });
    return Object.defineProperty(new Response(answer.body && answer.body.pipeThrough(tap), { status, statusText, headers }), 'url', { value: url });
  };
}

const bodyOf = (init) => (typeof init?.body === 'string' ? init.body : init?.body instanceof Uint8Array ? Buffer.from(init.body) : '');

const SHORTEST = 8;
globalThis.fetch = tapped(globalThis.fetch);
if (process.env.KIRO2API_URL) listen(process.env.KIRO2API_URL);
after(search);
