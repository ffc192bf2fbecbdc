"""When a loan is checked again: the rules as days, and the SQL against a walk over all loans, on both engines."""

from __future__ import annotations

import datetime as dt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Date, Integer, literal, select, update

from portal.core.db import db, months_after
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.loans.classification import Category
from portal.loans.models import Loan
from portal.loans.periods import add_months
from portal.loans.repayments import repay
from portal.loans.state import LoanState
from portal.parameters.models import Parameter
from portal.risk.checking import AHEAD, FIRST, MOST_DAYS, MOST_MONTHS, NORMAL, WORSE, ahead_days, check_rules
from portal.risk.checks import Breach, Business, CheckKind, Conclusion, Manner, PostLoanCheck, UseOfFunds
from portal.risk.due_checks import due_checks
from portal.risk.rules import CheckRules
from tests.portal.loans.conftest import START, Company, open_on

HOUSE = CheckRules(30, 6, 3, 1)
DAY = dt.date(2026, 8, 31)
FOREVER = dt.date(2040, 1, 1)
FINDINGS = {
    "manner": Manner.PAPERS,
    "business": Business.SAME,
    "breach": Breach.NONE,
    "conclusion": Conclusion.FINE,
    "evidence": "box 3",
}

days = st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31))
rules = st.builds(CheckRules, st.integers(0, 90), st.integers(1, 24), st.integers(1, 12), st.integers(1, 6))
categories = st.sampled_from(Category)


# ---- rules ----------------------------------------------------------------------------------------------------------


def test_the_use_of_the_funds_is_checked_some_days_after_the_payout():
    assert HOUSE.due_on(dt.date(2026, 1, 31), None, Category.NORMAL, None) == dt.date(2026, 3, 2)


def test_a_loan_taken_over_is_first_checked_an_interval_after_that_day():
    paid_out, taken_over = dt.date(2019, 5, 1), dt.date(2025, 8, 31)
    assert HOUSE.due_on(paid_out, taken_over, Category.NORMAL, None) == dt.date(2026, 2, 28)
    assert HOUSE.due_on(paid_out, taken_over, Category.LOSS, None) == dt.date(2025, 9, 30)


@pytest.mark.parametrize(
    ("category", "due"),
    [
        (Category.NORMAL, dt.date(2026, 7, 15)),
        (Category.SPECIAL_MENTION, dt.date(2026, 4, 15)),
        (Category.SUBSTANDARD, dt.date(2026, 2, 15)),
        (Category.DOUBTFUL, dt.date(2026, 2, 15)),
        (Category.LOSS, dt.date(2026, 2, 15)),
    ],
)
def test_a_worse_category_brings_the_next_check_forward(category: Category, due: dt.date):
    checked = dt.date(2026, 1, 15)
    assert HOUSE.due_on(START, None, category, (checked, dt.date(2026, 7, 15))) == due


def test_an_earlier_day_that_was_set_stays_even_if_the_category_becomes_better():
    last = (dt.date(2026, 1, 15), dt.date(2026, 2, 1))
    assert {HOUSE.due_on(START, None, category, last) for category in Category} == {dt.date(2026, 2, 1)}


@given(rules, categories, days, st.booleans())
def test_what_a_check_may_set_lies_after_it_and_is_never_later_than_the_rule(
    rule: CheckRules, category: Category, checked: dt.date, unused: bool
):
    latest = rule.latest_next(checked, category, unused)
    assert checked < latest <= max(rule.limit(checked, category), checked + dt.timedelta(1))
    if unused:
        assert latest <= max(checked + dt.timedelta(rule.first_days), checked + dt.timedelta(1))
    assert rule.due_on(START, None, category, (checked, latest)) <= latest


# ---- parameters -----------------------------------------------------------------------------------------------------


def set_from(key: str, value: str, on: dt.date) -> None:
    with unit_of_work("tests.parameter"):
        db.session.add(Parameter(key=key, value=value, valid_from=on, source="board"))


def test_the_intervals_are_dated_parameters(company: Company):
    on = dt.date(2026, 5, 1)
    for key, value in ((FIRST, "10"), (NORMAL, "12"), (WORSE, "2"), (AHEAD, "0")):
        set_from(key, value, on)
    before = on - dt.timedelta(days=1)
    assert (check_rules(before), ahead_days(before)) == (HOUSE, 7)
    assert (check_rules(on), ahead_days(on)) == (CheckRules(10, 12, 3, 2), 0)


def test_an_interval_beyond_all_measure_is_ten_years(company: Company):
    for key in (FIRST, NORMAL, AHEAD):
        set_from(key, "99999999999", START)
    found = check_rules(START)
    assert (found.first_days, found.normal, ahead_days(START)) == (MOST_DAYS, MOST_MONTHS, MOST_DAYS)
    company.lend()
    assert listed(START) == walked(START, found)


# ---- SQL ------------------------------------------------------------------------------------------------------------


def check(
    loan_id: int, on: dt.date, wanted: dt.date | None, kind: CheckKind = CheckKind.REGULAR, **values: object
) -> None:
    with unit_of_work("tests.check"):
        given = {**FINDINGS, "use": UseOfFunds.AS_AGREED, **values}
        db.session.add(PostLoanCheck(loan_id=loan_id, kind=kind, checked_on=on, next_check_on=wanted, **given))


