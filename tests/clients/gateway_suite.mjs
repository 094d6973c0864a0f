// The gateway's front: keys, paths, heads, lists, counts, limits and bad input, over plain HTTP on the real worker.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';

import { MODEL, call, marker, refused, shared, stream, text, turn, whole } from './support/gateway.mjs';
import { TOO_LARGE } from './support/platform.mjs';
import { chat, chats, sharedSimulator, until } from './support/simulator.mjs';

const ok = () => ({ body: turn(`${marker()}\n@sim text "ok"`) });
const message = async (answer) => JSON.parse(answer.text).content[0].text;

test('a key opens in either header, in any case of the scheme, and beside a wrong one', async () => {
  for (const headers of [
    { 'x-api-key': shared.key },
    { authorization: `Bearer ${shared.key}` },
    { authorization: `bearer ${shared.key}` },
    { authorization: `BEARER  ${shared.key}` },
    { authorization: `Bearer ${shared.key}`, 'x-api-key': 'a stale one' },
    { authorization: 'Bearer a-stale-one', 'x-api-key': shared.key },
  ]) {
    const answer = await call(shared, '/v1/messages', { ...ok(), key: null, headers });
    assert.equal(answer.status, 200, JSON.stringify(headers) + answer.text);
    assert.equal(await message(answer), 'ok');
  }
});

test('without the key nothing under /v1 opens, and nothing reaches the service', async () => {
  const mark = marker();
  for (const headers of [{}, { 'x-api-key': 'wrong' }, { 'x-api-key': '' }, { authorization: shared.key }, { authorization: `Basic ${shared.key}` }, { 'x-api-key': `${shared.key}0` }]) {
    for (const [path, body] of [['/v1/messages', turn(mark)], ['/v1/messages/count_tokens', turn(mark)], ['/v1/models', undefined], [`/v1/models/${MODEL}`, undefined]]) {
      const answer = await call(shared, path, { body, key: null, headers: { 'anthropic-version': '2023-06-01', ...headers } });
      const error = refused(answer, 401, 'authentication_error');
      assert.ok(!error.message.includes('wrong'), error.message);
    }
  }
  assert.deepEqual(await chats(sharedSimulator, mark), []);
});

test('the deep health needs the key, the plain one does not', async () => {
  const plain = await call(shared, '/health', { key: null });
  assert.equal(plain.status, 200);
  const { status, configured, version } = JSON.parse(plain.text);
  assert.deepEqual([status, configured], ['ok', true]);
  assert.match(version, /^\d+\.\d+\.\d+/);
  refused(await call(shared, '/health?deep=1', { key: null }), 401, 'authentication_error');
  await call(shared, '/v1/messages', ok());
  const deep = JSON.parse((await call(shared, '/health?deep=1')).text);
  assert.deepEqual([deep.status, deep.store], ['ok', 'ok']);
  assert.ok(deep.accounts.length >= 1 && deep.accounts.every((one) => one.label && one.state));
});

