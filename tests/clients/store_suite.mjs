// Accounts, tokens and the store: gateways of their own, what lies in their stores, and what their logs tell.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { call, marker, refused, stream, text, turn, whole } from './support/gateway.mjs';
import { accounts, credentials, folder, gateway, refreshToken, simulator } from './support/own.mjs';
import { stored } from './support/platform.mjs';
import { chats, configure, expire, records, until } from './support/simulator.mjs';

const ask = (own, script = 'text "ok"', more = {}) => whole(own, `${marker()}\n@sim ${script}`, more);
const post = (own, script, more = {}) => call(own, '/v1/messages', { body: turn(`${marker()}\n@sim ${script}`, more) });
const refreshes = async (upstream) => (await records(upstream)).filter((one) => one.operation === 'social');
const deep = async (own) => {
  const answer = await call(own, '/health?deep=1');
  return { status: answer.status, ...JSON.parse(answer.text) };
};

/** Every secret that a simulator has ever given or taken. */
async function secrets(upstream) {
  const seen = await records(upstream);
  const bearers = seen.map((one) => Object.fromEntries(one.headers).authorization?.replace('Bearer ', ''));
  return [...new Set([...bearers, ...seen.map((one) => one.body?.refreshToken)].filter(Boolean))];
}

function holds(bytes, secret) {
  const forms = [Buffer.from(secret), Buffer.from(secret, 'utf16le'), Buffer.from(Buffer.from(secret).toString('base64').slice(4, -4))];
  return forms.some((form) => bytes.includes(form));
}

test('tokens survive a restart, rotate, and lie sealed in the store', async (context) => {
  const upstream = await simulator(context, { accounts: accounts('one') });
  const persist = folder(context);
  const env = { KIRO_AUTH_TOKEN: credentials('one'), TOKEN_STORE_KEY: 'a-sealing-key-of-this-test', KIRO_CLIENT_TOKEN: 'client-key-of-this-test' };
  const bodies = [];
  const first = await gateway(context, { upstream, env, persist });
  bodies.push((await ask(first)).head.text);
  assert.equal((await refreshes(upstream)).length, 1);
  await first.stop();

  const second = await gateway(context, { upstream, env, persist });
  bodies.push((await ask(second)).head.text);
  assert.equal((await refreshes(upstream)).length, 1, 'the token of before the restart is used');
  await expire(upstream);
  bodies.push((await ask(second)).head.text);
  const [before, after, ...more] = await refreshes(upstream);
  assert.deepEqual(more, []);
  assert.equal(before.body.refreshToken, refreshToken('one'));
  assert.notEqual(after.body.refreshToken, refreshToken('one'), 'the rotated token is used');
  assert.deepEqual([before.status, after.status], [200, 200]);
  bodies.push(JSON.stringify(await deep(second)), (await post(second, 'fault improper')).text);
  const lies = await stored(second);
  await second.stop();

  const known = [...await secrets(upstream), env.TOKEN_STORE_KEY];
  assert.ok(known.length >= 5, `${known.length} secrets`);
  assert.ok(lies.some((bytes) => bytes.includes('"accounts":{"')), 'the ledger is stored');
  for (const secret of known) {
    for (const bytes of lies) assert.ok(!holds(bytes, secret), 'a secret lies open in the store');
    for (const log of [first.log(), second.log()]) assert.ok(!log.includes(secret), 'a secret is in a log line');
    for (const body of bodies) assert.ok(!body.includes(secret), 'a secret is in an answer');
  }
  for (const log of [first.log(), second.log()]) assert.ok(!log.includes(env.KIRO_CLIENT_TOKEN), 'the client key is in a log line');
});

