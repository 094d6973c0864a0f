// The official streaming client as a referee between the gateway and the simulator: it must understand what the simulator says, the
// simulator must accept what it sends, and what the gateway has sent in all the suites before this one must fit its schema.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { CodeWhispererStreaming } from '@aws/codewhisperer-streaming-client';

import { call, marker, shared, turn } from './support/gateway.mjs';
import { enums, faults } from './support/schema.mjs';
import { chat, records, sharedSimulator } from './support/simulator.mjs';

const ARN = 'arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK';

/** The bearer the gateway itself uses, taken from a record; whichever account serves, an API key wants a header beside it. */
async function bearer() {
  const mark = marker();
  await call(shared, '/v1/messages', { body: turn(mark) });
  const record = await chat(sharedSimulator, mark);
  const { authorization, tokentype } = Object.fromEntries(record.headers);
  return { token: authorization.replace(/^Bearer /, ''), tokentype, profileArn: record.body.profileArn };
}

// The clients keep their connections, and with them this process, unless they are told to let go.
const clients = [];
after(() => clients.forEach((client) => client.destroy()));

async function official() {
  const { token, tokentype, profileArn } = await bearer();
  const client = new CodeWhispererStreaming({ endpoint: sharedSimulator, region: 'us-east-1', token: { token }, maxAttempts: 1 });
  clients.push(client);
  const beside = (next) => (args) => {
    if (tokentype) args.request.headers.tokentype = tokentype;
    return next(args);
  };
  client.middlewareStack.add(beside, { step: 'build', name: 'besideTheBearer' });
  return { client, profileArn };
}

const state = (content, more = {}) => ({
  chatTriggerType: 'MANUAL',
  currentMessage: { userInputMessage: { content, modelId: 'claude-sonnet-4.5', origin: 'AI_EDITOR', ...more } },
});

async function ask(script, more) {
  const { client, profileArn } = await official();
  const mark = marker();
  const answer = await client.generateAssistantResponse({ conversationState: state(`${mark}\n@sim ${script}`, more), profileArn });
  const events = [];
  for await (const event of answer.generateAssistantResponseResponse) events.push(event);
  return { events, answer, mark };
}

const only = (events, kind) => events.filter((event) => kind in event).map((event) => event[kind]);

test('the official client reads the simulator: text, tools, thinking, tail', async () => {
  const { events, answer } = await ask('text "Hé"; tool Read {"file_path":"x"} cut=4; reason "hm" sig="c2ln"; redacted "QUJD"; usage; context 12.5; meter 0.25');
  assert.equal(only(events, 'assistantResponseEvent')[0].content, 'Hé');
  const calls = only(events, 'toolUseEvent');
  assert.equal(calls.map((one) => one.input ?? '').join(''), '{"file_path":"x"}');
  assert.deepEqual([calls.at(-1).stop, calls[0].name], [true, 'Read']);
  const thoughts = only(events, 'reasoningContentEvent');
  assert.deepEqual([thoughts[0].text, thoughts[1].signature], ['hm', 'c2ln']);
  assert.equal(Buffer.from(thoughts[2].redactedContent).toString(), 'ABC');
  assert.equal(only(events, 'contextUsageEvent')[0].contextUsagePercentage, 12.5);
  assert.equal(only(events, 'meteringEvent')[0].usage, 0.25);
  assert.ok(only(events, 'metadataEvent').some((one) => Number.isInteger(one.tokenUsage?.outputTokens)));
  assert.equal(answer.$metadata.httpStatusCode, 200);
  assert.ok(answer.conversationId);
});

test('the official client knows every event kind that the simulator calls a kind', async () => {
  const { events } = await ask('kinds; text "end"');
  const unknown = events.filter((event) => '$unknown' in event).map((event) => event.$unknown[0]);
  assert.deepEqual(unknown, []);
  assert.ok(new Set(events.map((event) => Object.keys(event)[0])).size >= 8, JSON.stringify(events.map((event) => Object.keys(event)[0])));
});

test('header order, headers of all types, and any cut of the bytes are nothing to the official client', async () => {
  for (const script of ['order reversed; odd-headers; text "abc" chunk=1', 'chunks 1; text "abc" chunk=1', 'chunks prelude; text "abc" chunk=1', 'chunks seed=5; text "abc" chunk=1']) {
    const { events } = await ask(script);
    assert.equal(only(events, 'assistantResponseEvent').map((one) => one.content).join(''), 'abc', script);
  }
});

test('the official client sees the same faults', async () => {
  await assert.rejects(ask('text "a"; exception InternalServerException "boom"'), /boom/);
  await assert.rejects(ask('text "a"; corrupt message; text "b"'), /checksum/i);
  await assert.rejects(ask('text "a"; tear 30 reset; text "b"'));
  await assert.rejects(ask('fault throttle'), (error) => error.name === 'ThrottlingException' && error.$metadata.httpStatusCode === 429);
  await assert.rejects(ask('fault too-long'), (error) => error.name === 'ValidationException' && error.reason === 'CONTENT_LENGTH_EXCEEDS_THRESHOLD');
  await assert.rejects(ask('fault monthly'), (error) => error.name === 'ServiceQuotaExceededException' && error.reason === 'MONTHLY_REQUEST_COUNT');
  await assert.rejects(ask('fault suspended'), (error) => error.name === 'AccessDeniedException' && error.reason === 'TEMPORARILY_SUSPENDED');
});

