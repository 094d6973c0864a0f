// The twins: the same requests to the gateway on workerd and on the Lambda emulator, with one clock and one randomness, compared byte for
// byte: the answer's status, headers and body, and what the service was asked. The goldens are replayed on both and are the third voice.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';

import { CLIENT_KEY, cases, incoming } from './support/cases.mjs';
import { search } from './support/secrets.mjs';
import { configure, records, reset } from './support/simulator.mjs';
import { same, twins } from './support/twins.mjs';
import { sequences } from './support/twin_requests.mjs';

const ACCOUNTS = JSON.parse(execFileSync(join(dirname(process.env.KIRO2API_XTASK), 'kiro2api-upstream'), ['--print-credentials'], { encoding: 'utf8' }));
const account = (label) => JSON.stringify(ACCOUNTS.filter((one) => one.label === `demo-${label}`));

/** A folder runs streamed, whole, or both; where the cut of the service's bytes decides, with both cuts. */
const RUNS = cases().filter((one) => !(one.name in LEFT_OUT())).flatMap((one) => {
  // The worlds of the goldens count a script's requests, whoever makes them.
  if (one.script?.includes('||')) one.script = one.script.replace(/^\s*(\d+\s*\*)?/, (times) => `${times} per script; `);
  const streamed = one.file('whole.sse') === undefined
    ? [{ one, stream: true, script: one.script, golden: 'stream.sse' }]
    // One write holds everything, or each frame comes long after the one before.
    : [{ one, stream: true, script: `chunks all; ${one.script}`, golden: 'whole.sse' }, { one, stream: true, script: `pace 250; ${one.script}`, golden: 'stream.sse' }];
  return [...(one.stream ? streamed : []), ...(one.body ? [{ one, stream: false, script: one.script, golden: 'body.json' }] : [])];
});

const lanes = [];
const [known, loners] = [new Map(), new Set()];
/** The gateway of a run: a failure stays in the memory of its gateway, so a run that shows one has a gateway of its own. */
function lane(variables, alone) {
  const key = JSON.stringify(variables);
  if (!alone && known.has(key)) return known.get(key);
  lanes.push({ KIRO_CLIENT_TOKEN: CLIENT_KEY, KIRO_AUTH_TOKEN: account('key'), ...variables });
  if (alone) loners.add(lanes.length - 1);
  else known.set(key, lanes.length - 1);
  return lanes.length - 1;
}

const TROUBLE = /\|\||\b(status|fault|exception|error|html|empty|corrupt|tear|cut|reset|drop|close|invalid-state|stall)\b/;
/** Every exchange draws the same ids, and a table takes no second response under one id. */
const keeps = (one) => ['stream.sse', 'body.json'].some((name) => one.file(name)?.includes('"store":true'));
for (const run of RUNS) {
  run.lane = lane({ ...run.one.variables, KIRO_AUTH_TOKEN: account(run.one.account) }, run.one.account !== 'key' || TROUBLE.test(run.script ?? '') || keeps(run.one));
}
/** Pictures on loopback, for both platforms. */
const pictures = createServer((request, response) => {
  const status = { '/moved': 302, '/missing': 404 }[request.url] ?? 200;
  const type = request.url === '/page' ? 'text/html' : 'image/png';
  response.writeHead(status, { 'content-type': type, ...(status === 302 ? { location: '/a.png' } : {}) });
  response.end(request.url === '/a.png' ? Buffer.from(PNG, 'base64') : request.url === '/page' ? '<html></html>' : '');
}).listen(0, '127.0.0.1').unref();
await once(pictures, 'listening');
const SEQUENCES = sequences(`127.0.0.1:${pictures.address().port}`);
for (const sequence of SEQUENCES) sequence.lane = lane({ KIRO_AUTH_TOKEN: account('key'), ...sequence.variables }, sequence.alone ?? false);

let both;
let comparisons = 0;
const context = { after: (end) => ends.unshift(end) };
const ends = [];
before(async () => { both = await twins(context, lanes); });
after(async () => {
  for (const end of ends) await end();
  pictures.closeAllConnections();
  pictures.close();
  await search();
});

