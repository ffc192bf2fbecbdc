"""Sentences that are kept: said in every language when they come up, shown in the language of whoever reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import force_locale, get_locale

import config


def in_every_language(say: Callable[[], Any]) -> dict[str, str]:
    """What `say` says, by language. A sentence that was put into words before (no lazy text) is the same in all."""
    found = {}
    for language in config.LANGUAGES:
        with force_locale(language):
            found[language] = str(say())
    return found


def for_reader(kept: Any) -> str:
    """A sentence kept by `in_every_language`, or as plain text, in the reader's language."""
    if not isinstance(kept, dict):
        return str(kept or "")
    locale = get_locale()
    language = locale.language if locale is not None else "en"
    return str(kept.get(language) or kept.get("en") or next(iter(kept.values()), ""))