test('every answer has a request id of its own', async () => {
  const answers = await Promise.all([
    call(shared, '/health'), call(shared, '/v1/models'), call(shared, '/nothing'), call(shared, '/v1/messages', ok()),
    call(shared, '/v1/messages', { body: '{' }), call(shared, '/'), call(shared, '/v1/messages', { method: 'OPTIONS' }),
  ]);
  const ids = answers.map((answer) => answer.headers.get('request-id'));
  for (const id of ids) assert.match(id, /^req_[0-9a-f]{24}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('unknown paths are 404 in the right dialect', async () => {
  refused(await call(shared, '/v1/nothing'), 404, 'not_found_error');
  refused(await call(shared, '/v2/messages', { body: {} }), 404, 'not_found_error');
  refused(await call(shared, '/v1/messages/batches', { body: {} }), 404, 'not_found_error');
  const openai = await call(shared, '/v1/embeddings', { body: {} });
  assert.equal(openai.status, 404);
  assert.deepEqual(Object.keys(JSON.parse(openai.text)), ['error']);
  const head = await call(shared, '/api/hello', { method: 'HEAD', key: null });
  assert.deepEqual([head.status, head.bytes.length], [404, 0]);
});

test('wrong methods are 405 and name the right ones', async () => {
  for (const [method, path, allow] of [['GET', '/v1/messages', 'POST, OPTIONS'], ['PUT', '/v1/messages', 'POST, OPTIONS'], ['DELETE', '/v1/models', 'GET, HEAD, OPTIONS'], ['POST', '/health', 'GET, HEAD, OPTIONS']]) {
    const answer = await call(shared, path, { method, headers: { 'anthropic-version': '2023-06-01' } });
    refused(answer, 405, 'invalid_request_error');
    assert.equal(answer.headers.get('allow'), allow);
  }
});

test('HEAD gives the head of GET and no body', async () => {
  for (const path of ['/', '/health', '/v1/models']) {
    const [head, full] = [await call(shared, path, { method: 'HEAD' }), await call(shared, path)];
    assert.equal(head.status, 200, path);
    assert.equal(head.bytes.length, 0);
    assert.equal(head.headers.get('content-type'), full.headers.get('content-type'));
    assert.ok(full.bytes.length > 0);
  }
});

test('the page at / tells what is there and no secret', async () => {
  const page = await call(shared, '/', { key: null });
  assert.match(page.headers.get('content-type'), /^text\/plain/);
  assert.match(page.text, /POST \/v1\/messages/);
  assert.ok(!page.text.includes(shared.key));
});

test('browsers may call: preflight and answers carry CORS headers, without credentials', async () => {
  const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key, anthropic-beta' };
  const preflight = await call(shared, '/v1/messages', { method: 'OPTIONS', key: null, headers });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.equal(preflight.headers.get('access-control-allow-headers'), 'x-api-key, anthropic-beta');
  assert.match(preflight.headers.get('access-control-allow-methods'), /POST/);
  assert.equal(preflight.headers.get('access-control-allow-credentials'), null);
  for (const answer of [await call(shared, '/v1/messages', { ...ok(), headers }), await call(shared, '/v1/messages', { body: '{', headers })]) {
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    assert.match(answer.headers.get('access-control-expose-headers'), /request-id/);
  }
});

test('the prefix may be missing, doubled, and followed by a slash', async () => {
  for (const path of ['/messages', '/v1/v1/messages', '/v1/messages/', '/v1/messages?beta=true']) {
    assert.equal(await message(await call(shared, path, ok())), 'ok', path);
  }
});

test('a stream is sent with the headers that keep proxies from holding it back', async () => {
  const { head } = await stream(shared, `${marker()}\n@sim text "x"`, {}, { headers: { 'accept-encoding': 'gzip, deflate, br, zstd', accept: 'application/json' } });
  assert.match(head.headers.get('cache-control'), /no-cache/);
  assert.match(head.headers.get('cache-control'), /no-transform/);
  assert.equal(head.headers.get('content-encoding'), null);
});

test('models: in the dialect that is asked for', async () => {
  const anthropic = JSON.parse((await call(shared, '/v1/models')).text);
  assert.equal(anthropic.has_more, false);
  assert.ok(anthropic.data.some((model) => model.id === 'claude-sonnet-4-5'));
  for (const model of anthropic.data) {
    assert.equal(model.type, 'model');
    assert.equal(typeof model.display_name, 'string');
    assert.ok(!Number.isNaN(Date.parse(model.created_at)));
  }
  const headers = { authorization: `Bearer ${shared.key}` };
  const openai = JSON.parse((await call(shared, '/v1/models', { key: null, headers })).text);
  assert.equal(openai.object, 'list');
  assert.deepEqual(openai.data.map((model) => model.id), anthropic.data.map((model) => model.id));
  for (const model of openai.data) assert.deepEqual([model.object, Number.isInteger(model.created), typeof model.owned_by], ['model', true, 'string']);
});

test('models: pages in both directions hold every model once', async () => {
  const page = async (query) => JSON.parse((await call(shared, `/v1/models?${query}`)).text);
  const all = (await page('limit=1000')).data.map((model) => model.id);
  const forward = [];
  for (let query = 'limit=3'; ;) {
    const { data, has_more, first_id, last_id } = await page(query);
    assert.deepEqual([first_id, last_id], [data[0].id, data.at(-1).id]);
    forward.push(...data.map((model) => model.id));
    if (!has_more) break;
    query = `limit=3&after_id=${encodeURIComponent(last_id)}`;
  }
  assert.deepEqual(forward, all);
  const before = await page(`limit=2&before_id=${all[4]}`);
  assert.deepEqual(before.data.map((model) => model.id), all.slice(2, 4));
  refused(await call(shared, '/v1/models?limit=x'), 400, 'invalid_request_error');
});

test('models: one by its name, also dated, dotted and bracketed; an unknown one names its neighbours', async () => {
  for (const name of ['claude-sonnet-4-5', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4.5', 'claude-sonnet-4-5-latest', encodeURIComponent('claude-sonnet-4-5[1m]')]) {
    const model = JSON.parse((await call(shared, `/v1/models/${name}`)).text);
    assert.equal(model.display_name, 'Claude Sonnet 4.5', name);
  }
  refused(await call(shared, '/v1/models/claude-sonnet-99'), 404, 'not_found_error');
  const error = refused(await call(shared, '/v1/messages', { body: turn('x', { model: 'claude-sonnet-99' }) }), 404, 'not_found_error');
  assert.match(error.message, /claude-sonnet-5/);
});

test('the model of an answer is called as the client called it', async () => {
  const answer = await whole(shared, `${marker()}\n@sim text "x"`, { model: 'claude-sonnet-4-5-20250929' });
  assert.equal(answer.message.model, 'claude-sonnet-4-5-20250929');
});

test('tokens are counted here, without the service', async () => {
  const mark = marker();
  const count = async (body) => JSON.parse((await call(shared, '/v1/messages/count_tokens', { body })).text).input_tokens;
  const small = await count(turn(mark));
  const large = await count(turn(`${mark} ${'word '.repeat(40_000)}`));
  assert.ok(small > 0 && small < 100, `${small}`);
  assert.ok(large > 30_000 && large < 60_000, `${large}`);
  const tools = [{ name: 'a', description: 'long '.repeat(500), input_schema: { type: 'object' } }];
  assert.ok(await count(turn(mark, { tools })) > small + 300);
  refused(await call(shared, '/v1/messages/count_tokens', { body: { model: MODEL } }), 400, 'invalid_request_error');
  assert.deepEqual(await chats(sharedSimulator, mark), []);
});

test('what cannot be honoured is named in a header, and is no error', async () => {
  const more = { temperature: 0.5, top_k: 3, service_tier: 'auto', metadata: { user_id: 'u' }, container: null };
  for (const streamed of [true, false]) {
    const answer = await call(shared, '/v1/messages', { body: { ...turn(`${marker()}\n@sim text "x"`, more), stream: streamed } });
    assert.equal(answer.status, 200, answer.text);
    const ignored = answer.headers.get('x-kiro2api-ignored').split(', ');
    for (const field of ['temperature', 'top_k', 'service_tier']) assert.ok(ignored.includes(field), `${field} in ${ignored}`);
    assert.ok(!ignored.includes('metadata'), 'the user id names the session');
  }
  assert.equal((await call(shared, '/v1/messages', ok())).headers.get('x-kiro2api-ignored'), null);
});

// [sentence, body, what the message must name]
const image = (source) => turn([{ type: 'image', source }]);
const BAD = [
  ['no JSON', '{', /JSON|line 1/],
  ['nothing', '', /body/],
  ['a list', '[]', /./],
  ['no model', { max_tokens: 1, messages: [] }, /model/],
  ['a model that is a number', turn('x', { model: 5 }), /model/],
  ['no messages', { model: MODEL, max_tokens: 5 }, /messages/],
  ['messages of the wrong type', turn('x', { messages: 'hi' }), /messages/],
  ['an empty list of messages', turn('x', { messages: [] }), /messages/],
  ['an unknown role', turn('x', { messages: [{ role: 'robot', content: 'x' }] }), /messages\[0\]\.role/],
  ['content of the wrong type', turn('x', { messages: [{ role: 'user', content: 'a' }, { role: 'user', content: 7 }] }), /messages\[1\]\.content/],
  ['a text that is a number', turn([{ type: 'text', text: 5 }]), /messages\[0\]\.content\[0\]\.text/],
  ['negative max_tokens', turn('x', { max_tokens: -1 }), /max_tokens/],
  ['max_tokens of nothing', turn('x', { max_tokens: 0 }), /max_tokens/],
  ['a fraction of a token', turn('x', { max_tokens: 1.5 }), /max_tokens/],
  ['stream that is a word', turn('x', { stream: 'yes' }), /stream/],
  ['tools that are an object', turn('x', { tools: {} }), /tools/],
  ['a tool without a name', turn('x', { tools: [{ input_schema: { type: 'object' } }] }), /tools\[0\]\.name/],
  ['a tool choice nobody knows', turn('x', { tool_choice: { type: 'maybe' } }), /tool_choice/],
  ['stop sequences that are numbers', turn('x', { stop_sequences: [1] }), /stop_sequences\[0\]/],
  ['broken base64', image({ type: 'base64', media_type: 'image/png', data: '!!!' }), /messages\[0\]\.content\[0\]\.source\.data/],
  ['an image that is none', image({ type: 'base64', media_type: 'image/png', data: 'aGVsbG8gd29ybGQ=' }), /messages\[0\]\.content\[0\]/],
  ['an image source nobody knows', image({ type: 'file', file_id: 'x' }), /messages\[0\]\.content\[0\]\.source/],
  ['a tool result without its id', turn([{ type: 'tool_result', content: 'x' }]), /messages\[0\]\.content\[0\]\.tool_use_id/],
  ['a body nested deeper than any client does', `{"model":"${MODEL}","max_tokens":5,"messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /./],
  ['tool input nested without end', `{"model":"${MODEL}","max_tokens":5,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"n","input":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}]}]}`, /./],
  ['invalid UTF-8', Buffer.from([...Buffer.from(`{"model":"${MODEL}","max_tokens":5,"messages":[{"role":"user","content":"`), 0xff, 0xfe, ...Buffer.from('"}]}')]), /./],
  ['a number too large for anything', `{"model":"${MODEL}","max_tokens":1e999,"messages":[{"role":"user","content":"x"}]}`, /max_tokens|number/],
];

for (const [sentence, body, names] of BAD) {
  test(`bad input: ${sentence} is a 400 that says where`, async () => {
    const answer = await call(shared, '/v1/messages', { body, method: 'POST' });
    const error = refused(answer, 400, 'invalid_request_error');
    assert.match(error.message, names);
  });
}

test('message threads are refused in the form that makes the SDKs go on without', async () => {
  const answer = await call(shared, '/v1/messages', { body: turn('x', { thread: { type: 'create' } }) });
  const error = refused(answer, 400, 'invalid_request_error');
  assert.deepEqual(error.details, { error_code: 'thread_unsupported_request', unsupported: ['thread'] });
});

test('a lone surrogate is mended, not refused', async () => {
  const body = `{"model":"${MODEL}","max_tokens":50,"messages":[{"role":"user","content":"${marker()} \\ud83d!\\n@sim text \\"fine\\""}]}`;
  assert.equal(await message(await call(shared, '/v1/messages', { body })), 'fine');
});

test('a compressed body is read', async () => {
  const { gzipSync, deflateSync } = await import('node:zlib');
  for (const [encoding, pack] of [['gzip', gzipSync], ['deflate', deflateSync]]) {
    const body = pack(JSON.stringify(ok().body));
    const answer = await call(shared, '/v1/messages', { body, headers: { 'content-encoding': encoding } });
    assert.equal(await message(answer), 'ok', encoding);
  }
  refused(await call(shared, '/v1/messages', { body: 'not gzip', headers: { 'content-encoding': 'gzip' } }), 400, 'invalid_request_error');
});

test('a body over the limit of the platform is a 413', async () => {
  const answer = await call(shared, '/v1/messages', { body: JSON.stringify(turn('x'.repeat(TOO_LARGE.bytes))) });
  const error = refused(answer, 413, 'request_too_large');
  assert.match(error.message, TOO_LARGE.words);
});

test('a prompt larger than the service takes has the words that let a client compact', async () => {
  const answer = await call(shared, '/v1/messages', { body: turn('lorem ipsum '.repeat(90_000)) });
  const error = refused(answer, 400, 'invalid_request_error');
  const [, tokens, maximum] = /^prompt is too long: (\d+) tokens > (\d+) maximum$/.exec(error.message) ?? assert.fail(error.message);
  assert.ok(Number(tokens) > Number(maximum));
  assert.equal(maximum, '200000');
});

async function readUntil(reader, word) {
  for (let seen = ''; !seen.includes(word);) {
    const { done, value } = await reader.read();
    assert.ok(!done, `the answer ended without ${word}: ${seen}`);
    seen += new TextDecoder().decode(value);
  }
}

test('a client that goes in mid-stream cancels the service', async () => {
  const mark = marker();
  const abort = new AbortController();
  const response = await fetch(`${shared.url}/v1/messages`, {
    method: 'POST', signal: abort.signal,
    headers: { 'x-api-key': shared.key, 'content-type': 'application/json' },
    body: JSON.stringify({ ...turn(`${mark}\n@sim pace 20; text "tick" times=100000 chunk=4`), stream: true }),
  });
  const reader = response.body.getReader();
  await readUntil(reader, 'tick');
  assert.equal((await chat(sharedSimulator, mark)).outcome, 'open');
  abort.abort();
  await until('the service sees the cancel', async () => (await chat(sharedSimulator, mark)).outcome === 'client_gone');
});

test('events reach the client as they come, not at the end', async () => {
  const mark = marker();
  const response = await fetch(`${shared.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': shared.key, 'content-type': 'application/json' },
    body: JSON.stringify({ ...turn(`${mark}\n@sim text "first"; stall`), stream: true }),
  });
  const reader = response.body.getReader();
  await readUntil(reader, 'first');
  assert.equal((await chat(sharedSimulator, mark)).outcome, 'open');
  await reader.cancel();
});

test('a request cut off in its body is no answer and no crash', async () => {
  const { hostname, port } = new URL(shared.url);
  await new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${shared.key}\r\ncontent-length: 1000\r\n\r\n{"model":`);
      socket.destroy();
    });
    socket.on('close', resolve).on('error', reject);
  });
  assert.equal(await message(await call(shared, '/v1/messages', ok())), 'ok');
});

/** A client that goes while nothing is sent: a local socket does not tell, so the next pings find it out. */
async function leaveInSilence() {
  const mark = marker();
  const abort = new AbortController();
  const gone = call(shared, '/v1/messages', { body: turn(`${mark}\n@sim stall`, { stream: true }), signal: abort.signal });
  await until('the request is under way', async () => (await chats(sharedSimulator, mark)).length === 1);
  abort.abort();
  await assert.rejects(gone, { name: 'AbortError' });
  await until('the service sees the cancel', async () => (await chat(sharedSimulator, mark)).outcome === 'client_gone', 80_000);
}

test('silence brings a ping after 15 seconds, before and after the first text; a client that went in silence is noticed by then', async () => {
  const [before, after] = await Promise.all([
    stream(shared, `${marker()}\n@sim head-delay 20000; text "late"`),
    stream(shared, `${marker()}\n@sim text "early"; delay 20000; text ", late"`),
    leaveInSilence(),
  ]);
  assert.deepEqual([before.message.content, before.pings, before.error], [[text('late')], 1, null]);
  assert.equal(before.raw[0].type, 'ping');
  assert.deepEqual([after.message.content, after.pings, after.error], [[text('early, late')], 1, null]);
});
