"""A dashboard as it is opened: its filters set, everything else on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component
from flask_babel import gettext

from dashboards.asked import AS_OF, Asked, read
from dashboards.cards import chart_card
from dashboards.charts import Chart
from dashboards.dashboard import Dashboard
from dashboards.filters import choices, date_presets, is_needless
from dashboards.markup import attributes, waiting
from dashboards.options import calendar_words
from dashboards.states import refused_address
from dashboards.tiles import waiting_tile
from dashboards.wording import day_words
from portal.core.clock import business_date
from portal.core.metric import MetricError, dimension_of, words

ADDRESS = "address"
"""Which page is shown; each page has a component of its own that follows the query string."""
PAGE = "page"

Choices = Mapping[str, Sequence[dict[str, str]]]
"""What each dimension of a page can be narrowed to."""


def page(dashboard: Dashboard, search: str, may_export: bool) -> list[Component]:
    """A dashboard with this query string."""
    notice, spoken = None, attributes(aria_live="polite")
    try:
        asked = read(search, dashboard.filters, dashboard.options)
    except MetricError as error:
        asked, notice = read("", (), dashboard.options), refused_address(dashboard, error)
    cuts = dict.fromkeys([*dashboard.filters, *(c.by for c in dashboard.charts if c.grows and not _fixed_names(c))])
    cuts.pop("", None)  # a course of dates has no groups
    found = {key: choices(key, dashboard.counted, asked) for key in cuts}
    return [
        dcc.Location(id=dashboard.id_of("search"), search=search, refresh=False),
        filter_bar(dashboard, asked, found),
        html.Div(notice, id=dashboard.id_of("notice"), className="dashboard-notice", **spoken),
        html.Div(
            [
                html.Div(waiting("answer"), id=dashboard.id_of("answer"), className="answer", **spoken),
                html.Div(
                    [waiting_tile(tile) for tile in dashboard.tiles], id=dashboard.id_of("tiles"), className="tiles"
                ),
                html.Div(
                    [chart_card(dashboard, chart, _names(chart, found), may_export) for chart in dashboard.charts],
                    className="charts",
                ),
            ],
            className="dashboard-body",
        ),
    ]


def _names(chart: Chart, found: Choices) -> list[str]:
    """The rows that a chart can have at most."""
    return _fixed_names(chart) or [choice["label"] for choice in found.get(chart.by, ())]


def _fixed_names(chart: Chart) -> list[str]:
    """The rows that it always has, where its dimension has a fixed order."""
    dimension = dimension_of(chart.by) if chart.by else None
    if not dimension or not dimension.order:
        return []
    left_out = getattr(chart, "leave_out", ())
    return [label for key, label in dimension.labels(dimension.order).items() if key not in left_out]


def filter_bar(dashboard: Dashboard, asked: Asked, found: Choices) -> Component:
    """The date and the filters. They are filled from the start: a control that fills itself would count as a choice."""
    controls = [
        dmc.DatePickerInput(
            id=dashboard.id_of(AS_OF),
            label=gettext("As at"),
            value=asked.as_of.isoformat(),
            maxDate=business_date().isoformat(),
            presets=date_presets(),
            **calendar_words(),
        ),
        *(option.control(dashboard.id_of(option.key), value) for option, value in asked.options.items()),
        *(_filter(dashboard, key, asked, found[key]) for key in dashboard.filters),
    ]
    return html.Div(controls, className="filter-bar", role="search", **attributes(aria_label=gettext("Filters")))


def _filter(dashboard: Dashboard, key: str, asked: Asked, found: Sequence[dict[str, str]]) -> Component:
    control = dmc.MultiSelect(
        id=dashboard.id_of(key),
        label=str(dimension_of(key).label),
        data=found,
        value=asked.codes(key),
        placeholder=gettext("All"),
        searchable=True,
        clearable=True,
        hidePickedOptions=True,
        nothingFoundMessage=gettext("Nothing found"),
        maxDropdownHeight=280,
        clearButtonProps={"aria-label": gettext("Clear")},
    )
    hidden = is_needless(key, asked, found)
    return html.Div(control, id=dashboard.id_of(key, "control"), className="dashboard-filter", hidden=hidden)


def answer(asked: Asked, sentence: str) -> list[Component]:
    """First the answer: what the page says in one sentence, of which day, and within which filters (for paper)."""
    told: list[Component] = [
        html.P(sentence),
        html.P(gettext("As at %(day)s", day=day_words(asked.as_of)), className="answer-date"),
    ]
    for key, chosen in asked.where.items():
        names = ", ".join(words(dimension_of(key), chosen).values())
        told.append(html.P(f"{dimension_of(key).label}: {names}", className="answer-filters"))
    for option, value in asked.options.items():
        told.append(html.P(f"{option.label}: {option.words(value)}", className="answer-filters"))
    return told
