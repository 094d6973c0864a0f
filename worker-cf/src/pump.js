// Moves bytes between the service, the relay and the client. Rust decides what every byte means; this file only
// reads, writes and keeps the timer, because a promise that stays in JavaScript costs half of one that crosses
// into WebAssembly.

const BUFFER_BYTES = 16384;
// How long a timer that finds the client busy waits before it looks again.
const BUSY_MS = 1000;

/** The head of a streamed answer, and the end to which its body is written. */
export function open_stream(status, headers) {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const stream = { response: new Response(readable, { status, headers }), writer, gone: false, leave: () => {} };
  writer.closed.catch(() => {
    stream.gone = true;
    stream.leave();
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

/** A whole body, decompressed, or undefined when it is longer than `limit`. */
export async function read_all(body, encoding, limit) {
  const parts = [];
  let length = 0;
  const plain = encoding ? body.pipeThrough(new DecompressionStream(encoding)) : body;
  for await (const part of plain) {
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
 * Reads until the answer is over, the reply ends or breaks, or the client goes. `push`, `tick` and `end` return
 * bytes for the client or undefined; `wait` says how many milliseconds the next tick is away, negative when the
 * answer is over. Resolves to whether the client was there to the end.
 */
export async function pump(reader, stream, push, tick, end, wait) {
  const { writer } = stream;
  const cancel = () => reader.cancel().catch(() => {});
  let timer;
  let writing = false;
  const send = async (bytes) => {
    if (!bytes) return;
    writing = true;
    await writer.write(bytes);
    writing = false;
  };
  const wake = () => {
    // Pings have to wait while the client does not read.
    if (writing) return arm(BUSY_MS);
    if (wait() > 0) return arm(wait());
    send(tick()).catch(() => {});
    if (wait() < 0) cancel();
    else arm(wait());
  };
  const arm = (ms) => {
    timer = setTimeout(wake, ms);
  };
  stream.leave = cancel;
  arm(wait());
  try {
    let buffer = new ArrayBuffer(BUFFER_BYTES);
    while (wait() >= 0 && !stream.gone) {
      const read = await reader.read(new Uint8Array(buffer)).catch((error) => ({ error }));
      // A reply that was cancelled because the answer is over, or the client gone, has not ended by itself.
      if (wait() < 0 || stream.gone) break;
      if (read.error) await send(end(String(read.error?.message ?? read.error)));
      else if (read.done) await send(end());
      else {
        await send(push(read.value));
        buffer = read.value.buffer;
      }
    }
  } catch {
    stream.gone = true;
  } finally {
    clearTimeout(timer);
    stream.leave = () => {};
    cancel();
  }
  return !stream.gone;
}
