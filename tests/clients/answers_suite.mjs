// What the service says, as the client gets it: each answer streamed and in one body, with the same content.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, content, marker, shared, stream, text, tool, whole } from './support/gateway.mjs';
import { chat, chats, current, history, sharedSimulator, until } from './support/simulator.mjs';

const call = (name, input) => ({ type: 'tool_use', name, input });
const thought = (thinking, signature) => ({ type: 'thinking', thinking, signature });
const NATIVE = { model: 'claude-opus-5', thinking: { type: 'adaptive' } };
const TAGGED = { thinking: { type: 'enabled', budget_tokens: 2048 }, max_tokens: 8192 };
const TOOLS = { tools: [tool('Read', { file_path: { type: 'string' } }), tool('Write', { content: { type: 'string' } })] };
const UNICODE = 'naïve café — 日本語 👩‍👩‍👧 \u0000\u001f\u2028 "quoted" \\ back';
const LONG_NAME = `mcp__a_server_with_a_long_name__${'and_a_tool_with_a_longer_one_'.repeat(3)}`;

// [sentence, script, request, content, stop reason, stop sequence]
const ANSWERS = [
  ['text in one event', 'text "Hello."', {}, [text('Hello.')]],
  ['text in many events, cut inside characters', `text ${JSON.stringify(UNICODE)} chunk=1; chunks utf8`, {}, [text(UNICODE)]],
  ['frames cut inside their preludes', 'text "one two three" chunk=3; chunks prelude', {}, [text('one two three')]],
  ['frames that come byte by byte', 'chunks 1; text "slowly" chunk=1', {}, [text('slowly')]],
  ['frames in pieces of random sizes', 'chunks seed=11; text "0123456789" chunk=4 times=40', {}, [text('0123456789'.repeat(40))]],
  ['frames in pairs, with headers of every type and in another order', 'initial; odd-headers; order reversed; chunks pair; text "abc" chunk=1', {}, [text('abc')]],
  ['events that show nothing, and one nobody knows', 'event futureEvent {"x":[1,2]}; kinds; text "still here"; kinds', {}, [text('still here')]],
  ['a tool call in fragments', 'text "Let me look."; tool Read {"file_path":"/tmp/ä \\"x\\".txt"} cut=1', TOOLS, [text('Let me look.'), call('Read', { file_path: '/tmp/ä "x".txt' })], 'tool_use'],
  ['two tool calls, one after the other', 'tool Read {"file_path":"a"}; tool Write {"content":"b"}', TOOLS, [call('Read', { file_path: 'a' }), call('Write', { content: 'b' })], 'tool_use'],
  ['interleaved tool calls', 'interleave Read {"file_path":"first"} Write {"content":"second"} cut=2', TOOLS, [call('Read', { file_path: 'first' }), call('Write', { content: 'second' })], 'tool_use'],
  ['a tool call of which every event comes twice', 'tool Write {"content":"once"} cut=100 twice', TOOLS, [call('Write', { content: 'once' })], 'tool_use'],
  ['a tool call with its input as an object', 'tool Write {"content":"x","n":{"deep":[1,2.50,null,12345678901234567890]}} object', TOOLS, [call('Write', { content: 'x', n: { deep: [1, 2.5, null, 12345678901234567890] } })], 'tool_use'],
  ['a tool call in a single event', 'tool Write {"content":"x"} single', TOOLS, [call('Write', { content: 'x' })], 'tool_use'],
  ['a tool call without input', 'tool Read noinput', TOOLS, [call('Read', {})], 'tool_use'],
  ['text between and after tool calls', 'text "a"; tool Read {"file_path":"1"}; text "b"; tool Read {"file_path":"2"}; text "c"', TOOLS, [text('a'), call('Read', { file_path: '1' }), text('b'), call('Read', { file_path: '2' }), text('c')], 'tool_use'],
  ['a tool whose name the service does not take', `tool ${LONG_NAME} {"q":1}`, { tools: [tool(LONG_NAME, { q: {} }), tool('Read')] }, [call(LONG_NAME, { q: 1 })], 'tool_use'],
  ['native thinking with its signature', 'reason "Let me think" chunk=3 sig="EqQBc2ln"; text "So."', NATIVE, [thought('Let me think', 'EqQBc2ln'), text('So.')]],
  ['encrypted thinking', 'redacted "QUJDRA=="; text "So."', NATIVE, [{ type: 'redacted_thinking', data: 'QUJDRA==' }, text('So.')]],
  ['native thinking before a tool', 'reason "Hm" sig="c2ln"; tool Read {"file_path":"x"}', { ...NATIVE, ...TOOLS }, [thought('Hm', 'c2ln'), call('Read', { file_path: 'x' })], 'tool_use'],
  ['no thinking when none was asked for', 'reason "secret" sig="c2ln"; text "So."', { model: 'claude-opus-5' }, [text('So.')]],
  ['a stop sequence, split over events', 'text "before END after" chunk=2', { stop_sequences: ['END'] }, [text('before ')], 'stop_sequence', 'END'],
  ['the first of two stop sequences', 'text "a\\n\\nHuman: b"', { stop_sequences: ['b', '\n\nHuman:'] }, [text('a')], 'stop_sequence', '\n\nHuman:'],
  ['the limit of tokens, told by the service', 'text "cut he"; stop MAX_TOKENS', {}, [text('cut he')], 'max_tokens'],
  ['a full window, told by the service', 'text "x"; stop MODEL_CONTEXT_WINDOW_EXCEEDED', {}, [text('x')], 'model_context_window_exceeded'],
  ['a refusal', 'text "I cannot"; stop CONTENT_FILTERED', {}, [text('I cannot')], 'refusal'],
  ['a stop reason nobody knows', 'text "x"; stop WHO_KNOWS', {}, [text('x')], 'end_turn'],
];

