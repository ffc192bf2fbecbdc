"""The definitions of every figure, one module per subject; asked for through `portal.core.metric.evaluate`."""

from __future__ import annotations

from importlib import import_module

from flask import Flask
from flask_babel import lazy_gettext as _

from portal.core.application import add_page
from portal.core.summary import register_words_of
from portal.metrics import formatting

#: Modules whose import registers dimensions and metrics.
CATALOGUE = (
    "dimensions",
    "portfolio",
    "rescheduled",
    "flows",
    "territory",
    "migration",
    "overdue_change",
    "vintage",
    "collection",
    "provisions",
    "memo",
    "income",
    "concentration",
    "funding",
)


def load_catalogue() -> None:
    """Register every dimension and metric."""
    for name in CATALOGUE:
        import_module(f"portal.metrics.{name}")


def register(app: Flask) -> None:
    """Metrics, their REST resource, the glossary and the page of loans behind a figure."""
    load_catalogue()
    register_words_of(lambda metric, value: (formatting.heading(metric), formatting.shown(metric, value)))
    import_module("portal.metrics.contributions")
    builder = app.appbuilder  # type: ignore[attr-defined]
    builder.add_api(import_module("portal.metrics.api").MetricsApi)
    glossary = import_module("portal.metrics.glossary")
    add_page(builder, glossary.GlossaryView, _("Glossary"), ("parameters", _("Rules")), "fa-book")
    builder.add_view_no_menu(glossary.MetricRowsView)
