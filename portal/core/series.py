"""The same figures at many dates, in one statement as far as the dates are kept together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext
from sqlalchemy import literal_column

from portal.core import scope
from portal.core.db import db
from portal.core.errors import Forbidden
from portal.core.measured import concerned, conditions_of
from portal.core.metric import (
    Frame,
    Metric,
    Question,
    Row,
    Value,
    asked,
    by_frame,
    check_dimensions,
    evaluate,
    expanded,
    metric_of,
    names_of,
    parts_of,
    rows_of,
    sources,
    with_ratios,
)

SeriesFrame = Callable[[Collection[date]], tuple[Frame, frozenset[date]]]
"""From dates to one frame over those of them that are kept together, told apart by its column `as_of`; and which."""

_over: dict[Callable[[Question], Frame], SeriesFrame] = {}
_sums_over: dict[Callable[[Question], Frame], Callable[[], Sequence[Frame]]] = {}


Rules = Callable[[Collection[str], date], Hashable]
"""From keys of dated parameters to what they say on a date: alike when a measure says the same in SQL."""
_rules: list[Rules] = [lambda _keys, day: day]


def register_rules(rules: Rules) -> None:
    """Say how dated parameters are read, by which figures differ from date to date."""
    _rules[:] = [rules]


def register_series(frame_of: Callable[[Question], Frame], over: SeriesFrame) -> None:
    """Say how many dates of a frame are read at once."""
    _over[frame_of] = over


def register_series_sums(frame_of: Callable[[Question], Frame], over: Callable[[], Sequence[Frame]]) -> None:
    """Say where the rows of a frame stand added up for every date that is kept, told apart by the column `as_of`."""
    _sums_over[frame_of] = over


def evaluate_series(
    keys: Sequence[str], days: Iterable[date], where: Mapping[str, Any] | None = None
) -> dict[date, Mapping[str, Value]]:
    """What `evaluate(keys, where=where, as_of=day).total` says for each day. Raises what it raises."""
    within = expanded(where or {})
    days, together = _together(keys, days, (), within)
    return {
        day: with_ratios(keys, together[day].get((), {}))
        if day in together
        else evaluate(keys, where=where, as_of=day).total
        for day in days
    }


def evaluate_series_by(
    keys: Sequence[str], days: Iterable[date], by: Sequence[str], where: Mapping[str, Any] | None = None
) -> dict[date, tuple[Row, ...]]:
    """What `evaluate(keys, by, where, as_of=day).rows` says for each day. Raises what it raises."""
    within = expanded(where or {})
    days, together = _together(keys, days, by, within)
    with scope.doing("", "list"):
        names = names_of(by, {group for groups in together.values() for group in groups})
    return {
        day: rows_of(keys, by, together[day], names)
        if day in together
        else evaluate(keys, by, where=where, as_of=day).rows
        for day in days
    }


Groups = dict[tuple[Any, ...], dict[str, Value]]
"""Values by metric, by the keys of the group; the empty key is the whole."""


def _together(
    keys: Sequence[str], wanted: Iterable[date], by: Sequence[str], within: Mapping[str, Sequence[Any]]
) -> tuple[list[date], dict[date, Groups]]:
    """The days, and the groups of those that are kept together: none when only one is asked for."""
    days = list(dict.fromkeys(wanted))
    for day in days:
        asked(day, None, None)
    for key in keys:
        if not scope.actor().may(*metric_of(key).permission):
            raise Forbidden(gettext("Your role does not include this figure."))
    frames, together = by_frame(parts_of(keys)), dict[date, Groups]()
    if len(days) < 2 or not all(frame_of in _over for frame_of in frames):
        return days, together
    with scope.doing("", "list"):
        for frame_of, parts in frames.items():
            frame, kept = _over[frame_of](days)
            for metric in parts:
                check_dimensions(metric, frame, [*by, *within])
            sums = _sums_over[frame_of]() if frame_of in _sums_over else ()
            for source, some in sources(frame, sums, parts, {*by, *within}):
                for day, groups in _of_kept(source, some, sorted(kept), by, within).items():
                    for group, values in groups.items():
                        together.setdefault(day, {}).setdefault(group, {}).update(values)
    return days, together


def has_series(key: str) -> bool:
    """Whether the figure is answered for many dates at once."""
    return all(frame_of in _over for frame_of in by_frame(parts_of((key,))))


def kept_days(keys: Sequence[str], days: Iterable[date]) -> list[date]:
    """Those of the days at which these figures are kept and need not be worked out from everything that was booked."""
    days = list(dict.fromkeys(days))
    held = [_over[frame_of](days)[1] if frame_of in _over else frozenset(days) for frame_of in by_frame(parts_of(keys))]
    return [day for day in days if all(day in kept for kept in held)]


def _of_kept(
    frame: Frame,
    parts: Sequence[Metric],
    days: Sequence[date],
    by: Sequence[str],
    within: Mapping[str, Sequence[Any]],
) -> dict[date, Groups]:
    """The measures of each day, whole or cut; a statement for each stretch of days under the same rules."""
    found: dict[date, Groups] = {}
    for same in _under_one_rule(parts, days):
        cuts = [frame["as_of"], *(frame.dimensions[key].label(f"by_{key}") for key in by)]
        measures = [metric.aggregate(frame, Question(same[0])) for metric in parts]
        conditions = [frame["as_of"].in_(same), *conditions_of(frame, within), *concerned(parts, frame)]
        statement = frame.statement([*cuts, *measures], conditions)
        # By position: an expression with bound values is another one to PostgreSQL each time it is written.
        statement = statement.group_by(*(literal_column(str(n + 1)) for n in range(len(cuts))))
        if by and frame.having is not None:
            statement = statement.having(frame.having)
        raw: dict[date, dict[tuple[Any, ...], Sequence[Any]]]
        raw = {day: {} if by else {(): [None] * len(parts)} for day in same}
        for row in db.session.execute(statement):
            raw[row[0]][tuple(row[1 : len(cuts)])] = list(row[len(cuts) :])
        for day, groups in raw.items():
            finishers = [(metric.key, metric.finisher(Question(day))) for metric in parts]
            found[day] = {
                group: {key: finish(value) for (key, finish), value in zip(finishers, values, strict=True)}
                for group, values in groups.items()
            }
    return found


def _under_one_rule(parts: Sequence[Metric], days: Sequence[date]) -> list[list[date]]:
    """The days by the parameters in force on them: thresholds, for one, differ from day to day."""
    keys = sorted({key for metric in parts for key in metric.parameters})
    groups: dict[Hashable, list[date]] = defaultdict(list)
    for day in days:
        groups[_rules[0](keys, day)].append(day)
    return list(groups.values())
