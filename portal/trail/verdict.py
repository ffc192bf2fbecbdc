"""What verification can find, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask_babel import lazy_gettext as _

from portal.core.db import Labelled
from portal.trail.chain import Head

MOST_NAMED = 20
"""Problems that are named one by one; of the rest the number is told."""


class Fault(Labelled):
    """What can be wrong with an entry or its seal."""

    CHANGED = "changed", _("The entry was changed after it was written.")
    REMOVED = "removed", _("The entry was removed.")
    REORDERED = "reordered", _("The entry stands where another one was sealed.")
    SEAL_CHANGED = "seal_changed", _("The seal was changed: its hash does not follow from the chain.")
    SEAL_REMOVED = "seal_removed", _("Seals were removed before this one.")
    UNSEALED = "unsealed", _("The entry has waited too long for its seal, or was slipped in.")
    HEAD = "head", _("The chain does not hold the hash that was kept outside at this position.")
    TAIL = "tail", _("The chain ends before the position that was kept outside.")
    ARCHIVE = "archive", _("The archive is missing in the file store, or is not the file that was written.")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where."""

    fault: Fault
    position: int | None
    entry_id: int | None = None


@dataclass
class Verdict:
    """What verification found."""

    start: Head
    end: Head
    checked: int = 0
    waiting: int = 0
    """Entries without a seal that may still wait for one."""
    problems: list[Problem] = field(default_factory=list)
    """The first of them."""
    wrong: int = 0
    """How many problems there are in all."""

    def found(self, fault: Fault, position: int | None, entry_id: int | None = None) -> None:
        self.wrong += 1
        if len(self.problems) < MOST_NAMED:
            self.problems.append(Problem(fault, position, entry_id))

    @property
    def sound(self) -> bool:
        return self.wrong == 0
