// The real Codex, headless, in a home and a folder of its own.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { MODEL, shared } from './gateway.mjs';
import { hear } from './secrets.mjs';

/** A home and a working folder, gone when the test ends. */
export function workplace(context) {
  const root = mkdtempSync(join(tmpdir(), 'kiro2api-codex-'));
  const place = { home: join(root, 'home'), folder: join(root, 'work') };
  for (const path of Object.values(place)) mkdirSync(path);
  context.after(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  return place;
}

/**
 * Runs one prompt to its end. Gives the finished items by type (`command_execution`, `file_change`, `agent_message`, …), the failure if
 * there was one, the usage and the exit code.
 */
export async function codex(place, prompt, { model = MODEL, args = [], retries = 0, gateway = shared, limit = 120_000 } = {}) {
  writeFileSync(join(place.home, 'config.toml'), config(model, retries, gateway));
  const child = spawn(
    process.env.CODEX_BIN,
    ['exec', '--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '-C', place.folder, ...args, '--', prompt],
    { cwd: place.folder, env: { PATH: process.env.PATH, HOME: place.home, CODEX_HOME: place.home, GATEWAY_KEY: gateway.key }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), limit);
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), new Promise((done) => child.on('close', done))]);
  clearTimeout(timer);
  hear('what Codex prints', [out, err], prompt);
  const events = out.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const items = (type) => events.filter((event) => event.type === 'item.completed' && event.item.type === type).map((event) => event.item);
  return {
    items,
    texts: items('agent_message').map((item) => item.text),
    failure: events.find((event) => event.type === 'turn.failed')?.error.message ?? null,
    usage: events.find((event) => event.type === 'turn.completed')?.usage ?? null,
    code,
    err,
  };
}

/** Nothing of the person's own configuration, and no traffic but the gateway's. */
function config(model, retries, gateway) {
  return `
model = "${model}"
model_provider = "gateway"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.gateway]
name = "The gateway under test"
base_url = "${gateway.url}/v1"
wire_api = "responses"
env_key = "GATEWAY_KEY"
request_max_retries = 0
stream_max_retries = ${retries}
`;
}

async function text(stream) {
  let all = '';
  for await (const part of stream.setEncoding('utf8')) all += part;
  return all;
}