for (const [sentence, script, request, expected, stop = 'end_turn', sequence = null] of ANSWERS) {
  test(`${sentence}: the same, streamed and in one body`, async () => {
    const streamed = await stream(shared, `${marker()}\n@sim ${script}`, request);
    assert.equal(streamed.error, null);
    const want = { content: expected, stop_reason: stop, stop_sequence: sequence, model: request.model ?? MODEL, role: 'assistant', type: 'message' };
    assert.deepEqual(content(streamed), want);
    const { message } = await whole(shared, `${marker()}\n@sim ${script}`, request);
    assert.deepEqual(content({ message }), want);
    assert.deepEqual(Object.keys(message.usage).sort(), Object.keys(streamed.message.usage).sort());
  });
}

test('tagged thinking is told apart, whatever the cuts', async () => {
  for (const chunk of [1, 3, 7, 1000]) {
    const { message } = await stream(shared, `${marker()}\n@sim think "Hm, <b>tricky</b> & 1 < 2" chunk=${chunk}; text "So: <thinking> stays."`, TAGGED);
    assert.deepEqual(message.content.map((block) => block.type), ['thinking', 'text'], `chunk=${chunk}`);
    assert.equal(message.content[0].thinking, 'Hm, <b>tricky</b> & 1 < 2');
    assert.equal(message.content[1].text, 'So: <thinking> stays.');
  }
});

test('a thinking block that came without a signature can be sent back, and its mark does not reach the service', async () => {
  const { message } = await whole(shared, `${marker()}\n@sim think "A plan"; text "Done."`, TAGGED);
  const mark = marker();
  const messages = [
    { role: 'user', content: 'Earlier.' },
    { role: 'assistant', content: message.content },
    { role: 'user', content: `${mark}\n@sim text "ok"` },
  ];
  const answer = await whole(shared, null, { ...TAGGED, messages });
  assert.equal(answer.message.content.at(-1).text, 'ok');
  const record = await chat(sharedSimulator, mark);
  assert.deepEqual(record.violations, []);
  assert.ok(message.content[0].signature.length > 0);
  assert.ok(!JSON.stringify(record.body).includes(message.content[0].signature));
});

