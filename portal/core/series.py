"""The same figures at many dates, in one statement as far as the dates are kept together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext

from portal.core import scope
from portal.core.db import db
from portal.core.errors import Forbidden
from portal.core.measured import concerned, conditions_of
from portal.core.metric import (
    Frame,
    Metric,
    Question,
    Value,
    asked,
    by_frame,
    check_dimensions,
    evaluate,
    expanded,
    metric_of,
    parts_of,
    sources,
    with_ratios,
)

SeriesFrame = Callable[[Collection[date]], tuple[Frame, frozenset[date]]]
"""From dates to one frame over those of them that are kept together, told apart by its column `as_of`; and which."""

_over: dict[Callable[[Question], Frame], SeriesFrame] = {}
_sums_over: dict[Callable[[Question], Frame], Callable[[], Frame]] = {}


def register_series(frame_of: Callable[[Question], Frame], over: SeriesFrame) -> None:
    """Say how many dates of a frame are read at once."""
    _over[frame_of] = over


def register_series_sums(frame_of: Callable[[Question], Frame], over: Callable[[], Frame]) -> None:
    """Say where the rows of a frame stand added up for every date that is kept, told apart by the column `as_of`."""
    _sums_over[frame_of] = over


def evaluate_series(
    keys: Sequence[str], days: Iterable[date], where: Mapping[str, Any] | None = None
) -> dict[date, Mapping[str, Value]]:
    """What `evaluate(keys, where=where, as_of=day).total` says for each day. Raises what it raises."""
    days = list(dict.fromkeys(days))
    for day in days:
        asked(day, None, None)
    for key in keys:
        if not scope.actor().may(*metric_of(key).permission):
            raise Forbidden(gettext("Your role does not include this figure."))
    within, frames = expanded(where or {}), by_frame(parts_of(keys))
    together: dict[date, dict[str, Value]] = defaultdict(dict)
    if len(days) > 1 and all(frame_of in _over for frame_of in frames):
        with scope.doing("", "list"):
            for frame_of, parts in frames.items():
                frame, kept = _over[frame_of](days)
                for metric in parts:
                    check_dimensions(metric, frame, within)
                sums = _sums_over[frame_of]() if frame_of in _sums_over else None
                for source, some in sources(frame, sums, parts, within):
                    for day, values in _of_kept(source, some, sorted(kept), within).items():
                        together[day].update(values)
    return {
        day: with_ratios(keys, together[day]) if day in together else evaluate(keys, where=where, as_of=day).total
        for day in days
    }


def has_series(key: str) -> bool:
    """Whether the figure is answered for many dates at once."""
    return all(frame_of in _over for frame_of in by_frame(parts_of((key,))))


def kept_days(keys: Sequence[str], days: Iterable[date]) -> list[date]:
    """Those of the days at which these figures are kept and need not be worked out from everything that was booked."""
    days = list(dict.fromkeys(days))
    held = [_over[frame_of](days)[1] if frame_of in _over else frozenset(days) for frame_of in by_frame(parts_of(keys))]
    return [day for day in days if all(day in kept for kept in held)]


def _of_kept(
    frame: Frame, parts: Sequence[Metric], days: Sequence[date], within: Mapping[str, Sequence[Any]]
) -> dict[date, dict[str, Value]]:
    """The measures of each day; a statement for each stretch of days under the same rules."""
    found: dict[date, dict[str, Value]] = {}
    for same in _under_one_rule(frame, parts, days):
        measures = [metric.aggregate(frame, Question(same[0])) for metric in parts]
        conditions = [frame["as_of"].in_(same), *conditions_of(frame, within), *concerned(parts, frame)]
        statement = frame.statement([frame["as_of"], *measures], conditions).group_by(frame["as_of"])
        raw = {row[0]: row[1:] for row in db.session.execute(statement)}
        for day in same:
            values = raw.get(day, [None] * len(parts))
            found[day] = {
                metric.key: metric.finisher(Question(day))(value) for metric, value in zip(parts, values, strict=True)
            }
    return found


def _under_one_rule(frame: Frame, parts: Sequence[Metric], days: Sequence[date]) -> list[list[date]]:
    """The days by what their measures say in SQL: dated parameters, such as thresholds, differ from day to day."""
    groups: dict[Any, list[date]] = defaultdict(list)
    for day in days:
        said = [metric.aggregate(frame, Question(day)).element._generate_cache_key() for metric in parts]
        groups[tuple((one.key, repr([bound.effective_value for bound in one.bindparams])) for one in said)].append(day)
    return list(groups.values())
