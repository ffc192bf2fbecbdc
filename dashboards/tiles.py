"""Tiles: a figure, its unit, its change, its course, what it means, and the way to the rows behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from dash import html
from dash.development.base_component import Component
from flask import url_for
from flask_babel import gettext

from dashboards.asked import Asked, Figures
from dashboards.changes import Change, told
from dashboards.dashboard import Tile, dashboards
from dashboards.markup import attributes, icon, waiting
from dashboards.wording import day_words, percent_words
from portal.core import scope
from portal.core.metric import Metric, Value, metric_of
from portal.metrics.formatting import shown, unit_words
from portal.metrics.provisions import target_of


def waiting_tile(declared: Tile) -> Component:
    """A tile whose figure is still to come: as large as the tile that takes its place."""
    label = str(metric_of(declared.metric).label)
    parts = [
        html.Div([html.H2(label), html.Span(className="tile-info")], className="tile-head"),
        waiting("figure"),
        waiting("change"),
        html.Div(className="sparkline-none"),
    ]
    return html.Div(parts, className="tile")


def tile(declared: Tile, asked: Asked, course: Mapping[date, Figures]) -> Component:
    """A figure with its change since the month-end before.

    `course` holds the figures at the date and at month-ends before it, the newest first.
    """
    metric = metric_of(declared.metric)
    now, before = course[asked.as_of][metric.key], course[asked.month_end_before].get(metric.key)
    digits = shown(metric, now)
    return html.Div(
        [
            html.Div(
                [html.H2(str(metric.label)), explanation(metric, asked, declared.now_only)], className="tile-head"
            ),
            html.A(
                _digits(metric, digits, now),
                href=(asked.of_year() if declared.this_year else asked).rows_url(metric.key),
                className="tile-figure",
                title=gettext("Show what stands behind this figure"),
                style={"--digits": len(digits)},  # a long one is set smaller rather than on two lines
            ),
            html.Div(
                [
                    _changed(told(declared, metric, now, before, asked)),
                    *_target(metric, now, asked),
                    *_why(declared, asked),
                ],
                className="tile-line",
            ),
            sparkline(metric, course)
            if metric.kind == "stock" and not declared.now_only
            else html.Div(className="sparkline-none"),
        ],
        className="tile",
    )


def _target(metric: Metric, now: Value, asked: Asked) -> list[Component]:
    """Where the figure should be, and in words whether it is."""
    target = target_of(metric.key, asked.as_of)
    if target is None:
        return []
    met = target.met_by(now)
    words = gettext("target %(share)s", share=percent_words(target.value, 1))
    if met is not None:
        words = gettext("%(target)s met", target=words) if met else gettext("%(target)s missed", target=words)
    colour = {True: "change change-good", False: "change change-bad", None: "change"}[met]
    return [html.Span(words, className=colour)]


def _why(declared: Tile, asked: Asked) -> list[Component]:
    """The way to the page that says why a figure changed, for whoever may open it."""
    page = dashboards.get(declared.why)
    if page is None or not scope.actor().may(page.resource, "show"):
        return []
    path = url_for(f"{page.view}.show") + asked.search()
    label = gettext("Why %(figure)s changed", figure=metric_of(declared.metric).label)
    return [html.A(gettext("Why?"), href=path, className="tile-why", **attributes(aria_label=label))]


def sparkline(metric: Metric, course: Mapping[date, Figures]) -> Component:
    """The course of a figure as a small area, cut out of a coloured ground: no script and no picture is needed.

    Blank when it was available at fewer than three dates. The area begins at the lowest value, not at 0: it shows the
    course, not the size, which the figure tells.
    """
    values = [(day, course[day].get(metric.key)) for day in sorted(course)]
    known = [(day, Fraction(value)) for day, value in values if value is not None]
    while known and not known[0][1]:
        known.pop(0)  # there was nothing yet
    if len(known) < 3:
        return html.Div(className="sparkline-none")
    low, high = min(value for _day, value in known), max(value for _day, value in known)
    step, room = Fraction(100, len(known) - 1), Fraction(84, 1) / (high - low) if high > low else Fraction()
    points = [f"{float(n * step):.1f}% {float(92 - room * (v - low)):.1f}%" for n, (_day, v) in enumerate(known)]
    label = gettext(
        "%(figure)s at %(count)s month-ends: from %(first)s to %(last)s",
        figure=metric.label,
        count=len(known),
        first=shown(metric, known[0][1]),
        last=shown(metric, known[-1][1]),
    )
    shape = f"polygon(0% 100%, {', '.join(points)}, 100% 100%)"
    return html.Div(className="sparkline", style={"clipPath": shape}, role="img", **attributes(aria_label=label))


def _digits(metric: Metric, digits: str, value: Value) -> list[Any]:
    """The figure with its decimals smaller, and its unit."""
    whole, point, decimals = digits.partition(".")
    return [
        html.Span([whole, html.Span(point + decimals, className="tile-decimals")], className="tile-digits"),
        html.Span(unit_words(metric) if value is not None else "", className="tile-unit"),
    ]


def explanation(metric: Metric, asked: Asked, now_only: bool = False) -> Component:
    """The ⓘ of a figure: formula, source, date."""
    facts = [
        (gettext("Formula"), str(metric.formula)),
        (gettext("Source"), str(metric.source)),
        (gettext("As at"), day_words(asked.as_of)),
        *([] if now_only else [(gettext("Compared with"), day_words(asked.month_end_before))]),
    ]
    return html.Details(
        [
            html.Summary(
                icon("fa-circle-info"),
                className="tile-info",
                **attributes(aria_label=gettext("What %(figure)s means", figure=metric.label)),
            ),
            html.Dl(
                [html.Div([html.Dt(term), html.Dd(text)]) for term, text in facts], className="menu-panel tile-facts"
            ),
        ],
        className="menu menu-end",
    )


def _changed(told: Change) -> Component:
    if not told.amount:
        return html.P(told.words, className="tile-change")
    amount = html.Span(
        [icon("fa-arrow-up" if told.rose else "fa-arrow-down"), told.amount],
        className={True: "change change-good", False: "change change-bad", None: "change"}[told.good],
    )
    return html.P([amount, " ", told.words], className="tile-change")
