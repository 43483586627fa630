# SPDX-License-Identifier: MIT
"""A blog that has the number of its readers in the HTML, before any script runs.

The number is asked for while the page is made, for 150 ms at most; without it the page is as good, and the element
fills it in. `render_live_count` is the markup of `renderLiveCount` in rollcall-client/server.
"""
import asyncio
import json
import os
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

URL = os.environ.get("ROLLCALL_URL", "http://127.0.0.1:8080")
TIMEOUT_S = 0.15

app = FastAPI()
templates = Jinja2Templates(directory=Path(__file__).parent / "templates")


def ask(topic):
    """{"viewers": ..., "people": ...}, or an exception."""
    with urllib.request.urlopen(f"{URL}/api/v1/topics/{quote(topic, safe='')}", timeout=TIMEOUT_S) as answer:
        return json.load(answer)


async def fetch_count(topic):
    """The number of people in `topic`, or None if it is not known in time."""
    try:
        return (await asyncio.to_thread(ask, topic))["people"]
    except (OSError, ValueError, KeyError):
        return None


def render_live_count(topic, count=None, minimum=2):
    attributes = Markup(' count="{}" at="{}"').format(count, int(time.time() * 1000)) if count is not None else ""
    text = f"{count} people viewing" if count is not None and count >= minimum else ""
    return Markup('<live-count topic="{}"{}>{}</live-count>').format(topic, attributes, escape(text))


@app.get("/")
async def article(request: Request):
    count = await fetch_count("post:1")
    live_count = render_live_count("post:1", count)
    context = {"request": request, "live_count": live_count, "rollcall": URL}
    return templates.TemplateResponse("article.html", context)


@app.on_event("startup")
async def say_where():
    print(f"open http://127.0.0.1:{os.environ.get('PORT', '8081')}/", flush=True)
