// SPDX-License-Identifier: MIT
//
// viewer.mjs - light clients of the three dialects that keep what a page would show: numbers, and lists where they
// have them. For load: no library, no promise per message. Every message must make sense where it comes, or the
// viewer is `confused` by it.
import net from 'node:net';
import { OP, cutFrame, handshake } from './raw.mjs';

/** A masked frame whose mask is zero, so that nothing needs to be computed. */
function frame(opcode, text = '') {
  const data = Buffer.from(text);
  const head = Buffer.alloc(data.length < 126 ? 6 : 8);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (data.length < 126 ? data.length : 126);
  if (data.length >= 126) head.writeUInt16BE(data.length, 2);
  return Buffer.concat([head, data]);
}

/** What a viewer shows of one topic. `list` is a Map of ref to {key, n}, or null where it only has numbers. */
class Shown {
  constructor(topic, counted, list) {
    Object.assign(this, {
      topic,
      counted,
      list: list ? new Map() : null,
      viewers: null,
      people: null,
      n: undefined,
    });
  }

  numbers() {
    if (!this.list) return [this.viewers, this.people];
    return [this.list.size, new Set([...this.list.values()].map(entry => entry.key)).size];
  }
}

/** The part that all dialects share: the socket, the frames, the state `live` or not. */
class Viewer {
  shown = new Map(); // topic -> Shown
  opened = false;
  live = true; // it takes part and is to be counted
  confused = null;

  constructor(server, who, onEnd) {
    this.who = who; // a visitor id, or null
    this.onEnd = onEnd;
    this.buffer = Buffer.alloc(0);
    this.socket = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', () => {});
    this.socket.on('data', data => this.#take(data));
    this.socket.on('close', () => this.#ended());
  }

  #ended() {
    const unexpected = this.live;
    this.live = false;
    this.onEnd(this, unexpected);
  }

  #take(data) {
    this.buffer = this.buffer.length ? Buffer.concat([this.buffer, data]) : data;
    if (!this.opened && !this.#takeAnswer()) return;
    for (let found; (found = cutFrame(this.buffer));) {
      this.buffer = this.buffer.subarray(found.used);
      this.#takeFrame(found.value);
    }
  }

  #takeAnswer() {
    const end = this.buffer.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = this.buffer.subarray(0, end).toString();
    if (!head.startsWith('HTTP/1.1 101')) return this.confuse(head);
    this.opened = true;
    this.buffer = this.buffer.subarray(end + 4);
    return true;
  }

  #takeFrame({ opcode, payload }) {
    if (this.deaf) return;
    if (opcode === OP.PING) this.write(frame(OP.PONG, payload));
    else if (opcode === OP.CLOSE) this.closing = payload.length ? payload.readUInt16BE(0) : 1005;
    else if (opcode === OP.TEXT) this.take(JSON.parse(payload.toString()));
    else this.confuse(opcode);
  }

  toString() {
    const asked = this.asked ? `, waits for ${[...this.asked.keys()]}` : '';
    const close = this.closing ? `, closed by ${this.closing}` : '';
    return `${this.constructor.name} ${this.who}${asked}${close}, confused by ${this.confused}`;
  }

  confuse(what) {
    this.confused ??= JSON.stringify(what);
    return false;
  }

  write(data) {
    if (!this.socket.destroyed) this.socket.write(data);
  }

  say(message) {
    this.write(frame(OP.TEXT, JSON.stringify(message)));
  }

  /* Ways to go. */

  close(code) {
    this.live = false;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.write(frame(OP.CLOSE, payload));
    this.socket.end();
  }

  reset() {
    this.live = false;
    this.socket.resetAndDestroy();
  }

  finish() {
    this.live = false;
    this.socket.end();
  }

  /** Stays connected and says nothing any more, as a machine that lost its network. */
  goDeaf() {
    this.live = false;
    this.deaf = true;
    this.socket.pause();
  }

  terminate() {
    this.live = false;
    this.socket.destroy();
  }
}

