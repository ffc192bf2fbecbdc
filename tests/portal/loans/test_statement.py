"""The bank statement: brought in once, matched, booked, held or left alone; and what a line is taken for."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.loans.bank_lines import BankLine, LineState
from portal.loans.ledger import Journal, JournalKind
from portal.loans.matching import Why, numbers_in, proposals
from portal.loans.models import Repayment
from portal.loans.receipts import HeldReceipt
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay
from portal.loans.reversals import reverse
from portal.loans.statement import StatementLine, book, hold, ignore, match, reopen, take_back, take_in
from tests.portal.loans.conftest import START, Company, open_on, table_sizes

FIRST_DUE = dt.date(2026, 2, 5)
DUE = 106_619
"""What is due on 5 February of 12,000 yuan over a year at 12 %."""


def line(code: str) -> BankLine:
    db.session.expire_all()
    return db.session.scalars(select(BankLine).where(BankLine.code == code)).one()


def brought_in(*rows: StatementLine) -> int:
    return take_in(rows, batch_id=7)


def test_a_statement_brought_in_twice_is_there_once_and_books_nothing(company: Company):
    rows = [StatementLine("B1", START, 5_000), StatementLine("B2", START, -700)]
    before = table_sizes()
    assert brought_in(*rows) == 2
    assert brought_in(*rows, StatementLine("B3", START, 1)) == 1
    assert table_sizes() | {"AuditEntry": 0} == before | {"AuditEntry": 0}
    assert [line(code).amount for code in ("B1", "B2", "B3")] == [5_000, -700, 1]
    assert take_back(7) == 3


def test_a_line_whose_reference_is_booked_already_is_matched_by_itself(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repayment = repay(loan, DUE, FIRST_DUE, "B1")
    brought_in(StatementLine("B1", FIRST_DUE, DUE), StatementLine("B2", FIRST_DUE, DUE))
    assert (line("B1").state, line("B1").repayment_id) == (LineState.MATCHED, repayment.id)
    assert line("B2").state is LineState.OPEN
    assert take_back(7) == 2, "nobody has decided on anything"


def test_a_line_is_taken_for_what_it_most_surely_is(company: Company):
    loan = company.lend()
    other = company.lend(customer=company.customer("C1"), code="N2026-77")
    open_on(FIRST_DUE)
    brought_in(
        StatementLine("B1", FIRST_DUE, DUE, "Customer 0", None, "instalment of February"),
        StatementLine("B2", FIRST_DUE, 500, "A cousin", None, "还款 N2026-77 二月"),
        StatementLine("B3", FIRST_DUE, DUE, "A cousin", None, "N2026-77"),
        StatementLine("B4", FIRST_DUE, 500, "Nobody we know", None, "thanks"),
        StatementLine("B5", FIRST_DUE, -500, "Customer 0"),
    )
    found = proposals([line(f"B{n}") for n in range(1, 6)])
    said = [[(p.why, p.loan.id) for p in found[line(f"B{n}").id]] for n in range(1, 6)]
    assert said == [
        [(Why.NAME_AND_AMOUNT, loan.id)],
        [(Why.NUMBER, other.id)],
        [(Why.NUMBER_AND_AMOUNT, other.id)],
        [],
        [],
    ]


def test_a_payment_that_was_booked_by_hand_is_found_by_its_amount_and_day(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE + dt.timedelta(days=9))
    repayment = repay(loan, DUE, FIRST_DUE, "COUNTER-1")
    brought_in(
        StatementLine("B1", FIRST_DUE + dt.timedelta(days=3), DUE, "Customer 0"),
        StatementLine("B2", FIRST_DUE + dt.timedelta(days=4), DUE, "Customer 0"),
    )
    near, far = (proposals([line(code)])[line(code).id] for code in ("B1", "B2"))
    assert (near[0].why, near[0].repayment) == (Why.SAME_PAYMENT, repayment)
    assert all(p.repayment is None for p in far)
    match(line("B1"), repayment)
    with pytest.raises(Refused, match="matched with another line"):
        match(line("B2"), repayment)
    assert proposals([line("B2")])[line("B2").id][0].why is Why.NAME


def test_a_line_that_is_booked_pays_the_loan_and_holds_what_is_too_much(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE + dt.timedelta(days=2))
    brought_in(StatementLine("B1", FIRST_DUE, DUE + 5_000, "Customer 0"))
    book(line("B1"), loan)
    row = line("B1")
    assert row.state is LineState.MATCHED
    assert row.repayment is not None
    assert row.held is not None
    assert (row.repayment.value_date, row.repayment.amount, row.held.rest) == (FIRST_DUE, DUE, 5_000)
    with pytest.raises(Refused, match="decided on already"):
        book(row, loan)
    with pytest.raises(Refused, match="history"):
        take_back(7)
    assert reconcile() == []


def test_a_line_is_decided_anew_only_after_its_booking_was_reversed(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    brought_in(StatementLine("B1", FIRST_DUE, DUE, "Customer 0"))
    book(line("B1"), loan)
    with pytest.raises(Refused, match="Reverse what was booked"):
        reopen(line("B1"))
    journal = db.session.scalars(select(Journal).where(Journal.kind == JournalKind.REPAYMENT)).one()
    reverse(journal, "the cousin's loan")
    assert reopen(line("B1")).state is LineState.OPEN
    other = company.lend(customer=company.customer("C1"), disbursed_on=START)
    book(line("B1"), other)
    assert db.session.scalars(select(Repayment.loan_id).where(Repayment.code == "B1")).one() == other.id


def test_money_is_held_or_left_alone_with_a_reason(company: Company):
    brought_in(StatementLine("B1", START, 5_000, "Somebody"), StatementLine("B2", START, -700, remark="charges"))
    hold(line("B1"), None, "asked the bank")
    held = db.session.scalars(select(HeldReceipt)).one()
    assert (held.code, held.amount, held.payer, line("B1").held_id) == ("B1", 5_000, "Somebody", held.id)
    with pytest.raises(InvalidValues, match="why this line is left alone"):
        ignore(line("B2"), "  ")
    with pytest.raises(Refused, match="went out"):
        hold(line("B2"))
    ignore(line("B2"), "bank charges of January")
    assert (line("B2").state, line("B2").reason) == (LineState.IGNORED, "bank charges of January")
    assert reopen(line("B2")).state is LineState.OPEN
    with pytest.raises(Refused, match="Reverse what was booked"):
        reopen(line("B1"))


def test_a_line_and_a_booking_of_different_amounts_do_not_match(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    repayment = repay(loan, DUE, FIRST_DUE, "R1")
    brought_in(StatementLine("B1", FIRST_DUE, DUE - 1))
    with pytest.raises(Refused, match="amounts differ"):
        match(line("B1"), repayment)
    assert db.session.scalar(select(func.count()).select_from(BankLine).where(BankLine.state == LineState.OPEN)) == 1


def test_a_long_reference_is_booked_under_its_end(company: Company):
    loan = company.lend()
    open_on(FIRST_DUE)
    reference = "9" * 30 + "-" + "8" * 30
    brought_in(StatementLine(reference, FIRST_DUE, DUE))
    book(line(reference), loan)
    assert line(reference).repayment.code == reference[-40:]  # type: ignore[union-attr]


def test_words_of_a_remark_that_may_be_loan_numbers():
    assert numbers_in("还款L2025102104，谢谢 n-7/2 abc ab") == {"L2025102104", "n-7/2"}
    assert numbers_in(None) == set()
