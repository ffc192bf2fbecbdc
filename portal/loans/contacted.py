"""Who of those to remind was contacted today already: told by the area that keeps contacts, which loans do not know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

from portal.core.registry import Registry


@dataclass(frozen=True)
class Mark:
    """What stands beside a loan on the page of reminders."""

    done: str = ""
    """What was done about it today, in words."""
    url: str = ""
    """Where a contact about it is entered."""


contact_marks: Registry[Callable[[Collection[int], date], Mapping[int, Mark]]] = Registry("marks of contacts")
"""Each tells of loans, by their ids, what was done on a day; set-based."""


def marks_of(loan_ids: Collection[int], day: date) -> dict[int, Mark]:
    """The marks of these loans."""
    found: dict[int, Mark] = {}
    for told in contact_marks.values() if loan_ids else ():
        found |= told(loan_ids, day)
    return found
