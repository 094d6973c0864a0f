// Several accounts, as clients, the service and the operator see them: who serves, who rests for what and until when, and what a restart
// keeps. Gateways and simulated services of their own.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { call, marker, refused, stream, text, turn, whole } from './support/gateway.mjs';
import { accounts, credentials, folder, gateway, refreshToken, simulator } from './support/own.mjs';
import { chats, configure, expire, records, until } from './support/simulator.mjs';

const LABELS = ['one', 'two', 'three'];
const KEYS = { use: 'client-key-that-may-ask', metrics: 'client-key-that-may-count', admin: 'client-key-of-the-operator' };
const CLIENTS = JSON.stringify([
  { key: KEYS.use, label: 'user', scopes: ['use'] },
  { key: KEYS.metrics, label: 'counter', scopes: ['metrics'] },
  { key: KEYS.admin, label: 'operator', scopes: ['use', 'metrics', 'admin'] },
]);
/** When the simulated quotas begin anew. */
const RESETS = Date.parse('2027-01-01T00:00:00Z');

/** Accounts with so many credits, by label. */
const holding = (credits) => accounts(...Object.keys(credits)).map((one) => ({ ...one, usage: { limit: credits[one.label], current: 0, next_reset: RESETS / 1000 } }));

/** A gateway with these accounts; `key` is the operator's. */
async function start(context, upstream, labels, env = {}, persist = folder(context)) {
  const own = await gateway(context, { upstream, persist, env: { KIRO_AUTH_TOKEN: credentials(...labels), KIRO_CLIENT_TOKEN: CLIENTS, ...env } });
  return { ...own, key: KEYS.admin };
}

/** A bearer that has ended is nobody's to the service. */
const UNKNOWN = [null, 403];
const SEQUENTIAL = { TOKEN_SELECTION_STRATEGY: 'sequential' };
const ask = async (own, upstream, script = 'text "ok"', more = {}) => {
  const mark = marker();
  const { message } = await whole(own, `${mark}\n@sim ${script}`, more);
  return { said: message.content[0].text, tried: (await chats(upstream, mark)).map((one) => [one.account, one.status]) };
};
/** The account that serves the next request. */
const next = async (own, upstream, script, more) => (await ask(own, upstream, script, more)).tried.at(-1)[0];
const many = async (count, serve) => {
  const served = [];
  for (let at = 0; at < count; at += 1) served.push(await serve(at));
  return served;
};
const tally = (served) => Object.fromEntries([...new Set(served)].sort().map((label) => [label, served.filter((one) => one === label).length]));
const of = async (upstream, operation) => (await records(upstream)).filter((one) => one.operation === operation);
const pool = async (own, query = '') => JSON.parse((await call(own, `/stats/token-pool${query}`)).text);
const state = async (own, label) => (await pool(own)).accounts.find((one) => one.label === label);

