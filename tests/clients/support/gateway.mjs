// The gateway under test, over plain HTTP.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { way } from './platform.mjs';
import './secrets.mjs';
import { read, walk } from './sse.mjs';

/** Where a gateway is and what opens it. */
export const shared = { url: process.env.KIRO2API_URL, key: process.env.KIRO2API_KEY };

/** A word that no other test says: it ties a prompt to the simulator's record of it. */
export const marker = () => `mark-${randomUUID()}`;

/** One request; `body` may be an object, text or bytes. The whole answer is read. */
export async function call(gateway, path, { method, body, headers = {}, key = gateway.key, signal } = {}) {
  const sent = { ...headers };
  if (key !== null) sent['x-api-key'] = key;
  const plain = typeof body === 'string' || body instanceof Uint8Array || body === undefined;
  if (body !== undefined && !('content-type' in sent)) sent['content-type'] = 'application/json';
  const asked = way(path, { method: method ?? (body === undefined ? 'GET' : 'POST'), headers: sent, body: plain ? body : JSON.stringify(body) });
  const response = await fetch(gateway.url + asked.path, {
    method: asked.method,
    headers: asked.headers,
    body: asked.body,
    // A hang is a failure like any other.
    signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST)].filter(Boolean)),
    redirect: 'manual',
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) };
}

/** The body of a Messages request. `prompt` is the last user text; everything else may be overridden. */
export function turn(prompt, more = {}) {
  return { model: MODEL, max_tokens: 4096, messages: [{ role: 'user', content: prompt }], ...more };
}

/** A streamed message, held to the grammar: the fold, the events and the answer's head. */
export async function stream(gateway, prompt, more = {}, options = {}) {
  const body = { ...turn(prompt, more), stream: true };
  const answer = await call(gateway, '/v1/messages', { body, ...options });
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers.get('content-type'), /^text\/event-stream/);
  return { ...walk(read(answer.bytes)), head: answer };
}

/** A message that is not streamed. */
export async function whole(gateway, prompt, more = {}, options = {}) {
  const answer = await call(gateway, '/v1/messages', { body: turn(prompt, more), ...options });
  assert.equal(answer.status, 200, answer.text);
  return { message: JSON.parse(answer.text), head: answer };
}

/** A request that must be refused: status, the error's type, and the shape of its body. */
export function refused(answer, status, type) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  const body = JSON.parse(answer.text);
  assert.deepEqual([body.type, body.error.type], ['error', type], answer.text);
  assert.equal(typeof body.error.message, 'string');
  assert.equal(body.request_id, answer.headers.get('request-id'));
  return body.error;
}

/** The parts of a message that two requests with the same answer share. */
export function content({ message }) {
  const { content, stop_reason, stop_sequence, model, role, type } = message;
  const strip = ({ id, ...block }) => (block.type === 'tool_use' ? block : { id, ...block });
  return JSON.parse(JSON.stringify({ content: content.map(strip), stop_reason, stop_sequence, model, role, type }));
}

export const text = (value) => ({ type: 'text', text: value });
export const tool = (name, properties = {}, description = `Does ${name}.`) => ({
  name,
  description,
  input_schema: { type: 'object', properties },
});

const LONGEST = 100_000;
export const MODEL = 'claude-sonnet-4-5';
