// A request as the event that a function URL makes of it. The emulator takes such events at its invocation path, which is the way for
// what it does not bring to the function by itself: bodies that are no text, and preflights, which it answers alone.

/** The path of an invocation, and the event as its body. */
export function invocation(name, { method = 'POST', path, headers = {}, body }) {
  const [rawPath, rawQueryString = ''] = path.split('?');
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const joined = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), [value].flat().join(',')]);
  const event = {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: { ...Object.fromEntries(joined), host: DOMAIN, 'x-forwarded-proto': 'https', 'x-forwarded-port': '443', 'x-forwarded-for': '203.0.113.7' },
    requestContext: {
      accountId: 'anonymous',
      apiId: 'aaaabbbbccccdddd',
      domainName: DOMAIN,
      domainPrefix: 'aaaabbbbccccdddd',
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'test' },
      requestId: '00000000-0000-4000-8000-000000000000',
      routeKey: '$default',
      stage: '$default',
      time: '21/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_262_400_000,
    },
    ...(bytes === undefined ? {} : { body: bytes.toString('base64') }),
    isBase64Encoded: bytes !== undefined,
  };
  return { method: 'POST', path: `/2015-03-31/functions/${name}/invocations`, headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) };
}

const DOMAIN = 'aaaabbbbccccdddd.lambda-url.us-east-1.on.aws';
