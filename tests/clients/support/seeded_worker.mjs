// A clock and randomness that repeat themselves, for the worker that is imported after this module: the same as in
// lambda-aws/examples/kiro2api-seeded.rs, which says how they go. Nothing that is deployed imports it.
const START = 1_795_262_400_000;
const SEED = 1n;
const MASK = (1n << 64n) - 1n;

const realNow = Date.now.bind(Date);
let started = null;

globalThis.Date = class extends Date {
  constructor(...given) {
    super(...(given.length === 0 ? [now()] : given));
  }

  static now() {
    return now();
  }
};

function now() {
  started ??= realNow();
  return START + (realNow() - started);
}

Object.getPrototypeOf(crypto).getRandomValues = function (view) {
  started = null;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let state = SEED;
  for (let at = 0; at < bytes.length; at += 8) {
    state = mix(state);
    for (let place = 0; place < 8 && at + place < bytes.length; place += 1) bytes[at + place] = Number((state >> BigInt(8 * place)) & 255n);
  }
  return view;
};

/** One step of splitmix64. */
function mix(state) {
  let z = (state + 0x9e3779b97f4a7c15n) & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}
