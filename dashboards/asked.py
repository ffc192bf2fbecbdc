"""What a dashboard is asked: a date and filter values, read from its address and written back to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from dashboards.options import SINCE, SINCE_OPTION, Option
from portal.core.clock import business_date
from portal.core.metric import MetricResult, Question, Row, Value, evaluate, metrics
from portal.core.metric import asked as question_about
from portal.core.series import evaluate_series, evaluate_series_by, has_series, kept_days
from portal.metrics.answers import read_day
from portal.metrics.dimensions import codes, parse_value
from portal.metrics.listings import listing_url, listing_urls

if TYPE_CHECKING:
    from dashboards.dashboard import Tile

Figures = Mapping[str, Value]
"""Values by metric key."""

AS_OF = "as_of"


@dataclass(frozen=True)
class Asked:
    """A date and, for each filtered dimension, the keys that count. A page asks for its figures through this."""

    as_of: date
    where: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    options: Mapping[Option, Any] = field(default_factory=dict)
    """What else the page is asked, usual or chosen."""

    @property
    def month_end_before(self) -> date:
        """What figures are compared with, unless the page is asked to compare with another date."""
        return self.option(SINCE) or self.as_of.replace(day=1) - timedelta(days=1)

    @property
    def start(self) -> date:
        """The first day of the period between the two dates."""
        return self.month_end_before + timedelta(days=1)

    def option(self, key: str) -> Any:
        """What an option of the page is set to; None when it has none of that key."""
        return next((value for option, value in self.options.items() if option.key == key), None)

    def at(self, day: date) -> Asked:
        """The same filters on another date."""
        return replace(self, as_of=day, options={})

    def evaluate(self, keys: Sequence[str], by: Sequence[str] = ()) -> MetricResult:
        """Stocks at the date; flows since the date that is compared with."""
        return evaluate(keys, by=by, where=self.where, as_of=self.as_of, start=self.start)

    def of_year(self) -> Asked:
        """The same, compared with the end of the year before."""
        return replace(self, options={SINCE_OPTION: self.as_of.replace(month=1, day=1) - timedelta(days=1)})

    def rows_url(self, key: str, **group: Any) -> str:
        """Where the rows behind a figure are listed; `group` narrows it to one value of a dimension."""
        where = {**self.where, **{dimension: [value] for dimension, value in group.items()}}
        return listing_url(metrics[key], self._question(key), where)

    def _question(self, key: str) -> Question:
        return Question(self.as_of, self.start if metrics[key].kind == "flow" else None)

    def rows_urls(self, key: str, dimension: str, groups: Sequence[Any]) -> dict[Any, str]:
        """`rows_url` of each of these values of a dimension."""
        return listing_urls(metrics[key], self._question(key), self.where, dimension, groups)

    def series(self, keys: Sequence[str], days: Sequence[date]) -> dict[date, Figures]:
        """The figures at each of these dates, within the same filters."""
        return evaluate_series(keys, days, self.where)

    def series_by(self, keys: Sequence[str], days: Sequence[date], by: Sequence[str]) -> dict[date, tuple[Row, ...]]:
        """The groups of each of these dates, within the same filters."""
        return evaluate_series_by(keys, days, by, self.where)

    def kept(self, keys: Sequence[str], days: Sequence[date]) -> list[date]:
        """Those of these dates that are answered at once."""
        return kept_days(keys, days)

    def codes(self, dimension: str) -> list[str]:
        """The filter's values as text."""
        values = list(self.where.get(dimension, ()))
        coded = codes(dimension, values)
        return [coded[value] for value in values]

    def search(self) -> str:
        """The query string of the page's address. The open business date is left out: such a link stays current."""
        arguments = [] if self.as_of == business_date() else [(AS_OF, self.as_of.isoformat())]
        arguments += [(dimension, code) for dimension in self.where for code in self.codes(dimension)]
        arguments += [
            (option.key, option.text(value))
            for option, value in self.options.items()
            if value != option.usual(self.as_of)
        ]
        return f"?{urlencode(arguments)}" if arguments else ""


def read(search: str, dimensions: Sequence[str], options: Sequence[Option] = ()) -> Asked:
    """What an address asks; arguments that are no filter of the page are ignored.

    Raises MetricError with a sentence for a date or a filter value that means nothing (to this person).
    """
    given = parse_qs(search.removeprefix("?"))
    chosen = {option: given[option.key][-1] for option in options if option.key in given}
    as_of, values = given.get(AS_OF, [""])[-1], {key: given.get(key, []) for key in dimensions}
    return asked_by(as_of, values, {option: chosen.get(option, "") for option in options})


def asked_by(as_of: str, values: Mapping[str, Sequence[str]], options: Mapping[Option, str] | None = None) -> Asked:
    """What the controls of the filter bar ask, as text. Raises MetricError like `read`."""
    where = {key: [parse_value(key, text) for text in texts] for key, texts in values.items() if texts}
    day = question_about(read_day(as_of) if as_of else None, None, None).as_of
    chosen = {o: o.read(text, day) if text else o.usual(day) for o, text in (options or {}).items()}
    return Asked(day, where, chosen)


def month_ends(last: date, count: int) -> list[date]:
    """`last` and the month-ends before it, newest first."""
    days = [last]
    while len(days) < count:
        days.append(days[-1].replace(day=1) - timedelta(days=1))
    return days


def course_of(tiles: Sequence[Tile], asked: Asked, dates: int) -> dict[date, Figures]:
    """The figures of tiles at the date, at the one it is compared with and at month-ends before, the newest first.

    Only stocks that are kept together have a course; other stocks are told at both dates, and a flow at the date alone,
    of the period that the page or the tile is about; so is what is told at the date only.
    """
    stocks: list[str] = []
    apart: list[str] = []
    flows: list[str] = []
    of_year: list[str] = []
    now_only = [tile.metric for tile in tiles if tile.now_only]
    for tile in tiles:
        if tile.now_only:
            continue
        if metrics[tile.metric].kind == "stock":
            (stocks if has_series(tile.metric) else apart).append(tile.metric)
        else:
            (of_year if tile.this_year else flows).append(tile.metric)
    days = sorted({*month_ends(asked.as_of, dates), asked.month_end_before}, reverse=True)
    course: dict[date, Figures] = dict(asked.series(stocks, days)) if stocks else {day: {} for day in days}
    now = dict(course[asked.as_of])
    if apart:
        course[asked.month_end_before] = {
            **course[asked.month_end_before],
            **asked.at(asked.month_end_before).evaluate(apart).total,
        }
        now |= asked.evaluate(apart).total
    if now_only:
        now |= asked.evaluate(now_only).total
    if flows:
        now |= asked.evaluate(flows).total
    if of_year:
        now |= asked.of_year().evaluate(of_year).total
    return {**course, asked.as_of: now}
