"""Where a request comes from, in words that its owner recognises."""

from __future__ import annotations

import re

from flask import has_request_context, request

#: The first that is found counts: Edge and Opera call themselves Chrome, Chrome calls itself Safari.
BROWSERS = (
    (r"MicroMessenger", "WeChat"),
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrome/|CriOS/", "Chrome"),
    (r"Safari/", "Safari"),
    (r"curl/", "curl"),
    (r"python-requests|Python-urllib|httpx", "Python"),
)
SYSTEMS = (
    (r"HarmonyOS|OpenHarmony", "HarmonyOS"),
    (r"Android", "Android"),
    (r"iPhone|iPad|iOS", "iOS"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"Linux|X11", "Linux"),
)


def _first(known: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for pattern, name in known if re.search(pattern, agent)), "")


def named(agent: str) -> str:
    """`Chrome · Windows`; empty when the browser says nothing that is known."""
    return " · ".join(filter(None, (_first(BROWSERS, agent), _first(SYSTEMS, agent))))


def device() -> str:
    """The device of the present request."""
    return named(request.headers.get("User-Agent", "")[:400]) if has_request_context() else ""


def address() -> str:
    """The network address of the present request. Behind proxies, as config.trusted_proxies tells."""
    return (request.remote_addr or "")[:64] if has_request_context() else ""
