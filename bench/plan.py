# SPDX-License-Identifier: MIT
"""What is measured: the pieces of work, and the bars that they are held to."""
from dataclasses import dataclass, field
from statistics import median

ALL_PEERS = ("fastapi", "ws", "socketio", "nchan")


@dataclass
class Work:
    """Runs of one scenario. Each repeat runs every server once, one after the other."""
    name: str
    title: str
    scenario: str
    servers: tuple
    clients: int
    quick: dict
    topics: int = 1
    seconds: int = 5
    rate: int = 200
    peers: tuple = ()
    peer_clients: int = 0       # 0: as many as the others
    peer_rate: int = 0
    peer_repeat: int = 0        # 0: half of the repeats; the one that a bar refers to has all
    patience: int = 60
    both_cores: bool = False    # the server and the clients may use both
    extra: list = field(default_factory=list)

    def peers_to_run(self, quick):
        """A quick run has all peers once, and then only the one that a bar refers to."""
        if not quick or self.name in ("storm-1000", "connect"):
            return self.peers
        return tuple(p for p in self.peers if p == "ws" and self.name in ("storm-5000", "deliver", "curve-10"))

    def arguments(self, server, quick):
        """Of rollcall-bench."""
        values = {"clients": self.clients, "topics": self.topics, "seconds": self.seconds, "rate": self.rate,
                  "patience": self.patience}
        if server in self.peers:
            values["clients"] = self.peer_clients or self.clients
            values["rate"] = self.peer_rate or self.rate
        if quick:
            values.update({"patience": 5, **self.quick})
        scenario = "floor-fanout" if server == "floor" and self.scenario == "fanout" else self.scenario
        arguments = [scenario]
        for name, value in values.items():
            arguments += [f"--{name}", str(value)]
        return arguments + (self.extra if server != "floor" else [])


SMALL = {"clients": 200, "seconds": 1}

WORKS = [
    Work("fanout", "a count to 1,000 members", "fanout", ("floor", "rollcall-unpaced"), 1000, SMALL),
    Work("fanout-events", "a relayed event to 1,000 members", "fanout", ("floor", "rollcall-events"), 1000, SMALL,
         extra=["--events"]),
    Work("idle", "idle viewers in topics of 100", "idle", ("rollcall",), 15000,
         {"clients": 300, "topics": 3, "seconds": 1},
         topics=150, peers=ALL_PEERS, peer_clients=5000, patience=300),
    Work("storm-1000", "1,000 join one topic at once", "storm", ("rollcall",), 1000, {"clients": 150},
         peers=ALL_PEERS, patience=30),
    Work("storm-5000", "5,000 join one topic at once", "storm", ("rollcall",), 5000, {"clients": 300},
         peers=("ws",), peer_repeat=1, patience=900),
    Work("churn", "5,000 in 500 topics, 1,000 changes a second", "churn", ("rollcall",), 5000,
         {"clients": 200, "topics": 20, "seconds": 1, "rate": 100}, topics=500, rate=1000, seconds=10),
    Work("churn-small", "1,000 in 100 topics, 400 changes a second", "churn", ("rollcall",), 1000,
         {"clients": 100, "topics": 10, "seconds": 1, "rate": 50}, topics=100, rate=400, peers=ALL_PEERS),
    # 4,500 who stay and 0 to 1,000 visitors.
    Work("busy", "one topic of 5,000, 500 changes a second", "busy", ("rollcall",), 4500,
         {"clients": 200, "seconds": 1, "rate": 100}, rate=510, seconds=12),
    Work("deliver", "10 topics of 100, ever more changes", "deliver", ("rollcall",), 1000,
         {"clients": 200, "seconds": 1, "rate": 100}, topics=10, seconds=2, rate=2000, peers=ALL_PEERS,
         peer_rate=60),
    Work("connect", "short visits", "connect", ("floor", "rollcall"), 100, {"clients": 20, "seconds": 1},
         peers=ALL_PEERS),
    # Who does not read for a minute does not answer pings either, and would be gone by the usual timeout.
    Work("slow", "200 of 2,000 readers stop", "slow", ("rollcall-patient",), 2000,
         {"clients": 100, "seconds": 1, "rate": 20}, rate=50, seconds=60),
    Work("workers-churn", "churn on two cores", "churn", ("rollcall-1-worker", "rollcall-2-workers"), 5000,
         {"clients": 200, "topics": 20, "seconds": 1, "rate": 100}, topics=500, rate=1000, both_cores=True),
    Work("workers-fanout", "fan-out on two cores", "fanout", ("rollcall-1-worker", "rollcall-2-workers"), 1000, SMALL,
         both_cores=True),
] + [
    Work(f"curve-{n}", f"{n:,} join one topic at once", "storm", ("rollcall",), n, {"clients": min(n, 100)},
         peers=ALL_PEERS if n <= 1000 else (), peer_repeat=2, patience=30)
    for n in (10, 30, 100, 300, 3000, 10000)
]
NOT_QUICK = {f"curve-{n}" for n in (30, 100, 300, 3000, 10000)}


