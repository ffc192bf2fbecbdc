"""The registered figures on which an assessment rests: of the day while it waits, frozen once it is in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flask_babel import gettext

from portal.core import scope
from portal.core.actors import Actor
from portal.core.db import label_of
from portal.core.metric import Value, evaluate, expanded, metrics
from portal.core.roles import resources
from portal.core.summary import Figure, figure_of, included
from portal.risk.assessment_words import RiskKind
from portal.risk.assessments import RiskAssessment
from portal.risk.models import ReviewState

BY_KIND: Mapping[RiskKind, tuple[str, ...]] = {
    RiskKind.CREDIT: ("npl_ratio", "par_30", "coverage_ratio", "top_1_share"),
    RiskKind.MARKET: ("average_rate", "herfindahl_industry"),
    RiskKind.LIQUIDITY: ("funding_due_soon", "cash_gap_soon"),
}
"""Kind of risk -> keys of the figures that belong beside it; other kinds have none."""
COMPANY_ONLY = frozenset({"funding_due_soon", "cash_gap_soon"})
"""What the company owes belongs to no branch."""


BY_BRANCH = ("npl_ratio", "par_30", "coverage_ratio")
"""What the form shows of each branch beside the company."""


@dataclass(frozen=True)
class Table:
    """Figures of one kind of risk as they stand today, of the company and its branches."""

    title: str
    heads: Sequence[Figure]
    rows: Sequence[tuple[str, Sequence[Figure]]]


def freeze(row: RiskAssessment) -> dict[str, str | None]:
    """The exact figures of the assessment's day and place, as text that JSON can hold.

    They are the company's or the branch's, whoever confirms: the same for every reader.
    """
    keys = _keys(row)
    total = _of_place(row, keys) if keys else {}
    return {key: None if total[key] is None else str(Fraction(total[key] or 0)) for key in keys}


def figures_of(row: RiskAssessment) -> tuple[Figure, ...]:
    """What an assessment rests on: frozen figures for whoever reads it, today's words for them; while it waits, the
    figures of its day for whoever sees all the loans it is about."""
    if row.figures is not None:
        return tuple(_thawed(key, text) for key, text in row.figures.items())
    keys = included(_keys(row)) if row.state is ReviewState.PROPOSED and _sees_all(row) else []
    if not keys:
        return ()
    total = _of_place(row, keys)
    return tuple(figure_of(key, total[key]) for key in keys)


def tables_of_today() -> list[Table]:
    """What stands beside the form: credit by branch, the rest of the company as a whole; for whoever sees all loans."""
    if scope.actor().scope("Loan", "list") != scope.ALL:
        return []
    found = []
    for kind in BY_KIND:
        keys = included(BY_KIND[kind])
        if not keys:
            continue
        places: list[tuple[str, Mapping[str, Value]]] = [(str(gettext("Whole company")), evaluate(keys).total)]
        by_branch = [key for key in keys if key in BY_BRANCH]
        if by_branch:
            places += [(row.labels["branch"], row.values) for row in evaluate(by_branch, by=("branch",)).rows]
        rows = [(place, [figure_of(key, values.get(key)) for key in keys]) for place, values in places]
        found.append(Table(str(label_of(kind)), rows[0][1], rows))
    return found


def _keys(row: RiskAssessment) -> list[str]:
    return [key for key in BY_KIND.get(row.kind, ()) if row.branch_id is None or key not in COMPANY_ONLY]


def _of_place(row: RiskAssessment, keys: Sequence[str]) -> Mapping[str, Value]:
    """The figures of the company, or those that somebody who sees just the branch and all below it would be told: not
    every figure can be cut by branch (the largest borrower), but every one is found for who asks."""
    who = scope.SYSTEM
    if row.branch_id is not None:
        below = frozenset(expanded({"branch": row.branch_id})["branch"])
        grants = {(resource, "list"): scope.BRANCH for resource in resources()}
        who = Actor("figures of a branch", grants=grants, branches=below, home=row.branch_id)
    with scope.acting(who):
        return evaluate(keys, as_of=row.as_of).total


def _sees_all(row: RiskAssessment) -> bool:
    who = scope.actor()
    reach = who.scope("Loan", "list")
    return reach == scope.ALL or (reach == scope.BRANCH and row.branch_id in who.branches)


def _thawed(key: str, text: str | None) -> Figure:
    """A frozen figure in today's words; one that is no longer registered by its key."""
    value: Value = None if text is None else Fraction(text)
    return figure_of(key, value) if key in metrics else Figure(key, text or "", "")
