// A WebSocket client over npm `ws`, with an inbox; and the first messages of each dialect.
import { once } from 'node:events';
import WebSocket from 'ws';
import { Inbox, within } from './wait.mjs';

class Client {
  constructor(server, path, protocols, options) {
    this.ws = new WebSocket(`ws://${server.origin}${path}`, protocols, options);
    this.inbox = new Inbox();
    this.opened = once(this.ws, 'open');
    this.closed = new Promise(resolve => {
      this.ws.on('close', (code, reason) => {
        this.inbox.end(`close ${code} ${reason}`);
        resolve({ code, reason: reason.toString() });
      });
    });
    this.ws.on('message', (data, binary) =>
      this.inbox.put(binary ? data : JSON.parse(data.toString())),
    );
    this.ws.on('error', error => (this.error = error));
    this.server = server;
    server.clients.add(this);
  }

  send(message) {
    this.ws.send(
      typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message),
    );
  }

  next(ms) {
    return this.inbox.next(ms);
  }

  find(fits, ms) {
    return this.inbox.find(fits, ms);
  }

  /** Closes in order, and waits for it. */
  async close(code, reason) {
    this.ws.close(code, reason);
    return this.ended();
  }

  /** {code, reason} of the close. */
  ended(ms) {
    return within(this.closed, 'the close', ms);
  }

  /** Cuts the connection without a close frame. */
  terminate() {
    this.server.clients.delete(this);
    this.ws.terminate();
  }
}

/** An open WebSocket; `options` as of npm `ws`. */
export async function open(server, path, protocols = [], options = {}) {
  const client = new Client(server, path, protocols, options);
  await within(client.opened, `the handshake of ${path}`);
  return client;
}

/** The answer to a handshake that must be refused: {status, text, headers}. */
export async function refused(server, path, protocols = [], options = {}) {
  const ws = new WebSocket(`ws://${server.origin}${path}`, protocols, options);
  ws.on('error', () => {});
  const answer = new Promise((resolve, reject) => {
    ws.on('open', () => (ws.terminate(), reject(new Error(`${path} was not refused`))));
    ws.on('unexpected-response', (_, response) => resolve(response));
  });
  const response = await within(answer, 'a refusal');
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, text, headers: response.headers };
}

const query = parts => {
  const text = new URLSearchParams(
    Object.entries(parts).filter(([, value]) => value !== undefined),
  ).toString();
  return text ? `?${text}` : '';
};

/* rooms */

export const roomPath = (post, who = {}) => `/ws/posts/${post}/live${query(who)}`;

/** A viewer of a post whose two first messages were taken; `who`: {token, visitor}. */
export async function enterRoom(server, post, who = {}) {
  const client = await open(server, roomPath(post, who));
  const joined = await client.next();
  const room = await client.next();
  if (joined.type !== 'viewer_joined' || room.type !== 'room_joined')
    throw new Error(`not joined: ${JSON.stringify([joined, room])}`);
  client.viewers = room.viewers;
  client.people = room.people;
  return client;
}

/* native */

export const openNative = (server, options) => open(server, '/rollcall', ['rollcall.v1'], options);

/** A native client that said hello; `welcome` holds the answer. */
export async function native(server, who = {}) {
  const client = await openNative(server);
  client.send(['hello', who]);
  const [name, welcome] = await client.next();
  if (name !== 'welcome') throw new Error(`not welcome: ${name} ${JSON.stringify(welcome)}`);
  client.welcome = welcome;
  client.refs = 0;
  return client;
}

/** Sends a native message with a new ref and gives its answer; other messages stay in the inbox. */
export async function call(client, name, ...args) {
  const ref = ++client.refs;
  client.send([name, ref, ...args.filter(arg => arg !== undefined)]);
  return client.find(
    message => message[1] === ref && !['count', 'state', 'diff', 'event'].includes(message[0]),
  );
}

/** Joins a topic; gives {number, viewers, people, ref}. */
export async function joinNative(client, topic, options) {
  const [name, , number, viewers, people, ref] = await call(client, 'join', topic, options);
  if (name !== 'joined') throw new Error(`not joined: ${JSON.stringify([name, number, viewers])}`);
  return { number, viewers, people, ref };
}

/** Watches a topic; gives {number, viewers, people}. */
export async function watchNative(client, topic, options) {
  const [name, , number, viewers, people] = await call(client, 'watch', topic, options);
  if (name !== 'watching')
    throw new Error(`not watching: ${JSON.stringify([name, number, viewers])}`);
  return { number, viewers, people };
}

/** Waits for the message that tells these numbers, whatever came before it. */
export function told(client, viewers, people = viewers) {
  return client.find(m =>
    Array.isArray(m)
      ? ['count', 'state', 'diff'].includes(m[0]) && m[2] === viewers && m[3] === people
      : m.viewers === viewers && m.people === people,
  );
}

/* phoenix, without the stock client */

export const phoenixPath = (parameters = {}) =>
  `/socket/websocket${query({ vsn: '2.0.0', ...parameters })}`;

export const openPhoenix = (server, parameters) => open(server, phoenixPath(parameters));
