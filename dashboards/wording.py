"""Figures, dates and changes in the reader's language."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from babel.dates import format_skeleton
from babel.numbers import format_compact_decimal
from flask_babel import format_date, get_locale, gettext

from portal.core.metric import Metric, Value
from portal.metrics.formatting import MINUS, half_up, shown, unit_words

YUAN = 100
"""Fen."""
WAN, YI = 10_000 * YUAN, 100_000_000 * YUAN
THOUSAND, MILLION = 1_000 * YUAN, 1_000_000 * YUAN


def day_words(day: date) -> str:
    return str(format_date(day, "medium"))


def short_day_words(day: date) -> str:
    """`May 31`, `5月31日`: where the year goes without saying."""
    return str(format_skeleton("MMMd", day, locale=get_locale()))


def month_words(day: date) -> str:
    """`May 2026`, `2026年5月`."""
    return str(format_skeleton("yMMMM", day, locale=get_locale()))


def month_end_words(day: date) -> str:
    return gettext("the end of %(month)s", month=month_words(day))


def with_unit(metric: Metric, value: Value) -> str:
    """`144,589,166.10 yuan`, `2.07%`, `9,545`."""
    text, unit = shown(metric, value), unit_words(metric)
    if value is None or not unit:
        return text
    return f"{text}{unit}" if unit == "%" or _is_chinese() else f"{text} {unit}"


def round_money(fen: int) -> str:
    """For a sentence: `144.59 million yuan`, `1.45亿元`."""
    style: Literal["short", "long"] = "short" if _is_chinese() else "long"  # Chinese has only the short one: 万, 亿
    places = 2 if fen >= THOUSAND else 0
    number = format_compact_decimal(Decimal(fen) / YUAN, format_type=style, locale=get_locale(), fraction_digits=places)
    return gettext("%(amount)s yuan", amount=number)


def percent_words(share: Fraction | int, decimals: int = 2) -> str:
    """A share of one as `2.07%`."""
    number = half_up(Fraction(share) * 100, decimals)
    return f"{MINUS if number < 0 else ''}{abs(number):,f}%"


def money_scale(most: int) -> tuple[int, str]:
    """(fen in one unit, the unit's words) in which an axis that reaches `most` fen is read easily."""
    if _is_chinese():
        steps = ((YI, gettext("100 million yuan")), (WAN, gettext("10,000 yuan")))
    else:
        steps = ((MILLION, gettext("million yuan")), (THOUSAND, gettext("thousand yuan")))
    return next(((size, words) for size, words in steps if most >= size), (YUAN, gettext("yuan")))


def scaled(fen: int, size: int) -> str:
    """Money on a chart's label: two decimals of its scale."""
    return f"{half_up(Fraction(fen, size), 2):,f}"


def _is_chinese() -> bool:
    return str(get_locale() or "en").startswith("zh")
