// What breaks at the service, as the client gets it: a status while there is none yet, an error in the stream after that, and never
// something that looks complete.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { call, content, marker, refused, shared, stream, text, tool, turn, whole } from './support/gateway.mjs';
import { accounts, credentials, gateway, simulator } from './support/own.mjs';
import { read, walk } from './support/sse.mjs';
import { chats, sharedSimulator } from './support/simulator.mjs';

const TOOLS = { tools: [tool('Write', { content: { type: 'string' } })] };
// A schema that the strict profile makes simpler, so that there is something to repair.
const REPAIRABLE = { tools: [{ name: 'Write', description: 'Writes.', input_schema: { type: 'object', additionalProperties: false, properties: { content: { type: 'string', minLength: 1, pattern: '^x' } } } }] };
// A lack of capacity rests a model for some seconds: tests of it use one that no other test needs.
const SPARE = { model: 'claude-fable-5' };

const requests = async (mark) => (await chats(sharedSimulator, mark)).length;
// Five failures in a row rest an account; a success between them mends the account that served.
const recover = () => whole(shared, `${marker()}\n@sim text "fine"`);
const post = (prompt, more = {}) => call(shared, '/v1/messages', { body: turn(prompt, more) });

// [sentence, what follows a first text, the error's type in the stream, request]
const IN_MIDSTREAM = [
  ['an exception frame', 'exception InternalServerException "boom"', 'api_error'],
  ['a generic exception frame, which speaks of high load', 'exception error', 'overloaded_error', SPARE],
  ['an exception frame of validation', 'exception ValidationException "Improperly formed request."', 'api_error'],
  ['an exception frame nobody knows', 'exception SomethingNewException "?"', 'api_error'],
  ['a lack of capacity', 'exception ThrottlingException "I am experiencing high traffic" reason=INSUFFICIENT_MODEL_CAPACITY', 'overloaded_error', SPARE],
  ['an error frame', 'error InternalFailure "boom"', 'api_error'],
  ['an invalid state', 'invalid-state', 'api_error'],
  ['a wrong checksum of a message', 'corrupt message; text "never"', 'api_error'],
  ['a wrong checksum of a prelude', 'corrupt prelude; text "never"', 'api_error'],
  ['a frame that claims to be huge', 'corrupt total=4000000000; text "never"', 'api_error'],
  ['a frame with headers longer than itself', 'corrupt headers=100000; text "never"', 'api_error'],
  ['a flipped bit', 'corrupt byte=40; text "never"', 'api_error'],
  ['a frame torn by a reset', 'tear 30 reset; text "never"', 'api_error'],
  ['a frame torn by a dropped connection', 'tear 7 drop; text "never"', 'api_error'],
  ['a frame torn by a regular end', 'tear 30 close; text "never"', 'api_error'],
  ['a reset between frames', 'reset', 'api_error'],
  ['a dropped connection between frames', 'drop', 'api_error'],
  ['an answer the service calls malformed', 'stop MALFORMED_MODEL_OUTPUT', 'api_error'],
];

beforeEach(recover);

for (const [sentence, fault, type, request = {}] of IN_MIDSTREAM) {
  test(`${sentence} in mid-stream ends the stream with an error, and keeps what was said`, async () => {
    const { message, error, open, head } = await stream(shared, `${marker()}\n@sim text "so far"; delay 30; ${fault}`, request);
    assert.equal(error?.error.type, type, JSON.stringify(error));
    assert.equal(error.request_id, head.headers.get('request-id'));
    assert.deepEqual(message.content, [text('so far')]);
    assert.equal(message.stop_reason, null);
    assert.ok(open, 'the block is not closed: it is not complete');
  });

  test(`${sentence} is tried again while the client has seen nothing`, async () => {
    const mark = marker();
    // Of the whole answer nothing has been sent yet, so all of it can be asked for again.
    const script = `${mark}\n@sim text "so far"; ${fault} || text "second time"`;
    const retried = !/capacity|high load|validation|malformed|invalid state|nobody knows/.test(sentence);
    if (!retried) {
      const answer = await post(script, request);
      if (answer.status === 200) assert.deepEqual(JSON.parse(answer.text).content, [text('second time')]);
      else assert.notEqual(JSON.parse(answer.text).error.type, undefined);
      assert.ok(!answer.text.includes('so far'));
      return;
    }
    const { message } = await whole(shared, script, request);
    assert.deepEqual(message.content, [text('second time')]);
    assert.equal(await requests(mark), 2);
  });
}