test('accounts that rest, log in anew, and are told of', async (context) => {
  const upstream = await simulator(context, { accounts: holding({ one: 1000, two: 1000, three: 1000 }) });
  const own = await start(context, upstream, LABELS, SEQUENTIAL);

  await context.test('a throttled account rests for as long as the service says, while the next one serves', async () => {
    const before = Date.now();
    assert.deepEqual(await ask(own, upstream, 'per script; fault throttle retry-after=600 || text "served"'), { said: 'served', tried: [['one', 429], ['two', 200]] });
    assert.deepEqual(await many(3, () => next(own, upstream)), ['two', 'two', 'two']);
    const one = await state(own, 'one');
    assert.equal(one.state, 'throttled');
    const rest = Date.parse(one.until) - before;
    // Times are told to the second.
    assert.ok(rest >= 599_000 && Date.parse(one.until) <= Date.now() + 601_000, `${rest} ms`);
  });

  await context.test('it serves again after that, and not before', async () => {
    const mark = marker();
    await whole(own, `${mark}\n@sim per script; fault throttle retry-after=2 || text "served"`);
    const [refusal, served] = await chats(upstream, mark);
    assert.deepEqual([refusal.account, refusal.status, served.account], ['two', 429, 'three']);
    await until('the account serves again', async () => (await next(own, upstream)) === 'two');
    const [, again] = (await of(upstream, 'chat')).filter((one) => one.account === 'two' && one.id >= refusal.id);
    assert.ok(again.at_ms - refusal.at_ms >= 1990, `${again.at_ms - refusal.at_ms} ms`);
  });

  await context.test('a token that ends in the middle of an answer ends no answer, and the next request renews it', async () => {
    const mark = marker();
    const [answer] = await Promise.all([
      stream(own, `${mark}\n@sim text "so "; delay 2000; text "far"`),
      until('the answer has begun', async () => (await chats(upstream, mark)).some((one) => one.written > 0)).then(() => expire(upstream)),
    ]);
    assert.deepEqual([answer.message.content, answer.error], [[text('so far')], null]);
    const before = (await of(upstream, 'social')).length;
    assert.deepEqual((await ask(own, upstream)).tried, [UNKNOWN, ['two', 200]]);
    assert.equal((await of(upstream, 'social')).length, before + 1);
  });

  await context.test('each refresh uses the token that the one before has brought', async () => {
    for (let at = 0; at < 3; at += 1) {
      await expire(upstream);
      assert.deepEqual((await ask(own, upstream)).tried, [UNKNOWN, ['two', 200]]);
    }
    const renewals = (await of(upstream, 'social')).filter((one) => one.account === 'two');
    const used = renewals.map((one) => one.body.refreshToken);
    assert.equal(used[0], refreshToken('two'));
    assert.deepEqual([new Set(used).size, new Set(renewals.map((one) => one.status))], [used.length, new Set([200])]);
    assert.ok(used.length >= 5, `${used.length} refreshes`);
  });

  await context.test('what is told of the accounts depends on the key', async () => {
    assert.equal((await call(own, '/stats/token-pool', { key: null })).status, 401);
    refused(await call(own, '/stats/token-pool', { key: KEYS.use }), 403, 'permission_error');
    refused(await call(own, '/stats/token-pool?refresh=1', { key: KEYS.metrics }), 403, 'permission_error');
    refused(await call(own, '/v1/messages', { key: KEYS.metrics, body: turn('x') }), 403, 'permission_error');
    const all = await pool(own, '?refresh=1');
    assert.deepEqual([all.strategy, all.accounts.map((one) => one.label), all.totals.accounts, all.store.ok], ['sequential', LABELS, 3, true]);
    const [one, two, three] = all.accounts;
    assert.deepEqual([one.state, two.state, three.state, two.email, three.email], ['throttled', 'ready', 'ready', 'user@example.com', 'user@example.com']);
    assert.deepEqual(all.refreshed.not_asked.map((other) => other.label), []);
    for (const { quota, requests } of [two, three]) {
      assert.deepEqual([quota.limit, Date.parse(quota.resets_at)], [1000, RESETS]);
      assert.ok(quota.remaining > 900 && quota.remaining < 1000 && requests.served > 0, JSON.stringify([quota, requests]));
    }
    const counted = await call(own, '/stats/token-pool', { key: KEYS.metrics });
    assert.equal(counted.status, 200);
    assert.doesNotMatch(counted.text, /email|@/);
    assert.deepEqual(JSON.parse(counted.text).accounts.map((other) => [other.label, other.state]), all.accounts.map((other) => [other.label, other.state]));
  });

  await context.test('the deep health check asks the service, and not for everybody who asks', async () => {
    const before = (await of(upstream, 'usage')).length;
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(own, '/health?deep=1', { key: KEYS.use })));
    for (const answer of answers) {
      const { status, store, checked } = JSON.parse(answer.text);
      assert.deepEqual([answer.status, status, store, checked.label, checked.ok], [200, 'ok', 'ok', 'two', true]);
    }
    const asked = (await of(upstream, 'usage')).length - before;
    assert.ok(asked <= 2, `${asked} questions for ten answers`);
  });
});

test('accounts that are out one after the other: the client hears of it when nobody is left, also after a restart', async (context) => {
  const upstream = await simulator(context, { accounts: holding({ one: 0, two: 1000, three: 1000 }) });
  const persist = folder(context);
  const first = await start(context, upstream, LABELS, SEQUENTIAL, persist);

  assert.deepEqual((await ask(first, upstream)).tried, [['one', 402], ['two', 200]]);
  const one = await until('the quota’s end is known', async () => {
    const found = await state(first, 'one');
    return Date.parse(found.until) === RESETS && found;
  });
  assert.deepEqual([one.state, one.quota.remaining, Date.parse(one.quota.resets_at)], ['quota', 0, RESETS]);
  await configure(upstream, { faults: [{ operation: 'chat', account: 'two', answer: 'suspended' }] });
  assert.deepEqual((await ask(first, upstream)).tried, [['two', 403], ['three', 200]]);
  assert.equal((await state(first, 'two')).state, 'suspended');
  await first.stop();

  const second = await start(context, upstream, LABELS, SEQUENTIAL, persist);
  assert.deepEqual((await ask(second, upstream)).tried, [['three', 200]], 'nobody who is out is asked again');
  const kept = (await pool(second)).accounts;
  assert.deepEqual(kept.map((other) => other.state), ['quota', 'suspended', 'ready']);
  assert.equal(Date.parse(kept[0].until), RESETS);

  await configure(upstream, { faults: [{ operation: 'social', account: 'three', answer: 'stale-401' }] });
  await expire(upstream);
  const answer = await call(second, '/v1/messages', { body: turn(`${marker()}\n@sim text "never"`) });
  const error = refused(answer, 429, 'rate_limit_error');
  assert.match(error.message, /quota/i);
  assert.equal(answer.headers.get('x-should-retry'), 'false');
  assert.deepEqual((await pool(second)).accounts.map((other) => other.state), ['quota', 'suspended', 'needs-login']);
  const health = await call(second, '/health?deep=1');
  assert.deepEqual([health.status, JSON.parse(health.text).status], [503, 'degraded']);
});

