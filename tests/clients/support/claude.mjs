// The real Claude Code, headless, in a home and a folder of its own.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { shared } from './gateway.mjs';
import { hear } from './secrets.mjs';

/** A home and a working folder, gone when the test ends. */
export function workplace(context) {
  const root = mkdtempSync(join(tmpdir(), 'kiro2api-claude-'));
  const place = { home: join(root, 'home'), folder: join(root, 'work') };
  for (const path of Object.values(place)) mkdirSync(path);
  context.after(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  return place;
}

/** Runs one prompt to its end: the messages it printed, the last of them, and its exit code. */
export async function claude(place, prompt, { args = [], env = {}, gateway = shared, limit = 120_000 } = {}) {
  const child = spawn(
    process.env.CLAUDE_BIN,
    ['-p', prompt, '--output-format', 'stream-json', '--verbose', '--dangerously-skip-permissions', ...args],
    { cwd: place.folder, env: { ...surroundings(place, gateway), ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), limit);
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), new Promise((done) => child.on('close', done))]);
  clearTimeout(timer);
  hear('what Claude Code prints', [out, err], prompt);
  const messages = out.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return { messages, result: messages.find((one) => one.type === 'result'), code, err };
}

/** Nothing of the person's own configuration, and no traffic but the gateway's. */
function surroundings({ home }, gateway) {
  return {
    PATH: process.env.PATH,
    HOME: home,
    CLAUDE_CONFIG_DIR: join(home, '.claude'),
    ANTHROPIC_BASE_URL: gateway.url,
    ANTHROPIC_AUTH_TOKEN: gateway.key,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_ERROR_REPORTING: '1',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_MAX_RETRIES: '1',
    // Needed where the tests run as root in a container.
    IS_SANDBOX: '1',
  };
}

async function text(stream) {
  let all = '';
  for await (const part of stream.setEncoding('utf8')) all += part;
  return all;
}
