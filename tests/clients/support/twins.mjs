// Two gateways that must not be told apart: the shipped worker on workerd and the Lambda function on its emulator, both with the clock
// and the randomness of seeded_worker.mjs. Each platform has a simulator of its own.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { invocation } from './function_url.mjs';
import { folder, simulator } from './own.mjs';
import { hear, knowSettings } from './secrets.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAMS = dirname(process.env.KIRO2API_XTASK);
const require = createRequire(join(ROOT, 'package.json'));

/**
 * Starts one gateway per entry of `lanes` on each platform. An entry holds a gateway's variables; `{upstream}` in a value stands for the
 * platform's simulator. Gives `[{ name, upstream, ask(lane, request), close(lane), log }]`: the
 * Workers first.
 */
export async function twins(context, lanes) {
  lanes.forEach(knowSettings);
  const [mine, theirs] = [await simulator(context), await simulator(context)];
  return [await workers(context, mine, variables(lanes, mine)), await functions(context, theirs, variables(lanes, theirs))];
}

const variables = (lanes, upstream) =>
  lanes.map((lane) => Object.fromEntries(Object.entries({ ...BASES, ...lane }).map(([name, value]) => [name, value.replaceAll('{upstream}', upstream)])));

/**
 * The bundle as it is shipped, imported once for each gateway: every copy has a memory of its own, as isolates have, and they all share
 * the compiled wasm. The request's host names the copy.
 */
