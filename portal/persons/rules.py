"""Whether a person's data may be erased now. Pure: dates and facts in, the reason of a refusal out.

Sources: PIPL (个人信息保护法) Art. 47: not before a retention that the law demands has run out; until then nothing
but storage. Years of retention are a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Ground = Literal["erased", "open_loan", "dispute", "retention"]


@dataclass(frozen=True)
class Bonds:
    """What ties the company to a customer's data."""

    open_loans: int = 0
    """Loans that are not settled or cancelled; a written-off claim lives on."""
    last_closed_on: date | None = None
    """When the last loan was closed, or would have matured where that was not noted; None = never had one."""
    disputed_on: date | None = None
    erased_on: date | None = None


@dataclass(frozen=True)
class Refusal:
    """Why nothing is erased now; `until` is the last day of the retention."""

    ground: Ground
    until: date | None = None


def erasure_refusal(bonds: Bonds, retention_years: int, today: date) -> Refusal | None:
    """None when erasure is allowed. The gravest ground comes first; the retention's last day itself still counts."""
    if bonds.erased_on is not None:
        return Refusal("erased")
    if bonds.open_loans:
        return Refusal("open_loan")
    if bonds.disputed_on is not None:
        return Refusal("dispute")
    if bonds.last_closed_on is not None:
        until = years_after(bonds.last_closed_on, retention_years)
        if today <= until:
            return Refusal("retention", until)
    return None


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 29 February becomes the 28th where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
