# SPDX-License-Identifier: MIT
"""The first article's code, as it stands there, with the room manager that it names but does not show."""
import logging
import os
import socket
from collections import defaultdict

import jwt
import uvicorn
from fastapi import FastAPI, Query, WebSocket, WebSocketDisconnect

SECRET_KEY = os.environ["BENCH_SECRET"]
app = FastAPI()


class RoomManager:
    """Who is in which room. A socket that cannot be written to is dropped from its room."""

    def __init__(self):
        self.rooms = defaultdict(list)

    async def join(self, room, user_id, websocket):
        await websocket.accept()
        self.rooms[room].append((user_id, websocket))

    def leave(self, room, user_id, websocket):
        if (user_id, websocket) in self.rooms[room]:
            self.rooms[room].remove((user_id, websocket))
        if not self.rooms[room]:
            del self.rooms[room]

    def room_size(self, room):
        return len(self.rooms[room]) if room in self.rooms else 0

    async def broadcast_to_room(self, room, message):
        for user_id, websocket in list(self.rooms[room]):
            try:
                await websocket.send_json(message)
            except Exception:
                self.leave(room, user_id, websocket)


room_manager = RoomManager()


# From here on, the article's code.
@app.websocket("/ws/posts/{post_id}/live")
async def post_live_room(
    websocket: WebSocket,
    post_id:   int,
    token:     str = Query(...),
):
    try:
        payload = jwt.decode(token, SECRET_KEY, algorithms=["HS256"])
        user_id = payload["sub"]  # the article has int(): its users are numbers
    except jwt.InvalidTokenError:
        await websocket.close(code=1008, reason="Invalid token")
        return

    room = f"post:{post_id}"
    await room_manager.join(room, user_id, websocket)

    # Broadcast updated viewer count to ALL room members on join
    await room_manager.broadcast_to_room(room, {
        "type":    "viewer_joined",
        "viewers": room_manager.room_size(room),
    })
    # Also send the current count to the just-joined user immediately
    await websocket.send_json({
        "type":    "room_joined",
        "post_id": post_id,
        "viewers": room_manager.room_size(room),
    })

    try:
        while True:
            data = await websocket.receive_json()
            if data.get("type") == "ping":
                await websocket.send_json({"type": "pong"})

    except WebSocketDisconnect:
        room_manager.leave(room, user_id, websocket)
        # Broadcast updated count after disconnect
        if room_manager.room_size(room) > 0:
            await room_manager.broadcast_to_room(room, {
                "type":    "viewer_left",
                "viewers": room_manager.room_size(room),
            })


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    config = uvicorn.Config(app, log_level=logging.CRITICAL, access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


main()
