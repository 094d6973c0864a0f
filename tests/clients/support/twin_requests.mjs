// Requests that no golden holds, for the comparison of the platforms: the front, bodies in all forms, what is kept, and whatever takes
// more than one request.
import { deflateSync, gzipSync } from 'node:zlib';

import { CLIENT_KEY } from './cases.mjs';

const KEY = { 'x-api-key': CLIENT_KEY };
const JSON_TYPE = { 'content-type': 'application/json' };
const HEADERS = { ...KEY, ...JSON_TYPE };
const ANTHROPIC = { ...HEADERS, 'anthropic-version': '2023-06-01' };
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const said = (content) => ({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: [{ role: 'user', content }] });
const message = (content = 'Hello.', more = {}) => JSON.stringify({ ...said(content), ...more });
const post = (path, body, headers = HEADERS) => ({ path, headers, body: typeof body === 'object' && !(body instanceof Uint8Array) ? JSON.stringify(body) : body });
const get = (path, headers = KEY) => ({ method: 'GET', path, headers });
const picture = (url) => message([{ type: 'image', source: { type: 'url', url } }, { type: 'text', text: 'What is it?' }]);
const POSTED = ['/v1/messages', '/v1/messages/count_tokens', '/v1/chat/completions', '/v1/responses'];
const ROUTES = [...POSTED, '/v1/models', '/v1/models/claude-sonnet-4-5', '/v1/responses/resp_none', '/health', '/', '/nothing', '/v1/nothing', '/v1/embeddings'];
const ORIGIN = { origin: 'https://app.example' };
const PREFLIGHT = { ...ORIGIN, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key, content-type' };
const KEYS = [
  {}, { 'x-api-key': 'wrong' }, { 'x-api-key': '' }, { authorization: `Bearer ${CLIENT_KEY}` }, { authorization: `bearer  ${CLIENT_KEY}` },
  { authorization: CLIENT_KEY }, { authorization: `Basic ${CLIENT_KEY}` }, { authorization: 'Bearer stale', 'x-api-key': CLIENT_KEY },
  { 'x-api-key': `${CLIENT_KEY}0` },
];
const BROKEN = ['', '{', 'null', '[]', '"text"', '{"model":', '{"model":"claude-sonnet-4-5"}', '\u0000', '{"messages":1e999}', `${'['.repeat(300)}${']'.repeat(300)}`, '{"a":"\\ud800"}', '\ufeff{}'];
const TARGETS = [
  '/v1/v1/messages', '/messages', '/v1/messages/', '/v1//messages', '/V1/messages', '/v1/messages?beta=true', '/v1/messages?', '/v1/messages?a=%20&b=+&c=%zz',
  '/v1/v1/v1/messages', '/v1/%6Dessages', '/v1/messages%2F', '/v1/messages/extra',
];
const MODELS = [
  '/v1/models', '/v1/models?limit=2', '/v1/models?limit=2&after_id=claude-opus-5', '/v1/models?limit=x', '/v1/models/claude-sonnet-4%2E5', '/v1/models/claude%20sonnet',
  '/v1/models/%E2%82%AC', '/v1/models/%ff', '/v1/models/%', '/v1/models/a%2Fb', '/v1/models/a/b', '/v1/models/', '/v1/models/claude-sonnet-4-5?x=y', '/v1/v1/models',
];
const kept = (answers) => JSON.parse(answers[0].body).id;
const long = (bytes) => message('a'.repeat(bytes));

/**
 * `requests` go to one gateway, one after the other; one that is a function is made from the answers so far. `script` is the service's.
 * With `unordered` the events of a stream may come in any order. `pictures` is a host on loopback that shows pictures.
 */
export const sequences = (pictures) => [
  { name: 'keys, in every form, on every route', requests: KEYS.flatMap((key) => ROUTES.map((path) => (POSTED.includes(path) ? post(path, said('x'), { ...JSON_TYPE, ...key }) : get(path, key)))) },
  { name: 'every method on every route', requests: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].flatMap((method) => ROUTES.map((path) => ({ method, path, headers: ANTHROPIC }))) },
  { name: 'paths that are nearly right', requests: TARGETS.map((path) => post(path, message())) },
  { name: 'models, by both dialects, with ids in every spelling', requests: MODELS.flatMap((path) => [get(path), get(path, ANTHROPIC)]) },
  { name: 'health and pages, without a key', requests: ['/health', '/health?deep=0', '/', '/favicon.ico', '/robots.txt'].flatMap((path) => [get(path, {}), { method: 'HEAD', path, headers: {} }]) },
  { name: 'preflights and origins', requests: [...ROUTES.map((path) => ({ method: 'OPTIONS', path, headers: PREFLIGHT })), post('/v1/messages', message(), { ...HEADERS, ...ORIGIN })] },
  {
    name: 'preflights where few origins are let in',
    variables: { CORS_ALLOW_ORIGINS: 'https://app.example,https://other.example' },
    requests: ['https://app.example', 'https://other.example', 'https://evil.example', 'null'].flatMap((origin) => [
      { method: 'OPTIONS', path: '/v1/messages', headers: { ...PREFLIGHT, origin } },
      post('/v1/messages', message(), { ...HEADERS, origin }),
    ]),
  },
  { name: 'bodies that are broken, in every dialect', requests: POSTED.flatMap((path) => BROKEN.map((body) => post(path, body))) },
  { name: 'counts of tokens', requests: ['Hello.', 'é😀', 'word '.repeat(2000), [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }]].map((content) => post('/v1/messages/count_tokens', { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content }] })) },
  { name: 'types of content that say little', requests: [{}, { 'content-type': 'text/plain' }, { 'content-type': 'application/x-www-form-urlencoded' }, { 'content-type': 'application/json; charset=utf-8' }].map((type) => post('/v1/messages', message('é😀'), { ...KEY, ...type })) },
  {
    name: 'packed bodies',
    requests: [['gzip', gzipSync], ['GZIP', gzipSync], ['x-gzip', gzipSync], ['deflate', deflateSync], ['identity', Buffer.from], ['br', Buffer.from], ['gzip', Buffer.from], ['gzip', (text) => gzipSync(text).subarray(0, 60)]].map(
      ([encoding, pack]) => ({ ...post('/v1/messages', pack(message('Packed: é.')), { ...HEADERS, 'content-encoding': encoding }), event: true }),
    ),
  },
  { name: 'bodies that are not UTF-8', requests: POSTED.map((path) => ({ ...post(path, Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])), event: true })) },
  { name: 'headers said twice', requests: [{ ...post('/v1/messages', message(), { ...ANTHROPIC, 'anthropic-beta': ['one-2025-01-01', 'two-2025-02-02'] }), event: true }] },
  { name: 'large bodies', requests: [long(100_000), long(400_000), long(5_000_000)].map((body) => post('/v1/messages', body)) },
  { name: 'a long answer, streamed and whole', script: 'text "0123456789é😀" times=3000 chunk=3; chunks 1000', requests: [post('/v1/messages', message('x', { stream: true })), post('/v1/messages', message()), post('/v1/chat/completions', { ...said('x'), stream: true, stream_options: { include_usage: true } }), post('/v1/responses', { model: 'claude-sonnet-4-5', input: 'x', stream: true, store: false })] },
  { name: 'choices in one body', script: 'text "The same."', requests: [post('/v1/chat/completions', { ...said('x'), n: 3 })] },
  { name: 'choices side by side', unordered: true, script: 'text "The same" chunk=2', requests: [post('/v1/chat/completions', { ...said('x'), n: 3, stream: true })] },
  {
    name: 'a response is kept, read, continued and deleted',
    alone: true,
    requests: [
      post('/v1/responses', { model: 'claude-sonnet-4-5', input: 'Remember this.' }),
      (answers) => get(`/v1/responses/${kept(answers)}`),
      (answers) => get(`/v1/responses/${kept(answers)}/input_items`),
      (answers) => post('/v1/responses', { model: 'claude-sonnet-4-5', input: 'And?', previous_response_id: kept(answers), store: false }),
      (answers) => ({ method: 'DELETE', path: `/v1/responses/${kept(answers)}`, headers: KEY }),
      (answers) => get(`/v1/responses/${kept(answers)}`),
      (answers) => ({ method: 'DELETE', path: `/v1/responses/${kept(answers)}`, headers: KEY }),
      post('/v1/responses', { model: 'claude-sonnet-4-5', input: 'Forget this.', store: false }),
      (answers) => get(`/v1/responses/${JSON.parse(answers[7].body).id}`),
    ],
  },
  { name: 'pictures in base64', requests: [[PNG, 'image/png'], ['****', 'image/png'], [PNG, 'image/tiff'], [PNG.slice(0, 40), 'image/png']].map(([data, type]) => post('/v1/messages', message([{ type: 'image', source: { type: 'base64', media_type: type, data } }, { type: 'text', text: 'x' }]))) },
  { name: 'pictures by URL', variables: { IMAGE_URLS: pictures }, requests: ['a.png', 'moved', 'page', 'missing', 'empty'].map((path) => post('/v1/messages', picture(`http://${pictures}/${path}`))) },
  { name: 'pictures at addresses that are nobody’s business', requests: [`http://${pictures}/a.png`, 'http://localhost:1/a.png', 'http://[::1]/a.png', 'http://169.254.169.254/a.png', 'http://0x7f000001/a.png', 'ftp://a.example/a.png', 'nonsense', 'file:///etc/passwd'].map((url) => post('/v1/messages', picture(url))) },
  { name: 'no account', variables: { KIRO_AUTH_TOKEN: ',' }, requests: [...POSTED.map((path) => post(path, said('x'))), get('/health', {})] },
  { name: 'no client key', variables: { KIRO_CLIENT_TOKEN: ',' }, requests: [...POSTED.map((path) => post(path, said('x'))), get('/health', {})] },
  { name: 'a throttle, and who asks while it lasts', alone: true, script: 'fault throttle retry-after=90', requests: POSTED.filter((path) => !path.includes('count')).map((path) => post(path, said('x'))) },
];