export class RoomsViewer extends Viewer {
  constructor(server, who, onEnd, { post }) {
    super(server, who, onEnd);
    this.room = new Shown(`post:${post}`, true, false);
    this.shown.set(this.room.topic, this.room);
    this.write(handshake(`/ws/posts/${post}/live${who ? `?visitor=${who}` : ''}`));
  }

  take(m) {
    if (!['viewer_joined', 'viewer_left', 'room_joined'].includes(m.type)) return this.confuse(m);
    if (m.type === 'viewer_left' && this.room.viewers === null) return this.confuse(m);
    [this.room.viewers, this.room.people] = [m.viewers, m.people];
  }

  get busy() {
    return this.room.viewers === null;
  }
}

export class NativeViewer extends Viewer {
  refs = 0;
  asked = new Map(); // ref -> what is done when the answer comes
  byNumber = new Map();

  constructor(server, who, onEnd) {
    super(server, who, onEnd);
    this.write(handshake('/rollcall', { 'Sec-WebSocket-Protocol': 'rollcall.v1' }));
    this.say(['hello', who ? { visitor: who } : {}]);
  }

  get busy() {
    return !this.welcome || this.asked.size > 0;
  }

  #ask(message, then) {
    this.asked.set(++this.refs, then);
    this.say([message[0], this.refs, ...message.slice(1)]);
  }

  enter(topic, { counted, list, n }) {
    const shown = new Shown(topic, counted, list);
    shown.n = counted ? n : undefined;
    this.shown.set(topic, shown);
    const options = { mode: list ? 'list' : 'count', ...(counted && { meta: { n } }) };
    this.#ask([counted ? 'join' : 'watch', topic, options], m => {
      if (m[0] !== (counted ? 'joined' : 'watching')) return this.confuse(m);
      [, , shown.number, shown.viewers, shown.people] = m;
      this.byNumber.set(shown.number, shown);
    });
  }

  leave(topic) {
    const shown = this.shown.get(topic);
    if (shown.number === undefined) return;
    this.shown.delete(topic);
    this.#ask(['leave', shown.number], m => {
      if (m[0] !== 'ok') this.confuse(m);
      if (this.byNumber.get(shown.number) === shown) this.byNumber.delete(shown.number);
    });
  }

  update(topic, n) {
    const shown = this.shown.get(topic);
    if (!shown.counted || shown.number === undefined) return;
    shown.n = n;
    this.#ask(['update', shown.number, { n }], m => m[0] === 'ok' || this.confuse(m));
  }

  take(m) {
    if (m[0] === 'ping') return this.say(['pong']);
    if (m[0] === 'welcome') return (this.welcome = m[1]);
    if (m[0] === 'cluster') return (this.degraded = m[1].degraded);
    const shown = this.byNumber.get(m[1]);
    if (m[0] === 'count' && shown && !shown.list) [, , shown.viewers, shown.people] = m;
    else if (m[0] === 'state' && shown?.list) this.#state(shown, m);
    else if (m[0] === 'diff' && shown?.list) this.#diff(shown, m);
    else if (this.asked.has(m[1])) this.#answered(m);
    else this.confuse(m);
  }

  #answered(m) {
    const then = this.asked.get(m[1]);
    this.asked.delete(m[1]);
    then(m);
  }

  #state(shown, [, , viewers, people, all]) {
    shown.list = new Map(all.map(([ref, key, { n }]) => [ref, { key, n }]));
    this.#check(shown, viewers, people, 'state');
  }

  #diff(shown, m) {
    const [, , viewers, people, joined, left, updated] = m;
    for (const [ref, key, { n }] of joined) {
      if (shown.list.has(ref)) this.confuse(m);
      shown.list.set(ref, { key, n });
    }
    for (const ref of left) if (!shown.list.delete(ref)) this.confuse(m);
    for (const [ref, key, { n }] of updated) {
      if (!shown.list.has(ref)) this.confuse(m);
      shown.list.set(ref, { key, n });
    }
    this.#check(shown, viewers, people, m);
  }

  /** The numbers beside a list are those of the list. */
  #check(shown, viewers, people, m) {
    const [size, keys] = shown.numbers();
    if (size !== viewers || keys !== people) this.confuse([size, keys, m]);
  }
}

