"""How a figure has changed since the month-end before, in words, and whether that is good news."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flask_babel import gettext

from dashboards.asked import Asked
from dashboards.dashboard import Tile
from dashboards.wording import day_words, percent_words, short_day_words
from portal.core.metric import Metric, Value
from portal.metrics.formatting import shown


@dataclass(frozen=True)
class Change:
    """What a tile says below its figure."""

    words: str
    """Since when; or why there is no change to tell of."""
    amount: str = ""
    """`+1.21%`, `−0.04 pp`; empty when nothing changed, or nothing can be compared."""
    rose: bool = False
    good: bool | None = None
    """None where a change is neither good nor bad."""


def told(declared: Tile, metric: Metric, now: Value, before: Value, asked: Asked) -> Change:
    """What a tile says below its figure."""
    if declared.now_only:
        return Change(gettext("not available") if now is None else day_words(asked.as_of))
    return change(declared, metric, now, before, asked) if metric.kind == "stock" else period(declared, now, asked)


def change(declared: Tile, metric: Metric, now: Value, before: Value, asked: Asked) -> Change:
    """From the figure at the month-end before to the figure at the date."""
    since = short_day_words(asked.month_end_before)
    if now is None:
        return Change(gettext("not available"))
    is_ratio = metric.unit in ("percent", "rate")
    if before is None or (not before and now and not is_ratio):
        return Change(gettext("nothing to compare at %(day)s", day=since))
    difference = Fraction(now) - Fraction(before)
    if not difference:
        return Change(gettext("unchanged since %(day)s", day=since))
    rose = difference > 0
    if is_ratio:  # a ratio changes by percentage points, everything else by a share of what it was
        amount = gettext("%(points)s pp", points=shown(metric, difference))
    else:
        amount = percent_words(difference / Fraction(before))
    good = {"up": rose, "down": not rose}.get(declared.good)
    return Change(gettext("since %(day)s", day=since), ("+" if rose else "") + amount, rose, good)


def period(declared: Tile, now: Value, asked: Asked) -> Change:
    """What a tile says of a flow: over which period it runs."""
    if now is None:
        return Change(gettext("not available"))
    since = asked.of_year().month_end_before if declared.this_year else asked.month_end_before
    return Change(gettext("since %(day)s", day=day_words(since)))