test('each strategy chooses as it says, and a session stays where it is', async (context) => {
  const labels = (name) => LABELS.map((label) => `${name}-${label}`);
  const [first, even, best] = ['sequential', 'balanced', 'optimal'].map(labels);
  const credits = Object.fromEntries([...first, ...even].map((label) => [label, 1000]));
  const upstream = await simulator(context, { accounts: holding({ ...credits, [best[0]]: 100, [best[1]]: 1000, [best[2]]: 500 }) });
  const chosen = (own, strategy) => start(context, upstream, own, strategy && { TOKEN_SELECTION_STRATEGY: strategy });

  await context.test('sequential: the first', async () => {
    const own = await chosen(first, 'sequential');
    assert.deepEqual(tally(await many(6, () => next(own, upstream))), { [first[0]]: 6 });
  });

  await context.test('balanced: everybody in turn; a session comes back to its account', async () => {
    const own = await chosen(even, 'balanced');
    const served = tally(await many(15, () => next(own, upstream)));
    // An account that still looks after its quota counts as busy.
    assert.ok(even.every((label) => served[label] >= 3 && served[label] <= 7), JSON.stringify(served));
    const sessions = ['a', 'b', 'c', 'd'].map((name) => ({ metadata: { user_id: `user_x_account__session_${name}` } }));
    const rounds = await many(4, () => many(4, (at) => next(own, upstream, undefined, sessions[at])));
    for (const round of rounds) assert.deepEqual(round, rounds[0]);
    assert.ok(new Set(rounds[0]).size > 1, rounds[0].join());
  });

  await context.test('optimal, the default: whoever has most left', async () => {
    const own = await chosen(best);
    const { strategy, accounts: known } = await pool(own, '?refresh=1');
    assert.deepEqual([strategy, known.map((one) => one.quota?.remaining)], ['optimal', [100, 1000, 500]]);
    assert.deepEqual(tally(await many(3, () => next(own, upstream))), { [best[1]]: 3 });
    assert.equal(await next(own, upstream, 'text "dear"; meter 700'), best[1]);
    assert.deepEqual(tally(await many(3, () => next(own, upstream))), { [best[2]]: 3 });
    assert.equal(await next(own, upstream, 'text "dear"; meter 450'), best[2]);
    assert.deepEqual(tally(await many(3, () => next(own, upstream))), { [best[1]]: 3 }, 'about 300 are more than 50 and than 100');
  });
});

test('no account has more requests under way than it may, and those beyond wait', async (context) => {
  const upstream = await simulator(context, { accounts: holding({ one: 1000, two: 1000, three: 1000 }) });
  const own = await start(context, upstream, LABELS, { TOKEN_SELECTION_STRATEGY: 'balanced', ACCOUNT_MAX_CONCURRENT: '2' });
  await many(3, () => ask(own, upstream));
  await until('nothing is under way', async () => (await pool(own)).accounts.every((one) => one.in_flight === 0));
  const mark = marker();
  const streams = Array.from({ length: 6 }, () => stream(own, `${mark}\n@sim text "on"; delay 4000; text " and off"`));
  const open = async () => (await chats(upstream, mark)).filter((one) => one.outcome === 'open').map((one) => one.account);
  await until('six are under way', async () => (await open()).length === 6);
  assert.deepEqual(tally(await open()), { one: 2, three: 2, two: 2 });
  const last = await ask(own, upstream, 'text "at last"');
  assert.equal(last.said, 'at last');
  for (const { message } of await Promise.all(streams)) assert.deepEqual(message.content, [text('on and off')]);
  const [ended] = await chats(upstream, mark);
  const [waited] = (await of(upstream, 'chat')).slice(-1);
  assert.ok(waited.at_ms - ended.at_ms >= 3990, `after ${waited.at_ms - ended.at_ms} ms`);
});

test('a hundred requests that find their token expired refresh it once', async (context) => {
  const upstream = await simulator(context, { accounts: holding({ one: 1000 }) });
  const own = await start(context, upstream, ['one']);
  await ask(own, upstream);
  await expire(upstream);
  const before = (await of(upstream, 'social')).length;
  const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => whole(own, `${marker()}\n@sim text "answer ${at}"`)));
  assert.deepEqual(answers.map(({ message }) => message.content[0].text), Array.from({ length: 100 }, (_, at) => `answer ${at}`));
  assert.equal((await of(upstream, 'social')).length, before + 1);

  await configure(upstream, { faults: [{ operation: 'usage', answer: 'internal' }] });
  const health = await call(own, '/health?deep=1');
  const { status, checked, accounts: [one] } = JSON.parse(health.text);
  assert.deepEqual([health.status, status, checked.ok, one.state], [200, 'degraded', false, 'ready'], health.text);
  assert.ok(checked.error.length > 0);
});
