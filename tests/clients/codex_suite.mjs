// The real Codex against the gateway: what it shows, what it runs, and what it says when something breaks.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { codex, workplace } from './support/codex.mjs';
import { MODEL, marker } from './support/gateway.mjs';
import { gateway } from './support/own.mjs';
import { chats, current, sharedSimulator } from './support/simulator.mjs';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
/** A model for which Codex declares no `tools`: a freeform `exec` and namespaces come as an item of the input. */
const FREEFORM = 'gpt-5.6-sol';

/** A model for which Codex declares a freeform `apply_patch` and a search of its own for further tools. */
const PATCHER = 'gpt-5.5';

const show = (run) => JSON.stringify({ texts: run.texts, failure: run.failure, code: run.code, err: run.err }).slice(0, 4000);
const json = JSON.stringify;
const results = (record) => current(record).userInputMessageContext.toolResults.map((one) => one.content.map((part) => part.text ?? '').join('\n'));
const patch = (file, line) => `*** Begin Patch\n*** Update File: ${file}\n@@\n-one\n+${line}\n*** End Patch\n`;

function succeeded(run, text) {
  assert.deepEqual([run.code, run.failure], [0, null], show(run));
  assert.equal(run.texts.at(-1), text, show(run));
}

function failed(run, words) {
  assert.notEqual(run.code, 0, show(run));
  assert.match(run.failure ?? '', words, show(run));
}

/** What the service got in one turn: requests in order, each accepted, all of one conversation. */
async function turns(mark, count) {
  const records = await chats(sharedSimulator, mark);
  assert.deepEqual(records.map((one) => [one.step, one.verdict, one.violations]), Array.from({ length: count }, (_, step) => [step, 'accepted', []]));
  assert.equal(new Set(records.map((one) => one.body.conversationState.conversationId)).size, 1, 'one session, one conversation');
  return records;
}

test('a plain prompt is answered', async (context) => {
  const mark = marker();
  const run = await codex(workplace(context), `${mark}\n@sim text "Hello from the service." chunk=4; usage {"uncachedInputTokens":10,"outputTokens":3,"totalTokens":13}`);
  succeeded(run, 'Hello from the service.');
  assert.deepEqual([run.usage.input_tokens, run.usage.output_tokens], [10, 3]);
  const [record] = await turns(mark, 1);
  const tools = current(record).userInputMessageContext.tools.map((tool) => tool.toolSpecification.name);
  assert.ok(tools.includes('exec_command') && tools.some((name) => name.includes('spawn_agent')), tools.join());
  assert.ok(json(record.body).includes('<environment_context>'));
});

test('an agent loop runs a real command, applies a real patch and answers', async (context) => {
  const place = workplace(context);
  const mark = marker();
  writeFileSync(join(place.folder, 'note.txt'), 'one\n');
  const script = [
    `tool exec_command ${json({ cmd: 'wc -l < note.txt > lines.txt && echo made' })} cut=3`,
    `text "Now a patch."; tool exec_command ${json({ cmd: `apply_patch <<'EOF'\n${patch('note.txt', 'two')}EOF` })} cut=5`,
    'text "All done."',
  ].join(' => ');
  const run = await codex(place, `${mark}\n@sim ${script}`);
  succeeded(run, 'All done.');
  assert.deepEqual(run.texts, ['Now a patch.', 'All done.']);
  assert.equal(readFileSync(join(place.folder, 'lines.txt'), 'utf8').trim(), '1');
  assert.equal(readFileSync(join(place.folder, 'note.txt'), 'utf8'), 'two\n');
  assert.deepEqual(run.items('command_execution').map((item) => [item.aggregated_output, item.exit_code]), [['made\n', 0]]);
  assert.deepEqual(run.items('file_change').map((item) => item.changes.map((change) => change.kind)), [['update']]);
  const [, second, third] = await turns(mark, 3);
  assert.match(results(second).join(), /exited with code 0[^]*made/);
  assert.match(results(third).join(), /Success\. Updated the following files:\s+M note\.txt/);
});

test('two commands in one answer both run, and each result belongs to its call', async (context) => {
  const place = workplace(context);
  const mark = marker();
  const run = await codex(place, `${mark}\n@sim interleave exec_command {"cmd":"echo first > one.txt; cat one.txt"} exec_command {"cmd":"echo second > two.txt; cat two.txt"} cut=4 => text "Both."`);
  succeeded(run, 'Both.');
  assert.ok(existsSync(join(place.folder, 'one.txt')) && existsSync(join(place.folder, 'two.txt')));
  const [, record] = await turns(mark, 2);
  assert.deepEqual(results(record).map((text) => /^(first|second)$/m.exec(text)?.[0]), ['first', 'second']);
});

