"""Figures as text: the one place that turns an exact Value into digits, rounded once, half up, at the very end.

`exact_text` is for machines (JSON, CSV): plain digits, two decimals for money, four for percent. `shown` is for people:
thousands separated, in the unit that `unit_words` names. Neither carries the unit: that stands in the heading.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.metric import Metric, Value

YUAN = 100
TEN_THOUSAND_YUAN = 1_000_000
"""Fen."""
NOT_AVAILABLE = "—"
MINUS = "−"

UNITS = {"money": _("yuan"), "count": "", "percent": "%", "rate": "%", "days": _("days")}
TEN_THOUSANDS = _("10,000 yuan")

EXACT_DECIMALS = {"money": 2, "count": 0, "percent": 4, "rate": 4, "days": 0}


def half_up(value: Fraction | Decimal | int, decimals: int) -> Decimal:
    """Rounded half away from zero, as accountants round."""
    scaled = Fraction(value) * 10**decimals
    whole = (abs(scaled.numerator) * 2 + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if scaled >= 0 else -whole).scaleb(-decimals)


def number_of(metric: Metric, value: Value, decimals: int, ten_thousands: bool = False) -> Decimal | None:
    """The value in the unit people read (yuan or 万元, percent, loans, days); None when not available."""
    if value is None:
        return None
    if metric.unit == "money":
        return half_up(Fraction(value) / (TEN_THOUSAND_YUAN if ten_thousands else YUAN), decimals)
    if metric.unit in ("percent", "rate"):
        return half_up(Fraction(value) * 100, decimals)
    return half_up(value, decimals)


def exact_text(metric: Metric, value: Value) -> str | None:
    """For machines: `163619225.00`, `9545`, `0.8403`; None when not available."""
    number = number_of(metric, value, EXACT_DECIMALS[metric.unit])
    return None if number is None else f"{number:f}"


def shown(metric: Metric, value: Value, ten_thousands: bool = False, decimals: int | None = None) -> str:
    """For people: `163,619,225.00`, `9,545`, `0.84`; a dash when not available.

    `ten_thousands` writes money as 万元; `decimals` overrides what the metric says.
    """
    if decimals is None:
        decimals = 0 if metric.unit in ("count", "days") else metric.rounding
    number = number_of(metric, value, decimals, ten_thousands)
    if number is None:
        return NOT_AVAILABLE
    return (MINUS if number < 0 else "") + f"{abs(number):,f}"


def unit_words(metric: Metric, ten_thousands: bool = False) -> str:
    """The unit that stands in the heading; empty for plain counts."""
    words: Any = TEN_THOUSANDS if ten_thousands and metric.unit == "money" else UNITS[metric.unit]
    return str(words)


def heading(metric: Metric, ten_thousands: bool = False) -> str:
    """Label and unit: `Loan balance (yuan)`."""
    unit = unit_words(metric, ten_thousands)
    return gettext("%(label)s (%(unit)s)", label=metric.label, unit=unit) if unit else str(metric.label)
