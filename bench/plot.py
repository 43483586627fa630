# SPDX-License-Identifier: MIT
"""Log-log plots as SVG, readable on light and on dark pages."""
import math
from html import escape

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 76, 150, 46, 60
LABEL_GAP = 17

# One colour for each line, on light and on dark ground; told apart also by the marks.
COLOURS = [("#0b62d6", "#6cb6ff"), ("#b54708", "#f0883e"), ("#6f42c1", "#bc8cff"), ("#1a7f37", "#56d364"),
           ("#c11574", "#ff7bbd"), ("#57606a", "#9ea7b3")]
MARKS = ["circle", "square", "diamond", "triangle", "cross", "circle"]


def style():
    light = "".join(f".s{i}{{stroke:{c[0]};color:{c[0]}}}" for i, c in enumerate(COLOURS))
    dark = "".join(f".s{i}{{stroke:{c[1]};color:{c[1]}}}" for i, c in enumerate(COLOURS))
    return ("text{font:13px system-ui,sans-serif;fill:#1f2328;stroke:none}"
            ".title{font-size:15px;font-weight:600}.tick{fill:#57606a;font-size:12px}"
            ".page{fill:#fff}.grid{stroke:#d0d7de;stroke-width:1}.minor{stroke:#eaeef2;stroke-width:1}"
            ".line{fill:none;stroke-width:2.2}.mark{stroke-width:1.5;fill:currentColor}"
            "text.name{fill:currentColor;font-weight:600}" + light +
            "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.tick{fill:#9ea7b3}.page{fill:#0d1117}"
            ".grid{stroke:#3d444d}.minor{stroke:#21262d}" + dark + "}")


class Scale:
    """From values to places, by their logarithms."""

    def __init__(self, values, start, end):
        self.low = math.floor(math.log10(min(values)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(values)) - 1e-9), self.low + 1)
        self.start, self.end = start, end

    def __call__(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def decades(self):
        return [10.0 ** n for n in range(self.low, self.high + 1)]

    def minors(self):
        return [m * 10.0 ** n for n in range(self.low, self.high) for m in range(2, 10)]


def tick_text(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def mark(kind, x, y):
    if kind == "square":
        return f'<rect class="mark" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    if kind == "diamond":
        return f'<path class="mark" d="M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>'
    if kind == "triangle":
        return f'<path class="mark" d="M{x:.1f} {y - 5:.1f}l5 9h-10z"/>'
    if kind == "cross":
        return f'<path class="mark" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>'
    return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def grid(xs, ys):
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value in xs.minors():
        yield f'<path class="minor" d="M{xs(value):.1f} {TOP}V{bottom}"/>'
    for value in ys.minors():
        yield f'<path class="minor" d="M{LEFT} {ys(value):.1f}H{right}"/>'
    for value in xs.decades():
        yield f'<path class="grid" d="M{xs(value):.1f} {TOP}V{bottom}"/>'
        yield f'<text class="tick" x="{xs(value):.1f}" y="{bottom + 19}" text-anchor="middle">{tick_text(value)}</text>'
    for value in ys.decades():
        yield f'<path class="grid" d="M{LEFT} {ys(value):.1f}H{right}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{ys(value) + 4:.1f}" text-anchor="end">{tick_text(value)}</text>'


def spread(places):
    """Moves labels apart that would cover each other: {key: y} to {key: y}."""
    result, last = {}, -math.inf
    for key, y in sorted(places.items(), key=lambda item: item[1]):
        last = max(y, last + LABEL_GAP)
        result[key] = last
    return result


def draw(title, x_label, y_label, series):
    """The SVG of `series`, a dict of name to a list of (x, y), all above 0."""
    series = {name: sorted(points) for name, points in series.items() if points}
    xs = Scale([x for points in series.values() for x, _ in points], LEFT, WIDTH - RIGHT)
    ys = Scale([y for points in series.values() for _, y in points], HEIGHT - BOTTOM, TOP)
    middle = (LEFT + WIDTH - RIGHT) / 2
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
           f'aria-label="{escape(title)}">', f"<title>{escape(title)}</title>", f"<style>{style()}</style>",
           f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
           f'<text class="title" x="{LEFT}" y="26">{escape(title)}</text>', *grid(xs, ys),
           f'<text x="{middle}" y="{HEIGHT - 16}" text-anchor="middle">{escape(x_label)}</text>',
           f'<text transform="translate(20 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
           f"{escape(y_label)}</text>"]
    labels = spread({name: ys(points[-1][1]) for name, points in series.items()})
    for i, (name, points) in enumerate(series.items()):
        i %= len(COLOURS)
        places = [(xs(x), ys(y)) for x, y in points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        out.append(f'<g class="s{i}"><path class="line" d="M{path}"/>')
        out += [mark(MARKS[i], x, y) for x, y in places]
        out.append(f'<text class="name" x="{places[-1][0] + 10:.1f}" y="{labels[name] + 4:.1f}">{escape(name)}</text></g>')
    return "\n".join([*out, "</svg>", ""])
