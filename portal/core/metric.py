"""The metric registry: the one definition of every figure, and `evaluate`, the one way to ask for it.

A metric is either a measure over a frame (an aggregate expression over the frame's rows) or a ratio of two other
metrics, recomputed from their exact values at each grain. A frame is a selectable of scoped rows for one date (stock)
or one period (flow) with the dimensions it can be cut by.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, inspect, select

from portal.core import scope
from portal.core.clock import business_date
from portal.core.errors import Forbidden, PortalError
from portal.core.measured import Figures
from portal.core.registry import Registry

Unit = Literal["money", "count", "percent", "rate", "days"]
Value = int | Fraction | None
"""Money in fen, counts and days as int; percent and rate as an exact Fraction of one; None = not available."""


class MetricError(PortalError):
    """The question cannot be answered as asked; the message says why."""


@dataclass(frozen=True)
class Question:
    """What is asked about: a stock at `as_of`, or a flow from `start` to `as_of`, both included."""

    as_of: dt.date
    start: dt.date | None = None
    known_at: dt.date | None = None
    """Leave out what was booked later than this; None = as_of."""

    @property
    def known(self) -> dt.date:
        """The last booking date that counts."""
        return self.known_at or self.as_of

    @property
    def first_day(self) -> dt.date:
        """Where a flow begins: on the first of the month if nothing else was asked."""
        return self.start or self.as_of.replace(day=1)


@dataclass(frozen=True)
class Frame:
    """Rows to aggregate, all of ORM entities: the session scopes the rows of `select_from`.

    Joins only describe those rows (each must find exactly one partner), so one that nothing asks for is left out.
    """

    name: str
    select_from: Any
    """First ORM entity or selectable of the statement."""
    columns: Mapping[str, Any]
    """Expressions that measures use by name: `f["balance"]`."""
    dimensions: Mapping[str, Any]
    """Dimension key -> the expression to group and filter by."""
    where: Sequence[ColumnElement[bool]] = ()
    joins: Sequence[tuple[Any, Any]] = ()
    """(entity, on clause) pairs; an on clause may use the entities before it."""
    described_by: frozenset[type] = frozenset()
    """Scoped classes that only describe the rows, so that whoever sees a row sees this of it: a loan in scope keeps its
    customer's group in the figures even when somebody else looks after the customer."""
    having: ColumnElement[bool] | None = None
    """What a group of these rows must meet to be there at all."""
    facts: tuple[str, ...] = ()
    """Dimensions of which each loan has one, told beside its figure; empty = by the kind of metric."""

    def __getitem__(self, name: str) -> Any:
        return self.columns[name]

    def statement(self, columns: Sequence[Any], conditions: Sequence[ColumnElement[bool]] = ()) -> Select[Any]:
        """SELECT these columns of the frame's rows, with the joins that they and the conditions need."""
        conditions = [*self.where, *conditions]
        needed = set(select(*columns, *conditions).columns_clause_froms)
        joins: list[tuple[Any, Any]] = []
        for entity, on in reversed(self.joins):
            if inspect(entity).selectable in needed:
                joins.insert(0, (entity, on))
                needed |= set(select(on).columns_clause_froms)
        statement = select(*columns).select_from(self.select_from)
        for entity, on in joins:
            statement = statement.join(entity, on)
        return statement.where(*conditions).execution_options(described_by=self.described_by)


@dataclass(frozen=True)
class Dimension:
    """Something figures are cut by; `expand` gives all that each filter value contains, `order` a fixed order."""

    key: str
    label: Any
    labels: Callable[[Iterable[Any]], Mapping[Any, str]]
    parse: Callable[[str], Any] = str
    """From text (URL, command line) to the key; raises MetricError with a sentence."""
    codes: Callable[[Iterable[Any]], Mapping[Any, str]] = lambda keys: {key: str(key) for key in keys}
    """From keys to text that `parse` reads back: what machines are given."""
    expand: Callable[[Sequence[Any]], Mapping[Any, Sequence[Any]]] | None = None
    order: Sequence[Any] = ()


@dataclass(frozen=True)
class Listing:
    """The rows behind a figure: a list screen and the filters that give exactly them."""

    endpoint: str
    """Flask endpoint of a list, such as `LoanStateView.list`."""
    filters: Callable[[Question, Mapping[str, Any]], Mapping[str, str] | None]
    """(question, {dimension: keys}) -> arguments of the list's URL; None when its filters cannot say it."""


