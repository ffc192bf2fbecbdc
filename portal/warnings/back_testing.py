"""Back-tests: what a rule would have hit at past month-ends, and what became of those loans.

A loan counts once. It is hit at the first month-end, of those it is tried on, at which the rule holds and the loan is
not yet non-performing. The hit is right when the loan is non-performing at one of the month-ends of the horizon after
it. A loan is missed when it was looked at, became non-performing within the horizon, and was never hit. Only month-ends
are tried whose whole horizon has passed, so that no hit is called wrong too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Date, and_, case, exists, func, literal, not_, or_, select, union_all
from sqlalchemy.orm import aliased

from portal.core import records
from portal.core.clock import business_date, month_end
from portal.core.db import db
from portal.core.errors import Forbidden, InvalidValues, Refused
from portal.core.jobs import Report, job
from portal.core.scope import actor, unscoped
from portal.core.work import current_unit, verb
from portal.loans.classification import Category, Threshold
from portal.loans.periods import add_months
from portal.loans.positions import reaches
from portal.loans.state import LoanSnapshot
from portal.parameters.services import parameter
from portal.warnings.indicators import hits, limits, untold
from portal.warnings.measured import At
from portal.warnings.models import BackTest, WarningRule
from portal.warnings.parameters import NPL_DAYS

TRY = "warnings.back_test"
"""The job."""
MOST_MONTHS = 24
NPL = [category for category in Category if category.non_performing]


@verb("warnings.back_test")
def back_test(rule_id: int, months: int) -> BackTest:
    """Try a rule on the last `months` month-ends that have as many months after them.

    Raises InvalidValues for a number of months out of range, Refused without conditions or without enough month-ends.
    """
    rule: WarningRule = records.load(WarningRule, rule_id)
    if not 1 <= months <= MOST_MONTHS:
        raise InvalidValues({"months": [gettext("Between 1 and %(most)s months.", most=MOST_MONTHS)]})
    if not rule.conditions:
        raise Refused(gettext("A rule without conditions hits nothing: add one first."))
    with unscoped("a rule is tried on month-ends"):
        kept = list(db.session.scalars(select(LoanSnapshot.as_of).distinct().order_by(LoanSnapshot.as_of)))
        tried = [day for day in kept if _last_of(day, months) <= kept[-1]][-months:]
        if not tried:
            raise Refused(
                gettext("There are no month-ends with %(months)s months of history after them.", months=months)
            )
        row = _tried(rule, months, tried)
    db.session.add(row)
    db.session.flush()
    current_unit().about(rule)
    current_unit().note(months=months, hits=row.hits, right=row.confirmed, missed=row.missed)
    return row


def _tried(rule: WarningRule, months: int, days: Sequence[date]) -> BackTest:
    threshold = parameter(NPL_DAYS, business_date())
    assert threshold.operator is not None  # it is a threshold
    late = Threshold(threshold.operator.value, int(threshold.value))  # type: ignore[arg-type]

    def npl(source: Any) -> Any:
        return or_(source.category.in_(NPL), reaches(source.days_past_due, late))

    until = {day: _last_of(day, months) for day in days}
    healthy = not_(npl(LoanSnapshot))
    found = [
        hits(rule, At(day, past=True))
        .where(healthy)
        .with_only_columns(LoanSnapshot.loan_id, LoanSnapshot.as_of, maintain_column_froms=True)
        for day in days
    ]
    every = union_all(*found).subquery("every_hit")
    first = (
        select(every.c.loan_id, func.min(every.c.as_of).label("hit_on")).group_by(every.c.loan_id).subquery("first_hit")
    )
    later = aliased(LoanSnapshot)
    became = (
        select(func.min(later.as_of))
        .where(later.loan_id == first.c.loan_id, npl(later), later.as_of > first.c.hit_on)
        .where(later.as_of <= _by_day(first.c.hit_on, until))
        .scalar_subquery()
    )
    pairs = select(first.c.hit_on, became.label("npl_on")).subquery("pairs")
    leads: dict[int, int] = {}
    total = right = 0
    counted = select(pairs.c.hit_on, pairs.c.npl_on, func.count()).group_by(pairs.c.hit_on, pairs.c.npl_on)
    for hit_on, npl_on, count in db.session.execute(counted):
        total += count
        if npl_on is not None:
            right += count
            lead = (npl_on - hit_on).days
            leads[lead] = leads.get(lead, 0) + count
    seen = select(LoanSnapshot.loan_id).where(LoanSnapshot.as_of.in_(days), healthy, *limits(rule, LoanSnapshot))
    after = aliased(LoanSnapshot)
    turned = exists().where(
        and_(
            after.loan_id == LoanSnapshot.loan_id,
            npl(after),
            after.as_of > LoanSnapshot.as_of,
            after.as_of <= _by_day(LoanSnapshot.as_of, until),
        )
    )
    never_hit = ~exists().where(first.c.loan_id == LoanSnapshot.loan_id)
    loans = db.session.scalar(seen.with_only_columns(func.count(LoanSnapshot.loan_id.distinct())))
    missed = db.session.scalar(
        seen.where(turned, never_hit).with_only_columns(func.count(LoanSnapshot.loan_id.distinct()))
    )
    row = BackTest(
        rule_id=rule.id,
        run_on=business_date(),
        months=len(days),
        first_day=days[0],
        last_day=days[-1],
        horizon=months,
        loans=loans or 0,
        hits=total,
        confirmed=right,
        missed=missed or 0,
        leads=[[lead, count] for lead, count in sorted(leads.items())],
        unknown=[indicator.value for indicator in untold(rule)],
    )
    row.lead_days = row.score.lead_days
    return row


def _last_of(day: date, months: int) -> date:
    """The month-end so many months after a month-end."""
    return month_end(add_months(day.replace(day=1), months))


def _by_day(column: Any, until: dict[date, date]) -> Any:
    return case({day: literal(last, Date) for day, last in until.items()}, value=column)


@job(TRY, _("Back-test of a warning rule"))
def back_test_job(report: Report, rule: int, months: int) -> None:
    """A back-test in the background, with the rights of whoever asked for it."""
    if not actor().may("WarningRule", "run"):
        raise Forbidden(gettext("Your role does not include trying warning rules."))
    report(0, 0, "")
    back_test(rule, months)


def latest(rule: WarningRule) -> BackTest | None:
    """The last back-test of a rule."""
    of_rule = select(BackTest).where(BackTest.rule_id == rule.id)
    return db.session.scalar(of_rule.order_by(BackTest.id.desc()).limit(1))
