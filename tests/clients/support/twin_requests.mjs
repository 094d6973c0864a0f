// Requests that no golden holds, for the comparison of the platforms.
import { CLIENT_KEY } from './cases.mjs';

const key = { 'x-api-key': CLIENT_KEY };
const json = { ...key, 'content-type': 'application/json' };
const message = (more = {}) => JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: [{ role: 'user', content: 'Hello.' }], ...more });
const post = (path, body, headers = json) => ({ path, headers, body });

/** `requests` go one after the other to one gateway; `script` is the service's. */
export const SEQUENCES = [
  { name: 'a plain message', requests: [post('/v1/messages', message())] },
];
