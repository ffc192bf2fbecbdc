"""Answers as JSON and as a table of text: the same for the command line and REST."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext

from portal.core.metric import MetricError, MetricResult, dimensions, metric_of, metrics
from portal.core.values import ValueProblem, parse_date
from portal.metrics.dimensions import codes
from portal.metrics.formatting import exact_text, heading, shown


def as_json(result: MetricResult, labels: bool = False) -> list[dict[str, Any]]:
    """One object per metric: `{"metric", "as_of", "rows": [{"by": {…}, "value"}], "total"}`; flows also say `from`.

    Values are text, exact to two decimals for money and four for percent; null = not available. Groups are named by
    codes that `where` reads back; `labels` adds their words.
    """
    coded = {key: codes(key, {row.by[key] for row in result.rows}) for key in result.by}
    return [_one(result, key, coded, labels) for key in result.keys]


def _one(result: MetricResult, key: str, coded: Mapping[str, Mapping[Any, str]], labels: bool) -> dict[str, Any]:
    metric = metrics[key]
    answer: dict[str, Any] = {"metric": key, "as_of": result.as_of.isoformat()}
    if metric.kind == "flow":
        answer["from"] = result.question.first_day.isoformat()
    answer["rows"] = [
        {
            "by": {name: coded[name][group] for name, group in row.by.items()},
            **({"labels": dict(row.labels)} if labels else {}),
            "value": exact_text(metric, row.values[key]),
        }
        for row in result.rows
    ]
    answer["total"] = exact_text(metric, result.total[key])
    return answer


def as_table(result: MetricResult) -> list[str]:
    """Lines of a table for a terminal: the groups, then a column for each metric; the total comes last."""
    chosen = [metrics[key] for key in result.keys]
    head = [str(dimensions[key].label) for key in result.by] + [heading(metric) for metric in chosen]
    body = [
        [*row.labels.values(), *(shown(metric, row.values[metric.key]) for metric in chosen)] for row in result.rows
    ]
    total = [gettext("Total"), *([""] * (len(result.by) - 1))] if result.by else []
    table = [head, *body, [*total, *(shown(m, result.total[m.key]) for m in chosen)]]
    widths = [max(_width(line[n]) for line in table) for n in range(len(head))]
    return [_laid_out(line, widths, len(result.by)) for line in table]


def _laid_out(cells: Sequence[str], widths: Sequence[int], words: int) -> str:
    """Words to the left, figures to the right."""
    padded = [
        cell + " " * (width - _width(cell)) if n < words else " " * (width - _width(cell)) + cell
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns of a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def read_day(text: str) -> date:
    """A date as typed; MetricError with a sentence when it is none."""
    try:
        return parse_date(text.strip())
    except ValueProblem as problem:
        raise MetricError(str(problem)) from None


def check_period(keys: Sequence[str], period_given: bool) -> None:
    """MetricError when a period was given and none of the metrics has one."""
    asked_for = [metric_of(key) for key in keys]
    if period_given and all(metric.kind == "stock" for metric in asked_for):
        label = asked_for[0].label
        raise MetricError(gettext("%(metric)s is as at a date; it has no period.", metric=label))


def words_list(text: str) -> tuple[str, ...]:
    """`branch, product` -> ("branch", "product")."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