class Results:
    """The figures of runs, by work and server."""

    def __init__(self, runs):
        self.runs = runs

    def figures(self, work, server):
        return [run["figures"] for run in self.runs
                if run["work"] == work and run["server"] == server and run.get("figures")]

    def values(self, work, server, figure):
        return [f[figure] for f in self.figures(work, server) if f.get(figure) is not None]

    def median(self, work, server, figure):
        values = self.values(work, server, figure)
        return median(values) if values else None

    def ratio(self, work, top, bottom, figure):
        """The median of top / bottom, run by run; of medians if one of them ran less often."""
        above, below = self.values(work, top, figure), self.values(work, bottom, figure)
        if not above or not below or not all(below):
            return None
        if len(above) != len(below):
            return median(above) / median(below)
        return median(a / b for a, b in zip(above, below))

    def wrong(self, work, server):
        """Wrong numbers in all runs of it; None if there was none, or one ended without figures."""
        runs = [run for run in self.runs if run["work"] == work and run["server"] == server]
        if not runs or not all(run.get("figures") for run in runs):
            return None
        return sum(run["figures"]["wrong"] for run in runs)


@dataclass
class Line:
    """One line of the table of bars."""
    work: str
    bar: str
    measured: str
    ratio: str
    met: bool

    @property
    def verdict(self):
        return "met" if self.met else "not met"


def text(value, unit="", digits=3):
    """A number as people read it: 1,234 or 0.0567."""
    if value is None:
        return "-"
    if value and abs(value) < 100:
        number = f"{value:.{digits}g}"
        number = f"{float(number):g}"
    else:
        number = f"{value:,.0f}"
    return f"{number} {unit}".rstrip()


def at_most(value, limit):
    return value is not None and value <= limit


def fanout_lines(r):
    for work, server, what in (("fanout", "rollcall-unpaced", "count"), ("fanout-events", "rollcall-events", "event")):
        ratio = r.ratio(work, server, "floor", "server_us_per_frame")
        mine, floor = r.median(work, server, "server_us_per_frame"), r.median(work, "floor", "server_us_per_frame")
        if ratio is not None:
            yield Line(f"fan-out of {'a count' if what == 'count' else 'an event'} to 1,000 members",
                       "CPU per frame at most 1.10 x the bare `send()` loop",
                       f"{text(mine)} us, the loop {text(floor)} us", f"{ratio:.2f} x", at_most(ratio, 1.10))


def idle_lines(r):
    value = r.median("idle", "rollcall", "pss_bytes_per_viewer")
    if value is not None:
        yield Line("idle joined viewer, rooms dialect with token, unique keys, 15,000 of them",
                   "at most 600 bytes of process memory each", text(value, "bytes"), "", at_most(value, 600))


def storm_lines(r):
    for work, size in (("storm-1000", "1,000"), ("storm-5000", "5,000")):
        frames = r.median(work, "rollcall", "frames_per_client")
        if frames is None:
            continue
        wrong = r.wrong(work, "rollcall")
        yield Line(f"storm of {size} into one topic", "all right; at most 40 frames read per client",
                   f"{wrong} wrong, {text(frames)} frames", "", wrong == 0 and frames <= 40)
        share = r.ratio(work, "ws", "rollcall", "join_cpu")
        if share is not None:
            yield Line("", "server CPU at most 1/30 of npm `ws`",
                       f"{text(r.median(work, 'rollcall', 'join_cpu'))} s, `ws` "
                       f"{text(r.median(work, 'ws', 'join_cpu'))} s", f"1/{share:.0f}", share >= 30)


