"""The map of grids: every grid in scope, coloured by manager or by a figure; its list as a table for who sees no map.

Outlines hardly change, so they come from an address of their own that browsers keep; the figures come fresh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flask import Response, flash, jsonify, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import lazy_gettext as _

from portal.core import scope
from portal.core.clock import business_date
from portal.core.display import screens
from portal.core.help import Help
from portal.core.metric import Metric, Value, dimension_of, evaluate, metric_of, parts_of, words
from portal.core.offers import numbers_clear
from portal.core.values import is_whole
from portal.grids.cells import KINDS, Cell, cells, filter_fields, outlines, search_of, stamp
from portal.grids.rules import limits, step_of
from portal.metrics.formatting import heading, shown

FIGURES = ("customer_count", "potential_customers", "coverage", "loan_balance")
"""What is told of each grid, in this order."""
MANAGER = "manager"
MEASURES = {
    MANAGER: _("Customer manager"),
    "balance": _("Loan balance"),
    "potential": _("Potential customers"),
    "coverage": _("Coverage"),
}
METRICS = {"balance": "loan_balance", "potential": "potential_customers", "coverage": "coverage"}
TABLE_PAGE = 50

Figures = Mapping[str, Mapping[int, Value]]
"""Values by metric key and grid."""


@dataclass(frozen=True)
class Classes:
    """How a measure colours the grids."""

    words: tuple[str, ...]
    """What each class holds: `< 10`, `10–25`, `≥ 25`."""
    steps: tuple[int, ...]
    """The class of each grid; -1 where there is nothing to colour."""


def figures_told() -> list[Metric]:
    """The figures that the actor's role includes."""
    found = [metric_of(key) for key in FIGURES]
    allowed = [metric for metric in found if scope.actor().may(*metric.permission)]
    return [m for m in allowed if all(numbers_clear(part.permission[0]) for part in parts_of([m.key]))]


def measures_offered(told: Sequence[Metric]) -> list[str]:
    keys = {metric.key for metric in told}
    return [measure for measure in MEASURES if METRICS.get(measure, "") in keys or measure == MANAGER]


def figures_of_grids(told: Sequence[Metric]) -> Figures:
    """Each figure by grid; a grid that has none of it is left out."""
    rows = evaluate([metric.key for metric in told], by=("grid",)).rows if told else ()
    return {metric.key: {row.by["grid"]: row.values[metric.key] for row in rows} for metric in told}


def value_of(found: Figures, metric: Metric, cell: Cell) -> Value:
    nothing = metric.empty if metric.ratio is None else None
    return found[metric.key].get(cell.id, nothing)


def classes(metric: Metric, values: Sequence[Value]) -> Classes:
    """Up to six classes of about as many grids each; what is 0 or not available stays out of them."""
    known = [value for value in values if value]
    starts = limits(known)
    steps = tuple(step_of(value, starts) if value else -1 for value in values)
    return Classes(tuple(_ranges(metric, starts)) if known else (), steps)


def _ranges(metric: Metric, starts: Sequence[Fraction]) -> list[str]:
    wan = metric.unit == "money"
    decimals = 0 if all((start * (100 if metric.unit == "percent" else 1)).denominator == 1 for start in starts) else 1
    said = [shown(metric, start if not wan else int(start), wan, decimals) for start in starts]
    if not said:
        return ["> 0"]
    return [f"< {said[0]}", *(f"{low}–{high}" for low, high in pairwise(said)), f"≥ {said[-1]}"]


