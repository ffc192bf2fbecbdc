"""Money that belongs to no loan yet, or no longer: received, cleared, held for the customer, given back."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope, PortalError, Refused
from portal.core.scope import NOBODY, acting
from portal.core.work import unit_of_work
from portal.loans.costs import charge_cost
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.models import LoanStatus, Repayment, RepaymentKind
from portal.loans.receipts import HeldPosting, HeldReceipt
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.loans.reversals import reverse
from portal.loans.suspense import Portion, clear, give_back, receive, reverse_receipt, take
from portal.loans.write_offs import write_off
from portal.products.terms import Method
from tests.portal.loans.conftest import START, Company, balances, open_on, table_sizes

FIRST_DUE = dt.date(2026, 2, 5)
SECOND_DUE = dt.date(2026, 3, 5)


def account(which: Account) -> int:
    """Balance of an account over both books."""
    sums = [
        db.session.scalar(select(func.coalesce(func.sum(model.amount), 0)).where(model.account == which)) or 0
        for model in (Posting, HeldPosting)
    ]
    return int(sum(sums))


def held(code: str) -> HeldReceipt:
    return db.session.scalars(select(HeldReceipt).where(HeldReceipt.code == code)).one()


def test_money_that_nobody_has_explained_waits_on_the_suspense_account(company: Company):
    row = receive("B1", 50_000, START, payer="Wang Fang")
    assert (row.rest, row.customer_id, row.booking_date) == (50_000, None, START)
    assert (account(Account.CASH), account(Account.SUSPENSE)) == (50_000, -50_000)
    assert reconcile() == []
    before = table_sizes()
    assert receive("B1", 50_000, START).id == row.id
    assert table_sizes() == before, "the same receipt again changes nothing"
    with pytest.raises(Refused, match="belongs to another payment"):
        receive("B1", 50_001, START)


def test_held_money_is_cleared_to_several_loans_and_counts_from_the_day_it_came_in(company: Company):
    one, other = company.lend(), company.lend(Method.INTEREST_ONLY, amount=100_000, count=2)
    open_on(FIRST_DUE + dt.timedelta(days=3))
    row = receive("B1", 120_000, FIRST_DUE)
    made = clear(row, [Portion(one.id, 106_619), Portion(other.id, 1_000)])
    assert [(r.code, r.amount, r.value_date, r.held_id) for r in made] == [
        ("B1/1", 106_619, FIRST_DUE, row.id),
        ("B1/2", 1_000, FIRST_DUE, row.id),
    ]
    assert one.instalments[0].settled_on == FIRST_DUE, "in time, though it was cleared three days later"
    assert held("B1").rest == 120_000 - 106_619 - 1_000
    assert balances(one)["SUSPENSE interest"] == 12_000
    assert balances(one)["SUSPENSE principal"] == 94_619
    assert account(Account.SUSPENSE) == -12_381
    assert reconcile() == []


def test_no_more_is_cleared_or_given_back_than_is_held(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    row = receive("B1", 50_000, FIRST_DUE)
    before = table_sizes()
    for portions, on, sentence in (
        ([Portion(loan.id, 50_001)], None, r"Only 500\.00 yuan of this receipt are still held"),
        ([], None, "more than zero"),
        ([Portion(loan.id, 0)], None, "more than zero"),
        ([Portion(loan.id, 5), Portion(loan.id, 5)], None, "Each loan takes part once"),
        ([Portion(loan.id, 5)], FIRST_DUE - dt.timedelta(days=1), "only came in on"),
        ([Portion(loan.id, 5)], FIRST_DUE + dt.timedelta(days=1), "has not happened yet"),
    ):
        with pytest.raises(PortalError, match=sentence):
            clear(row, portions, on)
    with pytest.raises(Refused, match="still held"):
        give_back(row, 50_001, FIRST_DUE, "to his account")
    with pytest.raises(InvalidValues, match="why it is given back"):
        give_back(row, 1, FIRST_DUE, " ")
    with pytest.raises(InvalidValues, match="has not happened yet"):
        receive("B2", 1, FIRST_DUE + dt.timedelta(days=1))
    with pytest.raises(InvalidValues, match="more than zero"):
        receive("B2", 0, FIRST_DUE)
    assert table_sizes() == before
    assert held("B1").rest == 50_000


def test_what_is_paid_beyond_the_due_is_held_for_the_customer_and_given_back(company: Company):
    loan = company.lend()  # 1,066.19 yuan due on 5 February
    open_on(FIRST_DUE)
    repayment, rest = take(loan, 150_000, FIRST_DUE, "R1")
    assert repayment is not None
    assert rest is not None
    assert (repayment.amount, rest.amount, rest.rest) == (106_619, 150_000, 43_381)
    assert rest.customer_id == loan.customer_id
    assert [line.paid_principal for line in loan.instalments[:2]] == [94_619, 0]
    before = table_sizes()
    take(loan, 150_000, FIRST_DUE, "R1")
    assert table_sizes() == before, "the same receipt again changes nothing"
    give_back(held("R1"), 43_381, FIRST_DUE, "Back to the payer's account, request of 5 February")
    assert held("R1").rest == 0
    assert account(Account.SUSPENSE) == 0
    assert account(Account.CASH) == 106_619 - 1_200_000
    assert reconcile() == []


def test_paying_ahead_holds_only_what_is_left_after_the_last_instalment(company: Company):
    loan = company.lend(Method.INTEREST_ONLY, amount=100_000, count=2)  # 1,000 + 101,000 fen
    open_on(FIRST_DUE)
    repayment, rest = take(loan, 103_000, FIRST_DUE, "R1", ahead=True)
    assert repayment is not None
    assert rest is not None
    assert (repayment.amount, rest.rest, loan.status) == (102_000, 1_000, LoanStatus.SETTLED)


def test_nothing_due_means_everything_is_held(company: Company):
    loan = company.lend()
    repayment, rest = take(loan, 5_000, START, "R1")
    assert repayment is None
    assert rest is not None
    assert rest.rest == 5_000
    with pytest.raises(Refused, match="belongs to another payment"):
        take(company.lend(customer=company.customer("C1")), 5_000, START, "R1")


def test_reversing_a_repayment_from_held_money_holds_it_again(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    clear(receive("B1", 106_619, FIRST_DUE), [Portion(loan.id, 106_619)])
    assert held("B1").rest == 0
    journal = db.session.scalars(select(Journal).where(Journal.kind == JournalKind.REPAYMENT)).one()
    reverse(journal, "wrong loan")
    assert held("B1").rest == 106_619
    assert reconcile() == []
    other = company.lend(disbursed_on=START)
    assert [r.code for r in clear(held("B1"), [Portion(other.id, 106_619)])] == ["B1"]
    assert reconcile() == []


def test_a_receipt_is_reversed_only_while_nothing_was_taken_from_it(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    row = receive("B1", 1_000, FIRST_DUE)
    clear(row, [Portion(loan.id, 400)])
    with pytest.raises(Refused, match="Some of this money was used"):
        reverse_receipt(held("B1"), "typed twice")
    other = receive("B2", 1_000, FIRST_DUE)
    with pytest.raises(InvalidValues, match="needs a reason"):
        reverse_receipt(other, "")
    reverse_receipt(other, "typed twice")
    assert account(Account.SUSPENSE) == -600
    assert receive("B2", 700, FIRST_DUE).rest == 700, "its number is free again"
    assert reconcile() == []


def test_held_money_pays_a_loan_that_was_written_off_as_a_recovery(company: Company):
    loan = company.lend(Method.BULLET, amount=100_000, count=1)
    open_on(FIRST_DUE + dt.timedelta(days=200))
    write_off(loan, FIRST_DUE + dt.timedelta(days=100), "no assets")
    row = receive("B1", 30_000, FIRST_DUE + dt.timedelta(days=150))
    (made,) = clear(row, [Portion(loan.id, 30_000)])
    assert made.kind is RepaymentKind.RECOVERY
    assert balances(loan)["SUSPENSE principal"] == 30_000
    assert reconcile() == []


def test_costs_of_enforcement_are_paid_first_and_never_become_income(company: Company):
    """Due 1,010.00; costs 90.00. 500.00 pay: costs 90.00, interest 10.00, principal 400.00."""
    loan = company.lend(Method.BULLET, amount=100_000, count=1)
    open_on(FIRST_DUE)
    charge_cost(loan, 9_000, FIRST_DUE, "Court fee, voucher 2026-17")
    repay(loan, 50_000, FIRST_DUE, "R1")
    only = loan.instalments[0]
    assert (only.cost, only.paid_cost, only.paid_interest, only.paid_principal) == (9_000, 9_000, 1_000, 40_000)
    assert "COSTS cost" not in balances(loan), "what was laid out came back"
    assert reconcile() == []


def test_costs_keep_a_loan_open_and_are_reversed_like_anything_else(company: Company):
    loan = company.lend(Method.BULLET, amount=100_000, count=1)
    open_on(FIRST_DUE)
    journal = charge_cost(loan, 9_000, FIRST_DUE, "Court fee, voucher 2026-17")
    assert journal.reason == "Court fee, voucher 2026-17"
    reverse(journal, "voucher of another loan")
    assert loan.instalments[0].cost == 0
    charge_cost(loan, 500, FIRST_DUE, "Delivery, voucher 2026-18")
    repay(loan, 101_000, FIRST_DUE, "R1")
    assert loan.status is LoanStatus.ACTIVE
    repay(loan, 500, FIRST_DUE, "R2")
    assert loan.status is LoanStatus.SETTLED
    assert reconcile() == []
    for amount, on, reason, sentence in (
        (0, FIRST_DUE, "x", "more than zero"),
        (1, FIRST_DUE + dt.timedelta(days=1), "x", "has not happened yet"),
        (1, FIRST_DUE, " ", "name the costs"),
    ):
        with pytest.raises(InvalidValues, match=sentence):
            charge_cost(loan, amount, on, reason)


def test_the_designation_of_the_debtor_is_recorded(company: Company):
    loan = company.lend()
    open_on(SECOND_DUE)
    assert repay(loan, 106_619, SECOND_DUE, "R1", instalments=[2]).designated == "2"
    assert repay(loan, 5, SECOND_DUE, "R2").designated is None


def test_held_money_out_of_scope_does_not_exist(company: Company):
    row = receive("B1", 50_000, START, company.customer())
    with acting(NOBODY), pytest.raises(OutOfScope):
        give_back(row, 1, START, "to his account")


def test_the_reconciliation_sees_held_money_that_differs_from_its_postings(company: Company):
    receive("B1", 50_000, START)
    with unit_of_work("tests.spoil"):
        held("B1").rest = 49_999
    assert [(d.check, d.detail) for d in reconcile()] == [
        ("held", "receipt B1: 49999 held, 50000 by its postings"),
        ("held", "receipts hold 49999, the suspense account 50000"),
    ]
    assert db.session.scalar(select(func.count()).select_from(Repayment)) == 0