test('tools whose names differ in case alone are told apart, and keep the names they got', async () => {
  const tools = [tool('Read'), tool('read')];
  const mark = marker();
  await whole(shared, mark, { tools });
  const declared = current(await chat(sharedSimulator, mark)).userInputMessageContext.tools.map((one) => one.toolSpecification.name);
  assert.equal(new Set(declared.map((name) => name.toLowerCase())).size, 2, declared.join());
  const script = declared.map((name, at) => `tool ${name} {"at":${at}} exact`).reverse().join('; ');
  const { message } = await stream(shared, `${marker()}\n@sim ${script}`, { tools });
  assert.deepEqual(content({ message }).content, [call('read', { at: 1 }), call('Read', { at: 0 })]);
});

test('what doubled events say is said once', async () => {
  const { message } = await stream(shared, `${marker()}\n@sim tool Write {"content":"once"} single doubled; text "end"`, TOOLS);
  assert.deepEqual(content({ message }).content, [call('Write', { content: 'once' }), text('end')]);
});

test('tool input reaches a streaming client in the pieces it came in, never {} first', async () => {
  const { raw } = await stream(shared, `${marker()}\n@sim tool Write {"content":"0123456789"} cut=5`, TOOLS);
  const pieces = raw.filter((one) => one.delta?.type === 'input_json_delta').map((one) => one.delta.partial_json);
  assert.deepEqual(pieces, ['{"con', 'tent"', ':"012', '34567', '89"}']);
});

test('each tool call has an id of its own, and the result finds its call again', async () => {
  const mark = marker();
  const first = await whole(shared, `${mark}\n@sim interleave Read {"file_path":"a"} Read {"file_path":"b"} => text "both"`, TOOLS);
  const calls = first.message.content.filter((block) => block.type === 'tool_use');
  assert.equal(new Set(calls.map((one) => one.id)).size, 2);
  const results = calls.map((one, at) => ({ type: 'tool_result', tool_use_id: one.id, content: `result ${at}`, is_error: at === 1 }));
  const messages = [
    { role: 'user', content: `${mark}\n@sim interleave Read {"file_path":"a"} Read {"file_path":"b"} => text "both"` },
    { role: 'assistant', content: first.message.content },
    { role: 'user', content: [...results, text('And the words beside them.')] },
  ];
  const second = await whole(shared, null, { ...TOOLS, messages });
  assert.deepEqual(second.message.content, [text('both')]);
  const [, record, ...more] = await chats(sharedSimulator, mark);
  assert.deepEqual(more, []);
  const message = current(record);
  assert.match(message.content, /And the words beside them\./);
  assert.deepEqual(message.userInputMessageContext.toolResults.map((one) => [one.status, one.content]), [['success', [{ text: 'result 0' }]], ['error', [{ text: 'result 1' }]]]);
  const uses = history(record).at(-1).assistantResponseMessage.toolUses;
  assert.deepEqual(uses.map((one) => one.toolUseId), message.userInputMessageContext.toolResults.map((one) => one.toolUseId));
});

test('a stop sequence ends the answer at once and cancels the service', async () => {
  const mark = marker();
  const { message } = await stream(shared, `${mark}\n@sim text "x STOP y"; stall`, { stop_sequences: ['STOP'] });
  assert.deepEqual(content({ message }).content, [text('x ')]);
  await until('the service sees the cancel', async () => (await chat(sharedSimulator, mark)).outcome === 'client_gone');
});

test('a prefilled answer is gone on with', async () => {
  const mark = marker();
  const messages = [
    { role: 'user', content: `${mark}\n@sim text "wrong step" => text " forty-two."` },
    { role: 'assistant', content: 'The answer is' },
  ];
  const { message } = await whole(shared, null, { messages });
  assert.deepEqual(message.content, [text(' forty-two.')]);
  const record = await chat(sharedSimulator, mark);
  assert.match(JSON.stringify(history(record).at(-1)), /The answer is/);
});

