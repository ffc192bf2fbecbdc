"""How figures are written in a return: rounded once, from the exact value, half up.

A total is rounded from the exact total, never added up from rounded parts; what that leaves over is the rounding
difference, and it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction

from babel.dates import format_date

from portal.core.metric import Value
from portal.metrics.formatting import MINUS, NOT_AVAILABLE, TEN_THOUSAND_YUAN, YUAN, half_up

#: Dates as a document writes them; Babel's own long English form is the American one.
DATE_FORMS = {"zh": "y年M月d日", "en": "d MMMM y"}


def whole(values: Mapping[str, Value], key: str) -> int:
    """A figure that is fen or a count. A TypeError otherwise: the metric is not what the report takes it for."""
    value = values[key]
    if not isinstance(value, int):
        raise TypeError(f"{key} is {value!r}, not a whole number")
    return value


def ten_thousands(fen: int, decimals: int) -> Decimal:
    """Fen as 万元 with so many decimals."""
    return half_up(Fraction(fen, TEN_THOUSAND_YUAN), decimals)


def rounding_difference(total: int, parts: Iterable[int], decimals: int) -> Decimal:
    """The rounded total less the sum of the rounded parts (fen in, 万元 out): 0 when the printed figures add up."""
    return ten_thousands(total, decimals) - sum((ten_thousands(part, decimals) for part in parts), Decimal())


def share(part: int, whole: int) -> Fraction | None:
    """Part ÷ whole; None when there is no whole."""
    return Fraction(part, whole) if whole else None


def number(value: Decimal | int | None, *, signed: bool = False) -> str:
    """Thousands separated, with a real minus sign; `signed` puts a plus before what grew."""
    if value is None:
        return NOT_AVAILABLE
    text = f"{abs(value):,f}" if isinstance(value, Decimal) else f"{abs(value):,}"
    sign = MINUS if value < 0 else "+" if signed and value > 0 else ""
    return sign + text


def percent(value: Fraction | Decimal | None, decimals: int) -> str:
    """A ratio as percent, without the sign %: that stands in the heading."""
    return NOT_AVAILABLE if value is None else number(half_up(Fraction(value) * 100, decimals))


def change(fen: int | None, decimals: int) -> str:
    """A movement in 万元 with its sign; a dash when there is nothing to compare with."""
    return NOT_AVAILABLE if fen is None else number(ten_thousands(fen, decimals), signed=True)


def exact(fen: int) -> str:
    """Yuan to the fen, thousands separated."""
    return number(Decimal(fen).scaleb(-2))


def yuan(fen: int) -> str:
    """Exact, plain, for data files: 1234.50"""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // YUAN}.{abs(fen) % YUAN:02d}"


def written_date(day: date, locale: str) -> str:
    return format_date(day, DATE_FORMS[locale], locale=locale)
