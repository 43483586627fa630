// SPDX-License-Identifier: MIT
//
// Socket.IO as its documentation has it: rooms by join(), and an event to the room at each change.
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';

const secret = process.env.BENCH_SECRET;
const server = createServer();
const io = new Server(server, { serveClient: false });

const tellAll = topic =>
  io.to(topic).emit('viewers', { viewers: io.sockets.adapter.rooms.get(topic)?.size ?? 0 });

io.use((socket, next) => {
  jwt.verify(socket.handshake.auth.token, secret, { algorithms: ['HS256'] }, next);
});

io.on('connection', socket => {
  socket.on('join', topic => {
    socket.join(topic);
    tellAll(topic);
  });
  socket.on('disconnecting', () => {
    for (const topic of socket.rooms) {
      if (topic === socket.id) continue;
      socket.leave(topic);
      tellAll(topic);
    }
  });
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}/`),
);
