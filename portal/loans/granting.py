"""Granting reliefs: interest, penalty, fees or costs are let go by a posting, with a reason and within an authority.

What one person may let go on a loan within a year is a dated limit; beyond it a second person decides. The claim falls
by a charge on the instalments and stands off balance from then on; accrued interest that is let go leaves income.
"""

from __future__ import annotations

from datetime import date, timedelta

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope, Refused
from portal.core.scope import actor
from portal.core.values import money_text
from portal.core.work import current_unit, verb
from portal.loans.accounts import Line, LoanAccount
from portal.loans.booking import account_of, books, check_value_date, open_date
from portal.loans.books import Books, Entry
from portal.loans.components import Component
from portal.loans.ledger import Account, Journal, JournalKind
from portal.loans.models import Loan, LoanStatus
from portal.loans.reliefs import Relief, ReliefState
from portal.parameters.known import HOUSE, Known, declare
from portal.parameters.services import parameter

WAIVABLE = (Component.PENALTY, Component.INTEREST, Component.FEE, Component.COST)
"""What may be let go; principal is written off, not waived."""
A_YEAR = timedelta(days=365)
LIMIT = "relief.alone"

declare(
    Known(
        LIMIT,
        _("Relief on one loan within a year that one person may grant alone (fen)"),
        "fen",
        "50000",
        HOUSE,
    )
)


@verb("reliefs.propose")
def propose(loan: Loan, component: Component, amount: int, value_date: date, reason: str) -> Relief:
    """Let something go, or ask for it where it is beyond what one person may grant alone.

    Raises InvalidValues for principal, more than is owed of the component, no reason; Refused for a closed loan, a day
    to come or before the last booking.
    """
    today, account = open_date(), account_of(loan)
    check_relief(account, component, amount, value_date, reason, today)
    alone = amount + granted(loan, today) <= limit(today)
    relief = Relief(
        loan_id=loan.id,
        component=component,
        amount=amount,
        value_date=value_date,
        reason=reason.strip()[:400],
        state=ReliefState.PROPOSED,
        proposed_by=actor().name[:80],
        proposed_on=today,
    )
    db.session.add(relief)
    db.session.flush()
    if alone:
        _grant(relief)
    current_unit().about(relief)
    current_unit().note(component=component.value, amount=amount, state=relief.state.value, reason=relief.reason)
    return relief


@verb("reliefs.approve")
def approve(relief: Relief) -> Relief:
    """Grant what somebody else proposed. Refused to whoever proposed it, and when it is decided on already."""
    row = _waiting(relief)
    if row.proposed_by == actor().name:
        raise Refused(gettext("Somebody else has to decide on this: you proposed it."))
    account = account_of(row.loan)
    check_relief(account, row.component, row.amount, row.value_date, row.reason, open_date())
    _grant(row)
    current_unit().about(row)
    current_unit().note(component=row.component.value, amount=row.amount, proposed_by=row.proposed_by)
    return row


@verb("reliefs.refuse")
def refuse(relief: Relief, reason: str) -> Relief:
    """Decide against a relief; nothing is booked. InvalidValues without a reason."""
    row = _waiting(relief)
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("Please say why.")]})
    row.state, row.decided_by, row.decided_on = ReliefState.REFUSED, actor().name[:80], business_date()
    current_unit().about(row)
    current_unit().note(component=row.component.value, amount=row.amount, reason=reason.strip())
    return row


def limit(on: date) -> int:
    """What one person may let go on one loan within a year, in fen."""
    return int(parameter(LIMIT, on).value)


def granted(loan: Loan, today: date) -> int:
    """What was let go or proposed on the loan within a year: a limit is not got round by small steps."""
    total = select(func.coalesce(func.sum(Relief.amount), 0)).where(
        Relief.loan_id == loan.id, Relief.state != ReliefState.REFUSED, Relief.proposed_on > today - A_YEAR
    )
    return int(db.session.scalar(total) or 0)


