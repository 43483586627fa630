# SPDX-License-Identifier: MIT
"""The servers that are measured: how each is started, what it speaks, and what it lacks to be here."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SECRET = "a secret of at least thirty-two bytes"
DEBIAN_PYTHON = "/usr/bin/python3"  # the one that Debian's packages are for
START_SECONDS = 20
STOP_SECONDS = 15

# Limits off that one bench client would meet, and a leaver gone at once as at the peers.
ROLLCALL_SETTINGS = ("leave_grace=0s", "messages_per_second=100000", "messages_burst=100000")


class Server:
    """A kind of server. `command` starts it; it says `listening on http://127.0.0.1:PORT/`."""

    def __init__(self, name, title, command, dialect="rooms", controlled=False):
        self.name = name
        self.title = title
        self.command = command
        self.dialect = dialect
        self.controlled = controlled  # by bytes on its standard input

    def missing(self):
        """What is not installed, or None."""
        program = self.command[0]
        return None if shutil.which(program) else f"{program} is not there"


class Rollcall(Server):
    def __init__(self, name, *settings, workers=1):
        command = [os.path.join(ROOT, "build/rollcall"), "serve", "--listen", "127.0.0.1:0",
                   "--workers", str(workers), "--jwt-secret", SECRET]
        for setting in (*ROLLCALL_SETTINGS, *settings):
            command += ["--set", setting]
        super().__init__(name, "Rollcall", command)


class NodePeer(Server):
    def __init__(self, name, title, dialect="rooms"):
        super().__init__(name, title, ["node", os.path.join(HERE, "peers", name, "server.mjs")], dialect)

    def missing(self):
        if not os.path.isdir(os.path.join(HERE, "peers/node_modules")):
            return "bench/peers/node_modules is not there: npm ci --prefix bench/peers"
        return super().missing()


class Nchan(NodePeer):
    def missing(self):
        if not os.path.exists("/usr/lib/nginx/modules/ngx_nchan_module.so") or not shutil.which("nginx"):
            return "nginx with nchan is not there: apt install nginx libnginx-mod-nchan"
        return super().missing()


class FastApi(Server):
    def __init__(self):
        super().__init__("fastapi", "FastAPI, the first article's code",
                         [DEBIAN_PYTHON, os.path.join(HERE, "peers/fastapi/server.py")])

    def missing(self):
        code = "import fastapi, jwt, uvicorn, websockets"
        if subprocess.run([DEBIAN_PYTHON, "-c", code], capture_output=True, check=False).returncode:
            return "it is not there: apt install python3-fastapi uvicorn python3-jwt python3-websockets"
        return None


PEERS = {peer.name: peer for peer in (
    FastApi(), NodePeer("ws", "npm ws"), NodePeer("socketio", "Socket.IO", "socketio"), Nchan("nchan", "nchan + app"))}

SERVERS = {server.name: server for server in (
    Server("floor", "floor", [os.path.join(ROOT, "build/bench/rollcall-floor")], controlled=True),
    Rollcall("rollcall"),
    Rollcall("rollcall-unpaced", "announce_rate=10000000"),
    Rollcall("rollcall-events", "client_events=true"),
    Rollcall("rollcall-patient", "idle_timeout=10m"),
    Rollcall("rollcall-1-worker", workers=1),
    Rollcall("rollcall-2-workers", workers=2),
    *PEERS.values())}


def tree_of(pid):
    """The process and all below it."""
    pids = [pid]
    for parent in pids:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as f:
                    pids += map(int, f.read().split())
        except OSError:
            continue
    return pids


class Running:
    """A started server: `port`, `pids`, and for the floor `control`, a descriptor to write to. Use it with `with`."""

    def __init__(self, server, cores):
        self.server = server
        self.cores = cores
        self.control = None

    def __enter__(self):
        stdin = subprocess.DEVNULL
        if self.server.controlled:
            stdin, self.control = os.pipe()
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            ["taskset", "-c", self.cores, *self.server.command], cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, env={**os.environ, "BENCH_SECRET": SECRET, "NODE_ENV": "production"})
        if self.server.controlled:
            os.close(stdin)
        try:
            self.port = self.read_port()
        except BaseException:
            self.stop()
            raise
        self.pids = tree_of(self.process.pid)
        return self

    def read_port(self):
        end = time.monotonic() + START_SECONDS
        for line in self.process.stdout:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)/", line)
            if found:
                return int(found[1])
            if time.monotonic() > end:
                break
        self.errors.seek(0)
        sys.exit(f"{self.server.name} does not start: {self.errors.read()[-2000:]}")

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()
        if self.control is not None:
            os.close(self.control)
