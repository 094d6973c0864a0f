// What the service refuses of the account, and what the client hears when no account is left: each on a gateway of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { MODEL, call, marker, refused, stream, text, turn } from './support/gateway.mjs';
import { accounts, credentials, gateway, simulator } from './support/own.mjs';
import { chats } from './support/simulator.mjs';

// [fault, status, type, words, what the client may do, state of the account]
const ROWS = [
  ['throttle retry-after=90', 429, 'rate_limit_error', /throttle|rest|slow/i, { 'retry-after': /^(8\d|90)$/ }],
  ['credit-limit', 429, 'rate_limit_error', /throttle|rest|slow/i, { 'retry-after': /^\d+$/ }],
  ['monthly', 429, 'rate_limit_error', /quota/i, { 'x-should-retry': /^false$/ }],
  ['daily', 429, 'rate_limit_error', /quota/i, { 'x-should-retry': /^false$/ }],
  ['suspended', 503, 'api_error', /operator|suspended/i, { 'x-should-retry': /^false$/ }],
  ['unauthorized', 503, 'api_error', /operator/i, { 'x-should-retry': /^false$/ }],
];

test('refusals of the only account, one gateway each', async (context) => {
  const labels = ROWS.map((_, at) => `account-${at}`);
  // Who is refused for the quota has none left: a gateway asks, and believes what it is told.
  const emptied = (account, at) => (ROWS[at][0] === 'monthly' ? { ...account, usage: { limit: 1000, current: 1000 } } : account);
  const upstream = await simulator(context, { accounts: accounts(...labels).map(emptied) });
  const own = [];
  for (const label of labels) own.push(await gateway(context, { upstream, env: { KIRO_AUTH_TOKEN: credentials(label) } }));

  for (const [at, [fault, status, type, words, headers]] of ROWS.entries()) {
    await context.test(`${fault} is a ${status} ${type}, at once and without a storm`, async () => {
      const mark = marker();
      const ask = () => call(own[at], '/v1/messages', { body: turn(`${mark}\n@sim fault ${fault}`, { stream: true }) });
      const answer = await ask();
      const error = refused(answer, status, type);
      assert.match(error.message, words);
      assert.doesNotMatch(error.message, /your (API )?key/i);
      for (const [name, value] of Object.entries(headers)) assert.match(answer.headers.get(name) ?? '', value, name);
      refused(await ask(), status, type);
      assert.equal((await chats(upstream, mark)).length, 1, 'an account that rests is left in peace');
    });
  }

  await context.test('the SDK knows a rate limit by its type and its time to wait', async () => {
    const client = new Anthropic({ baseURL: own[0].url, apiKey: own[0].key, maxRetries: 0 });
    const error = await client.messages.create({ model: MODEL, max_tokens: 10, messages: [{ role: 'user', content: 'x' }] }).then(() => null, (thrown) => thrown);
    assert.ok(error instanceof Anthropic.RateLimitError, `${error}`);
    assert.match(error.headers.get('retry-after'), /^\d+$/);
  });
});

test('with accounts to spare, refusals and throttling in mid-stream are the gateway’s business', async (context) => {
  const faults = ['throttle', 'monthly', 'monthly400', 'overage', 'unauthorized', 'feature', 'suspended'];
  const labels = [...faults, 'spare'];
  const upstream = await simulator(context, { accounts: accounts(...labels) });
  const own = await gateway(context, { upstream, env: { KIRO_AUTH_TOKEN: credentials(...labels), TOKEN_SELECTION_STRATEGY: 'sequential' } });

  for (const fault of faults) {
    await context.test(`${fault}: the next account serves, and the client sees nothing of it`, async () => {
      const mark = marker();
      const { message, error } = await stream(own, `${mark}\n@sim per script; fault ${fault} || text "served"`);
      assert.deepEqual([message.content, error], [[text('served')], null]);
      const tried = await chats(upstream, mark);
      assert.equal(tried.length, 2);
      assert.notEqual(tried[0].account, tried[1].account);
    });
  }

  await context.test('throttling in mid-stream is told in the stream', async () => {
    const { message, error } = await stream(own, `${marker()}\n@sim text "so far"; delay 30; exception ThrottlingException "Too many requests"`);
    assert.deepEqual([message.content, error.error.type], [[text('so far')], 'rate_limit_error']);
  });
});
