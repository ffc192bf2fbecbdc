"""Early repayment of part of the principal: what is owed by the day is paid, then principal before its time.

The interest earned to the day is paid with it (利随本清), so what comes bears interest on what is left and no more: for
the actual days only (民法典 677). Then the term gets shorter at the same instalment, or the instalments lower over the
same term. The prepayment is an instalment of its own; what changes on the others is kept as charges, so the schedule of
any earlier day can still be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import mode

from flask_babel import gettext

from portal.core.errors import InvalidValues, Refused
from portal.core.values import money_text
from portal.core.work import verb
from portal.loans.accounts import Line, LoanAccount
from portal.loans.allocation import allocate
from portal.loans.booking import account_of, books
from portal.loans.books import Books, Receipt
from portal.loans.components import Component
from portal.loans.day_count import counts_months, days
from portal.loans.models import Loan, Repayment, RepaymentKind
from portal.loans.periods import whole_months
from portal.loans.repayments import charge, check_payable, held_receipt, noted, settle
from portal.loans.schedule import level_over, period_interest, share_of
from portal.loans.thresholds import allocation_order
from portal.products.terms import DayCount, Method

WAYS = (RepaymentKind.SHORTEN, RepaymentKind.LOWER)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a coming instalment asks for afterwards, in fen."""

    line: Line
    principal: int
    interest: int


@dataclass(frozen=True, slots=True)
class PrepaymentPlan:
    """What an early repayment takes and leaves; nothing is changed yet."""

    on: date
    principal: int
    """Repaid before its time."""
    interest: int
    """Earned by the day and not due yet."""
    fee: int
    due: int
    """Everything that is due by the day, with the penalty interest that the payment brings."""
    since: date
    """From when `interest` was earned."""
    lines: Sequence[Changed]

    @property
    def total(self) -> int:
        """What has to be received."""
        return self.due + self.interest + self.principal + self.fee


@verb("loans.prepay")
def prepay(
    loan: Loan,
    principal: int,
    value_date: date,
    code: str,
    how: RepaymentKind,
    amount: int | None = None,
    note: str | None = None,
) -> Repayment:
    """Repay part of the principal before its time, with all that is owed by the day and the agreed fee.

    `amount` is what was received, if it is known; Refused when that is not what it takes. The same receipt again
    changes nothing. Raises InvalidValues for principal that is not above zero, or not less than what is left.
    """
    if how not in WAYS:
        raise ValueError("an early repayment shortens the term or lowers the instalments")
    with books() as opened:
        account = account_of(loan)
        if held := held_receipt(code, account, amount, value_date):
            return held
        receipt = take_prepayment(opened, account, principal, value_date, code, how, amount, note)
    return noted(loan, receipt)


def take_prepayment(
    opened: Books,
    loan: LoanAccount,
    principal: int,
    on: date,
    code: str,
    how: RepaymentKind,
    amount: int | None = None,
    note: str | None = None,
    held_id: int | None = None,
) -> Receipt:
    """Book an early repayment on an open account."""
    plan = plan_prepayment(loan, principal, on, how)
    if amount is not None and amount != plan.total:
        wanted = money_text(plan.total, thousands=True)
        raise Refused(gettext("This early repayment takes %(amount)s yuan on %(day)s.", day=on, amount=wanted))
    check_payable(opened, loan, code, plan.total, on)
    receipt = opened.receive(loan, code, plan.total, on, note, kind=how, held_id=held_id)
    for line, penalty in loan.penalties(on):
        charge(receipt, line, Component.PENALTY, penalty)
    extra = Line(max(line.number for line in loan.lines) + 1, plan.since, on, on, 0, 0)
    for change in plan.lines:
        for component, now in ((Component.PRINCIPAL, change.principal), (Component.INTEREST, change.interest)):
            before = change.line.principal if component is Component.PRINCIPAL else change.line.interest
            if now != before:
                charge(receipt, change.line, component, now - before)
        if change.line.period_start < on < change.line.period_end:
            change.line.period_start, change.line.changed = on, True
    loan.lines.append(extra)
    for component, asked in (
        (Component.PRINCIPAL, plan.principal),
        (Component.INTEREST, plan.interest),
        (Component.FEE, plan.fee),
    ):
        if asked:
            charge(receipt, extra, component, asked)
    due = [line.as_owed() for line in loan.lines if line.due_date <= on and line.owed]
    parts, _rest = allocate(plan.total, due, loan.order(allocation_order(on)), on)
    settle(opened, receipt, parts)
    loan.mark_settled(on, [change.line for change in plan.lines])
    loan.note_maturity()
    return receipt


