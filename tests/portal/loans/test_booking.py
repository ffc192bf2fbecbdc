"""Journals balance, are booked once, and belong to an open date."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask

from portal.core.db import db
from portal.core.errors import Refused
from portal.loans.booking import post
from portal.loans.books import Entry, check_balanced
from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind
from tests.portal.loans.conftest import START, Company, balances, table_sizes

PRINCIPAL, INTEREST = Component.PRINCIPAL, Component.INTEREST


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [Entry(Account.CASH, PRINCIPAL, 5)],
        [Entry(Account.CASH, PRINCIPAL, 5), Entry(Account.LOANS, PRINCIPAL, -4)],
        [Entry(Account.CASH, PRINCIPAL, 0), Entry(Account.LOANS, PRINCIPAL, 0)],
        [Entry(Account.CASH, PRINCIPAL, 5), Entry(Account.LOANS, INTEREST, -5)],
        [Entry(Account.CASH, PRINCIPAL, 5), Entry(Account.WRITTEN_OFF, PRINCIPAL, -5)],
    ],
    ids=["empty", "one-sided", "unequal", "zero", "two components", "on and off balance"],
)
def test_a_journal_that_does_not_balance_is_refused(entries: list[Entry], words: Flask):
    with pytest.raises(Refused):
        check_balanced(entries)


CORRECTION = [(Account.INTEREST_RECEIVABLE, INTEREST, 700), (Account.INTEREST_INCOME, INTEREST, -700)]


def test_a_journal_by_hand_is_booked_and_carried_into_the_state(company: Company):
    loan = company.lend()
    journal = post(loan, JournalKind.ACCRUAL, CORRECTION, START, "correction/1")
    assert (journal.period, journal.booking_date, journal.branch_id) == (202601, START, loan.branch_id)
    assert balances(loan)["INTEREST_RECEIVABLE interest"] == 700


def test_the_same_key_gives_the_same_journal_back_or_is_refused(company: Company):
    loan, other = company.lend(), company.lend()
    journal = post(loan, JournalKind.ACCRUAL, CORRECTION, START, "correction/1")
    number, before = journal.id, table_sizes()
    assert post(loan, JournalKind.ACCRUAL, CORRECTION, START, "correction/1").id == number
    doubled = [(account, component, 2 * amount) for account, component, amount in CORRECTION]
    for lent, kind, entries in (
        (loan, JournalKind.ACCRUAL, doubled),
        (loan, JournalKind.REPAYMENT, CORRECTION),
        (other, JournalKind.ACCRUAL, CORRECTION),
    ):
        with pytest.raises(Refused, match="Another event was booked under the key correction/1"):
            post(lent, kind, entries, START, "correction/1")
    assert table_sizes() == before


def test_no_balance_falls_below_zero(company: Company):
    loan = company.lend()
    with pytest.raises(Refused, match="below zero"):
        entries = [(Account.LOANS, PRINCIPAL, -1_200_001), (Account.CASH, PRINCIPAL, 1_200_001)]
        post(loan, JournalKind.REPAYMENT, entries, START, "too much")


def test_nothing_is_booked_for_a_day_to_come(company: Company):
    loan = company.lend()
    with pytest.raises(Refused, match="has not happened yet"):
        post(loan, JournalKind.ACCRUAL, CORRECTION, START + dt.timedelta(days=1), "correction/1")
    assert db.session.get(type(loan), loan.id) is not None
