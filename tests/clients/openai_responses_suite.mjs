// The official OpenAI SDK for TypeScript against the gateway: the Responses API. Chat Completions: openai_ts_suite.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';
import { ResponsesToolRunner, runnerFunction } from 'openai/helpers/responses-tool-runner';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { CITY, PNG, WEATHER, client, failure } from './support/openai.mjs';
import { MODEL, marker } from './support/gateway.mjs';
import { chat, chats, current, history, sharedSimulator } from './support/simulator.mjs';

const prompt = (script, mark = marker()) => `${mark}\n@sim ${script}`;
const create = (script, more = {}, options = {}) => client(options).responses.create({ model: MODEL, input: prompt(script), ...more });
const events = async (stream) => {
  const all = [];
  for await (const event of await stream) all.push(event);
  return all;
};
const tools = [{ type: 'function', strict: false, ...WEATHER }];
const USAGE = 'usage {"uncachedInputTokens":10,"outputTokens":3,"totalTokens":13}';

/** Numbers without a gap, one response, and the id of an item the same from its beginning to its end. */
function grammar(all) {
  assert.deepEqual(all.map((event) => event.sequence_number), all.map((_, at) => at));
  assert.deepEqual(all.slice(0, 2).map((event) => event.type), ['response.created', 'response.in_progress']);
  assert.equal(new Set(all.filter((event) => event.response).map((event) => event.response.id)).size, 1);
  for (const { output_index, item } of all.filter((event) => event.type === 'response.output_item.added')) {
    const ids = all.filter((event) => event.output_index === output_index).map((event) => event.item_id ?? event.item.id);
    assert.deepEqual([...new Set(ids)], [item.id]);
  }
  assert.ok(!all.slice(0, -1).some((event) => /^response\.(completed|failed|incomplete)$/.test(event.type)), 'one end, at the end');
  return all;
}

test('create gives a response', async () => {
  const response = await create(`text "Hello."; ${USAGE}`, { metadata: { topic: 'greeting' } });
  assert.match(response.id, /^resp_/);
  assert.deepEqual([response.object, response.status, response.model, response.output_text], ['response', 'completed', MODEL, 'Hello.']);
  assert.deepEqual([response.error, response.incomplete_details, response.metadata], [null, null, { topic: 'greeting' }]);
  const [{ type, role, status, content }] = response.output;
  assert.deepEqual([type, role, status], ['message', 'assistant', 'completed']);
  assert.deepEqual([content[0].type, content[0].text, content[0].annotations], ['output_text', 'Hello.', []]);
  assert.deepEqual([response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens], [10, 3, 13]);
});

test('instructions, roles and items of every kind reach the service', async () => {
  const mark = marker();
  const input = [
    { role: 'developer', content: `Be brief. ${mark}` },
    { role: 'user', content: 'First question.' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'First answer.', annotations: [] }] },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Pondered.' }], encrypted_content: null },
    { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Oslo"}' },
    { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: '4 degrees' }] },
    { role: 'user', content: [{ type: 'input_text', text: '@sim answer' }, { type: 'input_image', image_url: PNG, detail: 'auto' }] },
  ];
  const response = await client().responses.create({ model: MODEL, instructions: 'You are a poet.', tools, input });
  assert.match(response.output_text, /I see a png image of 1 x 1 pixels\./);
  const record = await chat(sharedSimulator, mark);
  assert.deepEqual(record.violations, []);
  const sent = JSON.stringify(record.body.conversationState);
  for (const text of ['Be brief.', 'You are a poet.', 'First question.', 'First answer.', '4 degrees']) assert.ok(sent.includes(text), text);
  assert.equal(JSON.stringify(history(record)).split('"toolUses"').length - 1, 1);
});

test('a stream of text has the events the SDK knows, in their order', async () => {
  const all = grammar(await events(create(`text "one two three" chunk=4; ${USAGE}`, { stream: true })));
  assert.deepEqual(all.map((event) => event.type), [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    ...Array(4).fill('response.output_text.delta'),
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ]);
  assert.deepEqual(all.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta), ['one ', 'two ', 'thre', 'e']);
  assert.deepEqual([all.at(-1).response.usage.input_tokens, all.at(-1).response.usage.output_tokens], [10, 3]);
});