@dataclass(frozen=True)
class Metric:
    """One figure. Exactly one of `measure` and `ratio` is set."""

    key: str
    label: Any
    unit: Unit
    kind: Literal["stock", "flow"]
    formula: Any
    """In words, as the glossary prints it (lazy)."""
    source: Any
    """The rule or document it comes from."""
    subject: Any
    """Heading in the glossary."""
    frame: Callable[[Question], Frame] | None = None
    measure: Callable[[Frame, Question], ColumnElement[Any]] | None = None
    ratio: tuple[str, str] | None = None
    """(numerator key, denominator key)."""
    finish: Callable[[Question], Callable[[int], Value]] | None = None
    """How the raw aggregate becomes the value (exact rounding, scaling) in answer to a question."""
    permission: tuple[str, str] = ("Loan", "list")
    dimensions: tuple[str, ...] = ()
    """Empty = every dimension of the frame."""
    listing: Listing | None = None
    from_sums: str = ""
    """Name of the frames of rows that were added up beforehand (`register_sums`) and of which the measure says the
    same: it is linear in what was added, and its conditions read only what such rows have in common."""
    adds_up: bool = False
    """The measure is a plain sum or count of rows: groups that share out all rows add up to the whole, exactly."""
    concerns: Mapping[str, Collection[Any]] = field(default_factory=dict)
    """Column of the frame -> the values that matter: rows with other values are not even read."""
    parameters: tuple[str, ...] = ()
    """Keys of the dated parameters it reads."""
    rows_of: str = ""
    """The metric whose rows stand behind this one; empty = its own, or its numerator's."""
    empty: Value = 0
    """What no rows mean."""
    rounding: int = 2
    """Decimals on screens."""
    internal: bool = False
    """A part of another figure that means nothing by itself: not in the glossary, not for asking."""

    def aggregate(self, frame: Frame, question: Question) -> ColumnElement[Any]:
        """The measure as a column named after the metric."""
        assert self.measure
        return self.measure(frame, question).label(self.key)

    def finisher(self, question: Question) -> Callable[[Any], Value]:
        """What turns the raw aggregate (None when there were no rows) into the value."""
        finish = self.finish(question) if self.finish else int
        return lambda raw: self.empty if raw is None else finish(int(raw))


Sums = Callable[[Question], Sequence[Frame]]
"""Frames of rows added up that say the same as another frame about this question, those with the fewest rows first."""

metrics: Registry[Metric] = Registry("metrics")
_sums: dict[Callable[[Question], Frame], Sums] = {}
dimensions: Registry[Dimension] = Registry("dimensions")

NOT_ASSIGNED = _("Not assigned")
"""The words for rows that have no such thing (a loan without a team)."""


def register(metric: Metric) -> Metric:
    return metrics.register(metric.key, metric)


def register_dimension(dimension: Dimension) -> Dimension:
    return dimensions.register(dimension.key, dimension)


def register_sums(frame_of: Callable[[Question], Frame], sums: Sums) -> None:
    """Say where rows of a frame stand added up."""
    _sums[frame_of] = sums


def metric_of(key: str) -> Metric:
    """The metric people may ask for by this key; MetricError when there is none."""
    if key not in metrics or metrics[key].internal:
        raise MetricError(gettext("There is no metric called %(key)s.", key=key))
    return metrics[key]


def dimension_of(key: str) -> Dimension:
    """The dimension of this key; MetricError when there is none."""
    if key not in dimensions:
        raise MetricError(gettext("There is no dimension called %(key)s.", key=key))
    return dimensions[key]


@dataclass(frozen=True)
class Row:
    """The figures of one group."""

    by: Mapping[str, Any]
    labels: Mapping[str, str]
    values: Mapping[str, Value]


@dataclass(frozen=True)
class MetricResult:
    """Rows of a question and its total, which is computed, never added up."""

    keys: tuple[str, ...]
    question: Question
    rows: tuple[Row, ...]
    total: Mapping[str, Value]
    by: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)

    @property
    def as_of(self) -> dt.date:
        return self.question.as_of


def evaluate(
    keys: Sequence[str],
    by: Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    as_of: dt.date | None = None,
    start: dt.date | None = None,
    known_at: dt.date | None = None,
) -> MetricResult:
    """The figures `keys`, cut by the dimensions `by`, for rows within `where`, as the present actor may see them.

    Stocks are as at the end of `as_of` (the business date if None); flows run from `start` (the first of that month if
    None) to `as_of`. Rows count as far as the actor's `list` reaches, wherever the question is asked from. Raises
    MetricError for an unknown key or dimension or a date out of reach, Forbidden when the actor's role does not include
    a metric.
    """
    question = asked(as_of, start, known_at)
    for key in keys:
        if not scope.actor().may(*metric_of(key).permission):
            raise Forbidden(gettext("Your role does not include this figure."))
    by = tuple(dict.fromkeys(by))
    within = expanded(where or {})
    groups: dict[tuple[Any, ...], dict[str, Value]] = {}
    total: dict[str, Value] = {}
    with scope.doing("", "list"):
        for frame_of, parts in by_frame(parts_of(keys)).items():
            frame = frame_of(question)
            for metric in parts:
                check_dimensions(metric, frame, [*by, *within])
            sums = _sums[frame_of](question) if frame_of in _sums else ()
            for source, some in sources(frame, sums, parts, {*by, *within}):
                figures = Figures(source, some, within, question)
                for group, values in figures.cut(by) if by else ():
                    groups.setdefault(group, {}).update(values)
                total.update(figures.whole(by))
        rows = rows_of(keys, by, groups, names_of(by, groups)) if by else ()
    return MetricResult(tuple(keys), question, rows, with_ratios(keys, total), by, within)