def stand(loan_id: int, **values: object) -> None:
    """Let a loan stand so, whatever the books say of it."""
    with unit_of_work("tests.state"), unscoped("a test sets what day-end would"):
        of_loan = {name: value for name, value in values.items() if name != "category"}
        if of_loan:
            db.session.execute(update(Loan).where(Loan.id == loan_id).values(**of_loan))
        if "category" in values:
            state = update(LoanState).where(LoanState.loan_id == loan_id)
            db.session.execute(state.values(category=values["category"]))


def listed(day: dt.date, until: dt.date = FOREVER) -> list[tuple[dt.date, int, dt.date | None, bool]]:
    db.session.expire_all()
    rows = db.session.execute(due_checks(day, until)).all()
    return [(row.due_on, row.loan_id, row.checked_on, bool(row.of_use)) for row in rows]


def walked(day: dt.date, rule: CheckRules, until: dt.date = FOREVER) -> list[tuple[dt.date, int, dt.date | None, bool]]:
    """The same, loan by loan."""
    db.session.expire_all()
    found: list[tuple[dt.date, int, dt.date | None, bool]] = []
    for state in db.session.scalars(select(LoanState)):
        loan = db.session.get_one(Loan, state.loan_id)
        made = db.session.scalars(select(PostLoanCheck).where(PostLoanCheck.loan_id == loan.id)).all()
        last = max(
            (one for one in made if one.checked_on <= day), key=lambda one: (one.checked_on, one.id), default=None
        )
        on = rule.due_on(
            loan.disbursed_on,
            loan.cut_over_on,
            state.category,
            None if last is None else (last.checked_on, last.next_check_on),
        )
        of_use = loan.cut_over_on is None if last is None else last.use is UseOfFunds.UNUSED
        if on <= until:
            found.append((on, loan.id, last.checked_on if last else None, of_use))
    return sorted(found)


@pytest.mark.parametrize("months", [0, 1, 2, 3, 6, 12, 120])
def test_months_are_added_in_sql_as_in_python(company: Company, months: int):
    starts = [dt.date(2023, 12, 1) + dt.timedelta(days=n) for n in range(0, 500, 1)]
    columns = [months_after(literal(start, Date), literal(months, Integer)) for start in starts]
    for place in range(0, len(columns), 50):
        row = db.session.execute(select(*columns[place : place + 50])).one()
        assert list(row) == [add_months(start, months) for start in starts[place : place + 50]]


def test_the_list_is_what_a_walk_over_all_loans_finds(company: Company):
    rng = Random("post-loan checks")
    loans = [company.lend(customer=company.customer(f"C{n % 8}")).id for n in range(24)]
    open_on(DAY)
    for place, loan_id in enumerate(loans):
        paid_out = dt.date(2025, 8, 29) + dt.timedelta(days=rng.randrange(300))
        taken = paid_out + dt.timedelta(days=rng.randrange(60)) if place % 4 == 0 else None
        stand(loan_id, disbursed_on=paid_out, cut_over_on=taken, category=rng.choice(list(Category)))
        for number in range(rng.choice((0, 0, 1, 2, 4))):
            on = paid_out + dt.timedelta(days=rng.randrange((DAY - paid_out).days + 1))
            wanted = rng.choice((None, on + dt.timedelta(days=rng.randrange(1, 200))))
            use = rng.choice((UseOfFunds.AS_AGREED, UseOfFunds.UNUSED, UseOfFunds.OTHERWISE))
            kind = list(CheckKind)[number % 3]
            if not any(row.checked_on == on and row.kind is kind for row in checks_of(loan_id)):
                check(loan_id, on, wanted, kind, use=use)
    everything = listed(DAY)
    assert everything == walked(DAY, HOUSE)
    assert len(everything) == len(loans), "each open loan once, however many checks it has"
    assert {of_use for *_rest, of_use in everything} == {True, False}
    for until in (DAY - dt.timedelta(1), DAY, DAY + dt.timedelta(7)):
        some = listed(DAY, until)
        assert some == walked(DAY, HOUSE, until)
        assert 0 < len(some) < len(loans)


def checks_of(loan_id: int) -> list[PostLoanCheck]:
    return list(db.session.scalars(select(PostLoanCheck).where(PostLoanCheck.loan_id == loan_id)))


def test_of_two_checks_on_one_day_the_later_entry_counts(company: Company):
    loan = company.lend()
    open_on(DAY)
    check(loan.id, DAY, DAY + dt.timedelta(90))
    check(loan.id, DAY, DAY + dt.timedelta(5), CheckKind.SPECIAL)
    assert listed(DAY) == [(DAY + dt.timedelta(5), loan.id, DAY, False)]


def test_a_check_of_a_later_day_does_not_count_yet(company: Company):
    loan = company.lend()
    check(loan.id, START + dt.timedelta(20), START + dt.timedelta(60))
    assert listed(START)[0][:3] == (START + dt.timedelta(30), loan.id, None)
    assert listed(START + dt.timedelta(20))[0][0] == START + dt.timedelta(60)


def test_a_loan_that_is_paid_back_is_not_checked(company: Company):
    kept, gone = company.lend(), company.lend(count=1)
    on = gone.matures_on
    open_on(on)
    assert {row[1] for row in listed(on)} == {kept.id, gone.id}
    repay(gone, sum(line.unpaid for line in gone.instalments), on, "P1")
    assert {row[1] for row in listed(on)} == {kept.id}