test('the stream helper gives texts as they come and the same response', async () => {
  const stream = client().responses.stream({ model: MODEL, input: prompt('text "one two three" chunk=4') });
  const texts = [];
  stream.on('response.output_text.delta', (event) => texts.push(event.delta));
  const response = await stream.finalResponse();
  assert.deepEqual([texts.join('|'), response.output_text, response.status], ['one |two |thre|e', 'one two three', 'completed']);
});

test('reasoning comes as an item with a summary, before the message, and can be sent back', async () => {
  const more = { model: 'claude-opus-5', reasoning: { effort: 'high', summary: 'auto' }, include: ['reasoning.encrypted_content'] };
  const all = grammar(await events(create('reason "Let me see" chunk=4 sig="c2ln"; text "So."', { ...more, stream: true })));
  const deltas = all.filter((event) => event.type === 'response.reasoning_summary_text.delta');
  assert.equal(deltas.map((event) => event.delta).join(''), 'Let me see');
  const { output } = all.at(-1).response;
  assert.deepEqual(output.map((item) => item.type), ['reasoning', 'message']);
  assert.deepEqual(output[0].summary, [{ type: 'summary_text', text: 'Let me see' }]);
  const mark = marker();
  const again = await client().responses.create({ ...more, input: [{ role: 'user', content: 'Well?' }, ...output, { role: 'user', content: prompt('text "Still so."', mark) }] });
  assert.equal(again.output_text, 'Still so.');
  assert.deepEqual((await chat(sharedSimulator, mark)).violations, []);
});

test('a tool loop by hand with previous_response_id: only what is new is sent', async () => {
  const mark = marker();
  const first = await create('', { tools, input: prompt('text "Looking."; interleave get_weather {"city":"Oslo"} get_weather {"city":"Bergen"} cut=3 => text "Both cold." => text "Remembered."', mark) });
  const calls = first.output.filter((item) => item.type === 'function_call');
  assert.deepEqual(calls.map((call) => [call.name, JSON.parse(call.arguments), call.status]), [['get_weather', { city: 'Oslo' }, 'completed'], ['get_weather', { city: 'Bergen' }, 'completed']]);
  assert.equal(first.output_text, 'Looking.');
  const input = calls.map((call) => ({ type: 'function_call_output', call_id: call.call_id, output: `result of ${call.arguments}` }));
  const second = await create('', { tools, previous_response_id: first.id, input });
  assert.deepEqual([second.output_text, second.previous_response_id], ['Both cold.', first.id]);
  const third = await events(create('', { tools, previous_response_id: second.id, input: 'And now?', stream: true }));
  assert.equal(third.at(-1).response.output_text ?? third.at(-1).response.output[0].content[0].text, 'Remembered.');
  const sent = await chats(sharedSimulator, mark);
  assert.deepEqual(sent.map((one) => [one.step, one.violations]), [[0, []], [1, []], [2, []]]);
  assert.equal(current(sent[1]).userInputMessageContext.toolResults.length, 2);
  assert.ok(JSON.stringify(history(sent[2])).includes('Both cold.'));
});

test('function calls stream their arguments', async () => {
  const all = grammar(await events(create('tool get_weather {"city":"Oslo"} cut=3', { tools, stream: true })));
  const text = all.filter((event) => event.type === 'response.function_call_arguments.delta').map((event) => event.delta).join('');
  assert.deepEqual(JSON.parse(text), { city: 'Oslo' });
  assert.equal(all.find((event) => event.type === 'response.function_call_arguments.done').arguments, text);
  assert.equal(all.at(-1).response.output[0].arguments, text);
});

test('the tool runner works through its loop, streamed and not', async () => {
  for (const stream of [false, true]) {
    const [mark, asked] = [marker(), []];
    const tool = zodResponsesFunction({ name: 'get_weather', description: 'Weather of a city.', parameters: CITY, function: ({ city }) => { asked.push(city); return `sunny in ${city}`; } });
    const runner = new ResponsesToolRunner({ functions: [runnerFunction(tool)] });
    const response = await runner.run(client(), { model: MODEL, input: prompt('text "First"; tool get_weather {"city":"Oslo"} cut=2 => tool get_weather {"city":"Bergen"} => text "Both are fine."', mark) }, { stream });
    assert.equal(response.output_text, 'Both are fine.');
    assert.deepEqual(asked, ['Oslo', 'Bergen']);
    assert.deepEqual((await chats(sharedSimulator, mark)).map((one) => one.violations), [[], [], []]);
  }
});

