"""Backdated repayments: the loan stands afterwards as if everything had been booked on its day."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import InvalidValues, PortalError, Refused
from portal.loans.backdating import repay_backdated
from portal.loans.bank_lines import BankLine
from portal.loans.booking import account_of
from portal.loans.comparing import preview_backdated
from portal.loans.costs import charge_cost
from portal.loans.ledger import Journal
from portal.loans.models import Loan, LoanStatus, Repayment, RepaymentKind
from portal.loans.prepayment import prepay
from portal.loans.receipts import HeldReceipt
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import Payment, payoff, repay, settle_early
from portal.loans.statement import StatementLine, book, take_in
from portal.loans.suspense import Portion, clear, receive, take
from portal.loans.write_offs import write_off
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, balances, open_on, table_sizes

FIRST_DUE = dt.date(2026, 2, 5)
SECOND_DUE = dt.date(2026, 3, 5)
LATE = FIRST_DUE + dt.timedelta(days=20)


def standing(loan: Loan) -> list[tuple]:
    """What the customer owes and has paid, line by line, whatever way it came about."""
    db.session.expire_all()
    names = ("principal", "interest", "fee", "penalty", "cost")
    return [
        (i.due_date, i.settled_on, *(getattr(i, n) for n in names), *(getattr(i, f"paid_{n}") for n in names))
        for i in sorted(loan.instalments, key=lambda i: (i.due_date, i.number))
        if any(getattr(i, n) for n in names)
    ]


def late(loan: Loan, amount: int, on: dt.date, code: str = "LATE") -> Repayment | None:
    return repay_backdated(loan, Payment(loan.id, code, amount, on), "the bank told us late")


def test_a_payment_that_was_in_time_takes_the_penalty_of_the_later_one_back(company: Company):
    """10,100.00 due on 5 February. 5,000.00 booked 20 days late bring a penalty of 10,100.00 x 18 % x 20 / 360, 101.00.
    Then 10,000.00 turn out to have come in time: only 100.00 were late: 100.00 x 18 % x 20 / 360 = 1.00. Of the
    5,000.00 only 101.00 were owed, 4,899.00 are held."""
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(LATE)
    repay(loan, 500_000, LATE, "R1")
    assert loan.instalments[0].penalty == 10_100
    made = late(loan, 1_000_000, FIRST_DUE)
    assert made is not None
    assert (made.value_date, made.booking_date) == (FIRST_DUE, LATE)
    only = loan.instalments[0]
    assert (only.penalty, only.paid_penalty, loan.status) == (100, 100, LoanStatus.SETTLED)
    held = db.session.scalars(select(HeldReceipt)).one()
    assert (held.code, held.rest, held.customer_id) == ("R1/rest", 489_900, loan.customer_id)
    again = db.session.scalars(select(Repayment).where(Repayment.code == "R1")).one()
    assert (again.amount, again.value_date) == (10_100, LATE)
    assert reconcile() == []


def test_it_stands_as_if_everything_had_been_booked_on_its_day(company: Company):
    """The same events in their order on another loan give the same claims, whatever the order of booking."""
    one, other = company.lend(), company.lend()
    for loan, order in ((one, "abcd"), (other, "bcad")):
        open_on(SECOND_DUE + dt.timedelta(days=10))
        for step in order:
            match step:
                case "a" if order.startswith("a"):
                    repay(loan, 50_000, FIRST_DUE, f"{loan.code}-a")
                case "a":
                    late(loan, 50_000, FIRST_DUE, f"{loan.code}-a")
                case "b":
                    repay(loan, 40_000, LATE, f"{loan.code}-b")
                case "c":
                    repay(loan, 90_000, SECOND_DUE + dt.timedelta(days=2), f"{loan.code}-c", instalments=[2])
                case "d":
                    repay(loan, 70_000, SECOND_DUE + dt.timedelta(days=9), f"{loan.code}-d")
    assert standing(one) == standing(other)
    assert balances(one) == balances(other)
    assert reconcile() == []


@pytest.mark.parametrize("how", [RepaymentKind.SHORTEN, RepaymentKind.LOWER])
def test_early_repayments_and_costs_are_booked_anew_for_what_they_were(company: Company, how: RepaymentKind):
    """Told in order, told late, and told when the early repayment was booked already: the claims are the same."""
    in_order, told_late, told_last = (company.lend() for _ in range(3))
    day = SECOND_DUE + dt.timedelta(days=12)
    open_on(day)
    for loan in (in_order, told_late, told_last):
        if loan is in_order:
            repay(loan, 106_619, FIRST_DUE, f"{loan.code}-a")
        take(loan, 1_000, LATE, f"{loan.code}-x", reason="the bank was late")
        charge_cost(loan, 2_500, LATE, "Delivery, voucher 7")
        if loan is told_late:
            late(loan, 106_619, FIRST_DUE, f"{loan.code}-a")
        prepay(loan, 300_000, day, f"{loan.code}-b", how)
        if loan is told_last:
            early = db.session.scalars(select(Repayment).where(Repayment.code == f"{loan.code}-b")).one().amount
            late(loan, 106_619, FIRST_DUE, f"{loan.code}-a")
    assert standing(told_late) == standing(in_order)
    assert standing(told_last) == standing(in_order)
    now = db.session.scalars(select(Repayment).where(Repayment.code == f"{told_last.code}-b")).one()
    held = db.session.scalars(select(HeldReceipt).where(HeldReceipt.code == f"{told_last.code}-b/rest")).one()
    assert now.kind is how
    assert now.amount + held.rest == early, "what the arrears cost less is held"
    assert reconcile() == []


def test_a_settled_loan_gets_back_what_it_paid_too_much(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=1_000_000, count=3)
    open_on(LATE)
    total = payoff(loan, LATE)
    settle_early(loan, LATE, "R1", total)
    assert loan.status is LoanStatus.SETTLED
    late(loan, 10_000, FIRST_DUE)
    assert loan.status is LoanStatus.SETTLED
    again = db.session.scalars(select(Repayment).where(Repayment.code == "R1")).one()
    held = db.session.scalars(select(HeldReceipt)).one()
    penalty = 100  # 10,000 x 18 % x 20 / 360
    assert (again.kind, again.amount, held.rest) == (
        RepaymentKind.SETTLEMENT,
        total - 10_000 - penalty,
        10_000 + penalty,
    )
    assert reconcile() == []


def test_held_money_and_bank_lines_follow_what_is_booked_anew(company: Company):
    loan = company.lend()
    open_on(LATE)
    row = receive("H1", 200_000, LATE)
    clear(row, [Portion(loan.id, 108_000)], LATE)
    take_in([StatementLine("B1", LATE, 5_000, "Customer 0")])
    book(db.session.scalars(select(BankLine)).one(), loan)
    late(loan, 106_619, FIRST_DUE)
    line = db.session.scalars(select(BankLine)).one()
    standing_one = db.session.scalars(select(Repayment).where(Repayment.code == "B1")).one_or_none()
    assert line.repayment_id == (standing_one.id if standing_one else None)
    assert line.repayment_id is None or line.repayment.reversed_on is None
    assert reconcile() == []


def test_the_preview_shows_before_and_after_and_books_nothing(company: Company):
    loan = company.lend(Method.BULLET, amount=1_000_000, count=1)
    open_on(LATE)
    repay(loan, 500_000, LATE, "R1")
    before = table_sizes()
    account = account_of(loan, lock=False)
    shown = preview_backdated(loan, account, Payment(loan.id, "LATE", 300_000, FIRST_DUE))
    figures = {str(label): (old, new) for label, old, new in shown.before_after}
    # 7,100.00 instead of 10,100.00 were late for 20 days: 71.00 instead of 101.00.
    assert figures["Due today"] == ("5,201.00", "2,171.00")
    assert figures["Balance"] == ("5,100.00", "2,100.00")
    assert table_sizes() == before
    late(loan, 300_000, FIRST_DUE)
    assert account_of(loan, lock=False).due_by(LATE) == 217_100


def test_what_is_not_booked_anew_by_itself_is_reversed_first(company: Company):
    loan = company.lend()
    open_on(SECOND_DUE)
    write_off(loan, LATE, "no assets")
    before = table_sizes()
    with pytest.raises(Refused, match=r"“Write-off” of 2026-02-25"):
        late(loan, 500, FIRST_DUE)
    other = company.lend(disbursed_on=START)
    repay(other, 500, LATE, "R1")
    for amount, on, reason, sentence in (
        (500, FIRST_DUE, " ", "why it is booked only now"),
        (0, FIRST_DUE, "x", "more than zero"),
        (500, SECOND_DUE + dt.timedelta(days=1), "x", "has not happened yet"),
        (500, START - dt.timedelta(days=1), "x", "only disbursed on"),
        (501, LATE, "x", "belongs to another payment"),
    ):
        code = "R1" if amount == 501 else "R2"
        with pytest.raises(PortalError, match=sentence):
            repay_backdated(other, Payment(other.id, code, amount, on), reason)
    assert table_sizes()["Repayment"] == before["Repayment"] + 1


def test_the_same_receipt_again_changes_nothing(company: Company):
    loan = company.lend()
    open_on(LATE)
    repay(loan, 500, LATE, "R1")
    first = late(loan, 700, FIRST_DUE)
    before = table_sizes()
    again = late(loan, 700, FIRST_DUE)
    assert first is not None
    assert again is not None
    assert first.id == again.id
    assert table_sizes() == before


def test_a_value_date_in_a_closed_month_needs_a_reason_and_is_booked_in_the_open_one(company: Company):
    loan = company.lend()
    open_on(SECOND_DUE)
    with pytest.raises(InvalidValues, match="That month is closed"):
        take(loan, 106_619, FIRST_DUE, "R1")
    repayment, _held = take(loan, 106_619, FIRST_DUE, "R1", reason="the bank's line came late")
    assert repayment is not None
    journal = db.session.scalars(select(Journal).where(Journal.key == f"repayment/{repayment.id}")).one()
    assert (journal.period, journal.value_date, journal.reason) == (202603, FIRST_DUE, "the bank's line came late")
