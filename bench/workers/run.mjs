// What one streamed answer costs on Workers: CPU of the whole workerd process per stream of 500 frames, for our
// pump, for the same gateway on the `worker` crate's own `Response::from_stream`, and for JavaScript that returns
// the service's response untouched, which is the floor. All in one run, in turns; ratios carry over, times do not.
//
//   node bench/workers/run.mjs [--quick] [--bundle FOLDER]…
//
// `cargo xtask bundle` must have built the bundle. Further folders with a bundle are measured beside it.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { Upstream } from "./upstream.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const modules = process.env.KIRO2API_NODE_MODULES ?? path.join(root, "node_modules");
const { Miniflare } = createRequire(path.join(modules, "wrangler/package.json"))("miniflare");

const quick = process.argv.includes("--quick");
const bundles = process.argv.flatMap((word, at, all) => (word === "--bundle" ? [path.resolve(all[at + 1])] : []));
const ROUNDS = quick ? 2 : 7;
const STREAMS = quick ? 4 : 10;
const FRAMES = 500;
const PACES = { paced: 2, burst: 0 };

const upstream = await Upstream.start();
const ways = { floor: floor(), ...Object.fromEntries(["build", ...bundles].map((folder) => named(folder))), from_stream: fromStream() };
const results = {};
for (const [name, scripts] of Object.entries(ways)) {
  const flare = new Miniflare({ ...common(), modules: scripts });
  ways[name] = { flare, url: await flare.ready, pid: child() };
}
try {
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [kind, pace] of Object.entries(PACES)) {
      for (const [name, way] of Object.entries(ways)) {
        const before = cpu(way.pid);
        await Promise.all(Array.from({ length: STREAMS }, () => stream(name, way.url, pace)));
        // The first round warms up.
        if (round > 0) (results[`${kind} ${name}`] ??= []).push((cpu(way.pid) - before) / STREAMS);
      }
    }
  }
  report();
  await firstByte();
} finally {
  for (const { flare } of Object.values(ways)) await flare.dispose();
  upstream.close();
}

function report() {
  const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
  console.log(`workerd, CPU per stream of ${FRAMES} frames (${STREAMS} at once, median of ${ROUNDS} rounds)`);
  for (const kind of Object.keys(PACES)) {
    const peer = median(results[`${kind} from_stream`]);
    for (const name of Object.keys(ways)) {
      const ms = median(results[`${kind} ${name}`]);
      console.log(`  ${kind.padEnd(6)} ${name.padEnd(24)} ${ms.toFixed(1).padStart(7)} ms  ${(ms / peer).toFixed(2)} x from_stream`);
    }
  }
}

/** From the request to the first words of the answer, one request at a time, the ways in turns. */
async function firstByte() {
  const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
  const urls = { direct: new URL("/generateAssistantResponse", upstream.url) };
  for (const [name, way] of Object.entries(ways)) urls[name] = new URL("/v1/messages", way.url);
  const times = {};
  for (let round = 0; round <= (quick ? 10 : 60); round++) {
    for (const [name, url] of Object.entries(urls)) {
      const took = await untilWords(url);
      if (round > 0) (times[name] ??= []).push(took);
    }
  }
  const direct = median(times.direct);
  console.log(`first words of an answer, over ${direct.toFixed(2)} ms for a direct call (median of ${times.direct.length})`);
  for (const name of Object.keys(ways)) console.log(`  ${name.padEnd(24)} +${(median(times[name]) - direct).toFixed(2)} ms`);
}

async function untilWords(url) {
  const body = { model: "claude-sonnet-4-5", max_tokens: 4096, stream: true, messages: [{ role: "user", content: `bench {"frames":1,"pace":5}` }] };
  const begun = performance.now();
  const response = await fetch(url, { method: "POST", headers: { "x-api-key": "bench" }, body: JSON.stringify(body) });
  let text = "";
  let took;
  for await (const part of response.body) {
    text += Buffer.from(part).toString("latin1");
    if (!took && text.includes("some words")) took = performance.now() - begun;
  }
  if (!took) throw new Error(`${url}: ${response.status} ${text.slice(-300)}`);
  return took;
}

