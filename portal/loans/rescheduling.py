"""Terms that change on an open account: an extension, a restructuring, a rate set anew, misuse of the funds.

No money moves: the principal is booked out and in again, so the event stands in the ledger with its day, and what
changes on the instalments is kept as charges; the schedule of any earlier day can still be told. Penalty interest that
has run up is asked for first, at the terms that held until then.

What an instalment had earned by the day stays earned. Where interest runs differently from the day on, the running
period is cut there: what it had earned becomes an instalment of its own with the same due date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext

from portal.core.errors import Refused
from portal.loans.accounts import Line, LoanAccount
from portal.loans.books import Books, Entry
from portal.loans.components import Component
from portal.loans.holidays import due_date_mover
from portal.loans.ledger import Account, JournalKind
from portal.loans.models import LoanStatus
from portal.loans.periods import add_months, whole_months
from portal.loans.prepayment import days_after, interest_after, line_days
from portal.loans.schedule import level_over, share_of
from portal.loans.terms import LoanTerms, TermsStep
from portal.loans.thresholds import announced_days
from portal.products.terms import Method

Changes = list[tuple[Line, Component, int]]


@dataclass(frozen=True, slots=True)
class NewTerms:
    """What holds from a day on. The maturity follows from the months."""

    kind: JournalKind
    on: date
    rate: int
    misuse_markup: int | None
    next_reset_on: date | None
    months: int = 0
    lpr: int | None = None

    @classmethod
    def like(cls, loan: LoanAccount, kind: JournalKind, on: date) -> NewTerms:
        """The terms as they are; what changes is replaced."""
        return cls(kind, on, loan.rate, loan.misuse_markup, loan.next_reset_on)

    @classmethod
    def of(cls, kind: JournalKind, on: date, step: TermsStep) -> NewTerms:
        """As a step that was booked says."""
        after = step.after
        return cls(kind, on, after.rate, after.misuse_markup, after.next_reset_on, step.months, step.lpr)


def take_terms(opened: Books, loan: LoanAccount, new: NewTerms, key: str) -> None:
    """Let new terms hold from their day on, on an open account. Refused when there is nothing they could change."""
    if loan.status is not LoanStatus.ACTIVE or not loan.balance:
        raise Refused(gettext("The loan %(code)s is closed.", code=loan.code))
    before = loan.terms
    changes: Changes = [(line, Component.PENALTY, amount) for line, amount in loan.penalties(new.on)]
    for line, component, amount in changes:
        line.charge(component, amount)
    rate_changes = new.rate != loan.rate
    loan.agree(LoanTerms(new.rate, None, new.misuse_markup, new.next_reset_on))
    if new.kind is not JournalKind.MISUSE:
        changes += _reschedule(loan, new, rate_changes)
    loan.note_maturity()
    entries = [
        Entry(Account.LOANS, Component.PRINCIPAL, loan.balance),
        Entry(Account.LOANS, Component.PRINCIPAL, -loan.balance),
    ]
    step = TermsStep(before, loan.terms, new.months, new.lpr)
    opened.post(loan, new.kind, key, entries, new.on, charges=changes, terms=step)
    loan.last_on = new.on
    loan.mark_settled(new.on, [line for line, _component, _amount in changes])


def extendable(loan: LoanAccount, on: date) -> list[Line]:
    """Instalments whose due dates can be put off: not paid, not due by the day, and their period is not over."""
    return [line for line in loan.coming(on) if line.settled_on is None and line.period_end > on]


def _reschedule(loan: LoanAccount, new: NewTerms, rate_changes: bool) -> Changes:
    on, coming = new.on, extendable(loan, new.on)
    late = [line for line in loan.lines if line.settled_on is None and line.due_date <= on and line.ageing]
    moved = late if new.kind is JournalKind.RESTRUCTURING else []
    late_principal = sum(line.unpaid(Component.PRINCIPAL) for line in moved)
    rest = late_principal + sum(line.unpaid(Component.PRINCIPAL) for line in coming)
    if new.kind is JournalKind.EXTENSION and not sum(line.unpaid(Component.PRINCIPAL) for line in coming):
        raise Refused(gettext("An extension is agreed before the last due date; nothing is to come on this loan."))
    if new.kind is JournalKind.RESTRUCTURING and not (coming or new.months):
        raise Refused(gettext("Everything has fallen due: say by how many months it is put off."))
    cut = rate_changes or late_principal > 0
    if not rest or not (cut or new.months or moved):
        return []
    changes: Changes = []
    arrears = _take_over(moved, changes)
    running = next((line for line in coming if line.period_start < on), None)
    earned, kept = _earned(running, on) if cut and running is not None else (0, 0)
    lines = [*coming, *_further(loan, coming, new)]
    if arrears:
        _add(loan, Line(_next_number(loan), on, on, lines[0].due_date, 0, 0), arrears, changes)
    lengths = [line_days(one, loan.day_count) if not cut else days_after(one, on, loan.day_count) for one in lines]
    repaying = [length for one, length in zip(lines, lengths, strict=True) if one.number > loan.grace]
    within_level = earned if lines[0].number > loan.grace else 0
    portion, with_interest = _portion(loan, repaying or lengths[-1:], rest, within_level)
    for place, line in enumerate(lines):
        if line is running and not cut:
            interest = line.interest
        else:
            interest = max((kept if line is running else 0) + interest_after(loan, line, rest, on), line.paid_interest)
        beside = interest + (earned if place == 0 else 0)
        principal = max(portion - beside, 0) if with_interest else portion
        if line.number <= loan.grace and place < len(lines) - 1:
            principal = 0
        elif place == len(lines) - 1 or principal > rest:
            principal = rest
        rest -= principal
        _change(line, Component.PRINCIPAL, line.paid_principal + principal - line.principal, changes)
        _change(line, Component.INTEREST, interest - line.interest, changes)
    if cut and running is not None:
        _cut(loan, running, on, earned, changes)
    return changes


def _take_over(moved: Sequence[Line], changes: Changes) -> int:
    """What is late is not asked for on its old day any more; returns its interest, which bears none itself."""
    arrears = 0
    for line in moved:
        arrears += line.unpaid(Component.INTEREST)
        for component in (Component.PRINCIPAL, Component.INTEREST):
            _change(line, component, -line.unpaid(component), changes)
    return arrears


def _earned(running: Line, on: date) -> tuple[int, int]:
    """What the running instalment had earned by the day: still to pay, and paid already."""
    earned = running.earned(on)
    kept = min(earned, running.paid_interest)
    return earned - kept, kept


def _cut(loan: LoanAccount, running: Line, on: date, earned: int, changes: Changes) -> None:
    """Let the running period begin on the day; what it had earned is due with it, on a line of its own.

    The line is there even if nothing was earned: a reversal finds by it where the period had begun.
    """
    extra = Line(_next_number(loan), running.period_start, on, running.due_date, 0, 0)
    running.period_start, running.changed = on, True
    if earned:
        _add(loan, extra, earned, changes)
    else:
        extra.settled_on = loan.disbursed_on
        loan.lines.append(extra)


def _further(loan: LoanAccount, coming: Sequence[Line], new: NewTerms) -> list[Line]:
    """The instalments that come after the last one, still empty: monthly, on the loan's day; of a bullet only one."""
    if not new.months:
        return []
    begin = max((line.period_end for line in coming), default=new.on)
    gone = whole_months(loan.disbursed_on, begin)
    anchor, gone = (begin, 0) if gone is None else (loan.disbursed_on, gone)
    ends = [add_months(anchor, gone + month) for month in range(1, new.months + 1)]
    if loan.method is Method.BULLET:
        ends = ends[-1:]
    move = due_date_mover(loan.holiday_rule, announced_days(new.on))
    found = []
    for end in ends:
        line = Line(_next_number(loan), begin, end, move(end), 0, 0)
        loan.lines.append(line)
        found.append(line)
        begin = end
    return found


def _portion(loan: LoanAccount, lengths: Sequence[int], rest: int, earned: int) -> tuple[int, bool]:
    """What each instalment but the last amounts to, and whether its interest is part of that.

    `earned` is interest that is due beside the first one: a level loan pays it within its level.
    """
    if loan.method is Method.LEVEL:
        return level_over(rest + earned, loan.rate, lengths, loan.day_count, loan.rounding), True
    if loan.method is Method.EQUAL_PRINCIPAL:
        return share_of(rest, len(lengths), loan.rounding), False
    return 0, False


def _change(line: Line, component: Component, amount: int, changes: Changes) -> None:
    if amount:
        line.charge(component, amount)
        changes.append((line, component, amount))


def _add(loan: LoanAccount, line: Line, interest: int, changes: Changes) -> None:
    loan.lines.append(line)
    _change(line, Component.INTEREST, interest, changes)


def _next_number(loan: LoanAccount) -> int:
    return max(line.number for line in loan.lines) + 1
