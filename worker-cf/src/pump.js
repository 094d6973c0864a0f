// Moves bytes from the service's reply to the client's answer. Rust decides what every byte means; this file
// only reads, writes and keeps the timer, because a promise that stays in JavaScript costs half of one that
// crosses into WebAssembly.

// A read that yields less than this may wait for more while reads follow each other this fast.
const BURST_BYTES = 1024;
const BURST_READS = 6;
const BURST_MS = 2;
const BUFFER_BYTES = 16384;

/** The head of a streamed answer, and the end to write its body to. */
export function openStream(status, headers) {
  const { readable, writable } = new IdentityTransformStream();
  return { response: new Response(readable, { status, headers }), writer: writable.getWriter() };
}

export function responseOf(stream) {
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

/** One read of the service's reply: its bytes, or undefined at the clean end. */
export async function readOnce(reader) {
  const { done, value } = await reader.read(new Uint8Array(BUFFER_BYTES));
  return done ? undefined : value;
}

/**
 * Reads until the relay is done, the reply ends or breaks, or the client goes.
 *
 * `relay.push(bytes)`, `relay.tick()`, `relay.end(text)` return bytes for the client or undefined;
 * `relay.done()` says whether reading is over, `relay.wait()` how many milliseconds until the next tick.
 * Returns true when the client got everything, false when it went away.
 */
export async function pump(reader, stream, relay) {
  const { writer } = stream;
  let gone = false;
  writer.closed.catch(() => {
    gone = true;
    reader.cancel().catch(() => {});
  });
  let timer;
  const arm = () => {
    timer = setTimeout(() => {
      const bytes = relay.tick();
      if (bytes) writer.write(bytes).catch(() => {});
      if (relay.done()) reader.cancel().catch(() => {});
      else arm();
    }, relay.wait());
  };
  arm();
  try {
    await move(reader, writer, relay, () => gone);
  } catch (error) {
    if (!gone && !relay.done()) gone = !(await send(writer, relay.end(String(error?.message ?? error))));
  } finally {
    clearTimeout(timer);
  }
  return !gone;
}

async function move(reader, writer, relay, isGone) {
  let buffer = new ArrayBuffer(BUFFER_BYTES);
  let quick = 0;
  let last = Date.now();
  while (!relay.done()) {
    const view = new Uint8Array(buffer);
    const read = quick >= BURST_READS ? reader.readAtLeast(BURST_BYTES, view) : reader.read(view);
    const { done, value } = await read;
    if (isGone()) return;
    // A read that was cut short by the end of the body still carries its bytes.
    if (value?.byteLength) {
      buffer = value.buffer;
      const bytes = relay.push(value);
      if (bytes) await writer.write(bytes);
    }
    if (done) {
      if (!relay.done()) await send(writer, relay.end());
      return;
    }
    const now = Date.now();
    quick = now - last <= BURST_MS ? quick + 1 : 0;
    last = now;
  }
  reader.cancel().catch(() => {});
}

async function send(writer, bytes) {
  try {
    if (bytes) await writer.write(bytes);
    return true;
  } catch {
    return false;
  }
}