export class PhoenixViewer extends Viewer {
  refs = 0;
  asked = new Map();
  overtaken = new Set();

  constructor(server, who, onEnd) {
    super(server, who, onEnd);
    this.write(handshake(`/socket/websocket?vsn=2.0.0${who ? `&visitor=${who}` : ''}`));
  }

  get busy() {
    return !this.opened || this.asked.size > 0;
  }

  /** Stock clients do it every 30 s. */
  beat() {
    if (this.live) this.#ask(null, 'phoenix', 'heartbeat', {}, () => {});
  }

  #ask(join_ref, topic, event, payload, then) {
    const ref = String(++this.refs);
    this.asked.set(ref, then);
    this.say([join_ref ?? (event === 'phx_join' ? ref : null), ref, topic, event, payload]);
    return ref;
  }

  enter(topic, { counted, list, n }) {
    const shown = new Shown(topic, counted, list);
    shown.n = counted ? n : undefined;
    this.shown.set(topic, shown);
    const payload = {
      ...(counted ? { meta: { n } } : { track: false }),
      ...(!list && { presence: 'count' }),
    };
    shown.join_ref = this.#ask(null, topic, 'phx_join', payload, ({ status }) => {
      if (status !== 'ok') this.confuse([topic, status]);
      shown.joined = true;
    });
  }

  leave(topic) {
    const shown = this.shown.get(topic);
    this.shown.delete(topic);
    // A join that is left before it is answered need not be answered.
    if (this.asked.delete(shown.join_ref)) this.overtaken.add(shown.join_ref);
    this.#ask(
      shown.join_ref,
      topic,
      'phx_leave',
      {},
      ({ status }) => status === 'ok' || this.confuse(status),
    );
  }

  update(topic, n) {
    const shown = this.shown.get(topic);
    if (!shown.counted || !shown.joined) return;
    shown.n = n;
    this.#ask(
      shown.join_ref,
      topic,
      'update',
      { meta: { n } },
      ({ status }) => status === 'ok' || this.confuse(status),
    );
  }

  take(m) {
    const [, ref, topic, event, payload] = m;
    const shown = this.shown.get(topic);
    if (event === 'phx_reply') return this.#answered(m, ref, payload);
    if (event === 'phx_close' || !shown) return; // of a channel that was left
    if (m[0] !== null && m[0] !== shown.join_ref) return; // likewise, and there is a new one
    if (event === 'count' && !shown.list)
      [shown.viewers, shown.people] = [payload.viewers, payload.people];
    else if (event === 'presence_state' && shown.list) this.#state(shown, payload);
    else if (event === 'presence_diff' && shown.list) this.#diff(shown, payload, m);
    else this.confuse(m);
  }

  #answered(m, ref, payload) {
    const then = this.asked.get(ref);
    if (!then) return this.overtaken.delete(ref) || this.confuse(m);
    this.asked.delete(ref);
    then(payload);
  }

  #state(shown, state) {
    shown.list = new Map();
    for (const [key, { metas }] of Object.entries(state))
      for (const { phx_ref, n } of metas) shown.list.set(phx_ref, { key, n });
    shown.stated = true;
  }

  #diff(shown, { joins, leaves }, m) {
    if (!shown.stated) return; // for the channel before this one
    for (const [key, { metas }] of Object.entries(joins))
      for (const { phx_ref, n } of metas) {
        if (shown.list.has(phx_ref)) this.confuse(m);
        shown.list.set(phx_ref, { key, n });
      }
    for (const { metas } of Object.values(leaves))
      for (const { phx_ref } of metas) if (!shown.list.delete(phx_ref)) this.confuse(m);
  }
}
