// The goldens (tests/cases), read as tests/src/world/cases.rs reads them.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CASES = fileURLToPath(new URL('../../cases', import.meta.url));
const DEFAULTS = { headers: {}, route: 'POST /v1/messages', stream: true, body: true, account: 'key', variables: {}, media: {}, cuts: true };

/** Every case, by name: its settings, the client's body, the service's script, and the answers in its folder. */
export function cases() {
  const names = folders(CASES).flatMap((area) => folders(join(CASES, area)).map((one) => `${area}/${one}`));
  return names.map((name) => {
    const file = (path) => (existsSync(join(CASES, name, path)) ? readFileSync(join(CASES, name, path), 'utf8') : undefined);
    const script = file('frames.script')?.split(/\r?\n/).filter((line) => !line.trimStart().startsWith('#')).join('\n');
    return { name, file, client: file('client.json') ?? '', script, ...DEFAULTS, ...JSON.parse(file('case.json') ?? '{}') };
  });
}

/** The request of a case; streamed, `stream` stands in front of everything else. */
export function incoming({ route, headers, client }, stream) {
  const [method, path] = route.split(' ');
  const rest = client.trimStart();
  const body = stream && rest.startsWith('{') ? `{"stream":true,${rest.slice(1)}` : client;
  const key = 'authorization' in headers ? {} : { 'x-api-key': CLIENT_KEY };
  return { method, path, headers: { ...key, 'content-type': 'application/json', ...headers }, body: body === '' ? undefined : body };
}

export const CLIENT_KEY = 'client-key-7Q2mZpVt0cXw';

const folders = (path) => readdirSync(path, { withFileTypes: true }).filter((one) => one.isDirectory()).map((one) => one.name).sort();
