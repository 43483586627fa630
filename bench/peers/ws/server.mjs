// SPDX-License-Identifier: MIT
//
// The first article's messages on npm `ws`, as its README sends to all: each change is told to each member at once.
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { WebSocket, WebSocketServer } from 'ws';

const secret = process.env.BENCH_SECRET;
const rooms = new Map();
const server = createServer();
const wss = new WebSocketServer({ server });

function tellAll(room, type) {
  const message = JSON.stringify({ type, viewers: room.size });
  for (const client of room) if (client.readyState === WebSocket.OPEN) client.send(message);
}

wss.on('connection', (socket, request) => {
  const url = new URL(request.url, 'http://server');
  const post = /^\/ws\/posts\/(\d+)\/live$/.exec(url.pathname)?.[1];
  try {
    jwt.verify(url.searchParams.get('token'), secret, { algorithms: ['HS256'] });
  } catch {
    socket.close(1008, 'Invalid token');
    return;
  }
  if (!rooms.has(post)) rooms.set(post, new Set());
  const room = rooms.get(post).add(socket);
  tellAll(room, 'viewer_joined');
  socket.send(JSON.stringify({ type: 'room_joined', post_id: Number(post), viewers: room.size }));

  socket.on('message', data => {
    if (JSON.parse(data).type === 'ping') socket.send('{"type":"pong"}');
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    room.delete(socket);
    if (room.size) tellAll(room, 'viewer_left');
    else if (rooms.get(post) === room) rooms.delete(post);
  });
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}/`),
);