def waivable(account: LoanAccount, component: Component, on: date) -> list[tuple[Line, int]]:
    """What is owed of a component by a day, oldest first: penalty as it has run up, interest that fell due."""
    running = {line.number: amount for line, amount in account.penalties(on)} if component is Component.PENALTY else {}
    lines = sorted(account.lines, key=lambda line: (line.due_date, line.number))
    if component is Component.INTEREST:
        lines = [line for line in lines if line.due_date <= on]
    owed = ((line, line.unpaid(component) + running.get(line.number, 0)) for line in lines)
    return [(line, amount) for line, amount in owed if amount > 0]


def check_relief(account: LoanAccount, component: Component, amount: int, on: date, reason: str, today: date) -> None:
    """Raise unless this relief may be booked."""
    if account.status is not LoanStatus.ACTIVE:
        raise Refused(gettext("The loan %(code)s is closed.", code=account.code))
    check_value_date(account, on, today)
    found: dict[str, list[str]] = {}
    if component not in WAIVABLE:
        found["component"] = [gettext("Principal is not let go here; it is written off.")]
    elif amount <= 0:
        found["amount"] = [gettext("The amount must be more than zero.")]
    else:
        owed = sum(part for _line, part in waivable(account, component, on))
        if amount > owed:
            text = money_text(owed, thousands=True)
            found["amount"] = [gettext("Only %(owed)s yuan of this are owed on that day.", owed=text)]
    if not reason.strip():
        found["reason"] = [gettext("A relief needs a reason.")]
    if found:
        raise InvalidValues(found)


def _waiting(relief: Relief) -> Relief:
    row: Relief | None = db.session.scalar(select(Relief).where(Relief.id == relief.id).with_for_update(of=Relief))
    if row is None:
        raise OutOfScope("relief")
    if row.state is not ReliefState.PROPOSED:
        raise Refused(gettext("This relief is decided on already."))
    return row


def _grant(relief: Relief) -> None:
    key = f"relief/{relief.loan_id}/{relief.id}"
    with books() as opened:
        account = account_of(relief.loan)
        opened.reason = relief.reason
        take_relief(opened, account, relief.component, relief.amount, relief.value_date, key)
    relief.state, relief.decided_by, relief.decided_on = ReliefState.BOOKED, actor().name[:80], business_date()
    relief.journal_id = db.session.scalar(select(Journal.id).where(Journal.key == key))
    db.session.flush()


def take_relief(opened: Books, loan: LoanAccount, component: Component, amount: int, on: date, key: str) -> None:
    """Book a relief on an open account: the oldest claim is let go first."""
    charges: list[tuple[Line, Component, int]] = []
    rest, parts = amount, waivable(loan, component, on)
    for line, penalty in loan.penalties(on):  # what has run up is asked for first, so that it can be let go
        charges.append((line, Component.PENALTY, penalty))
    for line, owed in parts:
        part = min(rest, owed)
        if part:
            charges.append((line, component, -part))
            rest -= part
    for line, what, change in charges:
        line.charge(what, change)
    entries = [Entry(Account.WAIVED, component, amount), Entry(Account.WAIVED_CONTRA, component, -amount)]
    if component is Component.INTEREST:
        paid = sum(line.paid_interest for line in loan.lines)
        back = min(loan.accrued - max(loan.earned(on), paid), loan.receivable)
        if back > 0:
            entries.append(Entry(Account.INTEREST_INCOME, component, back))
            entries.append(Entry(Account.INTEREST_RECEIVABLE, component, -back))
    elif component is Component.COST:
        entries.append(Entry(Account.COSTS_BORNE, component, amount))
        entries.append(Entry(Account.COSTS, component, -amount))
    opened.post(loan, JournalKind.RELIEF, key, entries, on, charges=charges)
    loan.last_on = on
    closes = not any(line.owed for line in loan.lines)
    loan.mark_settled(on, loan.lines if closes else [line for line, _component, _amount in charges])
    if closes:
        loan.close(LoanStatus.SETTLED, on)
