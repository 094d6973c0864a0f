// The official OpenAI SDK for TypeScript against the gateway: Chat Completions, models and errors. Responses: openai_responses_suite.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';
import { LengthFinishReasonError } from 'openai/error';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { CITY, PNG, WEATHER, client, failure } from './support/openai.mjs';
import { MODEL, marker } from './support/gateway.mjs';
import { gateway } from './support/own.mjs';
import { chat, chats, current, history, sharedSimulator } from './support/simulator.mjs';

const prompt = (script, mark = marker()) => [{ role: 'user', content: `${mark}\n@sim ${script}` }];
const create = (script, more = {}, options = {}) => client(options).chat.completions.create({ model: MODEL, messages: prompt(script), ...more });
const tools = [{ type: 'function', function: WEATHER }];
const USAGE = 'usage {"uncachedInputTokens":10,"outputTokens":3,"totalTokens":13}';

test('create gives a completion', async () => {
  const completion = await create(`text "Hello."; ${USAGE}`);
  assert.deepEqual([completion.object, completion.model, completion.choices.length], ['chat.completion', MODEL, 1]);
  assert.match(completion.id, /^chatcmpl-/);
  assert.ok(Math.abs(completion.created - Date.now() / 1000) < 600, `${completion.created}`);
  const [{ index, message, finish_reason }] = completion.choices;
  assert.deepEqual([index, message.role, message.content, message.refusal ?? null, finish_reason], [0, 'assistant', 'Hello.', null, 'stop']);
  assert.deepEqual([completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens], [10, 3, 13]);
});

test('the roles reach the service as what they are', async () => {
  const mark = marker();
  const messages = [
    { role: 'system', content: `Be brief. ${mark}` },
    { role: 'user', content: 'First question.' },
    { role: 'assistant', content: 'First answer.' },
    { role: 'developer', content: 'Answer in Norwegian.' },
    { role: 'user', content: [{ type: 'text', text: 'Second question.' }, { type: 'text', text: '@sim text "Ja."' }] },
  ];
  assert.equal((await create('', { messages })).choices[0].message.content, 'Ja.');
  const record = await chat(sharedSimulator, mark);
  assert.deepEqual(record.violations, []);
  const sent = JSON.stringify(record.body.conversationState);
  for (const text of ['Be brief.', 'First question.', 'First answer.', 'Answer in Norwegian.', 'Second question.']) assert.ok(sent.includes(text), text);
  assert.ok(JSON.stringify(history(record)).includes('First answer.'));
});

