// Not a suite: a run of its own that hears a planted secret, which has to fail it. See secrets_suite.mjs.
import { test } from 'node:test';

import { hear, know } from './secrets.mjs';

test('a test that passes', () => {
  know('the planted secret', process.env.PLANTED);
  hear('a planted place', [`so it is ${process.env.PLANTED}, and so on`]);
});