async function workers(context, upstream, lanes) {
  execFileSync(process.env.KIRO2API_XTASK, ['bundle'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const { Miniflare } = createRequire(require.resolve('wrangler'))('miniflare');
  const { workerOptions } = require('wrangler').unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml'));
  const glue = readFileSync(join(ROOT, 'build/index.js'), 'utf8');
  const file = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
  let log = '';
  const miniflare = new Miniflare({
    handleRuntimeStdio: (out, error) => {
      for (const stream of [out, error]) stream.setEncoding('utf8').on('data', (text) => { log += text; });
    },
    name: 'twins',
    modules: [
      { type: 'ESModule', path: 'seeded_lanes.mjs', contents: file('seeded_lanes.mjs') },
      { type: 'ESModule', path: 'seeded_worker.mjs', contents: file('seeded_worker.mjs') },
      { type: 'CompiledWasm', path: 'index_bg.wasm', contents: readFileSync(join(ROOT, 'build/index_bg.wasm')) },
      ...lanes.map((_, lane) => ({ type: 'ESModule', path: `lane-${lane}.js`, contents: glue })),
    ],
    compatibilityDate: workerOptions.compatibilityDate,
    compatibilityFlags: workerOptions.compatibilityFlags,
    bindings: { LANES: lanes },
    kvNamespaces: Object.fromEntries(lanes.map((_, lane) => [`TOKENS_${lane}`, `lane-${lane}`])),
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  });
  context.after(async () => {
    await miniflare.dispose();
    hear('a log line of workerd', [log]);
  });
  await miniflare.ready;
  const url = String(await miniflare.unsafeGetDirectURL('twins'));
  const host = (lane, { event, headers, ...one }) => ({ ...one, headers: { ...headers, host: `lane-${lane}.test` } });
  return { name: 'workers', upstream, ask: (lane, one) => ask(url, host(lane, one)), close: () => {}, log: () => log };
}

/** One process per function under the emulator, which knows its functions by the programs of a package. */
async function functions(context, upstream, lanes) {
  execFileSync('cargo', ['build', '--locked', '--package', 'kiro2api-lambda', '--example', 'kiro2api-seeded'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const place = folder(context);
  mkdirSync(join(place, 'functions'));
  const programs = lanes.map((_, at) => `[[bin]]\nname = "twin-${at}"\npath = "main.rs"\n`);
  writeFileSync(join(place, 'functions/Cargo.toml'), `[package]\nname = "twins"\nversion = "0.0.0"\nedition = "2024"\n${programs.join('')}\n[workspace]\n`);
  const port = await free();
  const emulator = run(context, CARGO_LAMBDA, ['lambda', 'watch', '--only-lambda-apis', '--disable-cors', '-A', '127.0.0.1', '-P', String(port)], { cwd: join(place, 'functions'), env: process.env });
  await emulator.says(/starting Runtime server/);
  const running = new Map();
  const start = (lane) => run(context, join(PROGRAMS, 'examples/kiro2api-seeded'), [], {
    cwd: place,
    env: {
      ...lanes[lane],
      AWS_LAMBDA_RUNTIME_API: `http://127.0.0.1:${port}/.rt/twin-${lane}`,
      AWS_LAMBDA_FUNCTION_NAME: `twin-${lane}`,
      AWS_LAMBDA_FUNCTION_VERSION: '1',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_MAX_CONCURRENCY: '4',
    },
  });
  return {
    name: 'lambda',
    upstream,
    ask(lane, { event, ...one }) {
      if (!running.has(lane)) running.set(lane, start(lane));
      return event
        ? ask(`http://127.0.0.1:${port}`, invocation(`twin-${lane}`, one))
        : ask(`http://127.0.0.1:${port}/lambda-url/twin-${lane}`, one);
    },
    close: (lane) => running.get(lane)?.stop(),
    log: () => [emulator, ...running.values()].map((one) => one.log()).join(''),
  };
}

function run(context, program, args, options) {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let all = '';
  const closed = once(child, 'close');
  const heard = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      all += text;
      for (const look of heard) look();
    });
  }
  const says = (words) => new Promise((resolve, reject) => {
    heard.push(() => words.test(all) && resolve());
    child.on('error', reject);
    closed.then(([code]) => reject(new Error(`${program} ended with ${code}: ${all}`)), reject);
  });
  closed.then(() => hear(`a log line of ${program}`, [all]), () => {});
  const stop = () => {
    child.kill('SIGKILL');
    return closed;
  };
  context.after(stop);
  return { says, stop, log: () => all };
}

async function free() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** One request, its bytes as given; `event` brings it to the function as an event of a function URL. Gives the status, the headers that the gateway set, and the body's bytes. */
function ask(base, { method = 'POST', path, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const target = new URL(base);
    const outgoing = request({ host: target.hostname, port: target.port, method, path: target.pathname.replace(/\/$/, '') + path, headers, agent: false, timeout: LONGEST });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no end after ${LONGEST} ms: ${method} ${path}`)));
    outgoing.on('error', reject);
    outgoing.on('response', async (answer) => {
      try {
        const parts = [];
        for await (const part of answer) parts.push(part);
        const head = answer.rawHeaders.join('\n');
        hear(`an answer ${answer.statusCode} to ${method} ${path}`, [`${head}\n`, ...parts], Buffer.from(body ?? ''));
        resolve({ status: answer.statusCode, headers: own(answer.rawHeaders), body: Buffer.concat(parts) });
      } catch (error) {
        reject(error);
      }
    });
    outgoing.end(body);
  });
}

/** The headers without those that the platform, not the gateway, has put there. */
function own(raw) {
  const lines = [];
  for (let at = 0; at < raw.length; at += 2) lines.push([raw[at].toLowerCase(), raw[at + 1]]);
  return lines.filter(([name, value]) => !PLATFORM.has(name) && `${name}: ${value}` !== UNTYPED).map((line) => line.join(': ')).sort();
}

/** Compares two byte strings; the first byte that differs is shown in its surroundings. */
export function same(left, right, what) {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  if (a.equals(b)) return;
  let at = 0;
  while (at < Math.min(a.length, b.length) && a[at] === b[at]) at += 1;
  const around = (bytes) => JSON.stringify(bytes.subarray(Math.max(0, at - 120), at + 120).toString());
  assert.fail(`${what}: byte ${at} differs (${a.length} and ${b.length} bytes)\n${around(a)}\n${around(b)}`);
}

const BASES = { KIRO_API_BASE: '{upstream}', KIRO_AUTH_BASE: '{upstream}', KIRO_OIDC_BASE: '{upstream}' };
const CARGO_LAMBDA = process.env.KIRO2API_CARGO_LAMBDA ?? join(PROGRAMS, '../tools/aws/bin/cargo-lambda');
const LONGEST = 100_000;

/** How an answer travels is the platform's. */
const PLATFORM = new Set([
  // Framing and the connection.
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'date',
  // The runtime's words to the service that calls the function; the emulator passes them on, a function URL does not.
  'lambda-runtime-function-response-mode',
  'lambda-runtime-aws-request-id',
  // Our own length, as the runtime's service passes it on.
  'x-amzn-remapped-content-length',
]);
/** What the function's runtime calls an answer that has no type, such as that to a preflight. The gateway calls nothing so. */
const UNTYPED = 'content-type: application/octet-stream';
