// Pictures by URL on the real runtime: one server that the operator allows, everything else on this machine refused.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { MODEL, call, marker, refused } from './support/gateway.mjs';
import { accounts, credentials, gateway, simulator } from './support/own.mjs';
import { chat, chats, current } from './support/simulator.mjs';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** A server of pictures on the loopback; it remembers who asked. */
async function pictures(context) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url, headers: request.headers });
    const to = new URL(request.url, 'http://x').searchParams.get('to');
    if (to) return response.writeHead(302, { location: to }).end();
    if (request.url.startsWith('/page')) return response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>');
    if (request.url.startsWith('/missing')) return response.writeHead(404).end();
    return response.writeHead(200, { 'content-type': 'image/png', 'set-cookie': 'a=b' }).end(Buffer.from(PNG, 'base64'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${server.address().port}`, asked };
}

const body = (url, mark) => ({
  model: MODEL,
  max_tokens: 100,
  messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url } }, { type: 'text', text: mark }] }],
});

test('pictures by URL', async (context) => {
  const upstream = await simulator(context, { accounts: accounts('one') });
  const [allowed, other] = [await pictures(context), await pictures(context)];
  const own = await gateway(context, { upstream, env: { KIRO_AUTH_TOKEN: credentials('one'), IMAGE_URLS: allowed.host } });

  await context.test('an allowed host is asked with nothing of the client, and the SDK gets its answer', async () => {
    const mark = marker();
    const client = new Anthropic({ baseURL: own.url, apiKey: own.key, maxRetries: 0 });
    const url = `http://${allowed.host}/?to=${encodeURIComponent('/a.png?signature=hush')}`;
    const message = await client.messages.stream(body(url, mark)).finalMessage();
    assert.equal(message.stop_reason, 'end_turn');
    assert.deepEqual(current(await chat(upstream, mark)).images, [{ format: 'png', source: { bytes: PNG } }]);
    assert.deepEqual(allowed.asked.map((one) => one.url.split('?')[0]), ['/', '/a.png']);
    for (const { headers } of allowed.asked) {
      assert.match(headers['user-agent'], /^kiro2api\//);
      for (const name of ['authorization', 'x-api-key', 'cookie', 'referer']) assert.equal(headers[name], undefined, name);
    }
    assert.doesNotMatch(own.log(), /hush/);
  });

  await context.test('a private host is not asked, neither at once nor by a redirect', async () => {
    const mark = marker();
    const target = `http://${other.host}/a.png`;
    for (const url of [target, `http://localhost:${other.host.split(':')[1]}/a.png`, `http://${allowed.host}/?to=${encodeURIComponent(target)}`]) {
      const error = refused(await call(own, '/v1/messages', { body: body(url, mark) }), 400, 'invalid_request_error');
      assert.match(error.message, /^messages\[0\]\.content\[0\]\.source\.url: .*private or reserved address/);
    }
    assert.deepEqual([other.asked, await chats(upstream, mark)], [[], []]);
  });

  await context.test('what is no picture is a 400 that says what came', async () => {
    for (const [path, words] of [['page', /text\/html, not with an image/], ['missing', /status 404/]]) {
      const error = refused(await call(own, '/v1/messages', { body: body(`http://${allowed.host}/${path}`, marker()) }), 400, 'invalid_request_error');
      assert.match(error.message, words);
    }
  });
});
