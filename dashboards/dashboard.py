"""What a dashboard declares: key, title and resource, figures, charts and filters. Nothing here draws anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dashboards.asked import Asked, Figures
from dashboards.charts import Chart
from dashboards.options import Option
from portal.core.help import Help
from portal.core.registry import Registry


@dataclass(frozen=True)
class Tile:
    """A figure with its change since the month-end before."""

    metric: str
    good: Literal["up", "down", ""] = ""
    """The direction that is good news; empty where a change is neither."""
    this_year: bool = False
    """A flow that is asked from the first day of the year; it has no course."""
    now_only: bool = False
    """Told at the date alone: what it was at another one would be worked out from all instalments."""
    why: str = ""
    """Key of the page that says why the figure changed."""


@dataclass(frozen=True)
class Dashboard:
    """One page. Its address is /dashboards/<key>/, and its filters and date stand in that address."""

    key: str
    title: Any
    resource: str
    """Who may open it: `show` of this resource in the role table; `export` for its files."""
    icon: str
    tiles: tuple[Tile, ...]
    charts: tuple[Chart, ...]
    filters: tuple[str, ...]
    """Keys of the dimensions that it can be narrowed by."""
    help: Help
    """What it is for and who works with it."""
    answer: Callable[[Asked, Figures, Figures], str]
    """The one sentence on top, from the figures of the tiles as at the date and as at the month-end before."""
    counted: str
    """The figure that tells which values of a dimension there are: those become the choices of the filters."""
    nothing: Any
    """What a chart without rows says: that there is nothing."""
    nothing_because: Any
    """Why that may be."""
    options: tuple[Option, ...] = ()
    """What else it can be asked."""

    @property
    def view(self) -> str:
        """The name of the page's view, which begins its endpoints."""
        return "".join(word.title() for word in self.key.split("_")) + "DashboardView"

    def id_of(self, *names: str) -> str:
        """The id of a component of this page."""
        return "-".join((self.key, *names))

    def chart(self, key: str) -> Chart | None:
        return next((chart for chart in self.charts if chart.key == key), None)


dashboards: Registry[Dashboard] = Registry("dashboards")


def register_dashboard(dashboard: Dashboard) -> Dashboard:
    return dashboards.register(dashboard.key, dashboard)