/** What a platform answers to a request, and what its service is asked meanwhile. */
async function exchange(platform, at, requests, script) {
  await reset(platform.upstream);
  // The goldens know the built-in models alone.
  const faults = [{ operation: 'models', answer: 'internal' }];
  await configure(platform.upstream, { keep_text: true, faults, default_script: script ?? 'text "ok"' });
  const answers = [];
  for (const one of requests) answers.push(await platform.ask(at, typeof one === 'function' ? one(answers) : one));
  if (loners.has(at)) await platform.close(at);
  // What is asked for later requests comes after the answer, whenever the platform lets it.
  const answering = (await records(platform.upstream)).filter(({ operation }) => !['usage', 'models'].includes(operation));
  const asked = answering.map(({ operation, method, path, query, text }) => ({ operation, line: `${method} ${path}?${query}`, text }));
  return { answers, asked };
}

/** Both platforms at once; every part of what came out is compared. */
async function compare(at, requests, script, unordered = false) {
  const order = (body) => (unordered ? String(body).split('\n\n').sort().join('\n\n') : body);
  const [worker, lambda] = await Promise.all(both.map((platform) => exchange(platform, at, requests, script)));
  for (const [index, left] of worker.answers.entries()) {
    const right = lambda.answers[index];
    const { method = 'POST', path } = typeof requests[index] === 'function' ? requests[index](worker.answers) : requests[index];
    const what = `answer ${index + 1}, ${method} ${path}`;
    comparisons += 3;
    same(order(left.body), order(right.body), `${what}: body, status ${left.status} and ${right.status}`);
    assert.equal(left.status, right.status, `${what}: status`);
    assert.deepEqual(left.headers, right.headers, `${what}: headers`);
  }
  comparisons += 1 + worker.asked.length;
  assert.deepEqual(worker.asked.map((one) => one.line), lambda.asked.map((one) => one.line), 'what the service was asked');
  for (const [index, left] of worker.asked.entries()) same(left.text ?? '', lambda.asked[index].text ?? '', `request ${index + 1} to the service (${left.operation})`);
  return worker;
}

for (const { one, stream, script, golden, lane: at } of RUNS) {
  test(`${one.name}, ${golden}`, async () => {
    const { answers: [{ status, headers, body }], asked } = await compare(at, [incoming(one, stream)], script);
    const streamed = headers.some((line) => line.startsWith('content-type: text/event-stream'));
    const kept = one.file(golden).slice(0, streamed || golden === 'whole.sse' ? undefined : -1);
    same(uncounted(body), uncounted(kept), `the golden ${golden}, status ${status}`);
    comparisons += 1;
    if (golden === 'whole.sse') return;
    const bodies = asked.filter((request) => request.operation === 'chat').map((request) => request.text);
    for (const [index, text] of bodies.filter((text, place) => text !== bodies[place - 1]).entries()) {
      same(`${text}\n`, one.file(index === 0 ? 'upstream.json' : `upstream-${index + 1}.json`) ?? '', `the golden of request ${index + 1} to the service`);
      comparisons += 1;
    }
  });
}

for (const { name, requests, script, unordered, lane: at } of SEQUENCES) {
  test(name, () => compare(at, requests, script, unordered));
}

test('so much was compared', (context) => {
  context.diagnostic(`${comparisons} comparisons, ${RUNS.length} replays of ${cases().length - Object.keys(LEFT_OUT()).length} goldens, ${SEQUENCES.length} sequences of requests`);
  context.diagnostic(`left out: ${Object.entries(LEFT_OUT()).map(([name, reason]) => `${name} (${reason})`).join('; ')}`);
  assert.ok(comparisons > 2500, `only ${comparisons} comparisons`);
});

/**
 * The simulator counts a prompt's tokens by its length, and makes the ids of calls from the conversation; the worlds of the goldens give
 * every prompt the same count, and know no conversations.
 */
const uncounted = (text) => String(text).replaceAll(/"((?:input|prompt|total)_tokens)":\d+/g, '"$1":0').replaceAll(/tooluse_[\w-]{22}/g, 'tooluse');

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Goldens that loopback cannot replay, and why. */
function LEFT_OUT() {
  return {
    'images/an-image-by-url-is-fetched': 'its picture lies at a public address; the sequences have one of loopback',
    'images/an-image-by-url-that-is-not-there': 'as above',
    'chat/a-choice-that-fails-ends-all-of-them': 'which choice fails depends on whose request is there first',
    'chat/choices-come-in-one-body': 'which choice gets which answer depends on the same',
    'chat/choices-come-side-by-side': 'two streams at once come in any order; the sequences compare them choice by choice',
  };
}
