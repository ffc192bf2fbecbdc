"""The stress chart: the five categories as they are, and as they would be if a share of each became worse."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from dashboards.asked import Asked
from dashboards.charts import Chart, ChartData, Line
from dashboards.charts_of_change import column_of
from dashboards.drawing import FIXED, Figure, greatest, number, panel_title
from dashboards.theme import layout_base
from dashboards.wording import money_scale, scaled
from portal.core.metric import dimension_of, metric_of
from portal.loans.classification import Category
from portal.metrics.stress import required, shifted
from portal.metrics.thresholds import required_ratios

SHIFT = "shift"


@dataclass(frozen=True, kw_only=True)
class Stress(Chart):
    """Balance and required provision of each category, now and shifted by the percentage that the page is asked."""

    kind = "stress"
    by: str = "category"

    def data(self, asked: Asked) -> ChartData:
        found = asked.evaluate(("category_balance",), by=("category",))
        balances = {row.by["category"]: int(row.values["category_balance"] or 0) for row in found.rows}
        share = Fraction(asked.option(SHIFT), 100)
        ratios, worse = required_ratios(asked.as_of), shifted(balances, share)
        words = dimension_of("category").labels(Category)
        balance, provision = metric_of("category_balance"), metric_of("provision_required")
        columns = (
            balance,
            column_of("stressed", gettext("Balance after the shift"), "money"),
            provision,
            column_of("stressed_provision", gettext("Provision required after the shift"), "money"),
        )
        before, after = required(balances, ratios), required(worse, ratios)
        return ChartData(
            heading=str(dimension_of("category").label),
            columns=columns,
            lines=tuple(
                Line(
                    category,
                    words[category],
                    (
                        balances.get(category, 0),
                        worse[category],
                        required({category: balances.get(category, 0)}, ratios),
                        required({category: worse[category]}, ratios),
                    ),
                    asked.rows_url("category_balance", category=category) if balances.get(category) else "",
                )
                for category in Category
                if balances
            ),
            total=(sum(balances.values()), sum(worse.values()), before, after),
        )


def stress(chart: Stress, data: ChartData) -> Figure:
    """Two bars a category: what is required now, and what would be."""
    now, then = [line.values[2] for line in data.lines], [line.values[3] for line in data.lines]
    size, unit = money_scale(greatest([*now, *then]))
    at = list(range(len(data.lines)))
    bar = {"type": "bar", "orientation": "h", "width": 0.34, "cliponaxis": False, "textposition": "outside"}

    def bars(values: list[Any], shift: float, colour: str, name: Any) -> dict[str, Any]:
        return {
            **bar,
            "name": str(name),
            "y": [place + shift for place in at],
            "x": [number(value) / size for value in values],
            "text": [scaled(int(value or 0), size) for value in values],
            "marker": {"color": colour},
            "hoverinfo": "skip",
        }

    return {
        "data": [
            bars(now, -0.19, "var(--chart-1)", _("Now")),
            bars(then, 0.19, "var(--chart-4)", _("After the shift")),
        ],
        "layout": layout_base(
            margin={"l": 8, "r": 8, "t": 28, "b": 8},
            showlegend=True,
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.1, "font": {"color": "var(--text-soft)"}},
            xaxis={
                "visible": False,
                "range": [0, (greatest([*now, *then]) / size or 1) * 1.25],
                "fixedrange": True,
            },
            yaxis={
                "tickmode": "array",
                "tickvals": at,
                "ticktext": [line.label for line in data.lines],
                "range": [len(at) - 0.5, -0.5],
                "showgrid": False,
                **FIXED,
            },
            annotations=[
                panel_title("x domain", gettext("%(label)s (%(unit)s)", label=data.columns[2].label, unit=unit))
            ],
        ),
    }
