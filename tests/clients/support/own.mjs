// A gateway and a simulator of one's own, for tests that need other settings, or that would spoil the shared ones.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { onLambda } from './platform.mjs';
import { faults } from './schema.mjs';
import { hear, knowAccounts, knowSettings, listen } from './secrets.mjs';
import { config as configuration, records } from './simulator.mjs';

const XTASK = process.env.KIRO2API_XTASK;
const PLATFORM = onLambda ? ['--lambda'] : [];

/** A folder that is gone when the tests end. */
export function folder(context) {
  const path = mkdtempSync(join(tmpdir(), 'kiro2api-own-'));
  context.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** Social accounts by label, in the simulator's form. */
export const accounts = (...labels) => labels.map((label) => ({ label, kind: { type: 'social' }, secret: refreshToken(label), profile_arn: ARN }));
/** The same accounts in the form of KIRO_AUTH_TOKEN. */
export const credentials = (...labels) => JSON.stringify(labels.map((label) => ({ auth: 'Social', refreshToken: refreshToken(label), label })));
export const refreshToken = (label) => `aor-simulated-refresh-token-of-${label}-${'x'.repeat(90)}`;

/** Starts a simulated upstream with a configuration of its own. Every body it accepts must fit the official schema. */
export async function simulator(context, config = {}) {
  const program = join(dirname(XTASK), 'kiro2api-upstream');
  const own = start(program, ['--exit-with-stdin', '--config', JSON.stringify(config)]);
  const line = await own.line((text) => /^simulated upstream at (\S+)/.exec(text)?.[1]);
  knowAccounts((await configuration(line)).accounts);
  context.after(async () => {
    const accepted = (await records(line)).filter((one) => one.operation === 'chat' && one.verdict === 'accepted');
    await own.stop();
    assert.deepEqual(accepted.flatMap((one) => faults(one.body)), []);
  });
  return line;
}

/** Starts a gateway; `env` holds its settings. `stop` ends it before the test does. */
export async function gateway(context, { upstream, env = {}, persist = folder(context) }) {
  knowSettings(env);
  const bases = Object.fromEntries(['KIRO_API_BASE', 'KIRO_AUTH_BASE', 'KIRO_OIDC_BASE'].map((name) => [name, upstream]));
  const own = start(XTASK, ['serve', ...PLATFORM, '--no-build', '--json', '--verbose', '--persist', persist], { ...bases, ...env });
  own.closed.then(() => hear('a log line of a gateway', [own.log()]));
  context.after(own.stop);
  const ready = JSON.parse(await own.line((text) => text.startsWith('{"event":"ready"') && text));
  listen(ready.url);
  return { url: ready.url, key: env.KIRO_CLIENT_TOKEN ?? ready.key, persist, stop: own.stop, log: own.log };
}

/** A program that ends with its standard input. */
function start(program, args, env = {}) {
  // A person's own list of accounts is not for test runs, by hand either.
  const own = { KIRO2API_HOME: '/nonexistent/kiro2api' };
  const child = spawn(program, args, { env: { ...own, ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const closed = new Promise((done) => child.on('close', done));
  let out = '';
  let all = '';
  const waiting = new Set();
  child.stdout.setEncoding('utf8').on('data', (text) => { out += text; all += text; for (const look of waiting) look(); });
  child.stderr.setEncoding('utf8').on('data', (text) => { all += text; });
  const line = (find) => new Promise((resolve, reject) => {
    const look = () => {
      const found = out.split('\n').slice(0, -1).map(find).find(Boolean);
      if (!found) return;
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    child.on('error', reject);
    closed.then((code) => reject(new Error(`${program} ended with ${code}: ${all}`)));
    look();
  });
  const stop = async () => {
    child.stdin.end();
    await closed;
  };
  return { line, stop, closed, log: () => all };
}

const ARN = 'arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK';