def asked(as_of: dt.date | None, start: dt.date | None, known_at: dt.date | None) -> Question:
    """The question about these dates; MetricError when they make no sense."""
    open_date = business_date()
    question = Question(as_of or open_date, start, known_at)
    if question.as_of > open_date:
        raise MetricError(
            gettext("%(day)s has not happened yet: the business date is %(open)s.", day=question.as_of, open=open_date)
        )
    if question.first_day > question.as_of:
        raise MetricError(gettext("The period ends before it begins."))
    return question


def expanded(where: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Filter values as lists, each with all it contains: a branch with its subtree."""
    done: dict[str, list[Any]] = {}
    for key, value in where.items():
        expand = dimension_of(key).expand
        values = list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]
        contained = expand(values) if expand else {}
        done[key] = list(dict.fromkeys(v for one in values for v in contained.get(one, (one,))))
    return done


def check_dimensions(metric: Metric, frame: Frame, wanted: Iterable[str]) -> None:
    """MetricError unless the metric can be cut by all of these."""
    for key in wanted:
        dimension_of(key)
        if key not in frame.dimensions or (metric.dimensions and key not in metric.dimensions):
            raise MetricError(gettext("%(metric)s cannot be cut by %(key)s.", metric=metric.label, key=key))


def parts_of(keys: Iterable[str]) -> list[Metric]:
    """The measured metrics behind these keys."""
    found: dict[str, Metric] = {}
    for key in keys:
        metric = metrics[key]
        for part in [metric] if metric.ratio is None else parts_of(metric.ratio):
            found[part.key] = part
    return list(found.values())


def by_frame(parts: Sequence[Metric]) -> dict[Callable[[Question], Frame], list[Metric]]:
    """One statement per frame."""
    grouped: dict[Callable[[Question], Frame], list[Metric]] = {}
    for metric in parts:
        assert metric.frame is not None
        grouped.setdefault(metric.frame, []).append(metric)
    return grouped


def sources(
    frame: Frame, sums: Sequence[Frame], parts: Sequence[Metric], cut_by: Collection[str]
) -> list[tuple[Frame, list[Metric]]]:
    """Which metrics are read from which rows: from sums where there are some that can be cut so, else one by one."""
    fit = [source for source in sums if set(cut_by) <= set(source.dimensions)]
    found: dict[int, tuple[Frame, list[Metric]]] = {}
    for metric in parts:
        source = next((source for source in fit if source.name == metric.from_sums), frame)
        found.setdefault(id(source), (source, []))[1].append(metric)
    return list(found.values())


def with_ratios(keys: Iterable[str], values: Mapping[str, Value]) -> dict[str, Value]:
    return {key: _value(key, values) for key in keys}


def _value(key: str, values: Mapping[str, Value]) -> Value:
    metric = metrics[key]
    if metric.ratio is None:
        return values.get(key, metric.empty)
    numerator, denominator = (_value(part, values) for part in metric.ratio)
    return None if numerator is None or not denominator else Fraction(numerator) / Fraction(denominator)


def names_of(by: Sequence[str], groups: Collection[tuple[Any, ...]]) -> list[dict[Any, str]]:
    """What people read for the keys of these groups, dimension by dimension."""
    return [words(dimensions[key], {group[i] for group in groups}) for i, key in enumerate(by)]


def rows_of(
    keys: Sequence[str],
    by: Sequence[str],
    groups: Mapping[tuple[Any, ...], Mapping[str, Value]],
    names: Sequence[Mapping[Any, str]],
) -> tuple[Row, ...]:
    """Groups in the fixed order of their dimensions, else by their words."""
    orders = [{k: n for n, k in enumerate(dimensions[key].order)} for key in by]

    def place(group: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple((v is None, orders[i].get(v, len(orders[i])), names[i][v]) for i, v in enumerate(group))

    return tuple(
        Row(
            by=dict(zip(by, group, strict=True)),
            labels={key: names[i][group[i]] for i, key in enumerate(by)},
            values=with_ratios(keys, groups[group]),
        )
        for group in sorted(groups, key=place)
    )


def words(dimension: Dimension, keys: Iterable[Any]) -> dict[Any, str]:
    """What people read for these keys; every key has words."""
    keys = list(keys)
    known = dimension.labels([key for key in keys if key is not None])
    return {key: str(NOT_ASSIGNED if key is None else known.get(key, key)) for key in keys}
