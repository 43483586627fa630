// Bytes on a socket: HTTP and WebSocket without a library that would forbid what we try.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { Inbox, within } from './wait.mjs';

export const OP = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };

/** One frame from a client. `length_bits` forces 16 or 64 where fewer would do; `length` lies about the payload. */
export function frame(
  opcode,
  payload = '',
  { fin = true, rsv = 0, masked = true, length_bits, length } = {},
) {
  const data = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
  const len = length ?? data.length;
  const bits = length_bits ?? (len < 126 ? 7 : len < 65536 ? 16 : 64);
  const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (bits === 7 ? len : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(len, 2);
  if (bits === 64) head.writeBigUInt64BE(BigInt(len), 2);
  if (!masked) return Buffer.concat([head, data]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, data.map((byte, i) => byte ^ mask[i & 3])]);
}

/** The payload of a close frame. */
export function closing(code, reason = '') {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** A TCP connection; what comes is in `received`. */
export class Raw {
  received = Buffer.alloc(0);

  static async connect(server, options = {}) {
    const raw = new Raw(server, options);
    await once(raw.socket, 'connect');
    return raw;
  }

  constructor(server, options) {
    this.server = server;
    this.socket = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true, ...options });
    this.socket.on('error', error => (this.error = error.code));
    this.socket.on('data', data => this.#take(data));
    this.closed = new Promise(resolve => this.socket.on('close', resolve));
    server.clients.add(this);
  }

  #waiting = new Set();

  #take(data) {
    this.received = Buffer.concat([this.received, data]);
    for (const look of this.#waiting) look();
  }

  write(data) {
    return this.socket.write(data);
  }

  terminate() {
    this.server.clients.delete(this);
    this.socket.destroy();
  }

  reset() {
    this.server.clients.delete(this);
    this.socket.resetAndDestroy();
  }

  /** Takes what `cut` finds at the front of the received bytes: it gives {value, used} or null. */
  async take(cut, what, ms) {
    let look;
    const found = new Promise((resolve, reject) => {
      look = () => {
        const result = cut(this.received);
        if (!result) return;
        this.received = this.received.subarray(result.used);
        this.#waiting.delete(look); // more may come before the waiter runs
        resolve(result.value);
      };
      this.#waiting.add(look);
      look();
      this.closed.then(() =>
        reject(
          new Error(
            `closed (${this.error ?? 'in order'}) before ${what}; received: ` +
              JSON.stringify(this.received.subarray(0, 200).toString('latin1')),
          ),
        ),
      );
    });
    try {
      return await within(found, what, ms);
    } finally {
      this.#waiting.delete(look);
    }
  }

  /** The next HTTP response: {status, headers, text}. `head`: it has no body whatever its length says. */
  response({ head = false, ms } = {}) {
    return this.take(
      bytes => {
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0) return null;
        const [first, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
        const headers = Object.fromEntries(
          lines.map(line => {
            const colon = line.indexOf(':');
            return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
          }),
        );
        const status = Number(first.split(' ')[1]);
        const length = head || status < 200 ? 0 : Number(headers['content-length'] ?? 0);
        const used = end + 4 + length;
        if (bytes.length < used) return null;
        return { value: { status, headers, text: bytes.subarray(end + 4, used).toString() }, used };
      },
      'a response',
      ms,
    );
  }

  /** Waits until the server has closed. */
  ended(ms) {
    return within(this.closed, 'the end of the connection', ms);
  }
}

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A handshake's text; a header of undefined is left out, one that is a list comes several times. */
export function handshake(path, headers = {}, { method = 'GET', version = 'HTTP/1.1' } = {}) {
  const all = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    ...headers,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [value].flat().map(one => `${name}: ${one}\r\n`));
  return `${method} ${path} ${version}\r\n${lines.join('')}\r\n`;
}

/** A whole frame at the front of `bytes`, or null. */
function cutFrame(bytes) {
  if (bytes.length < 2) return null;
  let at = 2,
    len = bytes[1] & 0x7f;
  if (len === 126) {
    if (bytes.length < 4) return null;
    len = bytes.readUInt16BE(2);
    at = 4;
  } else if (len === 127) {
    if (bytes.length < 10) return null;
    len = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (bytes.length < at + len) return null;
  const payload = bytes.subarray(at, at + len);
  return {
    value: { first: bytes[0], opcode: bytes[0] & 15, masked: bytes[1] >= 128, payload },
    used: at + len,
  };
}

/** A WebSocket of raw frames. */
export class RawWebSocket extends Raw {
  static async open(server, path, headers = {}) {
    const raw = new RawWebSocket(server, {});
    await once(raw.socket, 'connect');
    raw.write(handshake(path, headers));
    const answer = await raw.response();
    if (answer.status !== 101) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return raw;
  }

  send(message) {
    this.write(frame(OP.TEXT, typeof message === 'string' ? message : JSON.stringify(message)));
  }

  frame(ms) {
    return this.take(cutFrame, 'a frame', ms);
  }

  /** The next text message, parsed. */
  async message(ms) {
    const f = await this.frame(ms);
    if (f.opcode !== OP.TEXT)
      throw new Error(`not a text but opcode ${f.opcode}: ${f.payload.toString('hex')}`);
    return JSON.parse(f.payload.toString());
  }

  /** The code of the close frame, after whatever came before it; then the server must end the connection. */
  async closeCode(ms) {
    for (;;) {
      const f = await this.frame(ms);
      if (f.opcode !== OP.CLOSE) continue;
      return f.payload.length ? f.payload.readUInt16BE(0) : 1005;
    }
  }
}

export { Inbox, cutFrame };
