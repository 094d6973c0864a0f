// The entry of the worker under comparison: a request goes to the copy of the bundle that its host names, with variables and a store of
// that copy's own. Nothing that is deployed imports it.
import './seeded_worker.mjs';

const copies = new Map();

export default {
  async fetch(request, env, context) {
    const [, lane] = /^lane-(\d+)\./.exec(new URL(request.url).host);
    if (!copies.has(lane)) copies.set(lane, import(`./lane-${lane}.js`));
    const { default: Gateway } = await copies.get(lane);
    return new Gateway(context, { ...env.LANES[lane], TOKENS: env[`TOKENS_${lane}`] }).fetch(request);
  },
};
