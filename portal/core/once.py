"""What a request asks again and again and what does not change while it is answered."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from flask import g, has_request_context

T = TypeVar("T")


def once(question: Hashable, find: Callable[[], T]) -> T:
    """The answer, found at the first time of asking within a request. Outside one it is found each time."""
    if not has_request_context():
        return find()
    answers: dict[Hashable, Any] = g.setdefault("answers", {})
    if question not in answers:
        answers[question] = find()
    return answers[question]  # type: ignore[no-any-return]


def forget() -> None:
    """Ask everything anew: the request has just changed what it rests on."""
    if has_request_context():
        g.pop("answers", None)
