"""Four eyes over an entry of a month-end: one person proposes what was worked out, a second one books it."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext
from sqlalchemy import select

from portal.closing.figures import work_out
from portal.closing.models import EntryKind, MonthEndProposal, ProposalState
from portal.closing.posting import check, post, standing
from portal.core import records, scope
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.work import current_unit, verb
from portal.loans.booking import open_date
from portal.risk.deciding import decide_on, proposal


@verb("closing.propose")
def propose(kind: EntryKind, month_end: date, note: str = "") -> MonthEndProposal:
    """Propose to book what a month-end is short of.

    Refused when it is booked or proposed already, when there is nothing to book, or for a day that is no month-end
    whose entries can be booked now.
    """
    day = open_date()
    check(kind, month_end, day)
    if standing(kind, month_end) is not None:
        raise Refused(gettext("This month-end is booked already."))
    waiting = select(MonthEndProposal.id).where(
        MonthEndProposal.kind == kind,
        MonthEndProposal.month_end == month_end,
        MonthEndProposal.state == ProposalState.PROPOSED,
    )
    if db.session.scalar(waiting) is not None:
        raise Refused(gettext("This month-end is proposed already."))
    worked = work_out(kind, month_end)
    if not worked.to_book:
        raise Refused(gettext("There is nothing to book: what should be is what is held."))
    wanted, held, difference = worked.total
    row = MonthEndProposal(
        kind=kind,
        month_end=month_end,
        wanted=wanted,
        held=held,
        difference=difference,
        note=note.strip()[:400] or None,
        state=ProposalState.PROPOSED,
        **proposal(day),
    )
    db.session.add(row)
    db.session.flush()
    current_unit().about(row)
    current_unit().note(kind=kind.value, month_end=month_end.isoformat(), wanted=wanted, held=held)
    return row


@verb("closing.decide")
def decide(proposal_id: int, approve: bool, note: str) -> MonthEndProposal:
    """Book what was proposed, worked out anew, or refuse it. Refused to whoever proposed it, and once it is decided."""
    row: MonthEndProposal = records.load(MonthEndProposal, proposal_id)
    if row.state is not ProposalState.PROPOSED:
        raise Refused(gettext("This has been decided already."))
    decide_on(row, approve, note, open_date())
    if approve:
        if standing(row.kind, row.month_end) is not None:
            raise Refused(gettext("This month-end is booked already."))
        worked = work_out(row.kind, row.month_end)
        if worked.total != (row.wanted, row.held, row.difference):
            raise Refused(gettext("The figures have changed since this was proposed: refuse it and propose anew."))
        entry = post(row.kind, row.month_end)
        row.entry_id = entry.id if entry is not None else None
    row.state = ProposalState.POSTED if approve else ProposalState.REFUSED
    db.session.flush()
    current_unit().about(row)
    return row


@verb("closing.withdraw")
def withdraw(proposal_id: int) -> MonthEndProposal:
    """Take back what one proposed oneself."""
    row: MonthEndProposal = records.load(MonthEndProposal, proposal_id)
    if row.state is not ProposalState.PROPOSED or row.proposer != scope.actor().name:
        raise Refused(gettext("Only what one proposed oneself, and nobody has decided on, can be taken back."))
    row.state, row.decided_on = ProposalState.WITHDRAWN, open_date()
    db.session.flush()
    current_unit().about(row)
    return row