/** One stream, read to its end; a stream that is not complete fails the run. */
async function stream(name, url, pace) {
  const order = `bench ${JSON.stringify({ frames: FRAMES, pace })}`;
  const body = { model: "claude-sonnet-4-5", max_tokens: 4096, stream: true, messages: [{ role: "user", content: order }] };
  const response = await fetch(new URL("/v1/messages", url), {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": "bench" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const ended = name === "floor" ? text.split("assistantResponseEvent").length - 1 === FRAMES : text.includes("message_stop");
  if (response.status !== 200 || !ended) throw new Error(`${name}: ${response.status} ${text.slice(-300)}`);
}

function common() {
  const account = [{ auth: "Social", refreshToken: "bench".repeat(30) }];
  return {
    compatibilityDate: "2026-04-01",
    compatibilityFlags: ["enable_request_signal"],
    kvNamespaces: ["TOKENS"],
    bindings: {
      KIRO_CLIENT_TOKEN: "bench",
      KIRO_AUTH_TOKEN: JSON.stringify(account),
      KIRO_API_BASE: upstream.url,
      KIRO_AUTH_BASE: upstream.url,
      KIRO_OIDC_BASE: upstream.url,
    },
    host: "127.0.0.1",
    port: 0,
    handleRuntimeStdio(out, err) {
      out.resume();
      err.on("data", (line) => process.stderr.write(line));
    },
  };
}

function named(folder) {
  const at = path.resolve(root, folder);
  const files = [["ESModule", "index.js"], ["CompiledWasm", "index_bg.wasm"]];
  return [path.basename(folder), files.map(([type, file]) => ({ type, path: file, contents: readFileSync(path.join(at, file)) }))];
}

function floor() {
  const contents = `export default { async fetch(request, env) {
    return fetch(env.KIRO_API_BASE + "/generateAssistantResponse", { method: "POST", body: await request.text() });
  } };`;
  return [{ type: "ESModule", path: "floor.mjs", contents }];
}

/** The example worker-cf/examples/from_stream.rs, compiled with the product's profile. */
function fromStream() {
  const target = path.join(root, "target/wasm32-unknown-unknown/worker/examples/from_stream.wasm");
  const out = path.join(root, "target/bench-from-stream");
  const env = { ...process.env, WASM_BINDGEN_USE_JS_SYS: "1" };
  const build = ["build", "--locked", "--example", "from_stream", "--profile", "worker", "--target", "wasm32-unknown-unknown"];
  execFileSync("cargo", build, { cwd: path.join(root, "worker-cf"), env, stdio: "inherit" });
  rmSync(out, { recursive: true, force: true });
  const bindgen = process.env.WASM_BINDGEN_BIN ?? path.join(root, "target/tools/bin/wasm-bindgen");
  execFileSync(bindgen, [target, "--target", "bundler", "--no-typescript", "--out-dir", out], { stdio: "inherit" });
  const snippets = readdirSync(path.join(out, "snippets"), { recursive: true }).filter((name) => name.endsWith(".js"));
  const glue = ["from_stream_bg.js", ...snippets.map((name) => `snippets/${name}`)];
  const entry = `${glue.map((file, at) => `import * as js${at} from "./${file}";`).join("\n")}
import wasm from "./from_stream_bg.wasm";
const instance = new WebAssembly.Instance(wasm, { ${glue.map((file, at) => `"./${file}": js${at}`).join(", ")} });
js0.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start?.();
export default { fetch: (request, env, context) => js0.fetch(request, env, context) };`;
  writeFileSync(path.join(out, "entry.mjs"), entry);
  const files = [...["entry.mjs", ...glue].map((file) => ["ESModule", file]), ["CompiledWasm", "from_stream_bg.wasm"]];
  return files.map(([type, file]) => ({ type, path: file, contents: readFileSync(path.join(out, file)) }));
}

/** The workerd that was started last. */
function child() {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
  return children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("workerd")).at(-1);
}

/** CPU milliseconds of all threads of a process. */
function cpu(pid) {
  const spent = (task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  return readdirSync(`/proc/${pid}/task`).map(spent).reduce((sum, ns) => sum + ns, 0) / 1e6;
}
