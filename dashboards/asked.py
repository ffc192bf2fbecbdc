"""What a dashboard is asked: a date and filter values, read from its address and written back to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from portal.core.clock import business_date
from portal.core.metric import MetricResult, Question, Value, evaluate, metrics
from portal.core.metric import asked as question_about
from portal.core.series import evaluate_series
from portal.metrics.answers import read_day
from portal.metrics.dimensions import codes, parse_value
from portal.metrics.listings import listing_url, listing_urls

Figures = Mapping[str, Value]
"""Values by metric key."""

AS_OF = "as_of"


@dataclass(frozen=True)
class Asked:
    """A date and, for each filtered dimension, the keys that count. A page asks for its figures through this."""

    as_of: date
    where: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def month_end_before(self) -> date:
        """What figures are compared with."""
        return self.as_of.replace(day=1) - timedelta(days=1)

    def at(self, day: date) -> Asked:
        """The same filters on another date."""
        return replace(self, as_of=day)

    def evaluate(self, keys: Sequence[str], by: Sequence[str] = ()) -> MetricResult:
        return evaluate(keys, by=by, where=self.where, as_of=self.as_of)

    def rows_url(self, key: str, **group: Any) -> str:
        """Where the rows behind a figure are listed; `group` narrows it to one value of a dimension."""
        where = {**self.where, **{dimension: [value] for dimension, value in group.items()}}
        return listing_url(metrics[key], Question(self.as_of), where)

    def rows_urls(self, key: str, dimension: str, groups: Sequence[Any]) -> dict[Any, str]:
        """`rows_url` of each of these values of a dimension."""
        return listing_urls(metrics[key], Question(self.as_of), self.where, dimension, groups)

    def series(self, keys: Sequence[str], days: Sequence[date]) -> dict[date, Figures]:
        """The figures at each of these dates, within the same filters."""
        return evaluate_series(keys, days, self.where)

    def codes(self, dimension: str) -> list[str]:
        """The filter's values as text."""
        values = list(self.where.get(dimension, ()))
        coded = codes(dimension, values)
        return [coded[value] for value in values]

    def search(self) -> str:
        """The query string of the page's address. The open business date is left out: such a link stays current."""
        arguments = [] if self.as_of == business_date() else [(AS_OF, self.as_of.isoformat())]
        arguments += [(dimension, code) for dimension in self.where for code in self.codes(dimension)]
        return f"?{urlencode(arguments)}" if arguments else ""


def read(search: str, dimensions: Sequence[str]) -> Asked:
    """What an address asks; arguments that are no filter of the page are ignored.

    Raises MetricError with a sentence for a date or a filter value that means nothing (to this person).
    """
    given = parse_qs(search.removeprefix("?"))
    return asked_by(given.get(AS_OF, [""])[-1], {key: given.get(key, []) for key in dimensions})


def asked_by(as_of: str, values: Mapping[str, Sequence[str]]) -> Asked:
    """What the controls of the filter bar ask, as text. Raises MetricError like `read`."""
    where = {key: [parse_value(key, text) for text in texts] for key, texts in values.items() if texts}
    question = question_about(read_day(as_of) if as_of else None, None, None)
    return Asked(question.as_of, where)


def month_ends(last: date, count: int) -> list[date]:
    """`last` and the month-ends before it, newest first."""
    days = [last]
    while len(days) < count:
        days.append(days[-1].replace(day=1) - timedelta(days=1))
    return days