test('a custom tool is called with plain text, and its output comes back', async () => {
  const custom = [{ type: 'custom', name: 'run_sql', description: 'Runs a query.' }];
  const [mark, text] = [marker(), 'SELECT "a"\nFROM b;'];
  const script = `tool run_sql ${JSON.stringify({ input: text })} cut=4 => text "Three rows."`;
  const all = grammar(await events(create('', { tools: custom, input: prompt(script, mark), stream: true })));
  assert.equal(all.filter((event) => event.type === 'response.custom_tool_call_input.delta').map((event) => event.delta).join(''), text);
  const [call] = all.at(-1).response.output;
  assert.deepEqual([call.type, call.name, call.input], ['custom_tool_call', 'run_sql', text]);
  const second = await create('', { tools: custom, previous_response_id: all.at(-1).response.id, input: [{ type: 'custom_tool_call_output', call_id: call.call_id, output: 'a, b, c' }] });
  assert.equal(second.output_text, 'Three rows.');
  assert.deepEqual((await chats(sharedSimulator, mark)).map((one) => one.violations), [[], []]);
});

test('a tool that cannot be served is refused by name', async () => {
  const error = await failure(create('text "x"', { tools: [{ type: 'computer_use_preview', display_width: 1, display_height: 1, environment: 'linux' }] }));
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  assert.match(error.message, /computer_use_preview/);
  assert.equal(error.param, 'tools[0].type');
});

const Event = z.object({ name: z.string(), people: z.array(z.string()) });
const GOOD = { name: 'Lunch', people: ['Ada', 'Bob'] };
const good = `text ${JSON.stringify(JSON.stringify(GOOD))} chunk=5`;
const parse = (script, mark = marker()) => client().responses.parse({ model: MODEL, text: { format: zodTextFormat(Event, 'event') }, input: prompt(script, mark) });

test('structured output is parsed, whole and streamed', async () => {
  assert.deepEqual((await parse(good)).output_parsed, GOOD);
  const stream = client().responses.stream({ model: MODEL, text: { format: zodTextFormat(Event, 'event') }, input: prompt(good) });
  assert.deepEqual((await stream.finalResponse()).output_parsed, GOOD);
});

test('structured output that does not fit is asked for once more', async () => {
  const mark = marker();
  assert.deepEqual((await parse(`text "Here you go: {\\"name\\": 5}" || ${good} => ${good}`, mark)).output_parsed, GOOD);
  assert.equal((await chats(sharedSimulator, mark)).length, 2);
});

test('structured output that never fits is a refusal, not an answer', async () => {
  const response = await parse('text "I would rather not." => text "I would rather not."');
  assert.equal(response.output_parsed, null);
  const [part] = response.output.at(-1).content;
  assert.deepEqual([part.type, typeof part.refusal], ['refusal', 'string']);
});

test('a response is kept: retrieved, its input listed, deleted, and then gone', async () => {
  const mark = marker();
  const first = await create('', { input: prompt('text "Kept." => text "More."', mark) });
  const kept = await client().responses.retrieve(first.id);
  assert.deepEqual([kept.id, kept.status, kept.output_text, kept.output], [first.id, 'completed', 'Kept.', first.output]);
  const second = await create('', { previous_response_id: first.id, input: 'Go on.' });
  assert.equal(second.output_text, 'More.');
  const items = [];
  for await (const item of client().responses.inputItems.list(first.id)) items.push(item);
  assert.equal(items.length, 1);
  assert.deepEqual([items[0].type, items[0].role], ['message', 'user']);
  assert.ok(JSON.stringify(items[0].content).includes(mark));
  await client().responses.delete(first.id);
  const { responses } = client();
  for (const ask of [() => responses.retrieve(first.id), () => responses.delete(first.id), () => responses.inputItems.list(first.id), () => responses.retrieve('resp_of_nobody')]) {
    assert.ok((await failure(ask())) instanceof OpenAI.NotFoundError);
  }
  const error = await failure(create('text "x"', { previous_response_id: first.id }));
  assert.ok([400, 404].includes(error.status), `${error}`);
  assert.equal(error.param, 'previous_response_id');
  assert.equal((await client().responses.retrieve(second.id)).output_text, 'More.');
});

