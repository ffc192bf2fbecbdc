"""Charts of concentration: who owes the most, and what part of the whole that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked
from dashboards.charts import SHARE, ChartData, Line, Ranking
from portal.core.metric import Value, dimension_of, metric_of
from portal.core.scope import actor
from portal.metrics.concentration import groups_on

WHOLE = "loan_balance"
BALANCE = _("Balance")


@dataclass(frozen=True, kw_only=True)
class Largest(Ranking):
    """The groups of a dimension from the greatest to the smallest, each with its share of the loan balance."""

    beside: str = ""
    called: Any = BALANCE

    def data(self, asked: Asked) -> ChartData:
        keys = (self.measure, *self.also)
        found = asked.evaluate(keys, by=(self.by,))
        whole = asked.evaluate((WHOLE,)).total[WHOLE]
        rows = [row for row in found.rows if row.values[self.measure]]
        rows.sort(key=lambda row: -(row.values[self.measure] or 0))
        urls = self.urls(asked, [row.by[self.by] for row in rows])

        def values(given: Mapping[str, Value]) -> tuple[Value, ...]:
            amount, *others = (given[key] for key in keys)
            return (amount, None if amount is None or not whole else Fraction(amount) / Fraction(whole), *others)

        lines = (Line(row.by[self.by], row.labels[self.by], values(row.values), urls[row.by[self.by]]) for row in rows)
        return ChartData(
            heading=str(dimension_of(self.by).label),
            columns=(metric_of(self.measure), SHARE, *map(metric_of, self.also)),
            lines=tuple(lines),
            total=values(found.total),
        )

    def urls(self, asked: Asked, groups: Sequence[Any]) -> Mapping[Any, str]:
        """Where the loans of each are listed."""
        return asked.rows_urls(WHOLE, self.by, groups)


@dataclass(frozen=True, kw_only=True)
class LargestGroups(Largest):
    """Groups of related borrowers. They reach over branches, so only whoever may read the limits is shown them."""

    def data(self, asked: Asked) -> ChartData:
        if actor().may(*metric_of(self.measure).permission):
            return super().data(asked)
        nothing = gettext("Groups reach over branches: whoever may read the limits of the company sees them.")
        return ChartData(str(dimension_of(self.by).label), (metric_of(WHOLE), SHARE), (), nothing=nothing)

    def urls(self, asked: Asked, groups: Sequence[Any]) -> Mapping[Any, str]:
        """The loans of all members."""
        members = groups_on(asked.as_of)
        return {
            called: replace(asked, where={**asked.where, self.by: members[called]}).rows_url(WHOLE) for called in groups
        }