test('a stream is made of chunks: the role first, the texts, the reason, the usage last', async () => {
  const chunks = [];
  for await (const chunk of await create(`text "one two three" chunk=4; ${USAGE}`, { stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
  assert.equal(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.object} ${chunk.model} ${chunk.created}`)).size, 1);
  assert.equal(chunks[0].object, 'chat.completion.chunk');
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.deepEqual(chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.delta.content).filter(Boolean), ['one ', 'two ', 'thre', 'e']);
  assert.deepEqual(chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.finish_reason).filter(Boolean), ['stop']);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.deepEqual([chunks.at(-1).usage.prompt_tokens, chunks.at(-1).usage.completion_tokens, chunks.at(-1).usage.total_tokens], [10, 3, 13]);
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.usage == null));
  const plain = [];
  for await (const chunk of await create('text "x"', { stream: true })) plain.push(chunk);
  assert.ok(plain.every((chunk) => chunk.choices.length === 1 && chunk.usage == null), 'no usage unless it is asked for');
});

test('the stream helper gives texts as they come and the same completion', async () => {
  const stream = client().chat.completions.stream({ model: MODEL, messages: prompt('text "one two three" chunk=4') });
  const texts = [];
  stream.on('content', (delta) => texts.push(delta));
  const completion = await stream.finalChatCompletion();
  assert.deepEqual(texts, ['one ', 'two ', 'thre', 'e']);
  assert.deepEqual([await stream.finalContent(), completion.choices[0].finish_reason], ['one two three', 'stop']);
});

test('a tool loop by hand: two calls at once, two results, an answer', async () => {
  const mark = marker();
  const messages = prompt('text "Looking."; interleave get_weather {"city":"Oslo"} get_weather {"city":"Bergen"} cut=3 => text "Both cold."', mark);
  const streamed = await client().chat.completions.stream({ model: MODEL, tools, messages }).finalChatCompletion();
  const [{ message, finish_reason }] = streamed.choices;
  assert.deepEqual([message.content, finish_reason], ['Looking.', 'tool_calls']);
  assert.deepEqual(message.tool_calls.map((call) => [call.type, call.function.name, JSON.parse(call.function.arguments)]), [
    ['function', 'get_weather', { city: 'Oslo' }],
    ['function', 'get_weather', { city: 'Bergen' }],
  ]);
  assert.equal(new Set(message.tool_calls.map((call) => call.id)).size, 2);
  messages.push({ role: 'assistant', content: message.content, tool_calls: message.tool_calls.map(({ id, type, function: { name, arguments: text } }) => ({ id, type, function: { name, arguments: text } })) });
  // In another order than the calls: each result belongs to its call.
  for (const call of message.tool_calls.toReversed()) messages.push({ role: 'tool', tool_call_id: call.id, content: `result of ${call.function.arguments}` });
  const second = await client().chat.completions.create({ model: MODEL, tools, messages });
  assert.deepEqual([second.choices[0].message.content, second.choices[0].finish_reason], ['Both cold.', 'stop']);
  const [, record] = await chats(sharedSimulator, mark);
  assert.deepEqual(record.violations, []);
  assert.equal(current(record).userInputMessageContext.toolResults.length, 2);
  for (const city of ['Oslo', 'Bergen']) assert.ok(JSON.stringify(current(record).userInputMessageContext.toolResults).includes(`result of {\\"city\\":\\"${city}\\"}`), city);
});

test('the tools runner works through its loop, streamed and not', async () => {
  for (const stream of [false, true]) {
    const [mark, asked] = [marker(), []];
    const tool = zodFunction({ name: 'get_weather', description: 'Weather of a city.', parameters: CITY, function: ({ city }) => { asked.push(city); return `sunny in ${city}`; } });
    const runner = client().chat.completions.runTools({ model: MODEL, stream, tools: [tool], messages: prompt('tool get_weather {"city":"Oslo"} cut=2 => tool get_weather {"city":"Bergen"} => text "Both are fine."', mark) });
    assert.equal(await runner.finalContent(), 'Both are fine.');
    assert.deepEqual(asked, ['Oslo', 'Bergen']);
    const sent = await chats(sharedSimulator, mark);
    assert.deepEqual(sent.map((one) => one.violations), [[], [], []]);
    assert.deepEqual(current(sent[2]).userInputMessageContext.toolResults.map((one) => one.content[0].text), ['sunny in Bergen']);
  }
});

test('tool_choice none takes the tools away, and a named tool is the only one left', async () => {
  const both = [...tools, { type: 'function', function: { ...WEATHER, name: 'get_time' } }];
  const declared = async (tool_choice, script) => {
    const mark = marker();
    const completion = await client().chat.completions.create({ model: MODEL, tools: both, tool_choice, messages: prompt(script, mark) });
    const record = await chat(sharedSimulator, mark);
    return [completion.choices[0], (current(record).userInputMessageContext?.tools ?? []).map((tool) => tool.toolSpecification.name)];
  };
  assert.deepEqual((await declared('none', 'text "x"'))[1], []);
  const [choice, names] = await declared({ type: 'function', function: { name: 'get_time' } }, 'tool get_time {"city":"Oslo"}');
  assert.deepEqual(names, ['get_time']);
  assert.equal(choice.message.tool_calls[0].function.name, 'get_time');
});

const Event = z.object({ name: z.string(), people: z.array(z.string()) });
const GOOD = { name: 'Lunch', people: ['Ada', 'Bob'] };
const good = `text ${JSON.stringify(JSON.stringify(GOOD))} chunk=5`;
const parse = (script, mark = marker()) => client().chat.completions.parse({ model: MODEL, response_format: zodResponseFormat(Event, 'event'), messages: prompt(script, mark) });

test('structured output is parsed, whole and streamed', async () => {
  const [{ message }] = (await parse(good)).choices;
  assert.deepEqual([message.parsed, message.refusal ?? null], [GOOD, null]);
  const stream = client().chat.completions.stream({ model: MODEL, response_format: zodResponseFormat(Event, 'event'), messages: prompt(good) });
  assert.deepEqual((await stream.finalChatCompletion()).choices[0].message.parsed, GOOD);
});

test('structured output that does not fit is asked for once more', async () => {
  const mark = marker();
  const [{ message }] = (await parse(`text "Here you go: {\\"name\\": 5}" || ${good} => ${good}`, mark)).choices;
  assert.deepEqual(message.parsed, GOOD);
  assert.equal((await chats(sharedSimulator, mark)).length, 2);
});

test('structured output that never fits is a refusal, not an answer', async () => {
  const mark = marker();
  const [{ message }] = (await parse('text "I would rather not." => text "I would rather not."', mark)).choices;
  assert.equal(message.parsed, null);
  assert.ok(message.refusal?.length > 0, JSON.stringify(message));
  assert.equal((await chats(sharedSimulator, mark)).length, 2);
});

test('an answer that was cut is not parsed', async () => {
  const error = await failure(parse('text "{\\"name\\": \\"Lu"; stop MAX_TOKENS'));
  assert.ok(error instanceof LengthFinishReasonError, `${error}`);
});

test('an image is seen', async () => {
  const content = [{ type: 'text', text: 'What is it?' }, { type: 'image_url', image_url: { url: PNG } }];
  const completion = await create('', { messages: [{ role: 'user', content }] });
  assert.match(completion.choices[0].message.content, /I see a png image of 1 x 1 pixels\./);
});

test('reasoning comes beside the text', async () => {
  const more = { model: 'claude-opus-5', reasoning_effort: 'high' };
  const [{ message }] = (await create('reason "Let me see" chunk=4 sig="c2ln"; text "So."', more)).choices;
  assert.deepEqual([message.reasoning_content, message.content], ['Let me see', 'So.']);
  const thoughts = [];
  for await (const chunk of await create('reason "Let me see" chunk=4 sig="c2ln"; text "So."', { ...more, stream: true })) thoughts.push(chunk.choices[0]?.delta.reasoning_content ?? '');
  assert.equal(thoughts.join(''), 'Let me see');
});

test('three answers side by side, in one body and in one stream', async () => {
  // The service counts requests by the script's text: one that nobody else sends.
  const mark = marker();
  const script = `per script; text "a"; event futureEvent {"x":"${mark}"} || text "b" || text "c"`;
  const completion = await create(script, { n: 3 });
  assert.deepEqual(completion.choices.map((choice) => choice.index), [0, 1, 2]);
  assert.deepEqual(completion.choices.map((choice) => choice.message.content).sort(), ['a', 'b', 'c']);
  const streamed = await client().chat.completions.stream({ model: MODEL, n: 3, messages: prompt(script.replace(mark, marker())) }).finalChatCompletion();
  assert.deepEqual(streamed.choices.map((choice) => choice.message.content).sort(), ['a', 'b', 'c']);
  assert.deepEqual(streamed.choices.map((choice) => choice.finish_reason), ['stop', 'stop', 'stop']);
});

test('a stop sequence ends the text, and a limit is told', async () => {
  const stopped = await client().chat.completions.stream({ model: MODEL, stop: ['END'], messages: prompt('text "before END after" chunk=2') }).finalChatCompletion();
  assert.deepEqual([stopped.choices[0].message.content, stopped.choices[0].finish_reason], ['before ', 'stop']);
  const [cut] = (await create('text "cut he"; stop MAX_TOKENS')).choices;
  assert.deepEqual([cut.message.content, cut.finish_reason], ['cut he', 'length']);
  const [filtered] = (await create('text "I cannot"; stop CONTENT_FILTERED')).choices;
  assert.equal(filtered.finish_reason, 'content_filter');
});

test('models are listed and retrieved', async () => {
  const models = [];
  for await (const model of client().models.list()) models.push(model);
  assert.ok(models.length > 8 && models.every((model) => model.object === 'model' && Number.isInteger(model.created) && model.owned_by), JSON.stringify(models));
  const model = await client().models.retrieve(MODEL);
  assert.deepEqual([model.id, model.object], [MODEL, 'model']);
  const error = await failure(client().models.retrieve('claude-sonnet-99'));
  assert.ok(error instanceof OpenAI.NotFoundError, `${error}`);
});

test('errors have their types, codes and places', async () => {
  const rows = [
    [() => create('text "x"', {}, { apiKey: 'wrong' }), OpenAI.AuthenticationError, 401, 'invalid_api_key', null, /key/i],
    [() => create('text "x"', { model: 'claude-sonnet-99' }), OpenAI.NotFoundError, 404, 'model_not_found', null, /claude-sonnet-4/],
    [() => create('', { messages: [{ role: 'user', content: [{ type: 'text', text: 5 }] }] }), OpenAI.BadRequestError, 400, null, 'messages[0].content[0].text', /./],
    [() => create('text "x"', { n: 9 }), OpenAI.BadRequestError, 400, null, 'n', /8/],
    [() => create('text "x"', { logprobs: true }), OpenAI.BadRequestError, 400, null, 'logprobs', /./],
    [() => create('fault too-long'), OpenAI.BadRequestError, 400, 'context_length_exceeded', null, /too long|maximum/i],
    [() => create('fault unavailable retry-after=60'), OpenAI.InternalServerError, 503, undefined, null, /./],
    [() => create('fault operation'), OpenAI.InternalServerError, 502, undefined, null, /./],
  ];
  for (const [ask, type, status, code, param, words] of rows) {
    const error = await failure(ask());
    assert.ok(error instanceof type, `${error}`);
    assert.equal(error.status, status);
    if (code !== undefined) assert.equal(error.code, code, `${error}`);
    if (param !== null) assert.equal(error.param, param, `${error}`);
    assert.match(error.message, words);
    assert.match(error.requestID ?? '', /^req_/, 'the SDK finds the id of the request');
  }
});

test('a rate limit says when to come again', async (context) => {
  const own = await gateway(context, {});
  const ask = client({ baseURL: `${own.url}/v1`, apiKey: own.key });
  const error = await failure(ask.chat.completions.create({ model: MODEL, messages: prompt('fault throttle retry-after=90') }));
  assert.ok(error instanceof OpenAI.RateLimitError, `${error}`);
  assert.deepEqual([error.status, error.code], [429, 'rate_limit_exceeded']);
  assert.match(error.headers.get('retry-after'), /^(8\d|90)$/);
});

test('an error in mid-stream is thrown, and the text before it was given', async () => {
  for (const fault of ['exception InternalServerException "boom"', 'corrupt message; text "never"', 'tear 30 reset; text "never"']) {
    const texts = [];
    const error = await failure((async () => {
      for await (const chunk of await create(`text "so far"; delay 30; ${fault}`, { stream: true })) texts.push(chunk.choices[0]?.delta.content ?? '');
    })());
    assert.ok(error instanceof OpenAI.APIError, `${fault}: ${error}`);
    assert.equal(texts.join(''), 'so far');
    const helper = client().chat.completions.stream({ model: MODEL, messages: prompt(`text "so far"; delay 30; ${fault}`) });
    assert.ok((await failure(helper.finalChatCompletion())) instanceof OpenAI.APIError, fault);
  }
});

test('a tool call that was cut is an error or told as cut, never a call to run', async () => {
  const reasons = [];
  const error = await (async () => {
    for await (const chunk of await create('tool get_weather {"city":"Oslo"} open=8', { tools, stream: true })) reasons.push(chunk.choices[0]?.finish_reason);
  })().then(() => null, (thrown) => thrown);
  assert.ok(!(error instanceof OpenAI.APIConnectionError), `${error}`);
  assert.ok(error ? [undefined, 502].includes(error.status) : reasons.includes('length'), `${error} ${reasons}`);
  assert.ok(!reasons.includes('tool_calls') && !reasons.includes('stop'), `${reasons}`);
});
