"""Reports: what leaves the house as a document. Figures from metrics, layout from templates, PDF from a worker."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def register(app: Flask) -> None:
    """Declare the reports. They register themselves once per process, when the catalogue is imported.

    Imported here and not above: the render worker loads this package too, and must stay small.
    """
    import_module("reports.catalogue")
    import_module("reports.contributions")
    import_module("reports.person")
    import_module("reports.views").register(app.extensions["appbuilder"])
    import_module("reports.all_in_cost_view").register(app.extensions["appbuilder"])
