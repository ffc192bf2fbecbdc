"""From a figure to the rows behind it: the list screen that shows exactly them, or else the page of rows of the metric.

The list of open loans shows the open business date only, and filters by what a loan state holds. Every other question
(a past date, a flow, a cut by customer group) leads to the metric's own rows, which are found by the very statement
that made the figure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import url_for

from portal.core.clock import business_date
from portal.core.metric import Listing, Metric, Question, dimension_of, expanded, metrics
from portal.loans.classification import Category
from portal.metrics.bands import DAYS_PAST_DUE
from portal.metrics.dimensions import codes
from portal.metrics.thresholds import par_threshold
from portal.parameters.known import Operator

NON_PERFORMING = tuple(category for category in Category if category.non_performing)

ROWS = "MetricRowsView.list"

REFERENCES = ("branch", "team", "manager", "product")
"""Dimensions that the list of open loans filters by, under the same name."""


def listing_url(metric: Metric, question: Question, where: Mapping[str, Any] | None = None) -> str:
    """Where the rows behind a figure are shown. `where` holds the keys of its group and of the filters around it."""
    within = expanded(where or {})
    if metric.listing is not None:
        arguments = metric.listing.filters(question, within)
        if arguments is not None:
            return url_for(metric.listing.endpoint, **dict[str, Any](arguments))
    return rows_url(metric, question, within)


def listing_urls(
    metric: Metric, question: Question, where: Mapping[str, Any], dimension: str, keys: Sequence[Any]
) -> dict[Any, str]:
    """`listing_url` of each group of a dimension, without a statement for each."""
    outer = expanded({key: values for key, values in where.items() if key != dimension})
    expand = dimension_of(dimension).expand
    contained = expand([key for key in keys if key is not None]) if expand else {}
    groups = {key: {**outer, dimension: list(contained.get(key, (key,)))} for key in keys}
    found: dict[Any, str] = {}
    for key, within in groups.items():
        arguments = metric.listing.filters(question, within) if metric.listing is not None else None
        if metric.listing is not None and arguments is not None:
            found[key] = url_for(metric.listing.endpoint, **dict[str, Any](arguments))
    rest = {key: within for key, within in groups.items() if key not in found}
    if rest:
        inner = {value for within in rest.values() for value in within[dimension]}
        words = {key: codes(key, values) for key, values in (*outer.items(), (dimension, inner))}
        found |= {key: rows_url(metric, question, within, coded=words) for key, within in rest.items()}
    return found


def rows_url(
    metric: Metric,
    question: Question,
    within: Mapping[str, Sequence[Any]],
    page: int = 1,
    coded: Mapping[str, Mapping[Any, str]] | None = None,
) -> str:
    """The page of a metric's own rows; `coded`: codes of the filters' values, where they are known already."""
    arguments: dict[str, Any] = {"as_of": question.as_of.isoformat()}
    if metric.kind == "flow":
        arguments["from"] = question.first_day.isoformat()
    if question.known_at is not None:
        arguments["known_at"] = question.known_at.isoformat()
    filters = []
    for key, values in within.items():
        words = coded[key] if coded is not None else codes(key, values)
        filters += [f"{key}:{words[value]}" for value in dict.fromkeys(values)]
    if filters:
        arguments["where"] = filters
    if page > 1:
        arguments["page"] = page
    return url_for(ROWS, key=metric.key, **arguments)


def rows_metric(metric: Metric) -> Metric:
    """The measured metric whose rows stand behind this one: of a ratio, its numerator's."""
    if metric.rows_of:
        return rows_metric(metrics[metric.rows_of])
    return metric if metric.ratio is None else rows_metric(metrics[metric.ratio[0]])


def open_loans(days: int | None = None, categories: Collection[Category] = ()) -> Listing:
    """The list of open loans: those in PAR of so many days, or in these categories, or all."""

    def filters(question: Question, within: Mapping[str, Sequence[Any]]) -> Mapping[str, str] | None:
        if question.as_of != business_date() or question.known != question.as_of:
            return None
        picked = set(categories or Category) & set(within.get("category", Category))
        spans = [_span(key) for key in within.get("days_past_due", ())]
        plain = all(key in (*REFERENCES, "category", "days_past_due") for key in within)
        if not plain or not picked or len(spans) > 1 or any(None in values for values in within.values()):
            return None
        least, most = spans[0] if spans else (0, None)
        if days is not None:
            operator, number = par_threshold(days, question.as_of)
            least = max(least, number + 1 if operator is Operator.GREATER else number)
        found = {f"f.{key}.in": ",".join(map(str, within[key])) for key in REFERENCES if key in within}
        if picked != set(Category):
            found["f.category.in"] = ",".join(category.value for category in Category if category in picked)
        if least:
            found["f.days_past_due.ge"] = str(least)
        if most is not None:
            found["f.days_past_due.le"] = str(most)
        return found

    return Listing("LoanStateView.list", filters)


def _span(key: str) -> tuple[int, int | None]:
    """First and last day of a days-past-due band."""
    bands = DAYS_PAST_DUE.bands
    n = next(i for i, band in enumerate(bands) if band.key == key)
    before = bands[n - 1].most if n else None
    return 0 if before is None else before + 1, bands[n].most
