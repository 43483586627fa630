# SPDX-License-Identifier: MIT
"""The tables of docs/performance.md, between its markers, and the plots beside it, from the JSON of a run."""
import os
import re
from statistics import median

import plot
from plan import ALL_PEERS, Results, WORKS, bars, text
from servers import ROOT, SERVERS

PAGE = os.path.join(ROOT, "docs/performance.md")
IMAGES = os.path.join(ROOT, "docs/img")
COMPARED = ("rollcall", *ALL_PEERS)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def about(data, source):
    m = data["machine"]
    small = ("" if data["mode"] == "full" else
             "**This is a quick run: small numbers of clients, one run each. It shows that all works, not how fast.**\n\n")
    load, repeat = data["load_before"], data["repeat"]
    loads = [run["load"] for run in data["runs"] if "load" in run]
    # Of a server and the bench, 2 is all that there can be.
    busy = ("**The machine was busy with other work: CPU and its ratios hold roughly, times do not, and what is counted "
            "until times are exceeded is too low.**\n\n" if load > 1 or (loads and median(loads) > 2.2) else "")
    return (f"{small}{busy}Measured on {data['date']}, revision `{data['revision']}`: {m['cpu']}, {m['cores']} cores, "
            f"{m['memory_gib']} GiB, Linux {m['kernel']}, loopback. "
            f"{f'Medians of {repeat} runs' if repeat > 1 else 'One run of each'}; the machine's load was {load:.1f} when "
            f"they began. All figures of all runs: [{os.path.basename(source)}](../{source}).")


def bars_table(results):
    return table(["work", "bar", "measured", "ratio", ""],
                 [[line.work, line.bar, line.measured, line.ratio, line.verdict] for line in bars(results)])


def shown(results, work, server, figure, scale=1.0):
    """A median, with a remark if numbers were wrong; what ran without a figure is named, too."""
    runs = [run for run in results.runs if run["work"] == work and run["server"] == server]
    if not runs:
        return "-"
    wrong = results.wrong(work, server)
    value = results.median(work, server, figure)
    remark = "" if wrong == 0 else " (no result)" if wrong is None else f" ({wrong:,} wrong)"
    return (text(value * scale) if value is not None else "none") + remark


def peers_table(results):
    columns = [("storm: 1,000 join one topic, s until all show 1,000", "storm-1000", "join_seconds", 1),
               ("the same, s of server CPU", "storm-1000", "join_cpu", 1),
               ("frames per client", "storm-1000", "frames_per_client", 1),
               ("500 of them vanish, s", "storm-1000", "vanish_seconds", 1),
               ("idle joined viewer, PSS bytes", "idle", "pss_bytes_per_viewer", 1),
               ("short visit, server us", "connect", "server_us_per_visit", 1),
               ("churn, 100 topics of 10, 400 changes/s: last observer p99, ms", "churn-small", "last_observer_p99_ms", 1),
               ("10 topics of 100: count updates/s before p99 > 50 ms, thousands", "deliver", "updates_per_second", 1e-3)]
    rows = [[SERVERS[server].title, *(shown(results, work, server, figure, scale) for _, work, figure, scale in columns)]
            for server in COMPARED if any(run["server"] == server for run in results.runs)]
    return table(["server", *(column[0] for column in columns)], rows)


def times_table(results):
    lines = [("churn", "last_observer", "churn in 500 topics: change to the last observer"),
             ("busy", "told_after", "one topic of 5,000: change to each observer"),
             ("storm-1000", "first_number", "storm of 1,000: request to the first number"),
             ("storm-5000", "first_number", "storm of 5,000: request to the first number"),
             ("slow", "before", "2,000 readers: change to each"),
             ("slow", "during", "the same, 200 of them stopped: to the others")]
    servers = {"slow": "rollcall-patient"}
    rows = [[title, *(text(results.median(work, servers.get(work, "rollcall"), f"{name}_{part}_ms"))
                      for part in ("p50", "p99", "p999", "max"))]
            for work, name, title in lines if results.figures(work, servers.get(work, "rollcall"))]
    return table(["ms", "p50", "p99", "p999", "max"], rows)


def load_table(results):
    """Where the bench had hardly a moment to spare, the server could have done more or sooner."""
    rows = []
    for work in WORKS:
        for server in (*work.servers, *work.peers):
            own = results.median(work.name, server, "own_load")
            figures = results.figures(work.name, server)
            if own is None or work.name.startswith("curve"):
                continue
            often = sum(f["bottleneck"] for f in figures)
            rows.append([work.title, server, text(results.median(work.name, server, "server_load")), text(own),
                         f"in {often} of {len(figures)}" if often else "no"])
    return table(["work", "server", "server, % of a core", "bench, % of a core", "bench was the bottleneck"], rows)


def curves(results, figure):
    """{server's title: [(members, median)]} of all storms."""
    sizes = {work.name: work.clients for work in WORKS if work.scenario == "storm"}
    found = {}
    for server in COMPARED:
        points = [(size, results.median(work, server, figure)) for work, size in sizes.items()]
        found[SERVERS[server].title.split(",")[0]] = [(x, y) for x, y in points if y and y > 0]
    return {name: points for name, points in found.items() if points}


def write_plots(results):
    for name, figure, title, y_label in (
            ("cpu", "join_cpu", "All join one topic at once: what it costs the server", "server CPU, seconds"),
            ("frames", "frames_per_client", "All join one topic at once: what each of them is sent", "frames per client")):
        series = curves(results, figure)
        if series:
            with open(os.path.join(IMAGES, f"performance-{name}.svg"), "w", encoding="utf-8") as f:
                f.write(plot.draw(title, "members", y_label, series))


def write(data, source):
    """Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench -->`; the rest of the page stays."""
    results = Results(data["runs"])
    parts = {"about": about(data, source), "bars": bars_table(results), "peers": peers_table(results),
             "times": times_table(results), "load": load_table(results)}
    with open(PAGE, encoding="utf-8") as f:
        page = f.read()
    for name, part in parts.items():
        page = re.sub(rf"(<!-- bench:{name} -->\n).*?(<!-- /bench -->)", lambda m, part=part: f"{m[1]}{part}\n{m[2]}",
                      page, flags=re.S)
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(page)
    write_plots(results)
