"""Importing into the ledger: loans, opening positions, instalments and repayments, and taking them back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import Refused
from portal.imports.kinds import Status
from portal.imports.mapping import MappingProblem
from portal.imports.models import BatchState
from portal.imports.services import undo_import
from portal.loans.ledger import Account, Posting
from portal.loans.models import Instalment, Loan, LoanStatus, Repayment
from portal.loans.services import reconcile
from portal.loans.state import LoanState
from tests.portal.imports.conftest import checking, imported, mapping, problems_of

CUT_OVER = dt.date(2026, 5, 31)
LOANS = "Loan number,Customer,Product,Amount,Annual rate,Term (months),Disbursed on"
OPENING = f"{LOANS},Status,Balance,Principal paid,Interest paid,Fees paid,Penalty interest paid,Days past due"
REPAYMENTS = "Receipt number,Loan number,Amount,Value date"


@pytest.fixture
def borrowers(company, csv_file) -> Iterator[None]:
    """Customers C1 (manager M1 of branch QX) and C2 (branch SD)."""
    path = csv_file(
        "Customer code,Name,Customer group,Branch,Team,Customer manager",
        ["C1", "王", "farmer", "QX", "T1", "M1"],
        ["C2", "李", "farmer", "SD", "", ""],
    )
    imported(path, "customers")
    yield


def loan(code: str) -> Loan:
    return db.session.scalars(select(Loan).where(Loan.code == code)).one()


def balances() -> dict[str, int]:
    """Sum of postings by account."""
    sums = select(Posting.account, func.sum(Posting.amount)).group_by(Posting.account)
    return {Account(account).name: int(amount) for account, amount in db.session.execute(sums) if amount}


def tied_out() -> bool:
    """Debits equal credits, and what is kept agrees with the ledger."""
    on_balance = sum(amount for name, amount in balances().items() if Account[name].on_balance)
    return on_balance == 0 and sum(balances().values()) == 0 and not list(reconcile())


def one_loan(csv_file, code: str = "L1", amount: str = "12000.00", on: str = "2026-01-15"):
    return imported(csv_file(LOANS, [code, "C1", "P1", amount, "12", "12", on]), "loans")


# --- loans ------------------------------------------------------------------------------------------------------------


def test_a_loan_gets_its_schedule_its_journal_and_its_customers_owner(borrowers, csv_file):
    one_loan(csv_file)
    row = loan("L1")
    assert (row.principal, row.rate, row.count, row.status) == (1_200_000, 120_000, 12, LoanStatus.ACTIVE)
    assert (row.branch.code, row.team.code, row.manager.code) == ("QX", "T1", "M1")
    assert sum(line.principal for line in row.instalments) == 1_200_000
    assert row.instalments[0].due_date == dt.date(2026, 2, 15)
    assert balances() == {"LOANS": 1_200_000, "CASH": -1_200_000}
    assert tied_out()


def test_a_loan_goes_where_the_file_says_if_it_says(borrowers, csv_file):
    path = csv_file(
        f"{LOANS},Branch,Team,Customer manager",
        ["L1", "C2", "P1", "1000", "12", "12", "2026-01-15", "", "", "M1"],
        ["L2", "C1", "P1", "1000", "12", "12", "2026-01-15", "SD", "", ""],
    )
    imported(path, "loans")
    assert (loan("L1").branch.code, loan("L1").team.code) == ("QX", "T1")
    assert (loan("L2").branch.code, loan("L2").manager) == ("SD", None)


def test_loans_that_break_their_terms_are_refused_row_by_row(borrowers, csv_file):
    path = csv_file(
        f"{LOANS},Branch,Customer manager",
        ["L1", "C1", "P1", "1000", "36", "12", "2026-01-15", "", ""],
        ["L2", "C1", "P1", "1000", "12", "120", "2026-01-15", "", ""],
        ["L3", "C1", "P1", "1000", "12", "12", "2026-07-01", "", ""],
        ["L4", "C9", "P9", "1000", "12", "12", "2026-01-15", "", ""],
        ["L5", "C1", "P1", "0", "12", "12", "2026-01-15", "", ""],
        ["L6", "C1", "P1", "1000", "12", "12", "2026-01-15", "SD", "M1"],
        ["L7", "C1", "P1", "1e10", "12", "12", "2025-02-31", "", ""],
        ["L1", "C1", "P1", "1000", "12", "12", "2026-01-15", "", ""],
    )
    found = [(line, column) for line, column, _reason in problems_of(path, "loans")]
    assert found == [
        (2, "Annual rate"),
        (3, "Term (months)"),
        (4, "Disbursed on"),
        (5, "Customer"),
        (5, "Product"),
        (6, "Amount"),
        (7, "Customer manager"),
        (8, "Amount"),
        (8, "Disbursed on"),
        (9, "Loan number"),
    ]


def test_the_same_loans_twice_change_nothing_and_a_number_with_other_terms_is_refused(borrowers, csv_file):
    one_loan(csv_file)
    before = balances()
    assert one_loan(csv_file).rows_unchanged == 1
    assert balances() == before
    other = csv_file(LOANS, ["L1", "C1", "P1", "13000.00", "12", "12", "2026-01-15"])
    assert problems_of(other, "loans") == [
        (2, "Amount", "A loan of this number exists already, with another value here.")
    ]


def test_undoing_loans_reverses_them_and_frees_their_numbers(borrowers, csv_file):
    batch = one_loan(csv_file)
    undo_import(batch.id)
    assert batch.state == BatchState.UNDONE
    assert balances() == {}
    assert db.session.scalar(select(func.count()).select_from(LoanState)) == 0
    assert tied_out()
    with pytest.raises(Refused, match="Only an imported batch"):
        undo_import(batch.id)
    one_loan(csv_file, amount="13000")
    assert loan("L1").principal == 1_300_000


def test_loans_that_were_used_since_stay(borrowers, csv_file):
    batch = one_loan(csv_file)
    imported(csv_file(REPAYMENTS, ["R1", "L1", "1066.19", "2026-02-15"]), "repayments")
    with pytest.raises(Refused, match="L1 was used since"):
        undo_import(batch.id)
    assert batch.state == BatchState.DONE
    assert loan("L1").status is LoanStatus.ACTIVE


# --- opening positions ------------------------------------------------------------------------------------------------


def opening(csv_file, *rows, heads: str = OPENING, **options):
    return imported(csv_file(heads, *rows), "opening-positions", cut_over=CUT_OVER, **options)


PART_PAID = ["O1", "C1", "P1", "10000", "12", "12", "2025-12-01", "active", "6000", "4000", "321.09", "5", "1.50", "45"]
SETTLED = ["O2", "C1", "P1", "5000", "12", "6", "2025-06-01", "settled", "0", "5000", "150", "", "", ""]
LOST = ["O3", "C2", "P1", "7500", "12", "12", "2025-01-01", "written_off", "0", "324.15", "20", "", "", ""]


def test_opening_positions_bring_balance_state_and_lateness(borrowers, csv_file):
    opening(csv_file, PART_PAID, SETTLED, LOST)
    assert [loan(code).status for code in ("O1", "O2", "O3")] == ["active", "settled", "written_off"]
    held = balances()
    assert held["LOANS"] == 600_000
    assert held["WRITTEN_OFF"] == 717_585  # what is left of a written-off loan
    assert held["PRIOR_INCOME"] == -(32_109 + 500 + 150 + 15_000 + 2_000)
    state = db.session.scalars(select(LoanState)).one()
    # 45 days at the cut-over, a month ago
    assert (state.balance, state.days_past_due, state.oldest_due_on) == (600_000, 75, dt.date(2026, 4, 16))
    assert tied_out()


def test_opening_positions_open_the_books_of_an_empty_company_at_the_cut_over_date(empty, csv_file):
    rules = {name: {"constant": "HQ"} for name in ("code", "name")} | {"kind": {"constant": "head_office"}}
    imported(csv_file("x", ["1"]), "branches", rules)
    customers = "Customer code,Name,Customer group,Branch"
    imported(csv_file(customers, ["C1", "王", "farmer", "HQ"]), "customers")
    product = {
        "code": {"constant": "P1"},
        "name": {"constant": "Loan"},
        "purpose": {"constant": "business"},
        "channel": {"constant": "offline"},
        "rate_min": {"constant": "0"},
        "rate_max": {"constant": "24"},
        "term_min": {"constant": "1"},
        "term_max": {"constant": "36"},
        "method": {"constant": "level"},
        "day_count": {"constant": "30/360"},
        "rounding": {"constant": "up"},
        "holiday_rule": {"constant": "none"},
    }
    imported(csv_file("x", ["1"]), "products", product)
    opening(csv_file, PART_PAID)
    assert business_date() == CUT_OVER


def test_amounts_that_a_file_leaves_out_follow_from_the_others(borrowers, csv_file):
    heads = f"{LOANS},Balance"
    opening(csv_file, ["O1", "C1", "P1", "10000", "12", "12", "2025-12-01", "6000"], heads=heads)
    assert balances()["LOANS"] == 600_000


def test_a_balance_that_does_not_fit_is_refused_with_the_one_that_would(borrowers, csv_file):
    wrong = [*PART_PAID]
    wrong[8] = "6000.01"
    ((line, column, reason),) = problems_of(csv_file(OPENING, wrong), "opening-positions", cut_over=CUT_OVER)
    assert (line, column) == (2, "Balance")
    assert reason == "By amount, principal paid and written off it would be 6,000.00."


def test_opening_positions_that_contradict_themselves_are_refused_row_by_row(borrowers, csv_file):
    def row(**changes: str) -> list[str]:
        names = "code,customer,product,amount,rate,count,on,status,balance,paid,interest,fees,penalty,late"
        return list((dict(zip(names.split(","), PART_PAID, strict=True)) | changes).values())

    path = csv_file(
        OPENING,
        row(paid="10000.01", balance=""),
        row(code="O2", on="2026-06-01"),
        row(code="O3", status="settled"),
        row(code="O4", status="cancelled"),
        row(code="O5", late="-1"),
        row(code="O6", interest="-0.01"),
        row(code="O7", balance="NaN"),
        row(code="O8", customer=""),
    )
    found = [(line, column) for line, column, _reason in problems_of(path, "opening-positions", cut_over=CUT_OVER)]
    assert found == [
        (2, "Principal paid"),
        (3, "Disbursed on"),
        (4, "Status"),
        (5, "Status"),
        (6, "Days past due"),
        (7, "Interest paid"),
        (8, "Balance"),
        (9, "Customer"),
    ]


def test_opening_positions_need_their_cut_over_date(borrowers, csv_file):
    with pytest.raises(MappingProblem, match="need their cut-over date"):
        problems_of(csv_file(OPENING, PART_PAID), "opening-positions")


def test_the_same_positions_twice_change_nothing_and_other_figures_are_refused(borrowers, csv_file):
    opening(csv_file, PART_PAID, LOST)
    before = balances()
    assert opening(csv_file, PART_PAID, LOST).rows_unchanged == 2
    assert balances() == before
    other = [*PART_PAID]
    other[10] = "321.10"
    assert problems_of(csv_file(OPENING, other), "opening-positions", cut_over=CUT_OVER) == [
        (2, "Interest paid", "A loan of this number exists already, with another value here.")
    ]


def test_undoing_opening_positions_brings_the_books_back_to_where_they_were(borrowers, csv_file):
    one_loan(csv_file, "L1")
    before, states = balances(), db.session.scalar(select(func.sum(LoanState.balance)))
    batch = opening(csv_file, PART_PAID, SETTLED, LOST)
    undo_import(batch.id)
    assert balances() == before
    assert db.session.scalar(select(func.sum(LoanState.balance))) == states
    assert tied_out()
    assert opening(csv_file, PART_PAID).rows_new == 1


# --- instalments ------------------------------------------------------------------------------------------------------

SCHEDULE = "Loan number,Instalment no.,Due date,Principal due,Interest due"


def test_instalments_take_the_place_of_the_placeholder(borrowers, csv_file):
    opening(csv_file, PART_PAID)
    path = csv_file(SCHEDULE, ["O1", "8", "2026-08-01", "3500", "35"], ["O1", "7", "2026-05-01", "2500", "60"])
    batch = imported(path, "instalments")
    lines = loan("O1").instalments
    assert [(line.number, line.principal, line.interest) for line in lines] == [
        (7, 250_000, 6_000),
        (8, 350_000, 3_500),
    ]
    assert (batch.rows_new, batch.rows_changed) == (2, 0)
    state = db.session.scalars(select(LoanState)).one()
    assert (state.oldest_due_on, state.overdue_principal) == (dt.date(2026, 5, 1), 250_000)
    assert tied_out()
    again = imported(path, "instalments")
    assert again.rows_unchanged == 2
    with pytest.raises(Refused, match="importing the right instalments"):
        undo_import(batch.id)


def test_instalments_that_do_not_ask_for_the_balance_are_refused(borrowers, csv_file):
    opening(csv_file, PART_PAID, SETTLED)
    path = csv_file(
        SCHEDULE,
        ["O1", "7", "2026-07-01", "2500", "60"],
        ["O1", "8", "2026-08-01", "3500.01", "35"],
        ["O2", "1", "2026-08-01", "1", ""],
        ["XX", "1", "2026-08-01", "1", ""],
        ["O1", "8", "2026-09-01", "1", ""],
    )
    found = {line: reason for line, _column, reason in problems_of(path, "instalments")}
    assert "no loan number with the code “XX”" in found[5]
    assert found[6] == "Row 3 has the same value."
    assert found[4] == "The loan O2 is closed."
    assert 2 not in found  # the loan's rows are wrong already
    path = csv_file(SCHEDULE, ["O1", "7", "2026-07-01", "2500", "60"], ["O1", "8", "2026-08-01", "3500.01", "35"])
    assert problems_of(path, "instalments") == [
        (2, "Loan number", "The instalments ask for 6,000.01 yuan, the balance is 6,000.00.")
    ]


# --- repayments -------------------------------------------------------------------------------------------------------


def test_repayments_settle_what_is_due_in_order_of_their_value_dates(borrowers, csv_file):
    one_loan(csv_file)
    due = [line.principal + line.interest for line in loan("L1").instalments]
    path = csv_file(
        REPAYMENTS,
        ["R2", "L1", f"{due[1] / 100:.2f}", "2026-03-15"],
        ["R1", "L1", f"{due[0] / 100:.2f}", "2026-02-15"],
    )
    imported(path, "repayments")
    lines = loan("L1").instalments
    assert [line.settled_on for line in lines[:3]] == [dt.date(2026, 2, 15), dt.date(2026, 3, 15), None]
    assert tied_out()


def test_repayments_that_cannot_be_booked_are_refused_row_by_row(borrowers, csv_file):
    one_loan(csv_file)
    path = csv_file(
        f"{REPAYMENTS},Instalment no.",
        ["R1", "L1", "20000", "2026-02-15", ""],
        ["R2", "L9", "1", "2026-02-15", ""],
        ["R3", "L1", "-1", "2026-02-15", ""],
        ["R4", "L1", "1", "", ""],
        ["R1", "L1", "1", "2026-02-15", ""],
    )
    found = {line: reason for line, _column, reason in problems_of(path, "repayments")}
    assert found == {
        2: found[2],
        3: "There is no loan number with the code “L9”.",
        4: "An amount cannot be negative.",
        5: "This is needed.",
        6: "Row 2 has the same value.",
    }
    assert "yuan more than is owed" in found[2]
    for row, words in (
        (["R1", "L1", "1", "2026-07-01", ""], "has not happened yet"),
        (["R1", "L1", "1", "2026-01-01", ""], "only disbursed on"),
        (["R1", "L1", "1", "2026-02-15", "77"], "instalment of which nothing is owed"),
    ):
        ((_line, _column, reason),) = problems_of(csv_file(f"{REPAYMENTS},Instalment no.", row), "repayments")
        assert words in reason
    assert db.session.scalar(select(func.count()).select_from(Repayment)) == 0


def test_the_same_receipts_twice_change_nothing_and_can_be_undone(borrowers, csv_file):
    one_loan(csv_file)
    before = balances()
    path = csv_file(REPAYMENTS, ["R1", "L1", "500", "2026-02-15"], ["R2", "L1", "566.19", "2026-02-16"])
    batch = imported(path, "repayments")
    booked = balances()
    assert imported(path, "repayments").rows_unchanged == 2
    assert balances() == booked
    other = csv_file(REPAYMENTS, ["R1", "L1", "501", "2026-02-15"])
    ((_line, column, reason),) = problems_of(other, "repayments")
    assert (column, reason) == ("Receipt number", "The receipt number R1 belongs to another payment.")
    undo_import(batch.id)
    assert balances() == before
    assert sum(line.paid_principal + line.paid_interest for line in loan("L1").instalments) == 0
    assert tied_out()


def test_records_created_on_the_way_are_counted_once_and_used(company, csv_file):
    made = mapping(
        {
            "kind": "loans",
            "fields": {
                "code": "nr",
                "customer": {"column": "nr", "prefix": "C-"},
                "product": {"constant": "P1"},
                "amount": "amount",
                "rate": {"constant": "12"},
                "count": {"constant": "12"},
                "disbursed_on": {"constant": "2026-01-15"},
            },
            "create": [
                {
                    "kind": "branches",
                    "fields": {
                        "code": {"column": "town", "prefix": "T-"},
                        "name": "town",
                        "kind": {"constant": "outlet"},
                        "parent": {"constant": "HQ"},
                    },
                },
                {
                    "kind": "customers",
                    "fields": {
                        "code": {"column": "nr", "prefix": "C-"},
                        "name": {"constant": "Unidentified (migrated)"},
                        "type": {"constant": "unidentified"},
                        "branch": {"column": "town", "prefix": "T-"},
                        "phone": "phone",
                    },
                },
            ],
        }
    )
    path = csv_file("nr,town,amount,phone", *[[f"L{n}", f"town{n % 2}", "1000", f"1380000000{n}"] for n in range(5)])
    with checking(path, "loans", mapping=made) as checked:
        assert checked.created == {"branches": 2, "customers": 5}
        assert checked.counts[Status.NEW] == 5
    imported(path, "loans", mapping=made)
    assert (loan("L3").branch.code, loan("L3").branch.parent.code) == ("T-town1", "HQ")
    assert loan("L3").customer.phone == "13800000003"
    with checking(path, "loans", mapping=made) as checked:
        assert checked.created == {"branches": 0, "customers": 0}
        assert checked.counts[Status.UNCHANGED] == 5
    contradicting = csv_file("nr,town,amount,phone", ["L8", "a", "1000", ""], ["L8", "b", "1000", ""])
    reasons = [reason for _line, _column, reason in problems_of(contradicting, "loans", mapping=made)]
    assert "Row 2 says something else about “C-L8”." in reasons


def test_a_wrong_row_among_those_created_on_the_way_stops_the_file(company, csv_file):
    fields = {
        "code": "nr",
        "name": "nr",
        "type": {"constant": "farmer"},
        "branch": {"constant": "QX"},
        "phone": "phone",
    }
    loans = {
        "code": "nr",
        "customer": "nr",
        "product": {"constant": "P1"},
        "amount": {"constant": "1000"},
        "rate": {"constant": "12"},
        "count": {"constant": "12"},
        "disbursed_on": {"constant": "2026-01-15"},
    }
    made = mapping({"kind": "loans", "fields": loans, "create": [{"kind": "customers", "fields": fields}]})
    path = csv_file("nr,phone", ["L1", "13800000000"], ["L2", "12"])
    ((line, column, _reason),) = problems_of(path, "loans", mapping=made)
    assert (line, column) == (3, "phone")
    assert db.session.scalar(select(func.count()).select_from(Instalment)) == 0
