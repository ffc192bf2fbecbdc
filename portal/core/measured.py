"""The measured metrics of one frame: the statements that answer them, whole and cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, literal_column, or_

from portal.core.db import db

if TYPE_CHECKING:
    from portal.core.metric import Frame, Metric, Question, Value


def conditions_of(frame: Frame, where: Mapping[str, Sequence[Any]]) -> list[ColumnElement[bool]]:
    """WHERE conditions for expanded filter values; None among them stands for rows without one."""
    found = []
    for key, values in where.items():
        column = frame.dimensions[key]
        named = column.in_([value for value in values if value is not None])
        found.append(or_(named, column.is_(None)) if None in values else named)
    return found


def concerned(parts: Sequence[Metric], frame: Frame) -> list[ColumnElement[bool]]:
    """WHERE conditions that leave out rows which none of the metrics reads."""
    columns = set.intersection(*(set(metric.concerns) for metric in parts))
    return [frame[name].in_({v for metric in parts for v in metric.concerns[name]}) for name in sorted(columns)]


class Figures:
    """The measured metrics of one frame, ready to be cut."""

    def __init__(
        self, frame: Frame, parts: Sequence[Metric], where: Mapping[str, Sequence[Any]], question: Question
    ) -> None:
        self.frame, self.parts = frame, parts
        self.measures = {metric.key: metric.aggregate(frame, question) for metric in parts}
        self.finishers = {metric.key: metric.finisher(question) for metric in parts}
        self.conditions = [*conditions_of(frame, where), *concerned(parts, frame)]
        self.sums: dict[str, int] = {}

    def cut(self, by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], dict[str, Value]]]:
        """(group, {metric key: value}) for each group."""
        for group, raw in self._raw(self.parts, by):
            for metric in self.parts:
                if metric.adds_up:
                    self.sums[metric.key] = self.sums.get(metric.key, 0) + int(raw[metric.key] or 0)
            yield group, self._finished(raw)

    def whole(self, by: Sequence[str]) -> dict[str, Value]:
        """The figures of all rows. After a cut, what adds up has been added up: no row is read twice for it."""
        missing = [metric for metric in self.parts if not (by and metric.adds_up)]
        [(_all, found)] = self._raw(missing, ()) if missing else [((), {})]
        return self._finished({metric.key: self.sums.get(metric.key) for metric in self.parts} | found)

    def _raw(self, parts: Sequence[Metric], by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        cuts = [self.frame.dimensions[key].label(f"by_{key}") for key in by]
        statement = self.frame.statement([*cuts, *(self.measures[metric.key] for metric in parts)], self.conditions)
        # By position: an expression with bound values is another one to PostgreSQL each time it is written.
        statement = statement.group_by(*(literal_column(str(n + 1)) for n in range(len(cuts))))
        if cuts and self.frame.having is not None:
            statement = statement.having(self.frame.having)
        for found in db.session.execute(statement):
            yield tuple(found[: len(cuts)]), dict(zip((m.key for m in parts), found[len(cuts) :], strict=True))

    def _finished(self, raw: Mapping[str, Any]) -> dict[str, Value]:
        return {key: finish(raw[key]) for key, finish in self.finishers.items()}
