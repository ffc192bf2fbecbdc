"""Four eyes: who proposed, who decided, and that it was not the same person."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext

from portal.core import scope
from portal.core.errors import InvalidValues, Refused


def staff_of_actor() -> int | None:
    """The staff record behind the present login; None for one without."""
    number = scope.actor().staff_id
    return number if number > 0 else None


def proposal(day: date) -> dict[str, Any]:
    """Who proposes something, and when: the columns of `Decided`."""
    return {"proposed_on": day, "proposer": scope.actor().name, "proposed_by_id": staff_of_actor()}


def decide_on(row: Any, approve: bool, note: str, day: date) -> None:
    """Note who decides, when and why.

    Refused for somebody who approves what he proposed himself; InvalidValues for a refusal without a reason.
    """
    if approve and row.proposer == scope.actor().name:
        raise Refused(gettext("You proposed this: somebody else decides on it."))
    if not approve and not note.strip():
        raise InvalidValues({"note": [gettext("Say why it is refused.")]})
    row.decided_on, row.decided_by_id, row.decision_note = day, staff_of_actor(), note.strip()[:400] or None


def may_decide(row: Any) -> bool:
    """Whether the present login is somebody else than the one that proposed it."""
    return bool(row.proposer != scope.actor().name)
