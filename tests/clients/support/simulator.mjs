// The simulated upstream's records and switches.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

export const sharedSimulator = process.env.SIM_URL;

async function admin(url, path, body) {
  const response = await fetch(`${url}/_sim/${path}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

/** Everything it remembers, oldest first. */
export const records = async (url) => (await admin(url, 'requests')).requests;
export const config = (url) => admin(url, 'config');
export const configure = (url, patch) => admin(url, 'config', patch);
export const reset = (url) => admin(url, 'reset', {});
export const expire = (url) => admin(url, 'expire', {});

/** The chat requests whose body holds a marker. */
export async function chats(url, marker) {
  const { requests } = await admin(url, `requests?holding=${marker}`);
  return requests.filter((one) => one.operation === 'chat');
}

/** The only chat request with a marker. */
export async function chat(url, marker) {
  const found = await chats(url, marker);
  assert.equal(found.length, 1, `${found.length} requests with ${marker}`);
  return found[0];
}

/** Looks again and again until `probe` gives something. Bounded: fails after `limit` milliseconds. */
export async function until(what, probe, limit = 10_000) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await probe();
    if (found) return found;
    assert.ok(Date.now() < end, `not within ${limit} ms: ${what}`);
    await pause(25);
  }
}

export const current = (record) => record.body.conversationState.currentMessage.userInputMessage;
export const history = (record) => record.body.conversationState.history ?? [];
