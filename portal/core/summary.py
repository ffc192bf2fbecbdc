"""The registered figures of a record's summary line, cut to what belongs to the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.core import scope
from portal.core.metric import Metric, Value, evaluate, metrics
from portal.core.offers import numbers_clear


@dataclass(frozen=True)
class Figure:
    """A figure as the summary line shows it; `formula` is its title."""

    heading: str
    text: str
    formula: str


Words = Callable[[Metric, Value], tuple[str, str]]
_words_of: list[Words] = []


def register_words_of(function: Words) -> Words:
    """Who knows how figures are written: (metric, value) -> (heading with its unit, text)."""
    _words_of[:] = [function]
    return function


def figure_of(key: str, value: Value) -> Figure:
    """A value of a registered figure, as the summary line shows it."""
    metric = metrics[key]
    return Figure(*_words_of[0](metric, value), formula=str(metric.formula))


def included(keys: Sequence[str]) -> list[str]:
    """Those of the figures that the actor's role includes, and of which no part is covered for him."""
    asked = [(key, *metrics[key].permission) for key in keys]
    return [key for key, resource, action in asked if scope.actor().may(resource, action) and numbers_clear(resource)]


def figures_of(keys: Sequence[str], where: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Those that his role includes, as they stand today for the rows that he may see."""
    allowed = included(keys)
    if not allowed:
        return ()
    total = evaluate(allowed, where=where).total
    return tuple(figure_of(key, total[key]) for key in allowed)