test('two accounts: one refresh for many requests, replay after a 403, fail-over, and the end of all logins', async (context) => {
  const upstream = await simulator(context, { accounts: accounts('one', 'two') });
  const env = { KIRO_AUTH_TOKEN: credentials('one', 'two'), TOKEN_SELECTION_STRATEGY: 'sequential' };
  const own = await gateway(context, { upstream, env });

  // Whoever finds one account being refreshed may go to the other, but no account is refreshed twice.
  const once = async (before) => {
    const refreshed = (await refreshes(upstream)).slice(before);
    assert.ok(refreshed.length >= 1 && refreshed.every((one) => one.status === 200));
    // Which answer comes first is the network's to decide.
    const whose = refreshed.map((one) => one.account);
    assert.deepEqual([...new Set(whose)], whose);
  };

  await context.test('twenty requests to a cold gateway refresh each account once at most', async () => {
    await Promise.all(Array.from({ length: 20 }, () => ask(own)));
    await once(0);
  });

  await context.test('a token that is lost between requests costs one refresh and one replay', async () => {
    await expire(upstream);
    const before = (await refreshes(upstream)).length;
    const mark = marker();
    const { message } = await whole(own, `${mark}\n@sim text "served"`);
    assert.deepEqual(message.content, [text('served')]);
    assert.equal((await refreshes(upstream)).length, before + 1);
    assert.deepEqual((await chats(upstream, mark)).map((one) => [one.status, one.verdict]), [[403, 'unauthorized'], [200, 'accepted']]);
  });

  await context.test('twenty requests after the tokens are lost refresh each account once at most', async () => {
    await expire(upstream);
    const before = (await refreshes(upstream)).length;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => ask(own, `text "answer ${at}"`)));
    assert.deepEqual(answers.map(({ message }) => message.content[0].text), Array.from({ length: 20 }, (_, at) => `answer ${at}`));
    await once(before);
  });

  await context.test('one log line per request tells where its token counts come from', async () => {
    for (const [script, source] of [['text "x"; usage', 'reported'], ['text "x"; context 5', 'derived'], ['text "x"; stop END_TURN; notail', 'estimated']]) {
      const { head } = await ask(own, script);
      const id = head.headers.get('request-id');
      const line = await until(`the line of ${id}`, () => own.log().split('\n').find((one) => one.includes(id)));
      const entry = JSON.parse(line.slice(line.indexOf('{')));
      assert.deepEqual([entry.input_source, entry.status, entry.stop, entry.account, entry.attempts], [source, 200, 'end_turn', 'one', 1]);
      assert.ok(Number.isInteger(entry.input_tokens) && Number.isInteger(entry.response_time));
      assert.equal(entry.service, 'kiro2api');
    }
  });

  await context.test('a suspended account is parked and the other one serves', async () => {
    await configure(upstream, { faults: [{ operation: 'chat', account: 'one', times: 1, answer: 'suspended' }] });
    const mark = marker();
    const { message } = await whole(own, `${mark}\n@sim text "served"`);
    assert.deepEqual(message.content, [text('served')]);
    const tried = (await chats(upstream, mark)).map((one) => [one.account, one.status, one.verdict]);
    assert.deepEqual([tried[0], tried.at(-1)], [['one', 403, 'faulted'], ['two', 200, 'accepted']]);
    // The second account may have to renew its own token on the way.
    assert.ok(tried.slice(1, -1).every(([, status, verdict]) => status === 403 && verdict === 'unauthorized'), JSON.stringify(tried));
    const health = await deep(own);
    assert.deepEqual([health.status, health.accounts.map((one) => one.label)], ['ok', ['one', 'two']]);
    assert.match(health.accounts[0].state, /suspended/);
  });

  await context.test('a login that is dead is the operator’s business, not the client’s', async () => {
    await configure(upstream, { faults: [{ operation: 'social', account: 'two', answer: 'stale-401' }] });
    await expire(upstream);
    const answer = await post(own, 'text "never"');
    const error = refused(answer, 503, 'api_error');
    assert.match(error.message, /operator/);
    assert.equal(answer.headers.get('x-should-retry'), 'false');
    const health = await deep(own);
    assert.equal(health.status, 'degraded');
    assert.match(health.accounts[1].state, /login/);
    assert.equal((await call(own, '/health?deep=1')).status, 503);
    assert.equal((await call(own, '/health', { key: null })).status, 200);
    const before = (await refreshes(upstream)).length;
    refused(await post(own, 'text "never"'), 503, 'api_error');
    assert.equal((await refreshes(upstream)).length, before, 'a dead token is not tried again and again');
  });
});

test('what is not configured is a 503 that says what to set', async (context) => {
  const upstream = await simulator(context);
  const rows = [
    [{ KIRO_CLIENT_TOKEN: ',', KIRO_AUTH_TOKEN: credentials('one') }, /KIRO_CLIENT_TOKEN/],
    [{ AWS_REFRESHTOKEN: ',' }, /KIRO_AUTH_TOKEN/],
    [{ KIRO_AUTH_TOKEN: '[{"auth":"Social"}]' }, /refreshToken/],
  ];
  await Promise.all(rows.map(async ([env, words]) => {
    const own = await gateway(context, { upstream, env });
    for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
      const answer = await call(own, path, { body: turn('x'), key: own.key ?? '123456' });
      const error = refused(answer, 503, 'api_error');
      assert.match(error.message, words);
    }
    const health = JSON.parse((await call(own, '/health', { key: null })).text);
    assert.deepEqual([health.status, health.configured], ['ok', false]);
    assert.match(health.problems.join(), words);
  }));
  assert.deepEqual((await records(upstream)).filter((one) => one.operation === 'chat'), []);
});

test('silence and endlessness have their deadlines', async (context) => {
  const upstream = await simulator(context, { accounts: accounts('one') });
  const env = { KIRO_AUTH_TOKEN: credentials('one'), SERVER_READ_TIMEOUT_MINUTES: '0.05', STREAM_REQUEST_TIMEOUT_MINUTES: '0.15' };
  const own = await gateway(context, { upstream, env });

  await context.test('a service that never begins is a 504', async () => {
    const silent = ['head-delay 60000; text "never"', 'stall'].flatMap((script) => [true, false].map((streamed) => post(own, script, { stream: streamed })));
    for (const answer of await Promise.all(silent)) refused(answer, 504, 'timeout_error');
  });

  await context.test('a service that falls silent in mid-stream is an error in the stream, and is cancelled', async () => {
    const mark = marker();
    const { message, error, open } = await stream(own, `${mark}\n@sim text "so far"; stall`);
    assert.deepEqual([message.content, message.stop_reason, error.error.type], [[text('so far')], null, 'timeout_error']);
    assert.match(error.error.message, /3 s/);
    assert.ok(open);
    await until('the service sees the cancel', async () => (await chats(upstream, mark)).every((one) => one.outcome === 'client_gone'));
  });

  await context.test('a stream without end has one', async () => {
    const { message, error } = await stream(own, `${marker()}\n@sim pace 100; text "more " times=100000 chunk=5`);
    assert.equal(error.error.type, 'timeout_error');
    assert.match(message.content[0].text, /^(more )+$/);
  });
});
