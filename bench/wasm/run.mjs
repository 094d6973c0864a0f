// Reads an order on standard input, measures the module's loop beside its limit, and writes rows of the bench's report.
// Interleaved rounds, and ratios within a round, as the native measurement has them.

import { readFileSync } from "node:fs";

const order = JSON.parse(readFileSync(0, "utf8"));
const module = new WebAssembly.Module(readFileSync(order.module));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
  throw new Error(`the module imports ${imports.map(({ name }) => name).join(", ")}: the core does IO`);
}

const rows = order.inputs.flatMap(measure);
process.stdout.write(JSON.stringify(rows));

function measure(input) {
  const wasm = new WebAssembly.Instance(module).exports;
  [input.request, input.opening, input.stream].forEach((bytes, which) => {
    const at = wasm.buffer(which, bytes.length);
    new Uint8Array(wasm.memory.buffer, at, bytes.length).set(bytes);
  });
  if (wasm.open() !== 1) throw new Error(`${input.suite}: the exchange relays nothing`);
  const lanes = [
    { way: "limit: crc32fast", run: () => wasm.limit(), times: [] },
    { way: "relay to Anthropic SSE", run: () => wasm.relay(input.chunk), times: [] },
  ];
  const written = wasm.relay(input.chunk);
  // Until V8 has compiled the loop with its better compiler.
  for (const lane of lanes) spend(lane.run, 100);
  for (const lane of lanes) lane.repeats = Math.max(1, Math.ceil(order.turn_ms / spend(lane.run, 20)));
  for (let round = 0; round < order.rounds; round++) {
    for (let turn = 0; turn < lanes.length; turn++) {
      const lane = lanes[(round + turn) % lanes.length];
      const begun = performance.now();
      for (let at = 0; at < lane.repeats; at++) lane.run();
      lane.times.push((performance.now() - begun) / lane.repeats);
    }
  }
  if (written === 0 || wasm.relay(input.chunk) !== written) throw new Error(`${input.suite}: two runs, two results`);
  return lanes.map(({ way, times }) => ({
    suite: input.suite,
    chunk: input.label,
    way,
    unit: "frame",
    units: input.frames,
    bytes_per_unit: written / input.frames,
    allocations_per_unit: null,
    ratio_to_limit: median(times.map((mine, round) => mine / lanes[0].times[round])),
    ns_per_unit: (median(times) * 1e6) / input.frames,
  }));
}

/// Runs for so many milliseconds; how long one run took.
function spend(run, budget) {
  const begun = performance.now();
  let runs = 0;
  do {
    run();
    runs++;
  } while (performance.now() - begun < budget);
  return (performance.now() - begun) / runs;
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}
