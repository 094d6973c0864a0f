// The gateway is up on workerd: the least that must hold before any other suite is worth running.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const url = process.env.KIRO2API_URL;

test('health answers without a key, as JSON', async () => {
  const answer = await fetch(`${url}/health`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^application\/json/);
  assert.equal((await answer.json()).status, 'ok');
});

test('an unknown path is a 404', async () => {
  const answer = await fetch(`${url}/no-such-path`);
  assert.equal(answer.status, 404);
});
