// The search for secrets that every suite ends with finds what it looks for: planted ones, in answers and in log lines of real gateways.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import Anthropic from '@anthropic-ai/sdk';

import { call, marker, turn } from './support/gateway.mjs';
import { accounts, gateway, refreshToken, simulator } from './support/own.mjs';
import { forget, found, hear, know, moment } from './support/secrets.mjs';

const SECRET = 'a-secret/of~this+suite&no-other';
know('the secret of this suite', SECRET);

/** What is found of what `plant` makes heard, and nothing of it afterwards. */
async function planted(plant) {
  const from = moment();
  await plant();
  const names = found(from);
  forget(from);
  return names;
}

test('a secret is found in any place and any form', async () => {
  const forms = [SECRET, encodeURIComponent(SECRET), ...['', 'x', 'xy'].map((before) => Buffer.from(`${before}${SECRET}, and more`).toString('base64'))];
  for (const form of forms) {
    assert.deepEqual(await planted(() => hear('a place', [`{"text":"${form}"}`])), ['the secret of this suite is in a place'], form);
  }
  const halves = [SECRET.slice(0, 9), SECRET.slice(9)];
  assert.deepEqual(await planted(() => hear('two chunks', halves)), ['the secret of this suite is in two chunks']);
  assert.deepEqual(await planted(() => hear('a place', [SECRET.slice(1), 'aoaSIM-one-7-012'])), ['an access token is in a place']);
});

test('an answer may repeat what its own request said, and no other', async () => {
  assert.deepEqual(await planted(() => hear('an echo', [SECRET], `Say ${SECRET}.`)), []);
  assert.deepEqual(await planted(() => hear('no echo', [SECRET], 'Say something.')), ['the secret of this suite is in no echo']);
});

test('a hit fails a suite by name, and shows no secret', async () => {
  const program = fileURLToPath(new URL('support/planted.mjs', import.meta.url));
  const env = { PATH: process.env.PATH, PLANTED: SECRET };
  const [code, out] = await new Promise((done) => execFile(process.execPath, ['--test-reporter=tap', program], { env }, (error, stdout, stderr) => done([error?.code, stdout + stderr])));
  assert.notEqual(code ?? 0, 0, out);
  assert.match(out, /the planted secret is in a planted place/);
  assert.ok(!out.includes(SECRET));
});

test('of a real gateway, every answer and every log line is heard', async (context) => {
  // The service says an account's secret, and the operator calls an account by a client key.
  const key = 'client-key-planted-in-a-label';
  const upstream = await simulator(context, { accounts: accounts('one'), default_script: `text "It is ${refreshToken('one')}."` });
  const credentials = JSON.stringify([{ auth: 'Social', refreshToken: refreshToken('one'), label: key }]);
  const from = moment();
  const own = await gateway(context, { upstream, env: { KIRO_AUTH_TOKEN: credentials, KIRO_CLIENT_TOKEN: key } });
  const client = new Anthropic({ baseURL: own.url, apiKey: own.key, maxRetries: 0 });
  const body = turn(marker());

  for (const ask of [
    () => call(own, '/v1/messages', { body }),
    () => call(own, '/v1/messages', { body: { ...body, stream: true } }),
    () => client.messages.create(body),
    () => client.messages.stream(body).finalMessage(),
  ]) {
    assert.deepEqual(await planted(ask), ['the secret of one is in an answer 200 to POST /v1/messages']);
  }
  const saying = turn(`${marker()} ${refreshToken('one')}`);
  assert.deepEqual(await planted(() => call(own, '/v1/messages', { body: saying })), [], 'the client’s own words');
  await own.stop();
  const names = found(from);
  forget(from);
  assert.deepEqual(names, ['KIRO_CLIENT_TOKEN is in a log line of a gateway']);
});
