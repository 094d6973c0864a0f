// Moves bytes between the service, the relay and the client. Rust decides what every byte means; this file only
// reads, writes and keeps the timer, because a promise that stays in JavaScript costs half of one that crosses
// into WebAssembly.

// One read of the service's reply. An idle stream holds one such buffer in every pending read.
const BUFFER_BYTES = 8192;
// What the platform may read ahead of the relay, and the buffer that it is dropped into.
const AHEAD_BYTES = 65536;
const DROP_BYTES = 4096;
// Reads that follow each other this fast are a burst. In a burst each read waits a moment first, so that it finds
// what several chunks brought. Nothing is ever held back longer than that moment.
const BURST_READS = 6;
const BURST_MS = 2;
const MOMENT_MS = 3;
// How long a timer that finds the client busy waits before it looks again.
const BUSY_MS = 1000;

/** Resolves when the client of `request` hangs up before it was answered. */
export function departure(request) {
  return new Promise((resolve) => request.signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** The head of a streamed answer, and the end to which its body is written. */
export function open_stream(status, headers) {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const stream = { response: new Response(readable, { status, headers }), writer, gone: false };
  stream.left = new Promise((resolve) => {
    writer.closed.catch(() => {
      stream.gone = true;
      resolve();
    });
  });
  return stream;
}

export function response_of(stream) {
  return stream.response;
}

/** Resolves when the client of a streamed answer hangs up. */
export function left(stream) {
  return stream.left;
}

/** Resolves when the client's side has room again; rejects when the client is gone. */
export function write(stream, bytes) {
  return stream.writer.write(bytes);
}

/** Ends the body. A client that is gone already, or a body that has ended, is no error here. */
export function close(stream) {
  return stream.writer.close().catch(() => {});
}

/** The body of a reply, to be read. */
export function source_of(body) {
  return { body, reader: body.getReader({ mode: "byob" }) };
}

/** One read of a reply: its bytes, or undefined at the clean end. */
export async function read_once(source) {
  const { done, value } = await source.reader.read(new Uint8Array(BUFFER_BYTES));
  return done ? undefined : value;
}

/** Reads a body to its end and keeps nothing: a client that still sends when the answer comes would not see it. */
export async function drain(body) {
  for await (const _ of body);
}

/** A whole body, decompressed, or undefined when it is longer than `limit`. */
export async function read_all(body, encoding, limit) {
  const plain = encoding ? body.pipeThrough(new DecompressionStream(encoding)) : body;
  const parts = [];
  let length = 0;
  for await (const part of plain) {
    length += part.byteLength;
    if (length <= limit) parts.push(part);
    // What a few bytes may decompress to has no end.
    else if (encoding) return undefined;
    else parts.length = 0;
  }
  if (length > limit) return undefined;
  return parts.length === 1 ? parts[0] : new Uint8Array(await new Blob(parts).arrayBuffer());
}

/**
 * Reads until the answer is over, the reply ends or breaks, or the client goes. The client's body stays open: its
 * last event may have to wait.
 * `pending` is a `read_once` that was begun already. `push`, `tick` and `end` return bytes for the client or
 * undefined; `wait` says how many milliseconds the next tick is away, negative when the answer is over; `wanted`
 * how many bytes a read may wait for. Resolves to whether the client was there to the end.
 */
export async function pump(source, pending, stream, push, tick, end, wait, wanted) {
  const { writer } = stream;
  const reading = new Reading(source);
  let timer;
  let writing = false;
  const arm = (ms) => {
    timer = setTimeout(wake, ms);
  };
  const wake = () => {
    // Pings have to wait while the client does not read.
    if (writing) return arm(BUSY_MS);
    const bytes = wait() === 0 && tick();
    if (bytes) writer.write(bytes).catch(() => {});
    if (wait() < 0) reading.cancel();
    else arm(wait());
  };
  stream.left.then(() => reading.cancel());
  arm(wait());
  try {
    while (wait() >= 0 && !stream.gone) {
      let bytes;
      let broke;
      try {
        if (reading.quick >= BURST_READS) await new Promise((resolve) => setTimeout(resolve, MOMENT_MS));
        bytes = pending ? await pending : reading.took(await reading.next(wanted()));
      } catch (error) {
        broke = String(error?.message ?? error);
      }
      // A reply that was cancelled because the answer is over, or the client gone, has not ended by itself.
      if (wait() < 0 || stream.gone) break;
      const said = bytes ? push(bytes) : end(broke);
      if (said) {
        writing = true;
        await writer.write(said);
        writing = false;
      }
      pending = undefined;
    }
  } catch (error) {
    stream.gone = true;
    writer.abort(error).catch(() => {});
    // A trap is the relay's end, not the client's: the platform's own handler starts a new instance after it.
    if (error instanceof WebAssembly.RuntimeError) reportError(error);
  } finally {
    clearTimeout(timer);
    reading.cancel();
  }
  return !stream.gone;
}

/**
 * Reads a reply. The platform hands out one chunk of it per read, however many have come, and a read that waits
 * for more cannot be called off. So the reply is forked: one branch runs ahead into nowhere, natively and bounded,
 * and thereby fills the other's buffer, from which a read takes all that is there.
 */
class Reading {
  /** How many reads in a row came quickly. */
  quick = 0;
  #source;
  #reader;
  #drop;
  #buffer = new ArrayBuffer(BUFFER_BYTES);
  #read = 0;
  #resume = () => {};
  #last = Date.now();

  constructor(source) {
    this.#source = source;
    this.#reader = source.reader;
  }

  /** The next bytes, at least `wanted` of them if the reply does not end before. */
  next(wanted) {
    if (!this.#drop) this.#fork();
    return this.#reader.readAtLeast(Math.min(wanted, BUFFER_BYTES), new Uint8Array(this.#buffer));
  }

  /** The bytes of what `next` came to; undefined at the reply's clean end. */
  took({ value }) {
    const now = Date.now();
    this.quick = now - this.#last <= BURST_MS + MOMENT_MS ? this.quick + 1 : 0;
    this.#last = now;
    if (!value?.byteLength) return undefined;
    this.#buffer = value.buffer;
    this.#read += value.byteLength;
    this.#resume();
    return value;
  }

  cancel() {
    for (const reader of [this.#reader, this.#drop]) reader?.cancel().catch(() => {});
    this.#resume();
  }

  #fork() {
    this.#reader.releaseLock();
    const [kept, dropped] = this.#source.body.tee();
    const { readable, writable } = new IdentityTransformStream();
    dropped.pipeTo(writable).catch(() => {});
    this.#reader = kept.getReader({ mode: "byob" });
    this.#drop = readable.getReader({ mode: "byob" });
    this.#run().catch(() => {});
  }

  async #run() {
    let buffer = new ArrayBuffer(DROP_BYTES);
    for (let run = 0; ; ) {
      const { done, value } = await this.#drop.readAtLeast(DROP_BYTES, new Uint8Array(buffer));
      if (done) return;
      buffer = value.buffer;
      run += value.byteLength;
      while (run - this.#read > AHEAD_BYTES) await new Promise((resolve) => (this.#resume = resolve));
    }
  }
}