test('what the official client sends passes the strict checks of the simulator', async () => {
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  const tools = [{ toolSpecification: { name: 'Read', description: 'Reads.', inputSchema: { json: { type: 'object', properties: {} } } } }];
  const { client, profileArn } = await official();
  const mark = marker();
  const history = [
    { userInputMessage: { content: 'Before.', modelId: 'claude-sonnet-4.5', origin: 'AI_EDITOR' } },
    { assistantResponseMessage: { content: 'Let me see.', toolUses: [{ toolUseId: 'tooluse_1', name: 'Read', input: { file_path: 'x' } }] } },
  ];
  const more = { images: [{ format: 'png', source: { bytes: png } }], userInputMessageContext: { tools, toolResults: [{ toolUseId: 'tooluse_1', content: [{ text: 'ok' }], status: 'success' }] } };
  const answer = await client.generateAssistantResponse({ conversationState: { ...state(mark, more), history, conversationId: crypto.randomUUID() }, profileArn });
  for await (const _ of answer.generateAssistantResponseResponse);
  const record = await chat(sharedSimulator, mark);
  assert.deepEqual([record.verdict, record.violations, record.status], ['accepted', [], 200]);
  assert.deepEqual(faults(record.body), [], 'and its own schema');
});

/** A body that holds one of everything the checker looks at. */
const sound = () => ({
  conversationState: {
    ...state('x', { images: [{ format: 'png', source: { bytes: 'aGk=' } }], userInputMessageContext: { tools: [{ toolSpecification: { name: 'a', inputSchema: { json: { type: 'object' } } } }], toolResults: [{ toolUseId: 'u', content: [{ text: 't' }], status: 'success' }] } }),
    history: [{ userInputMessage: { content: 'x' } }, { assistantResponseMessage: { content: 'y', toolUses: [{ toolUseId: 'u', name: 'a', input: {} }] } }],
  },
  profileArn: ARN,
});

const BREAKS = [
  ['an unknown root member', (body) => { body.systemPrompt = 'x'; }, /^\$: systemPrompt is no member/],
  ['an unknown nested member', (body) => { body.conversationState.currentMessage.userInputMessage.reasoning = {}; }, /reasoning is no member of UserInputMessage/],
  ['a missing member', (body) => { delete body.conversationState.chatTriggerType; }, /chatTriggerType is missing/],
  ['a value outside an enum', (body) => { body.conversationState.chatTriggerType = 'AUTO'; }, /"AUTO" is not in its enum/],
  ['an origin nobody knows', (body) => { body.conversationState.currentMessage.userInputMessage.origin = 'ME'; }, /"ME" is not in its enum/],
  ['an image format nobody knows', (body) => { body.conversationState.currentMessage.userInputMessage.images[0].format = 'bmp'; }, /"bmp" is not in its enum/],
  ['a data URL where bytes belong', (body) => { body.conversationState.currentMessage.userInputMessage.images[0].source.bytes = 'data:image/png;base64,aGk='; }, /source\.bytes: not base64/],
  ['a union with two members', (body) => { body.conversationState.history[0].assistantResponseMessage = { content: 'x' }; }, /a union \(ChatMessage\) with 2 members/],
  ['a union with none', (body) => { body.conversationState.history[0] = {}; }, /a union \(ChatMessage\) with 0 members/],
  ['a null', (body) => { body.conversationState.currentMessage.userInputMessage.content = null; }, /content: not a string/],
  ['a list that is none', (body) => { body.conversationState.history = {}; }, /history: not a list/],
  ['a status outside its enum', (body) => { body.conversationState.currentMessage.userInputMessage.userInputMessageContext.toolResults[0].status = 'ok'; }, /"ok" is not in its enum/],
  ['a header member in the body', (body) => { body.agentMode = 'vibe'; }, /agentMode belongs into a header/],
];

test('the checker itself: a sound body passes, and each way to break it is found', () => {
  assert.deepEqual(faults(sound()), []);
  for (const [sentence, break_, words] of BREAKS) {
    const body = sound();
    break_(body);
    const found = faults(body);
    assert.equal(found.length, 1, `${sentence}: ${found.join('; ')}`);
    assert.match(found[0], words, sentence);
  }
  assert.ok(enums.size >= 20, `only ${enums.size} enums were found in the declarations`);
});

test('every body the gateway has sent fits the official schema, and none broke a rule of the service', async () => {
  const mark = marker();
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const content = [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }, { type: 'text', text: mark }];
  await call(shared, '/v1/messages', { body: turn(content, { model: 'claude-opus-5', thinking: { type: 'adaptive' }, tools: [{ name: 'a', input_schema: { type: 'object' } }] }) });
  const sent = (await records(sharedSimulator)).filter((one) => one.operation === 'chat' && userAgent(one).startsWith('kiro2api'));
  assert.ok(sent.length > 0 && JSON.stringify(sent.at(-1).body).includes(mark));
  const wrong = sent.flatMap((one) => faults(one.body).map((fault) => `request ${one.id}: ${fault}`));
  assert.deepEqual(wrong, []);
  const broken = sent.flatMap((one) => one.violations.map((rule) => `request ${one.id}: ${rule.rule} at ${rule.path}: ${rule.detail}`));
  // A prompt over the size that the service takes is the client's to make shorter.
  assert.deepEqual(broken.filter((line) => !/: (size|window|R22) at /.test(line)), []);
});

const userAgent = (record) => Object.fromEntries(record.headers)['user-agent'] ?? '';
