#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serves a folder, for pages that need nothing else. In HTML, ROLLCALL_URL becomes the server's address, and
/phoenix.mjs is the client that npm installed.

usage: serve.py FOLDER PORT
"""
import functools
import http.server
import os
import sys

URL = os.environ.get("ROLLCALL_URL", "http://127.0.0.1:8080")
PHOENIX = os.path.join(os.path.dirname(__file__), "../../node_modules/phoenix/priv/static/phoenix.mjs")


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        path = self.translate_path(self.path)
        if os.path.isdir(path):
            path = os.path.join(path, "index.html")
        if path.endswith(".html") and os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                self.answer("text/html; charset=utf-8", f.read().replace("ROLLCALL_URL", URL))
        elif self.path == "/phoenix.mjs":
            with open(PHOENIX, encoding="utf-8") as f:
                self.answer("text/javascript", f.read())
        else:
            super().do_GET()

    def answer(self, mime_type, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", mime_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    folder, port = sys.argv[1], int(sys.argv[2])
    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"open http://127.0.0.1:{port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


main()