def churn_lines(r):
    p99 = r.median("churn", "rollcall", "last_observer_p99_ms")
    if p99 is not None:
        yield Line("churn, 5,000 clients over 500 topics, 1,000 changes/s",
                   "p99 from change to last observer at most 3 ms on a quiet machine", text(p99, "ms"), "",
                   at_most(p99, 3))
    load, after = r.median("busy", "rollcall", "server_load"), r.median("busy", "rollcall", "told_after_p99_ms")
    if load is not None:
        yield Line("churn in one topic of 5,000, 500 changes/s", "server CPU below 60 % of a core",
                   text(load, "%"), "", at_most(load, 60))
        yield Line("", "staleness p99 at most window (50 ms) + 20 ms", text(after, "ms"), "", at_most(after, 70))


def deliver_lines(r):
    mine = r.median("deliver", "rollcall", "updates_per_second")
    ratio = r.ratio("deliver", "rollcall", "ws", "updates_per_second")
    if ratio is not None:
        theirs = r.median("deliver", "ws", "updates_per_second")
        yield Line("count updates delivered per second, 10 topics of 100, until p99 > 50 ms",
                   "at least 40 x npm `ws`", f"{text(mine)}, `ws` {text(theirs)}", f"{ratio:.0f} x", ratio >= 40)


def connect_lines(r):
    ratio = r.ratio("connect", "rollcall", "floor", "server_us_per_visit")
    if ratio is not None:
        mine, floor = (r.median("connect", s, "server_us_per_visit") for s in ("rollcall", "floor"))
        yield Line("short visits (connect, upgrade with HS256 token, first count, close)",
                   "server CPU at most 1.3 x the bare accept loop",
                   f"{text(mine)} us, the loop {text(floor)} us", f"{ratio:.2f} x", at_most(ratio, 1.3))


def slow_lines(r):
    ratios = [f["during_p99_ms"] / f["before_p99_ms"] for f in r.figures("slow", "rollcall-patient")
              if f.get("during_p99_ms") and f.get("before_p99_ms")]
    if not ratios:
        return
    before, during = (r.median("slow", "rollcall-patient", f"{part}_p99_ms") for part in ("before", "during"))
    growth, kernel = (r.median("slow", "rollcall-patient", f) for f in ("process_growth", "kernel_growth_per_deaf"))
    wrong = r.wrong("slow", "rollcall-patient")
    yield Line("10 % of 2,000 readers stopped, 60 s", "others' p99 within 1.2 x of before",
               f"{text(before)} ms before, {text(during)} ms during", f"{median(ratios):.2f} x", median(ratios) <= 1.2)
    yield Line("", "process growth below 1 MiB", text(growth, "KiB"), "", at_most(growth, 1024))
    yield Line("", "kernel growth below 64 kB for each of them", text(kernel, "KiB"), "", at_most(kernel, 64000 / 1024))
    yield Line("", "all right after they read again", f"{wrong} wrong", "", wrong == 0)


def worker_lines(r):
    for work, figure, what in (("workers-churn", "server_us_per_change", "change"),
                               ("workers-fanout", "server_us_per_frame", "frame")):
        ratio = r.ratio(work, "rollcall-2-workers", "rollcall-1-worker", figure)
        if ratio is not None:
            two, one = (r.median(work, s, figure) for s in ("rollcall-2-workers", "rollcall-1-worker"))
            yield Line(f"two workers on two cores against one, per {what}", "server CPU at most 1.15 x",
                       f"{text(two)} us, one {text(one)} us", f"{ratio:.2f} x", at_most(ratio, 1.15))


def wrong_lines(r):
    ours = [run for run in r.runs if run["server"].startswith("rollcall")]
    lost = sum(1 for run in ours if not run.get("figures"))
    wrong = sum(run["figures"]["wrong"] for run in ours if run.get("figures"))
    if ours:
        measured = f"{wrong} in {len(ours)} runs" + (f", {lost} of them without a result" if lost else "")
        yield Line("a wrong count in any of these", "none", measured, "", wrong == 0 and lost == 0)


def bars(results):
    """The lines of the table, for what was measured."""
    for part in (fanout_lines, idle_lines, storm_lines, churn_lines, deliver_lines, connect_lines, slow_lines,
                 worker_lines, wrong_lines):
        yield from part(results)