def plan_prepayment(loan: LoanAccount, principal: int, on: date, how: RepaymentKind) -> PrepaymentPlan:
    """What an early repayment of so much principal would take and leave; InvalidValues when it makes no sense."""
    coming = loan.coming(on)
    left = sum(line.unpaid(Component.PRINCIPAL) for line in coming)
    if principal <= 0:
        raise InvalidValues({"principal": [gettext("The amount must be more than zero.")]})
    if principal >= left:
        most = money_text(left, thousands=True)
        sentence = gettext("Only %(most)s yuan are not due yet; to repay all of it, settle the loan.", most=most)
        raise InvalidValues({"principal": [sentence]})
    due = sum(line.owed for line in loan.lines if line.due_date <= on)
    due += sum(amount for line, amount in loan.penalties(on) if line.due_date <= on)
    interest = sum(max(line.earned(on) - line.paid_interest, 0) for line in coming)
    since = next((line.period_start for line in coming if line.period_start < on < line.period_end), on)
    bearing = [line for line in coming if line.principal or (line.period_end > on and _is_open(line))]
    lines = _replanned(loan, bearing, left - principal, on, how)
    lines += [Changed(line, 0, line.paid_interest) for line in coming if line not in bearing]
    return PrepaymentPlan(on, principal, interest, loan.early_fee(principal), due, since, lines)


def _is_open(line: Line) -> bool:
    """Whether an instalment without principal takes part: one that was emptied for good does not."""
    return line.interest > 0 or line.settled_on is None


def _replanned(loan: LoanAccount, coming: Sequence[Line], rest: int, on: date, how: RepaymentKind) -> list[Changed]:
    """What the coming instalments ask for when only `rest` of their principal is left."""
    portion, with_interest = portion_of(loan, coming, rest, on, how)
    found = []
    for place, line in enumerate(coming):
        bears = interest_after(loan, line, rest, on)
        principal = max(portion - bears, 0) if with_interest else portion
        if line.number <= loan.grace and place < len(coming) - 1:
            principal = 0
        elif place == len(coming) - 1 or principal > rest:
            principal = rest
        rest -= principal
        kept = min(line.earned(on), line.paid_interest)
        interest = max(kept + bears, line.paid_interest)
        found.append(Changed(line, line.paid_principal + principal, interest))
    return found


def portion_of(loan: LoanAccount, coming: Sequence[Line], rest: int, on: date, how: RepaymentKind) -> tuple[int, bool]:
    """What each coming instalment but the last amounts to, and whether its interest is part of that."""
    coming = [line for line in coming if line.number > loan.grace] or coming
    usual = coming[:-1] or coming
    if loan.method is Method.LEVEL:
        if how is RepaymentKind.SHORTEN:
            return mode(line.principal + line.interest for line in usual), True
        lengths = [days_after(line, on, loan.day_count) for line in coming]
        return level_over(rest, loan.rate, lengths, loan.day_count, loan.rounding), True
    if loan.method is Method.EQUAL_PRINCIPAL:
        if how is RepaymentKind.SHORTEN:
            return mode(line.principal for line in usual), False
        return share_of(rest, len(coming), loan.rounding), False
    return 0, False


def interest_after(loan: LoanAccount, line: Line, balance: int, on: date) -> int:
    """What a balance bears from the day on to the end of an instalment's period; days of the calendar share it out."""
    whole = period_interest(balance, loan.rate, line_days(line, loan.day_count), loan.day_count)
    length = (line.period_end - line.period_start).days
    after = min(max((line.period_end - on).days, 0), length)
    return (whole * after * 2 + length) // (2 * length) if length else 0


def line_days(line: Line, convention: DayCount) -> int:
    """Days of interest of an instalment's period."""
    if counts_months(convention):
        months = whole_months(line.period_start, line.period_end)
        if months is not None:
            return 30 * months
    return days(line.period_start, line.period_end, convention)


def days_after(line: Line, on: date, convention: DayCount) -> int:
    length = (line.period_end - line.period_start).days
    after = min(max((line.period_end - on).days, 0), length)
    return round(line_days(line, convention) * after / length) if length else 0
