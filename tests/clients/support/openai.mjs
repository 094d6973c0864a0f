// What the suites with the OpenAI SDK share.
import assert from 'node:assert/strict';

import OpenAI from 'openai';
import { z } from 'zod';

import { shared } from './gateway.mjs';

export const client = (more = {}) => new OpenAI({ baseURL: `${shared.url}/v1`, apiKey: shared.key, maxRetries: 0, ...more });

export const CITY = z.object({ city: z.string() });
export const WEATHER = {
  name: 'get_weather',
  description: 'Weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
};
export const PNG = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** The error of a call that must not succeed. */
export const failure = (promise) => promise.then((value) => assert.fail(`no error, but ${JSON.stringify(value)}`), (error) => error);
