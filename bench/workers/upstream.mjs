// A service that streams as many frames as the prompt asks for, as fast as it asks for, and nothing else.

import http from "node:http";
import { crc32 } from "node:zlib";

export class Upstream {
  #server;

  static async start() {
    const upstream = new Upstream();
    upstream.#server = http.createServer(answer);
    await new Promise((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    upstream.url = `http://127.0.0.1:${upstream.#server.address().port}`;
    return upstream;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function answer(request, response) {
  let body = "";
  for await (const part of request) body += part;
  if (request.url.endsWith("/refreshToken")) return json(response, { accessToken: "bench", refreshToken: "bench".repeat(30), expiresIn: 3600, profileArn: PROFILE });
  const order = /bench (\{.*?\})/.exec(body.replaceAll('\\"', '"'));
  if (!order) return json(response, {});
  const { frames, pace } = JSON.parse(order[1]);
  request.socket.setNoDelay(true);
  response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" });
  for (let at = 0; at < frames; at++) {
    response.write(FRAME);
    if (pace) await new Promise((resolve) => setTimeout(resolve, pace));
    else if (at % 100 === 99) await new Promise(setImmediate);
  }
  response.end(TAIL);
}

function json(response, value) {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

function frame(type, payload) {
  const headers = [[":event-type", type], [":content-type", "application/json"], [":message-type", "event"]].map(([name, value]) => {
    const head = Buffer.from([name.length, ...Buffer.from(name), 7, value.length >> 8, value.length & 255]);
    return Buffer.concat([head, Buffer.from(value)]);
  });
  const fields = Buffer.concat(headers);
  const content = Buffer.from(JSON.stringify(payload));
  const total = 16 + fields.length + content.length;
  const message = Buffer.alloc(total);
  message.writeUInt32BE(total, 0);
  message.writeUInt32BE(fields.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  fields.copy(message, 12);
  content.copy(message, 12 + fields.length);
  message.writeUInt32BE(crc32(message.subarray(0, total - 4)), total - 4);
  return message;
}

const PROFILE = "arn:aws:codewhisperer:us-east-1:123456789012:profile/BENCH";
const FRAME = frame("assistantResponseEvent", { content: "some words of an answer " });
const TAIL = frame("metadataEvent", { stopReason: "END_TURN" });