test('freeform code runs a command and applies a patch', async (context) => {
  const place = workplace(context);
  const mark = marker();
  writeFileSync(join(place.folder, 'note.txt'), 'one\n');
  const code = [
    "const made = await tools.exec_command({ cmd: 'wc -l < note.txt > lines.txt && echo made' });",
    'text(made.output);',
    `await tools.apply_patch(${json(patch('note.txt', 'two'))});`,
  ].join('\n');
  const run = await codex(place, `${mark}\n@sim text "Some code."; tool exec ${json({ input: code })} cut=6 => text "All done."`, { model: FREEFORM });
  succeeded(run, 'All done.');
  assert.equal(readFileSync(join(place.folder, 'lines.txt'), 'utf8').trim(), '1');
  assert.equal(readFileSync(join(place.folder, 'note.txt'), 'utf8'), 'two\n');
  const [first, second] = await turns(mark, 2);
  const names = current(first).userInputMessageContext.tools.map((tool) => tool.toolSpecification.name);
  assert.ok(['exec', 'wait', 'list_agents'].every((wanted) => names.some((name) => name.endsWith(wanted))), names.join());
  assert.match(results(second).join(), /Script completed[^]*made/);
});

test('a freeform patch is applied, for a model that MODEL_MAP brings', async (context) => {
  const place = workplace(context);
  writeFileSync(join(place.folder, 'note.txt'), 'one\n');
  const own = await gateway(context, { env: { MODEL_MAP: json({ [PATCHER]: MODEL }) } });
  const run = await codex(place, `${marker()}\n@sim tool apply_patch ${json({ input: patch('note.txt', 'two') })} cut=6 => text "Patched."`, { model: PATCHER, gateway: own });
  succeeded(run, 'Patched.');
  assert.equal(readFileSync(join(place.folder, 'note.txt'), 'utf8'), 'two\n');
  assert.deepEqual(run.items('file_change').map((item) => item.status), ['completed']);
});

test('a session is taken up again, with all that was said', async (context) => {
  const place = workplace(context);
  const mark = marker();
  succeeded(await codex(place, `${mark}\n@sim tool exec_command {"cmd":"echo made > made.txt"} => text "First." => text "Second."`), 'First.');
  const run = await codex(place, 'And now?', { args: ['resume', '--last'] });
  succeeded(run, 'Second.');
  const [, , third] = await turns(mark, 3);
  assert.ok(json(third.body).includes('First.'));
});

test('a tool of a namespace is called by its own name', async (context) => {
  const mark = marker();
  const run = await codex(workplace(context), `${mark}\n@sim tool list_agents {} => text "One agent."`, { model: FREEFORM });
  succeeded(run, 'One agent.');
  const [, record] = await turns(mark, 2);
  assert.match(results(record).join(), /"agent_name":"\/root"/);
});

test('an image that a tool reads arrives as an image', async (context) => {
  const place = workplace(context);
  const mark = marker();
  writeFileSync(join(place.folder, 'dot.png'), PNG);
  const run = await codex(place, `${mark}\n@sim tool view_image ${json({ path: join(place.folder, 'dot.png') })} => text "A dot."`);
  succeeded(run, 'A dot.');
  const [, record] = await turns(mark, 2);
  assert.deepEqual(current(record).images.map((image) => image.format), ['png']);
});

test('thinking is shown, and goes on with the conversation', async (context) => {
  const mark = marker();
  const run = await codex(workplace(context), `${mark}\n@sim reason "Let me ponder" chunk=3 sig="c2ln"; tool exec_command {"cmd":"true"} => text "So."`, { model: 'claude-opus-5' });
  succeeded(run, 'So.');
  assert.deepEqual(run.items('reasoning').map((item) => item.text), ['Let me ponder']);
  await turns(mark, 2);
});

test('an answer after a schema fits it', async (context) => {
  const place = workplace(context);
  writeFileSync(join(place.folder, 'schema.json'), json({ type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false }));
  const run = await codex(place, `${marker()}\n@sim text "Sure!" || text "{\\"a\\":1}" => text "{\\"a\\":1}"`, { args: ['--output-schema', join(place.folder, 'schema.json')] });
  succeeded(run, '{"a":1}');
});

test('a fault in mid-stream that stays is reported as an error, never as an answer', async (context) => {
  for (const [fault, words] of [
    ['exception InternalServerException "boom"', /stream disconnected before completion: (?!stream closed)/],
    ['corrupt message; text "never"', /stream disconnected before completion: (?!stream closed)/],
    ['exception ThrottlingException "Too many requests"', /rate limit/],
  ]) {
    const run = await codex(workplace(context), `${marker()}\n@sim text "This is only half of"; delay 30; ${fault}`);
    failed(run, words);
    assert.deepEqual(run.texts, [], fault);
  }
});

test('a fault in mid-stream that passes is survived', async (context) => {
  const run = await codex(workplace(context), `${marker()}\n@sim text "This is only half of"; delay 30; exception InternalServerException "boom" || text "Whole."`, { retries: 1 });
  succeeded(run, 'Whole.');
  assert.deepEqual(run.texts, ['Whole.']);
});

test('a tool call that was cut is not run', async (context) => {
  const place = workplace(context);
  const run = await codex(place, `${marker()}\n@sim tool exec_command {"cmd":"echo ran > ran.txt"} open=15`);
  assert.notEqual(run.code, 0, show(run));
  assert.ok(!existsSync(join(place.folder, 'ran.txt')));
});

test('a prompt that is too long is recognised as such', async (context) => {
  failed(await codex(workplace(context), `${marker()}\n@sim fault too-long`), /ran out of room in the model's context window/);
});

test('a model that is not served is told by the nearest names, without a retry', async (context) => {
  failed(await codex(workplace(context), marker(), { model: 'claude-sonnet-99', retries: 3 }), /claude-sonnet-4/);
});
