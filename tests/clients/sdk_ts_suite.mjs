// The official TypeScript SDK against the gateway.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { MODEL, marker, shared } from './support/gateway.mjs';
import { chats, current, sharedSimulator } from './support/simulator.mjs';

const client = (more = {}) => new Anthropic({ baseURL: shared.url, apiKey: shared.key, maxRetries: 0, ...more });
const prompt = (script) => [{ role: 'user', content: `${marker()}\n@sim ${script}` }];
const base = { model: MODEL, max_tokens: 1024 };
const weather = { name: 'get_weather', description: 'Weather of a city.', input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } };
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

test('create gives a message', async () => {
  const message = await client().messages.create({ ...base, messages: prompt('text "Hello."; usage {"uncachedInputTokens":10,"outputTokens":3,"totalTokens":13}') });
  assert.deepEqual([message.type, message.role, message.model, message.stop_reason], ['message', 'assistant', MODEL, 'end_turn']);
  assert.deepEqual(message.content, [{ type: 'text', text: 'Hello.' }]);
  assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [10, 3]);
  assert.match(message._request_id, /^req_/);
});

test('a bearer token is as good as a key', async () => {
  const message = await client({ apiKey: null, authToken: shared.key }).messages.create({ ...base, messages: prompt('text "x"') });
  assert.equal(message.content[0].text, 'x');
});

test('the stream helper gives texts as they come and the same final message', async () => {
  const stream = client().messages.stream({ ...base, messages: prompt('text "one two three" chunk=4') });
  const texts = [];
  stream.on('text', (delta) => texts.push(delta));
  const message = await stream.finalMessage();
  assert.deepEqual(texts, ['one ', 'two ', 'thre', 'e']);
  assert.equal(await stream.finalText(), 'one two three');
  assert.equal(message.stop_reason, 'end_turn');
});

test('a tool loop by hand: call, result, answer', async () => {
  const messages = prompt('text "Looking."; tool get_weather {"city":"Oslo"} cut=3 => text "4 degrees."');
  const first = await client().messages.stream({ ...base, tools: [weather], messages }).finalMessage();
  assert.equal(first.stop_reason, 'tool_use');
  const call = first.content.find((block) => block.type === 'tool_use');
  assert.deepEqual([call.name, call.input], ['get_weather', { city: 'Oslo' }]);
  messages.push({ role: 'assistant', content: first.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: '{"temp":4}' }] });
  const second = await client().messages.create({ ...base, tools: [weather], messages });
  assert.deepEqual(second.content, [{ type: 'text', text: '4 degrees.' }]);
});

test('the tool runner works through its loop, after threads are refused', async () => {
  const mark = marker();
  const asked = [];
  const tool = { ...weather, run: (input) => { asked.push(input.city); return `sunny in ${input.city}`; }, parse: (input) => input };
  const runner = client().beta.messages.toolRunner({
    ...base,
    tools: [tool],
    messages: [{ role: 'user', content: `${mark}\n@sim tool get_weather {"city":"Oslo"} => tool get_weather {"city":"Bergen"} => text "Both are fine."` }],
  });
  const message = await runner.runUntilDone();
  assert.deepEqual(asked, ['Oslo', 'Bergen']);
  assert.equal(message.content.at(-1).text, 'Both are fine.');
  const sent = await chats(sharedSimulator, mark);
  assert.equal(sent.length, 3);
  assert.deepEqual(current(sent[2]).userInputMessageContext.toolResults.map((one) => one.content[0].text), ['sunny in Bergen']);
});

test('an image is seen', async () => {
  const content = [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } }, { type: 'text', text: 'What is it?' }];
  const message = await client().messages.create({ ...base, messages: [{ role: 'user', content }] });
  assert.match(message.content[0].text, /I see a png image of 1 x 1 pixels\./);
});

test('thinking comes as thinking, native and by tags', async () => {
  const stream = client().messages.stream({ ...base, model: 'claude-opus-5', thinking: { type: 'adaptive' }, messages: prompt('reason "Let me see" chunk=4 sig="c2ln"; text "So."') });
  const thoughts = [];
  stream.on('thinking', (delta) => thoughts.push(delta));
  assert.deepEqual((await stream.finalMessage()).content, [{ type: 'thinking', thinking: 'Let me see', signature: 'c2ln' }, { type: 'text', text: 'So.' }]);
  assert.equal(thoughts.join(''), 'Let me see');
  const tagged = await client().messages.create({ ...base, max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024 }, messages: prompt('think "Hm"; text "So."') });
  assert.deepEqual(tagged.content.map((block) => block.thinking ?? block.text), ['Hm', 'So.']);
});

test('tokens are counted', async () => {
  const { input_tokens } = await client().messages.countTokens({ model: MODEL, messages: [{ role: 'user', content: 'word '.repeat(1000) }] });
  assert.ok(input_tokens > 500 && input_tokens < 3000, `${input_tokens}`);
});

test('models are listed page by page and retrieved', async () => {
  const ids = [];
  for await (const model of client().models.list({ limit: 4 })) ids.push(model.id);
  assert.ok(ids.includes(MODEL) && new Set(ids).size === ids.length && ids.length > 8, ids.join());
  assert.equal((await client().models.retrieve(MODEL)).id, MODEL);
});

const failure = async (promise) => promise.then(() => assert.fail('no error'), (error) => error);

test('errors have their types', async () => {
  const create = (more, options = {}) => failure(client(options).messages.create({ ...base, ...more }));
  const typed = [
    [await create({ messages: prompt('text "x"') }, { apiKey: 'wrong' }), Anthropic.AuthenticationError, 401],
    [await create({ model: 'claude-sonnet-99', messages: prompt('text "x"') }), Anthropic.NotFoundError, 404],
    [await create({ messages: [{ role: 'user', content: [{ type: 'text', text: 5 }] }] }), Anthropic.BadRequestError, 400],
    [await create({ messages: prompt('fault unavailable retry-after=60') }), Anthropic.InternalServerError, 529],
    [await create({ messages: prompt('fault operation') }), Anthropic.InternalServerError, 502],
  ];
  for (const [error, type, status] of typed) {
    assert.ok(error instanceof type, `${error}`);
    assert.equal(error.status, status);
    assert.match(error.requestID, /^req_/);
    assert.equal(error.error.type, 'error');
  }
  assert.match(typed[2][0].message, /messages\[0\]\.content\[0\]\.text/);
  assert.equal(typed[3][0].error.error.type, 'overloaded_error');
  assert.equal(typed[3][0].headers.get('retry-after'), '60');
});

test('an error in mid-stream is thrown, and the text before it was given', async () => {
  for (const fault of ['exception InternalServerException "boom"', 'corrupt message; text "never"', 'tear 30 reset; text "never"']) {
    const stream = client().messages.stream({ ...base, messages: prompt(`text "so far"; delay 30; ${fault}`) });
    const texts = [];
    stream.on('text', (delta) => texts.push(delta));
    const error = await failure(stream.finalMessage());
    assert.ok(error instanceof Anthropic.APIError, `${fault}: ${error}`);
    assert.deepEqual(texts, ['so far']);
  }
});

test('the raw response carries the request id', async () => {
  const { data, response, request_id } = await client().messages.create({ ...base, messages: prompt('text "x"') }).withResponse();
  assert.equal(data.content[0].text, 'x');
  assert.match(request_id, /^req_/);
  assert.equal(response.headers.get('request-id'), request_id);
});