for (const end of ['reset', 'drop', 'close']) {
  test(`a stream cut at any byte by ${end} never looks complete`, async () => {
    // The whole stream: a text, a tool call, a tail. Cut at bytes from the first prelude to the end of the tool call.
    const bytes = Array.from({ length: 24 }, (_, at) => 5 + at * 37);
    for (const at of bytes) {
      const mark = marker();
      const script = `${mark}\n@sim cut ${at} ${end}; text "Hello"; text " world"; tool Write {"content":"0123456789"} cut=9`;
      const answer = await call(shared, '/v1/messages', { body: { ...turn(script, TOOLS), stream: true } });
      const where = `cut at ${at}: ${answer.text}`;
      if (answer.status !== 200) {
        assert.ok([502, 529].includes(answer.status), where);
        assert.ok(await requests(mark) > 1, `tried again, ${where}`);
        await recover();
        continue;
      }
      const { message, error } = walk(read(answer.bytes));
      if (error) assert.equal(error.error.type, 'api_error', where);
      else assert.equal(message.stop_reason, 'max_tokens', where);
      if (end !== 'close') assert.ok(error, where);
      assert.ok('Hello world'.startsWith(message.content[0]?.text ?? ''), where);
    }
  });
}

test('a stream without its tail is told as cut', async () => {
  const streamed = await stream(shared, `${marker()}\n@sim text "half of"; notail`);
  assert.deepEqual([streamed.message.content, streamed.message.stop_reason], [[text('half of')], 'max_tokens']);
  const { message } = await whole(shared, `${marker()}\n@sim text "half of"; notail`);
  assert.deepEqual([message.content, message.stop_reason], [[text('half of')], 'max_tokens']);
});

for (const length of [1, 12, 28]) {
  test(`a tool call cut after ${length} characters of its input is no tool call to run`, async () => {
    const script = `text "Writing."; tool Write {"content":"0123456789abcdef"} open=${length}`;
    const streamed = await stream(shared, `${marker()}\n@sim ${script}`, TOOLS);
    assert.equal(streamed.message.stop_reason, 'max_tokens');
    assert.deepEqual(streamed.message.content[0], text('Writing.'));
    const { message } = await whole(shared, `${marker()}\n@sim ${script}`, TOOLS);
    assert.equal(message.stop_reason, 'max_tokens');
    const calls = message.content.filter((block) => block.type === 'tool_use');
    for (const one of calls) assert.deepEqual(one.input, { content: '0123456789abcdef' }, 'a call is whole or not there');
  });
}

test('a length limit of the service in mid-stream is told as max_tokens', async () => {
  const { message, error } = await stream(shared, `${marker()}\n@sim text "so far"; delay 30; exception ContentLengthExceededException "too much"`);
  assert.equal(error, null);
  assert.deepEqual([message.content, message.stop_reason], [[text('so far')], 'max_tokens']);
});

test('an empty stream is asked for again, twice, and then told as overload', async () => {
  for (const streamed of [true, false]) {
    const mark = marker();
    const answer = await post(`${mark}\n@sim empty`, { stream: streamed });
    refused(answer, 529, 'overloaded_error');
    assert.equal(await requests(mark), 3);
  }
  const mark = marker();
  const { message } = await stream(shared, `${mark}\n@sim 2 * empty || text "third"`);
  assert.deepEqual(message.content, [text('third')]);
  assert.equal(await requests(mark), 3);
});

test('a stream of nothing but a tail is as empty', async () => {
  const { message } = await whole(shared, `${marker()}\n@sim stop END_TURN || text "second"`);
  assert.deepEqual(message.content, [text('second')]);
});

// How often the service is asked when nothing helps. Five failures in a row rest an account, and a success mends the one that serves
// alone: so that no account rests, each of these gateways of its own sees fewer.
const LABELS = ['one', 'two', 'three'];
const TRIES = 3;
const HOPELESS = [
  [
    ['exception InternalServerException "boom"', 502, 'api_error', TRIES, /./],
    ['status 500 InternalServerException "boom"', 502, 'api_error', TRIES, /./],
    ['html', 502, 'api_error', TRIES, /not the service/],
    ['fault unavailable', 529, 'overloaded_error', TRIES, /not available/],
  ],
  [
    ['fault unavailable retry-after=60', 529, 'overloaded_error', 1, /not available/],
    ['fault operation', 502, 'api_error', 1, /KIRO_API_BASE/],
  ],
];

