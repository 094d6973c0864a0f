// Where the gateway under test runs, and what is true there alone. `KIRO2API_PLATFORM` is `workers` (the default) or `lambda`.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { invocation } from './function_url.mjs';

export const onLambda = process.env.KIRO2API_PLATFORM === 'lambda';

/** A body that is too large here, in bytes, and the words of its refusal. */
export const TOO_LARGE = onLambda ? { bytes: 7_000_000, words: /6 MiB.*Workers.*32 MiB/ } : { bytes: 33 * 1024 * 1024, words: /32 MiB/ };

/**
 * How a request gets to the gateway. The Lambda emulator refuses by itself what is called JSON and is no text; a function URL brings it
 * as an event with base64, and so does this.
 */
export function way(path, request) {
  const odd = request.body instanceof Uint8Array || 'content-encoding' in request.headers;
  if (!onLambda || !odd) return { path, ...request };
  return invocation('_', { path, ...request });
}

/** Everything in the store of a gateway of one's own that still runs, or of its folder when it has ended: byte strings. */
export async function stored(own) {
  const files = readdirSync(own.persist, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const bytes = files.map((one) => readFileSync(join(one.parentPath ?? one.path, one.name)));
  return onLambda ? [...bytes, ...await items(own)] : bytes;
}

/** The values of the table, asked as any client of DynamoDB asks. */
async function items(own) {
  const [, table] = /start the token table.*?(http:\/\/127\.0\.0\.1:\d+)/.exec(own.log());
  const answer = await fetch(table, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.Scan',
      'x-amz-date': '20260101T000000Z',
      authorization: 'AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=none',
    },
    body: JSON.stringify({ TableName: 'kiro2api', ConsistentRead: true }),
  });
  const { Items: found } = await answer.json();
  return found.flatMap((item) => Object.values(item)).map(({ B: binary, S: text, N: number }) => Buffer.from(binary ?? text ?? number, binary ? 'base64' : 'utf8'));
}