test('items of kept responses can be named instead of sent', async () => {
  const mark = marker();
  const input = [{ role: 'user', content: prompt('text "Looking."; tool get_weather {"city":"Oslo"} => text "Cold." => text "Still cold."', mark) }];
  for (const text of ['Looking.', 'Cold.', 'Still cold.']) {
    const { output, output_text } = await create('', { tools, input });
    assert.equal(output_text, text);
    for (const item of output) input.push(item.type === 'message' ? { type: 'item_reference', id: item.id } : item);
    const call = output.find((item) => item.type === 'function_call');
    input.push(call ? { type: 'function_call_output', call_id: call.call_id, output: '4 degrees' } : { role: 'user', content: 'And now?' });
  }
  const sent = await chats(sharedSimulator, mark);
  assert.deepEqual(sent.map((one) => [one.step, one.violations]), [[0, []], [1, []], [2, []]]);
  for (const text of ['Looking.', 'Cold.']) assert.ok(JSON.stringify(history(sent[2])).includes(text), text);
  const error = await failure(create('', { input: [{ type: 'item_reference', id: 'msg_of_nobody' }] }));
  assert.deepEqual([error.status, error.param], [400, 'input[0].id']);
});

test('a response that is not to be stored is not kept', async () => {
  const response = await create('text "Forget me."', { store: false });
  assert.equal(response.output_text, 'Forget me.');
  assert.ok((await failure(client().responses.retrieve(response.id))) instanceof OpenAI.NotFoundError);
});

test('tokens are counted', async () => {
  const { object, input_tokens } = await client().responses.inputTokens.count({ model: MODEL, input: 'word '.repeat(1000) });
  assert.equal(object, 'response.input_tokens');
  assert.ok(input_tokens > 500 && input_tokens < 3000, `${input_tokens}`);
});

test('errors have their types, codes and places', async () => {
  const rows = [
    [() => create('text "x"', {}, { apiKey: 'wrong' }), OpenAI.AuthenticationError, 401, 'invalid_api_key', null],
    [() => create('text "x"', { model: 'claude-sonnet-99' }), OpenAI.NotFoundError, 404, 'model_not_found', null],
    [() => create('', { input: [{ role: 'user', content: [{ type: 'input_text', text: 5 }] }] }), OpenAI.BadRequestError, 400, null, 'input[0].content[0].text'],
    [() => create('', { input: [{ type: 'function_call_output', call_id: 'call_of_nobody', output: 'x' }], tools: [{ type: 'function', name: 5 }] }), OpenAI.BadRequestError, 400, null, 'tools[0].name'],
    [() => create('fault too-long'), OpenAI.BadRequestError, 400, 'context_length_exceeded', null],
    [() => create('fault unavailable retry-after=60'), OpenAI.InternalServerError, 503, undefined, null],
  ];
  for (const [ask, type, status, code, param] of rows) {
    const error = await failure(ask());
    assert.ok(error instanceof type, `${error}`);
    assert.equal(error.status, status);
    if (code !== undefined) assert.equal(error.code, code, `${error}`);
    if (param !== null) assert.equal(error.param, param, `${error}`);
  }
});

test('an answer that was cut is incomplete, and says why', async () => {
  const [whole, all] = [await create('text "cut he"; stop MAX_TOKENS'), grammar(await events(create('text "cut he"; stop MAX_TOKENS', { stream: true })))];
  assert.equal(all.at(-1).type, 'response.incomplete');
  for (const response of [whole, all.at(-1).response]) {
    assert.deepEqual([response.status, response.incomplete_details], ['incomplete', { reason: 'max_output_tokens' }]);
    assert.equal(response.output[0].content[0].text, 'cut he');
  }
});

test('a failure in mid-stream is told as one, after the text before it', async () => {
  for (const fault of ['exception InternalServerException "boom"', 'corrupt message; text "never"', 'tear 30 reset; text "never"']) {
    const all = grammar(await events(create(`text "so far"; delay 30; ${fault}`, { stream: true })));
    assert.equal(all.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta).join(''), 'so far');
    const { type, response } = all.at(-1);
    assert.deepEqual([type, response.status], ['response.failed', 'failed'], fault);
    assert.ok(response.error.code && response.error.message, JSON.stringify(response.error));
    const final = await client().responses.stream({ model: MODEL, input: prompt(`text "so far"; delay 30; ${fault}`) }).finalResponse();
    assert.equal(final.status, 'failed');
    assert.ok((await failure(client().responses.retrieve(response.id))) instanceof OpenAI.NotFoundError, 'a broken answer is not kept');
  }
});
