"""The large company for benchmarks: 500 loans, most of which are copies, hold what the ledger promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from sqlalchemy import func, literal, select, text

from config import Settings
from portal import create_app
from portal.core.clock import business_date, month_end
from portal.core.db import db
from portal.core.metric import evaluate
from portal.core.migrating import drift
from portal.core.scope import SYSTEM, acting
from portal.customers import rules
from portal.customers.models import Customer
from portal.loans.accounts import LoanAccount
from portal.loans.booking import account_of
from portal.loans.day_end import run_day_end
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.models import Instalment, Loan, LoanStatus, Repayment
from portal.loans.reconciliation import reconcile
from portal.loans.repayments import repay, settle_early
from portal.loans.state import LoanSnapshot, LoanState
from seed import bulk, statements
from tests.databases import Engine

SIZE, MODELS = 500, 120
MONTH_ENDS = [*(date(2025, month, 1) for month in range(7, 13)), *(date(2026, month, 1) for month in range(1, 7))]
MONTH_ENDS = [date.fromordinal(first.toordinal() - 1) for first in MONTH_ENDS]

Made = Callable[[], str]


@pytest.fixture(scope="module")
def filled(engine: Engine, migrated_template: str, settings: Callable[[str], Settings]) -> Iterator[str]:
    """A portal on a database with the large company: four turns of 120 loans, and 20 of the fifth."""
    url = engine.create(migrated_template)
    app = create_app(settings(url))
    with pytest.MonkeyPatch.context() as patch, app.app_context(), acting(SYSTEM):
        patch.setattr(bulk, "MOST_MODELS", MODELS)
        assert bulk.load_bulk(SIZE)
        yield url
        db.session.remove()
        db.engine.dispose()
    engine.drop(url)


@pytest.fixture(autouse=True)
def fresh_session(filled: str) -> Iterator[None]:
    yield
    db.session.rollback()


def balances() -> dict[tuple[str, str], int]:
    """The trial balance by account and component."""
    found = db.session.execute(
        select(Posting.account, Posting.component, func.sum(Posting.amount)).group_by(
            Posting.account, Posting.component
        )
    )
    return {(account.name, component.value): int(amount) for account, component, amount in found}


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def copied_loan(status: LoanStatus = LoanStatus.ACTIVE) -> Loan:
    """The last loan of this status."""
    statement = select(Loan).where(Loan.status == status, Loan.code > f"L{2 * MODELS:08d}").order_by(Loan.code.desc())
    return db.session.scalars(statement.limit(1)).one()


def test_there_are_as_many_customers_and_loans_as_asked_for() -> None:
    assert (count(Customer), count(Loan)) == (SIZE, SIZE)
    assert db.session.scalars(select(Loan.code).order_by(Loan.code)).all() == [f"L{n:08d}" for n in range(1, SIZE + 1)]
    assert 9 * SIZE < count(Instalment) < 15 * SIZE
    assert 0.7 * SIZE < count(LoanState) < 0.9 * SIZE
    statuses = dict(db.session.execute(select(Loan.status, func.count()).group_by(Loan.status)).all())
    assert min(statuses[status] for status in (LoanStatus.SETTLED, LoanStatus.WRITTEN_OFF)) >= 4


def test_the_trial_balance_is_zero_on_the_balance_sheet_and_off_it() -> None:
    sums = {True: 0, False: 0}
    for (account, _component), amount in balances().items():
        sums[Account[account].on_balance] += amount
    assert sums == {True: 0, False: 0}
    assert balances()["LOANS", "principal"] > 0


def test_every_journal_balances_by_component() -> None:
    off_balance = Posting.account.in_([account for account in Account if not account.on_balance])
    uneven = (
        select(Posting.journal_id)
        .group_by(Posting.journal_id, Posting.component, off_balance)
        .having(func.sum(Posting.amount) != 0)
    )
    assert db.session.scalars(uneven).all() == []
    lonely = select(Journal.id).outerjoin(Posting, Posting.journal_id == Journal.id).where(Posting.id.is_(None))
    assert db.session.scalars(lonely).all() == []


def test_state_and_month_ends_are_what_the_ledger_gives_when_it_is_replayed() -> None:
    assert reconcile(MONTH_ENDS) == []
    assert db.session.scalars(select(LoanSnapshot.as_of).distinct().order_by(LoanSnapshot.as_of)).all() == MONTH_ENDS
    assert db.session.scalars(select(LoanState.as_of).distinct()).all() == [business_date()]


def test_every_schedule_repays_its_loan() -> None:
    asked = func.sum(Instalment.principal)
    statement = select(Loan.id).join(Instalment).group_by(Loan.id, Loan.principal).having(asked != Loan.principal)
    assert db.session.scalars(statement).all() == []
    assert db.session.scalar(select(func.count(Instalment.loan_id.distinct()))) == SIZE


def test_the_key_of_a_journal_names_its_own_loan_or_repayment() -> None:
    loan_of = dict(db.session.execute(select(Repayment.id, Repayment.loan_id)).all())
    for journal in db.session.scalars(select(Journal)):
        event, number, *rest = journal.key.split("/")
        assert journal.loan_id == (loan_of[int(number)] if event in ("repayment", "recovery") else int(number))
        if event == "accrual":
            (closed,) = map(date.fromisoformat, rest)  # the last day that was closed; interest may stop on one before
            assert journal.value_date <= closed <= month_end(journal.value_date)
        assert event == ("repayment" if rest == ["accrual"] else journal.kind.value)


def test_a_receipt_is_numbered_after_its_loan() -> None:
    codes = db.session.execute(select(Repayment.code, Loan.code).join(Loan)).all()
    assert len(codes) > 2 * SIZE
    assert [receipt for receipt, loan in codes if receipt.split("-")[0] != loan] == []


def test_every_customer_has_numbers_of_his_own_that_pass_the_checks_and_can_be_found() -> None:
    customers = db.session.scalars(select(Customer)).all()
    persons = [customer for customer in customers if not customer.is_enterprise]
    assert len(persons) > 0.9 * SIZE
    assert len({customer.phone for customer in customers}) == SIZE
    assert len({customer.resident_id for customer in persons}) == len(persons)
    for customer in customers:
        assert rules.phone_problem(customer.phone) is None
        assert customer.phone_index == Customer.phone.index(customer.phone)
        if customer.is_enterprise:
            assert rules.uscc_problem(customer.uscc) is None
        else:
            assert rules.resident_id_problem(customer.resident_id, on=customer.since) is None
    assert len({customer.data_key for customer in customers}) == SIZE


def test_people_have_names_of_two_characters_too_and_copies_have_other_names() -> None:
    names = db.session.scalars(select(Customer.name).order_by(Customer.id)).all()
    assert sum(len(name) == 2 for name in names) > SIZE / 20
    assert sum(one == other for one, other in zip(names[:MODELS], names[MODELS:], strict=False)) < MODELS / 10


def test_a_loan_belongs_to_whoever_looks_after_its_customer() -> None:
    owned = [getattr(Loan, name) == getattr(Customer, name) for name in ("branch_id", "team_id", "manager_id")]
    assert db.session.scalar(select(func.count()).select_from(Loan).join(Customer).where(*owned)) == SIZE
    assert (db.session.scalar(select(func.count(Loan.branch_id.distinct()))) or 0) >= 12


def test_no_row_points_to_nothing_and_the_schema_is_as_it_was(engine: Engine, migrated_template: str) -> None:
    assert drift() == []
    if engine.name == "sqlite":
        assert db.session.execute(text("PRAGMA foreign_key_check")).all() == []
        assert db.session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert db.session.scalar(text("PRAGMA foreign_keys")) == 1
        return
    unchecked = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
    assert db.session.execute(text(unchecked)).all() == []
    assert not db.session.scalar(text("SELECT to_regclass('first_loan')"))


def test_the_figures_of_the_company_make_sense() -> None:
    keys = ["loan_balance", "loan_count", "overdue_rate", "npl_ratio", "average_rate"]
    figures = evaluate(keys, by=["branch"])
    assert figures.total["loan_balance"] == balances()["LOANS", "principal"]
    assert figures.total["loan_count"] == count(LoanState)
    assert 0 < figures.total["npl_ratio"] < figures.total["overdue_rate"] < 0.25
    assert 0.06 < figures.total["average_rate"] < 0.15
    assert len(figures.rows) >= 12
    flows = evaluate(["disbursed_amount", "collected_principal", "written_off"], start=date(2025, 7, 1)).total
    then = evaluate(["loan_balance"], as_of=date(2025, 6, 30)).total["loan_balance"]
    change = flows["disbursed_amount"] - flows["collected_principal"] - flows["written_off"]
    assert figures.total["loan_balance"] == then + change
    assert all(flows.values())


def test_a_database_with_a_company_is_left_alone() -> None:
    before = balances()
    assert not bulk.load_bulk(SIZE)
    assert (balances(), count(Loan)) == (before, SIZE)


def test_a_second_load_gives_the_same_balances(
    filled: str, engine: Engine, migrated_url: str, settings: Callable[[str], Settings]
) -> None:
    def told() -> tuple[object, ...]:
        names = db.session.scalars(select(Customer.name).order_by(Customer.id)).all()
        standing = db.session.execute(select(LoanState.loan_id, LoanState.balance).order_by(LoanState.loan_id)).all()
        return balances(), names, standing

    first = told()
    with create_app(settings(migrated_url)).app_context():
        assert bulk.load_bulk(SIZE)
        assert told() == first
        goes_on_like_any_other()
        db.session.remove()
        db.engine.dispose()


def goes_on_like_any_other() -> None:
    """Copies take payments, are settled and pass a month-end as loans do that the ledger wrote."""
    loan = copied_loan()
    account: LoanAccount = account_of(loan, lock=False)
    repay(loan, min(account.owed, 12_345), business_date(), "one more")
    other = db.session.scalars(
        select(Loan).where(Loan.status == LoanStatus.ACTIVE, Loan.code < loan.code).order_by(Loan.code.desc()).limit(1)
    ).one()
    settle_early(other, business_date(), "all of it")
    assert other.status is LoanStatus.SETTLED
    closed = run_day_end()
    assert closed.closed == (date(2026, 6, 30),)
    on = Journal.value_date == date(2026, 6, 30)
    assert db.session.scalar(select(func.count()).where(Journal.kind == JournalKind.ACCRUAL, on)) > SIZE / 2
    assert reconcile([*MONTH_ENDS, date(2026, 6, 30)]) == []


@pytest.mark.parametrize("number", [1, 8_999, 9_000, 1_000_000, 2_147_483_647])
def test_customers_of_any_number_have_figures(filled: str, number: int):
    year = statements.YEARS[-1]
    found = db.session.execute(select(*statements.by_number(literal(number), year).values())).one()
    spread, assets = number * 7_919 % 100, (10 + number * 31 % 90) * statements.TEN_THOUSAND
    # 9,000 customers are whole rounds of both figures, so that the numbers beyond go on as they began.
    assert tuple(found) == (
        assets,
        assets // 100 * spread,
        assets // 200 * (55 if spread >= 90 else 100),
        assets // 100,
    )
