"""Who is to be reminded on the open business date, of what: by the dated cadence, in one statement each, set-based.

A loan that is late is reminded of by its oldest unpaid instalment; what falls due soon only where nothing is late, so
that nobody is called twice. Worked out from the loans as they stand: whoever has paid is not on the list any more.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from portal.loans.models import Instalment
from portal.loans.reminders import Cadence
from portal.loans.state import LoanState
from portal.parameters.known import HOUSE, Known, declare, parsed_days
from portal.parameters.services import parameter

BEFORE, LATE, EVERY = "reminders.before", "reminders.late", "reminders.late_every"

declare(
    Known(BEFORE, _("Days before an instalment falls due on which it is reminded of"), "day_list", "7,3,1", HOUSE, True)
)
declare(Known(LATE, _("Days past due on which a loan is reminded of"), "day_list", "1,3,7", HOUSE, True))
declare(
    Known(EVERY, _("Days between reminders from then on (0: no more)"), "days", "7", HOUSE, True),
)


def cadence(day: date) -> Cadence:
    """The cadence in force on a day."""
    before, late = (frozenset(parsed_days(parameter(key, day).text)) for key in (BEFORE, LATE))
    return Cadence(before, late - {0}, int(parameter(EVERY, day).value))


def late_today(day: date) -> Select[Any]:
    """The late loans to remind of on the open business date, the latest first."""
    return select(LoanState).where(_is_late_day(cadence(day))).order_by(LoanState.days_past_due.desc())


def due_today(day: date) -> Select[Any]:
    """(loan, instalment) to remind of before it is due, the first first; of loans with nothing late."""
    days = [day + timedelta(days=ahead) for ahead in sorted(cadence(day).before)]
    due = and_(Instalment.loan_id == LoanState.loan_id, Instalment.settled_on.is_(None), Instalment.due_date.in_(days))
    statement: Any = select(LoanState, Instalment).join(Instalment, due).where(LoanState.days_past_due == 0)
    statement = statement.order_by(Instalment.due_date, Instalment.id)
    return statement.execution_options(described_by=frozenset({Instalment}))  # type: ignore[no-any-return]


def _is_late_day(cadence: Cadence) -> ColumnElement[bool]:
    """`Cadence.reminds`, in SQL, for days past due."""
    late = LoanState.days_past_due
    regular = late - cadence.last_late
    again = and_(regular > 0, regular % cadence.every == 0) if cadence.every else false()
    return and_(late > 0, or_(late.in_(sorted(cadence.late)), again))