class GridMapView(BaseView):
    """`/grids/map/`: map or table; `/grids/map/cells`: outlines; `/grids/map/figures`: what is told of the grids."""

    help = Help(
        _("Where the grids lie, whose they are and what is lent in them."),
        _("Choose what colours the grids; open a grid from the panel, or read the same figures as a table."),
    )
    resource = "Grid"
    route_base = "/grids/map"
    default_view = "show"
    method_actions = {"show": "list", "cells": "list", "figures": "list"}

    @expose("/")
    @has_access
    def show(self) -> Any:
        self.update_redirect()
        search = search_of(request.args)
        for problem in search.problems:
            flash(problem, "warning")
        told, found = figures_told(), cells(search.conditions)
        offered = measures_offered(told)
        by = request.args.get("by", "")
        as_table = request.args.get("view") == "table"
        chosen = request.args.get("grid", "")
        return self.render_template(
            "grids/map.html",
            title=_("Grid map"),
            view=screens()["GridView"],
            path=url_for("GridMapView.show"),
            search=search,
            filter_fields=filter_fields(),
            measures={key: MEASURES[key] for key in offered},
            by=by if by in offered else offered[min(1, len(offered) - 1)],
            count=len(found),
            drawn=sum(cell.drawn for cell in found),
            any_drawn=any(cell.drawn for cell in found) or any(cell.drawn for cell in cells()),
            as_table=as_table,
            table=self._table(told, found) if as_table else None,
            chosen=chosen if is_whole(chosen) else "",
            outlines_url=url_for("GridMapView.cells"),
            figures_url=search.url(url_for("GridMapView.figures")),
        )

    def _table(self, told: Sequence[Metric], found: Sequence[Cell]) -> dict[str, Any]:
        """One page of the grids with their figures."""
        pages = max(1, -(-len(found) // TABLE_PAGE))
        number = min(max(1, request.args.get("page", 1, type=int)), pages)
        part = found[(number - 1) * TABLE_PAGE : number * TABLE_PAGE]
        known, managers = figures_of_grids(told), _managers(part)
        return {
            "headings": [heading(metric) for metric in told],
            "rows": [
                (cell, managers[cell.manager_id], [shown(metric, value_of(known, metric, cell)) for metric in told])
                for cell in part
            ],
            "first": (number - 1) * TABLE_PAGE + 1,
            "page": number,
            "pages": pages,
        }

    @expose("/cells")
    @has_access
    def cells(self) -> Response:
        """The outlines in scope as GeoJSON; 304 while the browser's own are still right."""
        tag = stamp()
        if request.if_none_match.contains_weak(tag):
            answer = Response(status=304)
        else:
            answer = Response(outlines(), mimetype="application/json")
        answer.set_etag(tag, weak=True)  # weak: the same content is sent packed in several ways
        answer.headers["Cache-Control"] = "private, no-cache"
        answer.vary.add("Cookie")
        return answer

    @expose("/figures")
    @has_access
    def figures(self) -> Response:
        """Names, figures as people read them and classes of colour, a column each, of the grids that match."""
        told, found = figures_told(), cells(search_of(request.args).conditions)
        known, managers = figures_of_grids(told), _managers(found)
        towns = list(dict.fromkeys(cell.town for cell in found))
        people = list(dict.fromkeys(cell.manager_id for cell in found))
        places = {town: n for n, town in enumerate(towns)}
        persons = {person: n for n, person in enumerate(people)}
        values = {metric.key: [value_of(known, metric, cell) for cell in found] for metric in told}
        coloured = {
            measure: (metric_of(key), classes(metric_of(key), values[key]))
            for measure, key in METRICS.items()
            if key in values
        }
        return jsonify(
            as_of=business_date().isoformat(),
            towns=towns,
            kinds=[str(kind.label) for kind in KINDS],
            managers=[managers[person] for person in people],
            unassigned=persons.get(None, -1),
            columns={
                "id": [cell.id for cell in found],
                "code": [cell.code for cell in found],
                "name": [cell.name for cell in found],
                "town": [places[cell.town] for cell in found],
                "kind": [KINDS.index(cell.kind) for cell in found],
                "manager": [persons[cell.manager_id] for cell in found],
            },
            figures=[
                {"heading": heading(metric), "texts": [shown(metric, value) for value in values[metric.key]]}
                for metric in told
            ],
            measures={
                measure: {
                    "heading": heading(metric, ten_thousands=True),
                    "words": coloured_by.words,
                    "steps": coloured_by.steps,
                }
                for measure, (metric, coloured_by) in coloured.items()
            },
        )


def _managers(found: Sequence[Cell]) -> dict[Any, str]:
    return words(dimension_of(MANAGER), {cell.manager_id for cell in found})
