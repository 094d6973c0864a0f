// The list of accounts that a person keeps on this machine: a gateway uses it when the environment names none.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { call, marker, turn } from './support/gateway.mjs';
import { accounts, credentials, folder, gateway, refreshToken, simulator } from './support/own.mjs';
import { records } from './support/simulator.mjs';

const ask = (own) => call(own, '/v1/messages', { body: turn(`${marker()}\n@sim text "ok"`) });
const served = async (upstream) => (await records(upstream)).findLast((one) => one.operation === 'chat')?.account;
const ready = (own) => JSON.parse(own.log().split('\n').find((line) => line.startsWith('{"event":"ready"')));

test('the local list serves, is named as the source, and gives way to the environment', async (context) => {
  const upstream = await simulator(context, { accounts: accounts('listed', 'named') });
  const home = folder(context);
  writeFileSync(join(home, 'accounts.json'), credentials('listed'), { mode: 0o600 });

  const own = await gateway(context, { upstream, env: { KIRO2API_HOME: home } });
  assert.equal(ready(own).sim_url, null, 'no simulated service is started beside it');
  assert.match(own.log(), /^upstream: REAL, with the account of \$KIRO2API_HOME\/accounts\.json$/m);
  assert.equal((await ask(own)).status, 200);
  assert.equal(await served(upstream), 'listed');
  assert.ok(!own.log().includes(refreshToken('listed')), 'a secret is in the log');
  await own.stop();

  const other = await gateway(context, { upstream, env: { KIRO2API_HOME: home, KIRO_AUTH_TOKEN: credentials('named') } });
  assert.equal((await ask(other)).status, 200);
  assert.equal(await served(upstream), 'named');
});

test('without accounts in it the service is simulated', async (context) => {
  const home = folder(context);
  writeFileSync(join(home, 'accounts.json'), '[]\n', { mode: 0o600 });
  const env = { KIRO2API_HOME: home, KIRO_API_BASE: '', KIRO_AUTH_BASE: '', KIRO_OIDC_BASE: '' };
  const own = await gateway(context, { upstream: '', env });
  assert.match(ready(own).sim_url, /^http:\/\/127\.0\.0\.1:/);
});

test('suites see no list of a person', () => {
  assert.ok(process.env.KIRO2API_HOME, 'the folder is named');
  assert.ok(!existsSync(process.env.KIRO2API_HOME), 'and is not there');
});
