// The service's own list of models: listed and served without a release, schemas followed, refused fields remembered.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { call, marker, text, whole } from './support/gateway.mjs';
import { accounts, credentials, folder, gateway, simulator } from './support/own.mjs';
import { stored } from './support/platform.mjs';
import { chat, chats, configure, records, until } from './support/simulator.mjs';

const env = { KIRO_AUTH_TOKEN: credentials('one') };
const NEW = 'claude-opus-9-1';
const schema = (efforts) => ({
  type: 'object',
  additionalProperties: false,
  properties: {
    thinking: { type: 'object', required: ['type'], properties: { type: { enum: ['adaptive', 'disabled'] }, display: { enum: ['summarized'] } } },
    output_config: { type: 'object', properties: { effort: { enum: efforts } } },
    max_tokens: { type: 'integer', minimum: 1024, maximum: 100_000 },
  },
});
const unheard = { id: 'claude-opus-9.1', window: 777_000, output: 99_000, rate: 1, images: true, schema: schema(['low', 'high', 'max']) };
const usual = (id) => ({ id, window: 200_000, output: 64_000, rate: 1, images: true });
const world = (context, more = {}) => simulator(context, { accounts: accounts('one'), models: [usual('claude-sonnet-4.5'), unheard], ...more });
const ids = async (own) => JSON.parse((await call(own, '/v1/models', { headers: { 'anthropic-version': '2023-06-01' } })).text).data.map((one) => one.id);
const lists = async (upstream) => (await records(upstream)).filter((one) => one.operation === 'models');
const thinking = (effort) => ({ thinking: { type: 'adaptive' }, output_config: { effort } });

/** One request that is served, and the fields that its last try carried. */
async function fields(own, upstream, more) {
  const mark = marker();
  const { message } = await whole(own, `${mark}\n@sim text "served"`, { model: NEW, ...more });
  assert.deepEqual(message.content.filter((one) => one.type === 'text'), [text('served')]);
  const all = await chats(upstream, mark);
  return { statuses: all.map((one) => one.status), fields: all.at(-1).body.additionalModelRequestFields };
}

/** A request that makes the gateway ask for the list, and the wait until it knows it. */
async function learn(own) {
  await whole(own, `${marker()}\n@sim text "ok"`);
  await until('the list of the service', async () => (await ids(own)).includes(NEW));
  await lies(own, '"id":"claude-opus-9.1"');
}

/** Waits until the store holds this text, since a gateway that ends may be in the middle of a save. Files may go while they are read. */
const lies = (own, text) => until(`${text} in the store`, async () => (await stored(own).catch(() => [])).some((bytes) => bytes.includes(text)));

test('a model that only the service knows is listed, described and served in every dialect', async (context) => {
  const upstream = await world(context);
  const own = await gateway(context, { upstream, env });
  assert.ok(!(await ids(own)).includes(NEW), 'nobody has asked yet');
  await learn(own);
  assert.deepEqual(await ids(own), ['claude-sonnet-4-5', NEW], 'what the service does not offer is not listed');
  const one = JSON.parse((await call(own, `/v1/models/${NEW}`, { headers: { 'anthropic-version': '2023-06-01' } })).text);
  assert.deepEqual([one.id, one.max_input_tokens, one.max_tokens], [NEW, 777_000, 99_000]);
  // Without a header that Anthropic's clients send.
  const openai = await (await fetch(`${own.url}/v1/models/claude-opus-9.1`, { headers: { authorization: `Bearer ${own.key}` } })).json();
  assert.deepEqual([openai.id, openai.owned_by, openai.context_window], [NEW, 'anthropic', 777_000]);

  for (const [path, body, said] of [
    ['/v1/messages', (prompt) => ({ max_tokens: 2000, messages: [{ role: 'user', content: prompt }] }), (got) => got.content[0].text],
    ['/v1/chat/completions', (prompt) => ({ messages: [{ role: 'user', content: prompt }] }), (got) => got.choices[0].message.content],
    ['/v1/responses', (prompt) => ({ input: prompt, store: false }), (got) => got.output[0].content[0].text],
  ]) {
    const mark = marker();
    const answer = await call(own, path, { body: { model: NEW, ...body(`${mark}\n@sim text "served"`) } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(said(JSON.parse(answer.text)), 'served');
    const sent = await chat(upstream, mark);
    assert.equal(sent.body.conversationState.currentMessage.userInputMessage.modelId, 'claude-opus-9.1');
  }
  assert.equal((await lists(upstream)).length, 1, 'the list is asked for once');
});

test('a gateway that starts over the same store knows the list at once', async (context) => {
  const upstream = await world(context);
  const persist = folder(context);
  const first = await gateway(context, { upstream, env, persist });
  await learn(first);
  await first.stop();
  const second = await gateway(context, { upstream, env, persist });
  const mark = marker();
  await whole(second, `${mark}\n@sim text "ok"`, { model: NEW });
  assert.ok((await ids(second)).includes(NEW));
  assert.equal((await lists(upstream)).length, 1, 'the stored list is young enough');
});

test('what is sent follows the schema of the list', async (context) => {
  // The second gateway logs in with what the first one began with.
  const upstream = await world(context, { rotation: false });
  const persist = folder(context);
  const first = await gateway(context, { upstream, env, persist });
  await learn(first);
  const before = await fields(first, upstream, { max_tokens: 500_000, ...thinking('xhigh') });
  const shown = { type: 'adaptive', display: 'summarized' };
  assert.deepEqual(before, { statuses: [200], fields: { thinking: shown, output_config: { effort: 'high' }, max_tokens: 99_000 } });
  await first.stop();

  // A gateway with a store of its own asks anew.
  await configure(upstream, { schemas: { 'claude-opus-9.1': { type: 'object', properties: { reasoning: { type: 'object', properties: { effort: { enum: ['low'] } } } } } } });
  const second = await gateway(context, { upstream, env });
  await learn(second);
  const after = await fields(second, upstream, { max_tokens: 500_000, ...thinking('xhigh') });
  assert.deepEqual(after, { statuses: [200], fields: { reasoning: { effort: 'low' } } });
});

test('a field that the service refuses in spite of its schema is left out from then on', async (context) => {
  const upstream = await world(context, { refused_fields: { 'claude-opus-9.1': ['output_config'] } });
  const persist = folder(context);
  const first = await gateway(context, { upstream, env, persist });
  await learn(first);
  const told = async (own) => {
    const { statuses, fields: sent } = await fields(own, upstream, { max_tokens: 2000, ...thinking('high') });
    assert.deepEqual(sent, { thinking: { type: 'adaptive', display: 'summarized' }, max_tokens: 2000 });
    return statuses;
  };
  assert.deepEqual(await told(first), [400, 200]);
  assert.deepEqual(await told(first), [200]);
  await lies(first, '"refused":{"claude-opus-9.1"');
  await first.stop();

  const second = await gateway(context, { upstream, env, persist });
  assert.ok((await ids(second)).includes(NEW), 'the store is read');
  assert.deepEqual(await told(second), [200]);
});