for (const rows of HOPELESS) {
  test(`a failure of the service is tried ${rows[0][3]} times on each account, and then told`, async (context) => {
    const upstream = await simulator(context, { accounts: accounts(...LABELS) });
    const own = await gateway(context, { upstream, env: { KIRO_AUTH_TOKEN: credentials(...LABELS) } });
    for (const [script, status, type, tries, words] of rows) {
      await context.test(`${script} is a ${status} ${type}`, async () => {
        const mark = marker();
        const answer = await call(own, '/v1/messages', { body: turn(`${mark}\n@sim ${script}`, { stream: true }) });
        const error = refused(answer, status, type);
        assert.match(error.message, words);
        assert.ok(!error.message.includes('<html'));
        assert.equal(answer.headers.get('retry-after'), script.includes('retry-after') ? '60' : null);
        const asked = (await chats(upstream, mark)).map((one) => one.account).sort();
        assert.deepEqual(asked, LABELS.toSorted().flatMap((label) => Array(tries).fill(label)));
      });
    }
  });
}

test('what fails twice is asked a third time', async () => {
  for (const fault of ['status 500 InternalServerException "boom"', 'html', 'exception InternalServerException "boom"']) {
    const mark = marker();
    const { message } = await whole(shared, `${mark}\n@sim 2 * ${fault} || text "third"`);
    assert.deepEqual(message.content, [text('third')]);
    assert.equal(await requests(mark), 3);
  }
});

// [fault, request, status, error type, requests to the service, words]
const STATUSES = [
  ['improper', REPAIRABLE, 400, 'invalid_request_error', 2, /Improperly formed request/],
  ['invalid-body', {}, 400, 'invalid_request_error', 2, /Improperly formed request/],
  ['invalid-json', {}, 400, 'invalid_request_error', 1, /JSON/],
  ['too-long', {}, 400, 'invalid_request_error', 1, /^prompt is too long: 200001 tokens > 200000 maximum$/],
  ['prompt-too-long', {}, 400, 'invalid_request_error', 1, /^prompt is too long: \d+ tokens > 200000 maximum$/],
  ['front-end', {}, 400, 'invalid_request_error', 1, /^prompt is too long: \d+ tokens > 200000 maximum$/],
  // Other accounts may have a plan with that model, and are asked where their lists say so.
  ['model', {}, 404, 'not_found_error', null, /claude-sonnet-4-5/],
  ['tool-format', REPAIRABLE, 400, 'invalid_request_error', 2, /Invalid tool use format/],
  ['conversation', {}, 400, 'invalid_request_error', 1, /conversation/],
  ['capacity', SPARE, 529, 'overloaded_error', null, /capacity/],
];

for (const [fault, request, status, type, tries, words] of STATUSES) {
  test(`the service's ${fault} is a ${status} ${type}`, async () => {
    const mark = marker();
    const answer = await post(`${mark}\n@sim fault ${fault}`, { ...request, stream: true });
    const error = refused(answer, status, type);
    assert.match(error.message, words);
    if (tries !== null) assert.equal(await requests(mark), tries);
  });
}

test('a shape that the service refuses is repaired once', async () => {
  const mark = marker();
  const { message } = await whole(shared, `${mark}\n@sim fault improper || text "repaired"`, REPAIRABLE);
  assert.deepEqual(message.content, [text('repaired')]);
  assert.equal(await requests(mark), 2);
});

test('an overflow told by an exception frame has the words that let a client compact', async () => {
  const script = '@sim exception ValidationException "Input is too long." reason=CONTENT_LENGTH_EXCEEDS_THRESHOLD';
  const error = refused(await post(`${marker()}\n${script}`, { stream: true }), 400, 'invalid_request_error');
  const [, tokens, maximum] = /^prompt is too long: (\d+) tokens > (\d+) maximum$/.exec(error.message);
  assert.ok(Number(tokens) > Number(maximum));
});

test('none of this has spoiled the accounts', async () => {
  const answer = await call(shared, '/health?deep=1');
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(content(await whole(shared, `${marker()}\n@sim text "fine"`)).content, [text('fine')]);
});
