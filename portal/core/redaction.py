"""What no log may hold: passwords, tokens, cookies, keys, people's numbers. Applied to every line that is written."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, MutableMapping
from typing import Any

HIDDEN = "•••"

SECRET_NAMES = re.compile(
    r"passw|secret|token|cookie|authorization|session|api_?key|master_?key|resident_?id|id_?number|phone|mobile|bank_?card",
    re.IGNORECASE,
)
"""Names of facts whose value is never written, whatever it is."""

PATTERNS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),  # JSON web tokens
    (re.compile(r"(?i)\b(session|_csrf_token|remember_token)=[^;\s\"']+"), rf"\1={HIDDEN}"),
    (
        re.compile(r"(?i)(['\"]?\b\w*(?:password|passwd|secret|token)\w*['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&}]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?<=://)([^\s:/@]+):[^\s@/]+(?=@)"), rf"\1:{HIDDEN}"),  # addresses with a password
    (re.compile(r"(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])\d{2}\d{3}[\dXx](?![\dA-Za-z])"), HIDDEN),
    (re.compile(r"(?<![\dA-Za-z.])(?:\+?86[- ]?)?1[3-9]\d{9}(?![\dA-Za-z])"), HIDDEN),
    (re.compile(r"(?<![\dA-Za-z.])62\d{14,17}(?![\dA-Za-z])"), HIDDEN),  # bank cards
)

_own: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """Secrets of this installation, to be recognised wherever they turn up."""
    _own.update(secret for secret in secrets if len(secret) >= 12)


def clean(text: str) -> str:
    """The text without secrets and people's numbers."""
    for secret in _own:
        text = text.replace(secret, HIDDEN)
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _cleaned(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(str(key), held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(name, held) for held in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return HIDDEN if SECRET_NAMES.search(name) else clean(str(value))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The processor of structured logs, after exceptions have become text."""
    return {name: _cleaned(name, value) for name, value in event.items()}


class Cleaning(logging.Formatter):
    """The formatter of what libraries log by themselves."""

    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))


def clean_libraries() -> None:
    """Let the lines of libraries pass through `clean` on their way to the standard error output. Once per process."""
    root = logging.getLogger()
    if any(isinstance(handler.formatter, Cleaning) for handler in root.handlers):
        return
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(Cleaning("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
