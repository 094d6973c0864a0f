// Server-sent events of the Messages API: a strict reader, the grammar of a streamed message, and its fold.
// Written from the API's documentation alone, so that it can disagree with the gateway.
import assert from 'node:assert/strict';

/** Reads a whole stream. Anything that is not `event: NAME`, `data: {json}`, blank line, in this order, is an error. */
export function read(bytes) {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  assert.ok(text === '' || text.endsWith('\n\n'), `the stream ends inside an event: ${tail(text)}`);
  return text.split('\n\n').slice(0, -1).map(event);
}

function event(block) {
  const lines = block.split('\n');
  assert.equal(lines.length, 2, `an event of ${lines.length} lines: ${block}`);
  const name = /^event: (\S+)$/.exec(lines[0])?.[1];
  assert.ok(name, `no event name: ${lines[0]}`);
  assert.ok(lines[1].startsWith('data: '), `no data: ${lines[1]}`);
  const data = JSON.parse(lines[1].slice('data: '.length));
  assert.equal(data.type, name, 'the event name is the type of its data');
  return data;
}

/**
 * Walks through the events of one streamed message and holds them to the grammar:
 * message_start (block_start block_delta* block_stop)* message_delta message_stop, pings anywhere, blocks numbered from 0 and never
 * interleaved; an error may come at any time and is the last event.
 * Gives the message as its fold, the error if there was one, and the open block that the error cut.
 */
export function walk(events) {
  const seen = { message: null, error: null, pings: 0, open: null, deltas: 0, unfinished: null, raw: events };
  let ended = false;
  for (const [at, one] of events.entries()) {
    const where = `event ${at} (${one.type})`;
    assert.equal(seen.error, null, `${where} after an error`);
    assert.ok(!ended, `${where} after message_stop`);
    if (one.type === 'ping') {
      assert.deepEqual(one, { type: 'ping' });
      seen.pings += 1;
    } else if (one.type === 'error') {
      assert.equal(typeof one.error.type, 'string', where);
      assert.equal(typeof one.error.message, 'string', where);
      seen.error = one;
    } else if (one.type === 'message_start') {
      start(seen, one, where);
    } else {
      assert.ok(seen.message, `${where} before message_start`);
      ended = step(seen, one, where);
    }
  }
  assert.ok(ended || seen.error, 'the stream stopped with neither message_stop nor an error');
  return seen;
}

function start(seen, one, where) {
  assert.equal(seen.message, null, `${where}: a second message_start`);
  const message = one.message;
  assert.match(message.id, /^msg_/, where);
  assert.deepEqual([message.type, message.role, message.content, message.stop_reason, message.stop_sequence], ['message', 'assistant', [], null, null], where);
  counts(message.usage, where);
  seen.message = structuredClone(message);
}

function step(seen, one, where) {
  const { message } = seen;
  assert.ok(message.stop_reason === null || one.type === 'message_stop', `${where} after message_delta`);
  switch (one.type) {
    case 'content_block_start':
      assert.equal(seen.unfinished, null, `${where} after a cut tool input`);
      assert.equal(seen.open, null, `${where}: the block before is still open`);
      assert.equal(one.index, message.content.length, `${where}: index`);
      seen.open = begin(one.content_block, where);
      message.content.push(seen.open.block);
      return false;
    case 'content_block_delta':
      assert.ok(seen.open, `${where}: no block is open`);
      assert.equal(one.index, message.content.length - 1, `${where}: index`);
      piece(seen.open, one.delta, where);
      seen.deltas += 1;
      return false;
    case 'content_block_stop':
      assert.ok(seen.open, `${where}: no block is open`);
      assert.equal(one.index, message.content.length - 1, `${where}: index`);
      seen.unfinished = close(seen.open, where);
      seen.open = null;
      return false;
    case 'message_delta':
      assert.equal(seen.open, null, `${where}: a block is still open`);
      assert.equal(typeof one.delta.stop_reason, 'string', where);
      if (seen.unfinished !== null) assert.equal(one.delta.stop_reason, 'max_tokens', `${where}: the tool input before it is cut`);
      message.stop_reason = one.delta.stop_reason;
      message.stop_sequence = one.delta.stop_sequence;
      counts(one.usage, where);
      message.usage = one.usage;
      return false;
    case 'message_stop':
      assert.notEqual(message.stop_reason, null, `${where} without message_delta`);
      assert.deepEqual(one, { type: 'message_stop' });
      return true;
    default:
      return assert.fail(`${where}: no event of the Messages API`);
  }
}

const EMPTY = {
  text: { type: 'text', text: '' },
  thinking: { type: 'thinking', thinking: '', signature: '' },
};

function begin(block, where) {
  if (block.type in EMPTY) assert.deepEqual(block, EMPTY[block.type], `${where}: a block opens empty`);
  else if (block.type === 'tool_use') assert.deepEqual(block.input, {}, `${where}: input comes in deltas`);
  else assert.equal(block.type, 'redacted_thinking', where);
  return { block: structuredClone(block), json: '' };
}

const TAKES = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  signature_delta: 'thinking',
  input_json_delta: 'tool_use',
};

function piece(open, delta, where) {
  const { block } = open;
  assert.equal(TAKES[delta.type], block.type, `${where}: a ${delta.type} in a ${block.type} block`);
  if (delta.type === 'text_delta') block.text += delta.text;
  else if (delta.type === 'thinking_delta') block.thinking += delta.thinking;
  else if (delta.type === 'signature_delta') block.signature += delta.signature;
  else open.json += delta.partial_json;
}

/** The text of a tool input that is no JSON, or null: only a cut answer may hold one, as its last block. */
function close({ block, json }, where) {
  if (block.type !== 'tool_use' || json === '') return null;
  try {
    block.input = JSON.parse(json);
  } catch {
    return json;
  }
  assert.ok(block.input && typeof block.input === 'object' && !Array.isArray(block.input), `${where}: tool input is an object`);
  return null;
}

function counts(usage, where) {
  for (const name of ['input_tokens', 'output_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens']) {
    assert.ok(Number.isSafeInteger(usage[name]) && usage[name] >= 0, `${where}: usage.${name} is ${usage[name]}`);
  }
}

const tail = (text) => JSON.stringify(text.slice(-200));
