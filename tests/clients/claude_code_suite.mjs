// The real Claude Code against the gateway: what it shows, what it runs, and what it says when something breaks.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { claude, workplace } from './support/claude.mjs';
import { marker } from './support/gateway.mjs';
import { chats, current, history, sharedSimulator } from './support/simulator.mjs';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const blocks = (run, type) => run.messages.flatMap((one) => (one.type === 'assistant' ? one.message.content : [])).filter((block) => block.type === type);
const show = (run) => JSON.stringify({ result: run.result, code: run.code, err: run.err }).slice(0, 4000);

function succeeded(run, text) {
  assert.ok(run.result, show(run));
  assert.deepEqual([run.result.subtype, run.result.is_error, run.code], ['success', false, 0], show(run));
  assert.equal(run.result.result, text);
}

function failed(run, words) {
  assert.ok(run.result, show(run));
  assert.equal(run.result.is_error, true, show(run));
  assert.notEqual(run.code, 0, show(run));
  assert.match(JSON.stringify(run.result), words);
}

test('a plain prompt is answered', async (context) => {
  const mark = marker();
  const run = await claude(workplace(context), `${mark}\n@sim text "Hello from the service." chunk=4`);
  succeeded(run, 'Hello from the service.');
  const [record, ...more] = await chats(sharedSimulator, mark);
  assert.deepEqual([record.violations, more.length], [[], 0]);
  const sent = JSON.stringify(record.body);
  assert.ok(!sent.includes('billing-header'), 'the changing line at the head of the system prompt is left out');
  assert.ok(current(record).userInputMessageContext.tools.length > 5);
});

test('an agent loop reads a real file, runs a real command and answers', async (context) => {
  const place = workplace(context);
  const [mark, secret] = [marker(), marker()];
  writeFileSync(join(place.folder, 'note.txt'), `The word is ${secret}.\n`);
  const script = [
    `tool Read {"file_path":${JSON.stringify(join(place.folder, 'note.txt'))}} cut=5`,
    'text "Now a command."; tool Bash {"command":"wc -l < note.txt > lines.txt && echo made","description":"Count lines"} cut=3',
    'text "All done."',
  ].join(' => ');
  const run = await claude(place, `${mark}\n@sim ${script}`);
  succeeded(run, 'All done.');
  assert.equal(readFileSync(join(place.folder, 'lines.txt'), 'utf8').trim(), '1');
  assert.deepEqual(blocks(run, 'tool_use').map((block) => block.name), ['Read', 'Bash']);
  const records = await chats(sharedSimulator, mark);
  assert.deepEqual(records.map((one) => [one.step, one.verdict, one.violations]), [[0, 'accepted', []], [1, 'accepted', []], [2, 'accepted', []]]);
  const results = records.slice(1).map((one) => current(one).userInputMessageContext.toolResults);
  assert.match(results[0][0].content[0].text, new RegExp(`The word is ${secret}\\.`));
  assert.match(results[1][0].content[0].text, /made/);
  assert.deepEqual(results.map((list) => list.length), [1, 1]);
  assert.deepEqual(new Set(records.map((one) => one.body.conversationState.conversationId)).size, 1, 'one session, one conversation');
  assert.equal(JSON.stringify(history(records[2])).split('"toolUses"').length - 1, 2);
});

test('two tools in one answer both run', async (context) => {
  const place = workplace(context);
  const mark = marker();
  const run = await claude(place, `${mark}\n@sim interleave Bash {"command":"echo one > one.txt","description":"a"} Bash {"command":"echo two > two.txt","description":"b"} cut=4 => text "Both."`);
  succeeded(run, 'Both.');
  assert.ok(existsSync(join(place.folder, 'one.txt')) && existsSync(join(place.folder, 'two.txt')));
});

test('an image that a tool reads arrives as an image', async (context) => {
  const place = workplace(context);
  const mark = marker();
  writeFileSync(join(place.folder, 'dot.png'), PNG);
  const run = await claude(place, `${mark}\n@sim tool Read {"file_path":${JSON.stringify(join(place.folder, 'dot.png'))}} => text "A dot."`);
  succeeded(run, 'A dot.');
  const [, record] = await chats(sharedSimulator, mark);
  assert.deepEqual(record.violations, []);
  assert.equal(current(record).images.length, 1);
  assert.equal(current(record).images[0].format, 'png');
});

test('thinking is shown, native and by tags', async (context) => {
  const native = await claude(workplace(context), `${marker()}\n@sim reason "Let me ponder" chunk=3 sig="c2ln"; text "So."`, { args: ['--model', 'claude-opus-5'] });
  succeeded(native, 'So.');
  assert.deepEqual(blocks(native, 'thinking').map((block) => block.thinking), ['Let me ponder']);
  const tagged = await claude(workplace(context), `${marker()}\n@sim think "Let me ponder"; text "So."`, { args: ['--model', 'claude-sonnet-4-5'] });
  succeeded(tagged, 'So.');
  assert.deepEqual(blocks(tagged, 'thinking').map((block) => block.thinking), ['Let me ponder']);
});

test('a fault in mid-stream that stays is reported as an error, never as an answer', async (context) => {
  for (const fault of ['exception InternalServerException "boom"', 'corrupt message; text "never"']) {
    const run = await claude(workplace(context), `${marker()}\n@sim text "This is only half of"; delay 30; ${fault}`);
    failed(run, /API Error/);
    assert.notEqual(run.result.result, 'This is only half of');
  }
});

test('a fault in mid-stream that passes is survived', async (context) => {
  const mark = marker();
  const run = await claude(workplace(context), `${mark}\n@sim text "This is only half of"; delay 30; exception InternalServerException "boom" || text "Whole."`);
  succeeded(run, 'Whole.');
});

test('a tool call that was cut is not run', async (context) => {
  const place = workplace(context);
  const mark = marker();
  await claude(place, `${mark}\n@sim tool Bash {"command":"echo ran > ran.txt","description":"x"} open=30 || text "Again, whole."`);
  assert.ok(!existsSync(join(place.folder, 'ran.txt')));
  assert.ok((await chats(sharedSimulator, mark)).length >= 1);
});

test('a prompt that is too long is recognised as such', async (context) => {
  const run = await claude(workplace(context), `${marker()}\n@sim fault too-long`);
  assert.ok(run.result, show(run));
  assert.equal(run.result.is_error, true, show(run));
  assert.match(JSON.stringify([run.result.terminal_reason, run.result.result]), /prompt_too_long|Prompt is too long/i);
});
