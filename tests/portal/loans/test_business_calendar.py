"""Days that the company records go before the built-in calendar; schedules that exist stay as they are."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import current_app
from sqlalchemy import select

from portal.core.db import db
from portal.core.work import unit_of_work
from portal.loans import business_calendar
from portal.loans.booking import account_of
from portal.loans.business_calendar import CalendarDay, recorded_days, unannounced
from portal.loans.disbursement import disburse
from portal.loans.holidays import is_workday, last_known_year
from portal.loans.models import Loan
from portal.loans.thresholds import announced_days
from portal.parameters.services import set_parameter
from portal.products.terms import HolidayRule, Method
from tests.portal.loans.conftest import START, Company, product

FIFTH = dt.date(2027, 1, 5)
"""A Tuesday, in a year that the built-in calendar does not know."""


def record(day: dt.date, works: bool, since: dt.date = START) -> None:
    with unit_of_work("tests.calendar"):
        db.session.add(
            CalendarDay(code=f"{day}/{since}", on_day=day, works=works, valid_from=since, reason="r", source="s")
        )


def following() -> object:
    with unit_of_work("tests.product"):
        row = product(Method.LEVEL, code="moved", holiday_rule=HolidayRule.FOLLOWING)
        db.session.add(row)
    return row


def test_the_built_in_calendar_says_how_far_it_knows():
    assert 2026 <= last_known_year() < 2040


def test_recorded_days_go_before_parameters_and_the_built_in_calendar(company: Company):
    national = dt.date(2026, 10, 1)
    set_parameter("calendar.holidays", "2027-01-05, 2027-01-06", START, "older")
    record(FIFTH, True)
    record(national, True)
    record(dt.date(2027, 1, 4), False)
    days = announced_days(START)
    assert [is_workday(dt.date(2027, 1, n), days) for n in (4, 5, 6, 7)] == [False, True, False, True]
    assert is_workday(national, days)
    assert not is_workday(national)


def test_what_is_valid_later_leaves_earlier_days_as_they_were(company: Company):
    later = START + dt.timedelta(days=30)
    record(FIFTH, False)
    record(FIFTH, True, later)
    assert recorded_days(START - dt.timedelta(days=1)) == {}
    assert recorded_days(later - dt.timedelta(days=1)) == {FIFTH: False}
    assert recorded_days(later) == {FIFTH: True}


def test_new_loans_follow_them_and_schedules_that_exist_do_not(company: Company):
    row = following()
    terms = {"product": row, "amount": 1_200_000, "count": 12, "rate": 120_000, "customer": company.customer()}

    def last_due(loan: Loan) -> dt.date:
        return account_of(loan, lock=False).lines[-1].due_date

    before = disburse("before", **terms)
    assert last_due(before) == FIFTH
    record(FIFTH, False)
    record(dt.date(2027, 1, 6), False)
    after = disburse("after", **terms)
    assert last_due(after) == dt.date(2027, 1, 7)
    assert last_due(db.session.get_one(Loan, before.id)) == FIFTH


def test_they_are_read_once_per_request_and_anew_after_a_change(company: Company):
    with current_app.test_request_context("/"):
        assert recorded_days(START) == {}
        record(FIFTH, False)
        assert recorded_days(START) == {FIFTH: False}
        with unit_of_work("tests.calendar"):
            db.session.scalars(select(CalendarDay)).one().works = True
        assert recorded_days(START) == {FIFTH: True}


def test_years_that_nobody_announced_are_named_until_a_day_is_recorded(
    company: Company, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(business_calendar, "last_known_year", lambda: 2026)
    assert unannounced(dt.date(2026, 6, 30)) == [2027]
    assert unannounced(dt.date(2025, 6, 30)) == []
    assert unannounced(dt.date(2027, 6, 30)) == [2027, 2028]
    record(FIFTH, False)
    assert unannounced(dt.date(2026, 6, 30)) == []
    assert unannounced(dt.date(2027, 6, 30)) == [2028]


@pytest.mark.parametrize(("opened", "told"), [((2026, 12, 1), 1), ((2026, 12, 2), 0), ((2026, 11, 1), 0)])
def test_keepers_are_told_when_december_begins(
    company: Company, monkeypatch: pytest.MonkeyPatch, opened: tuple[int, int, int], told: int
):
    class Keeper:
        id = 1

    told_to: list[object] = []
    monkeypatch.setattr(business_calendar, "last_known_year", lambda: 2026)
    monkeypatch.setattr(business_calendar.role_store, "allowed", lambda task: [Keeper] if task[1] == "edit" else [])
    monkeypatch.setattr(business_calendar, "notify", lambda ids, key, link, year: told_to.append((ids, year)))
    business_calendar._after_day_end(dt.date(*opened))
    assert told_to == [([1], 2027)] * told
