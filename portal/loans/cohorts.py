"""Cohorts: what was lent in one month, and the curves that say what became of it.

A cohort's curves are sums of steps: added up to a month-end they say how much of it had ever been so late, or is bad at
that month-end. Steps are kept loan by loan (`portal.loans.vintages` writes them) and, for whoever sums them up, added
up by owner and product. Groups follow the steps and the owners of loans, as in `portal.loans.groups`: whoever hands a
loan over takes out what it added and puts it in again. A reconciliation proves them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Index, Select, delete, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.core.bulk import chunks
from portal.core.db import BigId, BusinessDate, Choice, Labelled, Model, Money, db
from portal.core.scope import unscoped
from portal.loans.models import Loan, LoanChild
from portal.loans.owned import OWNERS, Owned


class Step(Labelled):
    """What a step adds to."""

    LENT = "lent", _("Lent")
    """Principal, from the end of the month it was paid out in."""
    EVER_30 = "ever_30", _("Ever beyond 30 days")
    """Balance at the first month-end at which the loan counts in PAR 30."""
    EVER_60 = "ever_60", _("Ever beyond 60 days")
    EVER_90 = "ever_90", _("Ever beyond 90 days")
    OVERDUE = "overdue", _("Overdue at the month-end")
    """Change of the whole balance of a loan that counts in PAR 1, since the month-end before."""
    WRITTEN_OFF = "written_off", _("Written off")
    """Change of the principal written off."""


EVER = {Step.EVER_30: 30, Step.EVER_60: 60, Step.EVER_90: 90}


class VintageStep(LoanChild, Model):
    """What one loan adds to one curve of its cohort from a month-end on (账龄曲线). Seen and cut by today's owner."""

    scope_resource = "Loan"
    __table_args__ = (
        Index("ix_vintage_step_loan", "loan_id", "step", "as_of"),
        # Holds all that curves sum up: the rows themselves are not read.
        Index("ix_vintage_step_curve", "step", "lent_in", "on_book", "as_of", "product_id", "amount"),
    )

    id: Mapped[BigId]
    as_of: Mapped[BusinessDate]
    """The month-end from which it counts."""
    lent_in: Mapped[int]
    """The cohort: year and month of the loan's disbursement, as in 202606."""
    on_book: Mapped[int]
    """Months on book: 0 at the end of the month of the disbursement."""
    product_id: Mapped[int]
    step: Mapped[Step] = mapped_column(Choice(Step))
    amount: Mapped[Money]


LIKENESS = ("as_of", "lent_in", "on_book", "product_id", "step")


class VintageGroup(Owned, Model):
    """What loans of one owner and product add to one curve of their cohort. Branch, team and manager are today's."""

    __table_args__ = (Index("ix_vintage_group_as_of", "as_of", "branch_id"),)

    as_of: Mapped[BusinessDate]
    """With the next four as in `VintageStep`."""
    lent_in: Mapped[int]
    on_book: Mapped[int]
    product_id: Mapped[int]
    step: Mapped[Step] = mapped_column(Choice(Step))
    amount: Mapped[Money]
    steps: Mapped[int]
    """How many were added up: a group without any is none."""


def regroup_steps(session: Session, day: date) -> None:
    """All groups of a month-end, anew."""
    _run(session, delete(VintageGroup).where(VintageGroup.as_of == day))
    _put_in(session, _groups().where(VintageStep.as_of == day))


@contextmanager
def steps_regrouped(session: Session, loans: Collection[int]) -> Iterator[None]:
    """Around a change of these loans' owners."""
    for part in chunks(sorted(loans)):
        _put_in(session, _groups(-1).where(VintageStep.loan_id.in_(part)))
    yield
    for part in chunks(sorted(loans)):
        _put_in(session, _groups().where(VintageStep.loan_id.in_(part)))


Totals = dict[tuple[Any, ...], tuple[int, int]]


def vintage_groups() -> tuple[Totals, Totals]:
    """(as kept, as the steps add up now), by owner and likeness: amount and steps. For batches: unscoped."""
    keys = [getattr(VintageGroup, name) for name in (*OWNERS, *LIKENESS)]
    kept = select(*keys, func.sum(VintageGroup.amount), func.sum(VintageGroup.steps)).group_by(*keys)
    found: list[Totals] = []
    for statement in (kept, _groups()):
        rows = db.session.execute(statement)
        totals = {tuple(key): (int(amount), int(steps)) for *key, amount, steps in rows}
        found.append({key: values for key, values in totals.items() if any(values)})
    return found[0], found[1]


def _groups(sign: int = 1) -> Select[Any]:
    """What steps add to the groups; with sign -1, what they take out of them."""
    keys = [*(getattr(Loan, name) for name in OWNERS), *(getattr(VintageStep, name) for name in LIKENESS)]
    sums = ((func.sum(VintageStep.amount) * sign).label("amount"), (func.count() * sign).label("steps"))
    statement = select(*keys, *sums)
    return statement.join_from(VintageStep, Loan, Loan.id == VintageStep.loan_id).group_by(*keys)


def _put_in(session: Session, groups: Select[Any]) -> None:
    _run(session, insert(VintageGroup).from_select([*OWNERS, *LIKENESS, "amount", "steps"], groups))


def _run(session: Session, statement: Any) -> None:
    with unscoped("groups of steps follow the steps"):
        session.execute(statement, execution_options={"synchronize_session": False})
