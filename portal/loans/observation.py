"""Observation: minima that begin and end by rule, kept beside `loan_state`.

A loan that was non-performing by its days and comes clear of them stays substandard (整改观察), from the booking that
clears it on. At each month-end the portal assesses what ends: observation after arrears (clear of arrears for some
months and some instalments, the longer of both), that of restructured and of extended loans; and how
far non-performing loans of an enterprise spread to its others. Lateness meanwhile starts an observation anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from fractions import Fraction

from sqlalchemy import Table, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from portal.core.bulk import chunks, insert_rows
from portal.customers.models import ENTERPRISES, Customer
from portal.loans.classification import Category, is_cured, observed_since, spreads, worst
from portal.loans.minima import SEVERITIES, CategoryMinimum, Ground, in_force, minima, severity_of
from portal.loans.models import Instalment
from portal.loans.state import LoanState
from portal.loans.thresholds import observation_rules

NON_PERFORMING = [category for category in Category if category.non_performing]
WORST_FIRST = sorted(Category, reverse=True)


def non_performing_by_days(session: Session, loans: Sequence[int]) -> set[int]:
    """Which of these loans are non-performing by their days, as `loan_state` holds them now."""
    late = select(LoanState.loan_id).where(LoanState.loan_id.in_(loans), LoanState.floor.in_(NON_PERFORMING))
    return set(session.scalars(late))


def observe_cleared(session: Session, day: date, before: Collection[int]) -> list[int]:
    """Begin to observe those of these loans that are no longer non-performing by their days; return which.

    `before` are loans that were so until the booking that is being carried over.
    """
    cleared: list[int] = []
    for part in chunks(sorted(before)):
        held = exists().where(
            CategoryMinimum.loan_id == LoanState.loan_id,
            CategoryMinimum.ground == Ground.CURE,
            CategoryMinimum.day_after.is_(None),
        )
        clear = LoanState.floor.not_in(NON_PERFORMING)
        cleared += session.scalars(select(LoanState.loan_id).where(LoanState.loan_id.in_(part), clear, ~held))
    _begin(session, cleared, Ground.CURE, Category.SUBSTANDARD, day)
    return cleared


def assess(session: Session, positions: Table, day: date) -> list[int]:
    """At a month-end: end what is over and let contagion follow the loans. Returns the loans whose minima changed."""
    rules = observation_rules(day)
    over = [
        *_over(session, positions, day, Ground.CURE, rules.months, rules.instalments),
        *_over(session, positions, day, Ground.RESTRUCTURED, rules.restructured_months, 0),
        *_over(session, positions, day, Ground.EXTENDED, rules.extended_months, 0),
    ]
    _end(session, (number for number, _loan in over), day)
    infected = _infected(session, positions, day, rules.contagion)
    held = dict(
        session.execute(
            select(CategoryMinimum.loan_id, CategoryMinimum.id).where(
                CategoryMinimum.ground == Ground.CONTAGION, CategoryMinimum.day_after.is_(None)
            )
        ).all()
    )
    recovered, new = held.keys() - infected, sorted(infected - held.keys())
    _end(session, (held[loan] for loan in recovered), day)
    _begin(session, new, Ground.CONTAGION, Category.SUBSTANDARD, day)
    return sorted({*(loan for _number, loan in over), *recovered, *new})


def reclassify(session: Session, positions: Table, loans: Sequence[int], on: date) -> None:
    """Give these loans the category that their minima now ask for, in positions that were computed before."""
    for part in chunks(loans):
        least: dict[int, int] = {row.loan_id: row.severity for row in session.execute(minima(on, part))}
        held = select(positions.c.loan_id, positions.c.floor).where(positions.c.loan_id.in_(part))
        found = [
            {"row_id": loan_id, "new_category": worst(floor, WORST_FIRST[-1 - least.get(loan_id, 0)])}
            for loan_id, floor in session.execute(held)
        ]
        if found:
            change = update(positions).where(positions.c.loan_id == bindparam("row_id"))
            session.execute(change.values(category=bindparam("new_category")), found)


def _over(
    session: Session, positions: Table, day: date, ground: Ground, months: int, instalments: int
) -> list[tuple[int, int]]:
    """(minimum, loan) of observations that are over by a date, of loans clear of arrears."""
    observed = and_(
        CategoryMinimum.ground == ground,
        CategoryMinimum.day_after.is_(None),
        CategoryMinimum.first_day <= observed_since(day, months),
    )
    rows = session.execute(
        select(CategoryMinimum.id, CategoryMinimum.loan_id, CategoryMinimum.first_day)
        .join(positions, positions.c.loan_id == CategoryMinimum.loan_id)
        .where(observed, positions.c.days_past_due == 0)
    ).all()
    over: list[tuple[int, int]] = []
    for part in chunks(rows):
        due = _due_dates(session, [row.loan_id for row in part], day)
        for row in part:
            since = max([row.first_day, *(settled for due_on, settled in due[row.loan_id] if settled > due_on)])
            if is_cured(since, day, months, (due_on for due_on, _settled in due[row.loan_id]), instalments):
                over.append((row.id, row.loan_id))
    return over


def _due_dates(session: Session, loans: Sequence[int], day: date) -> dict[int, list[tuple[date, date]]]:
    """Per loan: (due date, settled on) of the instalments that fell due; a tolerated rest counts as settled in time."""
    found: dict[int, list[tuple[date, date]]] = {loan: [] for loan in loans}
    fallen = select(Instalment.loan_id, Instalment.due_date, Instalment.settled_on).where(
        Instalment.loan_id.in_(loans), Instalment.due_date < day
    )
    for loan_id, due_on, settled_on in session.execute(fallen):
        found[loan_id].append((due_on, settled_on or due_on))
    return found


def _infected(session: Session, positions: Table, day: date, share: Fraction) -> set[int]:
    """Performing loans of enterprises too much of whose balance is not, apart from contagion itself."""
    own = (
        select(CategoryMinimum.loan_id, func.max(severity_of(CategoryMinimum.category)).label("severity"))
        .where(in_force(day), CategoryMinimum.ground != Ground.CONTAGION)
        .group_by(CategoryMinimum.loan_id)
        .subquery("own")
    )
    bad = or_(
        positions.c.floor.in_(NON_PERFORMING), func.coalesce(own.c.severity, 0) >= SEVERITIES[Category.SUBSTANDARD]
    )
    enterprises = (
        select(positions.c.customer_id)
        .join(Customer, and_(Customer.id == positions.c.customer_id, Customer.type.in_(ENTERPRISES)))
        .outerjoin(own, own.c.loan_id == positions.c.loan_id)
        .where(bad)
        .distinct()
    )
    customers = list(session.scalars(enterprises))
    infected: set[int] = set()
    for part in chunks(customers):
        by_customer: dict[int, list[tuple[int, int, bool]]] = {}
        loans = (
            select(positions.c.customer_id, positions.c.loan_id, positions.c.balance, case((bad, 1), else_=0))
            .outerjoin(own, own.c.loan_id == positions.c.loan_id)
            .where(positions.c.customer_id.in_(part))
        )
        for customer_id, loan_id, balance, is_bad in session.execute(loans):
            by_customer.setdefault(customer_id, []).append((loan_id, balance, bool(is_bad)))
        for held in by_customer.values():
            total = sum(balance for _loan, balance, _bad in held)
            if spreads(sum(balance for _loan, balance, is_bad in held if is_bad), total, share):
                infected |= {loan for loan, _balance, is_bad in held if not is_bad}
    return infected


def _begin(session: Session, loans: Sequence[int], ground: Ground, category: Category, day: date) -> None:
    insert_rows(
        session,
        CategoryMinimum,
        [
            {"loan_id": loan, "ground": ground, "category": category, "first_day": day, "day_after": None}
            for loan in loans
        ],
    )


def _end(session: Session, numbers: Iterable[int], day: date) -> None:
    for part in chunks(numbers):
        session.execute(
            update(CategoryMinimum).where(CategoryMinimum.id.in_(part)).values(day_after=day),
            execution_options={"synchronize_session": False},
        )