test('images reach the service as what their bytes are, also from tool results', async () => {
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const gif = 'R0lGODlhAgADAIAAAP///wAAACwAAAAAAgADAAACAoRRADs=';
  const image = (media_type, data) => ({ type: 'image', source: { type: 'base64', media_type, data } });
  const mark = marker();
  const messages = [
    { role: 'user', content: 'Look at the file.' },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Read', input: {} }] },
    { role: 'user', content: [
      { type: 'tool_result', tool_use_id: 'toolu_1', content: [text('a picture:'), image('image/png', png)] },
      image('image/jpeg', gif),
      text(mark),
    ] },
  ];
  const { message } = await whole(shared, null, { ...TOOLS, messages });
  const record = await chat(sharedSimulator, mark);
  assert.deepEqual(current(record).images, [{ format: 'png', source: { bytes: png } }, { format: 'gif', source: { bytes: gif } }]);
  assert.match(message.content[0].text, /I see a png image of 1 x 1 pixels\.\nI see a gif image of 2 x 3 pixels\./);
});

test('the system prompt, also from the middle of the conversation, reaches the service; the changing billing line does not', async () => {
  const mark = marker();
  const messages = [
    { role: 'user', content: mark },
    { role: 'system', content: 'Reminder: be brief.' },
  ];
  const system = [text('x-anthropic-billing-header: cc_version=2.1.329.abc; cc_entrypoint=cli;'), text('You are a pirate.')];
  await whole(shared, null, { messages, system });
  const body = JSON.stringify((await chat(sharedSimulator, mark)).body);
  assert.match(body, /You are a pirate\./);
  assert.match(body, /Reminder: be brief\./);
  assert.doesNotMatch(body, /billing-header/);
});

const usageOf = async (script, more = {}, options = {}) => (await stream(shared, `${marker()}\n@sim text "12345 words of the answer"; ${script}`, more, options));

test('usage: the counts of the service are passed on', async () => {
  const { message } = await usageOf('usage {"uncachedInputTokens":100,"outputTokens":7,"totalTokens":150,"cacheReadInputTokens":40,"cacheWriteInputTokens":3}');
  assert.deepEqual(message.usage, { input_tokens: 100, output_tokens: 7, cache_read_input_tokens: 40, cache_creation_input_tokens: 3 });
});

test('usage: without counts, the share of the window tells input and output together', async () => {
  const { message } = await usageOf('context 10');
  assert.equal(message.usage.input_tokens + message.usage.output_tokens, 20_000);
  assert.ok(message.usage.output_tokens > 3 && message.usage.output_tokens < 20, JSON.stringify(message.usage));
});

test('usage: Claude Code reads shares of the window it believes in', async () => {
  const headers = { 'user-agent': 'claude-cli/2.1.329 (external, cli)' };
  const { message } = await usageOf('context 10', { model: 'claude-sonnet-4-6' }, { headers });
  const told = message.usage.input_tokens + message.usage.output_tokens;
  assert.ok(Math.abs(told - 20_000) <= 2, `10 % of 200000, not of a million: ${told}`);
});

test('usage: without any word of the service, the estimate of the beginning stays', async () => {
  const { message, raw } = await usageOf('stop END_TURN; notail');
  assert.equal(message.usage.input_tokens, raw[0].message.usage.input_tokens);
  assert.ok(message.usage.input_tokens > 10, JSON.stringify(message.usage));
});

test('usage: an answer that is not streamed carries the same', async () => {
  const { message } = await whole(shared, `${marker()}\n@sim text "x"; usage {"uncachedInputTokens":5,"outputTokens":6,"totalTokens":11}`);
  assert.deepEqual(message.usage, { input_tokens: 5, output_tokens: 6, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 });
});

test('fifty answers at once are told apart', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, async () => {
    const mark = marker();
    return [mark, await stream(shared, `@sim text "${mark}|" chunk=6 times=60; chunks seed=3`)];
  }));
  for (const [mark, { message, error, deltas }] of answers) {
    assert.equal(error, null);
    assert.equal(message.stop_reason, 'end_turn');
    assert.equal(message.content[0].text, `${mark}|`.repeat(60));
    assert.ok(deltas >= 60, `${deltas} deltas`);
  }
});

test('an answer of several megabytes arrives whole', async () => {
  const { message } = await stream(shared, `${marker()}\n@sim text "0123456789abcdef" chunk=4000 times=200000; chunks all`, { max_tokens: 10_000_000 });
  assert.equal(message.content[0].text.length, 3_200_000);
  assert.equal(message.content[0].text, '0123456789abcdef'.repeat(200_000));
});
