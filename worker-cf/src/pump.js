// Moves bytes between the service, the relay and the client. Rust decides what every byte means; this file only
// reads, writes and keeps the timer, because a promise that stays in JavaScript costs half of one that crosses
// into WebAssembly.

const BUFFER_BYTES = 16384;
// Reads that follow each other this fast are a burst: the next one may wait until this much is there.
const BURST_READS = 6;
const BURST_MS = 2;
const BURST_BYTES = 1024;

/** The head of a streamed answer, and the end to which its body is written. */
export function open_stream(status, headers) {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const stream = { response: new Response(readable, { status, headers }), writer, gone: false };
  writer.closed.catch(() => {
    stream.gone = true;
    stream.reader?.cancel().catch(() => {});
  });
  return stream;
}

export function response_of(stream) {
  return stream.response;
}

/** Resolves when the client's side has room again; rejects when the client is gone. */
export function write(stream, bytes) {
  return stream.writer.write(bytes);
}

/** Ends the body. A client that is gone already is no error here. */
export function close(stream) {
  return stream.writer.close().catch(() => {});
}

export function byob_reader(body) {
  return body.getReader({ mode: "byob" });
}

/** One read of the service's reply: its bytes, or undefined at the clean end. */
export async function read_once(reader) {
  const { done, value } = await reader.read(new Uint8Array(BUFFER_BYTES));
  return done ? undefined : value;
}

/** A whole body, or undefined when it is longer than `limit`. */
export async function read_all(body, limit) {
  const parts = [];
  let length = 0;
  for await (const part of body) {
    length += part.byteLength;
    if (length > limit) return undefined;
    parts.push(part);
  }
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/**
 * Reads until the answer is complete, the reply ends or breaks, or the client goes. `push`, `tick` and `end`
 * return bytes for the client or undefined; `done` says whether reading is over, `wait` how many milliseconds
 * the next tick is away. Resolves to whether the client was there to the end.
 */
export async function pump(reader, stream, push, tick, end, done, wait) {
  const { writer } = stream;
  stream.reader = reader;
  let timer;
  const arm = () => {
    timer = setTimeout(() => {
      const bytes = tick();
      if (bytes) writer.write(bytes).catch(() => {});
      if (done()) reader.cancel().catch(() => {});
      else arm();
    }, wait());
  };
  arm();
  try {
    let buffer = new ArrayBuffer(BUFFER_BYTES);
    let quick = 0;
    let last = Date.now();
    while (!done() && !stream.gone) {
      let read;
      try {
        const view = new Uint8Array(buffer);
        read = await (quick >= BURST_READS ? reader.readAtLeast(BURST_BYTES, view) : reader.read(view));
      } catch (error) {
        // A reply that was cancelled because the answer is over, or the client gone, has not broken.
        if (!done() && !stream.gone) await send(writer, end(String(error?.message ?? error)));
        break;
      }
      if (stream.gone) break;
      const { done: over, value } = read;
      // A burst's last read may end with the body and still carry bytes.
      if (value?.byteLength) {
        const bytes = push(value);
        if (bytes) await writer.write(bytes);
      }
      if (over) {
        if (!done()) await send(writer, end(undefined));
        break;
      }
      buffer = value.buffer;
      const now = Date.now();
      quick = now - last <= BURST_MS ? quick + 1 : 0;
      last = now;
    }
  } catch {
    stream.gone = true;
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
  return !stream.gone;
}

async function send(writer, bytes) {
  if (bytes) await writer.write(bytes);
}
