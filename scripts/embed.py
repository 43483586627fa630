#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the C table of src/app/asset.h from a folder.

usage: embed.py ROOT FOLDER OUTPUT DEPFILE

Files and folders whose names begin with a dot are left out. The dependency file names every file, so that
a change is seen, and every folder, so that a new or a removed file is seen.
"""
import os
import sys

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


def find(folder):
    """The paths of files, sorted, and of folders below `folder`."""
    files, folders = [], []
    for here, below, names in os.walk(folder):
        below[:] = [d for d in below if not d.startswith(".")]
        folders.append(here)
        files += [os.path.join(here, n) for n in names if not n.startswith(".")]
    return sorted(files, key=lambda f: f.encode()), folders


def c_bytes(data):
    """The bytes of an initialiser and a zero behind, 20 a line."""
    numbers = [str(b) for b in data + b"\0"]
    lines = (",".join(numbers[i:i + 20]) for i in range(0, len(numbers), 20))
    return ",\n    ".join(lines)


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mime_type(path):
    ext = os.path.splitext(path)[1]
    if ext not in TYPES:
        sys.exit(f"{path}: no type is known for '{ext}'; add one to scripts/embed.py")
    return TYPES[ext]


def main():
    root, folder, output, depfile = sys.argv[1:]
    folder = os.path.join(root, folder)
    files, folders = find(folder)
    out = ["/* Written by scripts/embed.py. */", '#include "app/asset.h"', ""]
    rows = []
    for i, path in enumerate(files):
        with open(path, "rb") as f:
            data = f.read()
        name = os.path.relpath(path, folder).replace(os.sep, "/")
        out.append(f"static const unsigned char data_{i}[] = {{\n    {c_bytes(data)}}};\n")
        rows.append(f"    {{{c_string(name)}, {c_string(mime_type(name))}, data_{i}, {len(data)}}},\n")
    # The last row is not counted: a table must not be empty in C.
    out.append("const struct asset assets[] = {\n" + "".join(rows) + "    {0, 0, 0, 0},\n};")
    out.append(f"const size_t assets_len = {len(files)};")
    with open(output, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
    with open(depfile, "w", encoding="utf-8") as f:
        names = " ".join(p.replace(" ", "\\ ") for p in files + folders)
        f.write(f"{output}: {names}\n")


main()
