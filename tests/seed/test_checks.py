"""The days of the demo's post-loan checks: made in time, but for the last ones of those who are behind."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from portal.core.clock import month_end
from portal.loans.classification import Category
from portal.risk.rules import CheckRules
from seed.checks import WEEKS, Standing, days_of_checks
from seed.company import BUSINESS_DATE

RULES = CheckRules(30, 6, 3, 1)


def lives(rng: Random) -> tuple[date, list[Standing]]:
    """A loan of some months whose category changes now and then."""
    start = BUSINESS_DATE - timedelta(rng.randrange(1, 900))
    day, course, category = month_end(start), [], Category.NORMAL
    while day < BUSINESS_DATE:
        if rng.random() < 0.15:
            category = rng.choice(list(Category))
        course.append((day, category))
        day = month_end(day + timedelta(1))
    return start, [*course, (BUSINESS_DATE, category)]


def test_checks_are_made_in_order_and_in_time_but_for_those_who_are_behind():
    behind = made = 0
    for number in range(400):
        rng = Random(f"life {number}")
        start, course = lives(rng)
        days = [day for day, _category in days_of_checks(start, course, RULES, rng)]
        assert days == sorted(set(days))
        assert all(start <= day <= BUSINESS_DATE for day in days)
        made += len(days)
        category = course[-1][1]
        last = (days[-1], RULES.latest_next(days[-1], category, unused=False)) if days else None
        due = RULES.due_on(start, None, category, last)
        if due <= BUSINESS_DATE:
            behind += 1
            assert due >= BUSINESS_DATE - WEEKS
    assert made > 1_000
    assert 4 < behind < 80
