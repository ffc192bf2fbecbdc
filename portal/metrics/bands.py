"""Bands that figures are cut by: closed lists of ranges of whole numbers, each with its upper bound included.

Amount and term bands are a way of looking at the book, set by the house; no rule depends on them. The days-past-due
bands are those of the migration matrix (迁徙率) and the five-category floors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, case

YUAN = 100
"""Fen."""


@dataclass(frozen=True)
class Band:
    """One range: everything above the band before it, up to and including `most` (None = no end)."""

    key: str
    label: Any
    most: int | None


@dataclass(frozen=True)
class Bands:
    """Ranges in their order; the last has no end."""

    bands: tuple[Band, ...]

    def expression(self, column: Any) -> ColumnElement[str]:
        """SQL: the key of the band a number lies in."""
        whens = [(column <= band.most, band.key) for band in self.bands if band.most is not None]
        return case(*whens, else_=self.bands[-1].key)

    def words(self) -> dict[Any, Any]:
        return {band.key: band.label for band in self.bands}


DAYS_PAST_DUE = Bands(
    (
        Band("0", _("Not overdue"), 0),
        Band("1-30", _("1–30 days"), 30),
        Band("31-60", _("31–60 days"), 60),
        Band("61-90", _("61–90 days"), 90),
        Band("91-180", _("91–180 days"), 180),
        Band("181-270", _("181–270 days"), 270),
        Band("271-360", _("271–360 days"), 360),
        Band("over-360", _("Over 360 days"), None),
    )
)

AMOUNT = Bands(
    (
        Band("up-to-50000", _("Up to 50,000 yuan"), 50_000 * YUAN),
        Band("up-to-100000", _("50,000–100,000 yuan"), 100_000 * YUAN),
        Band("up-to-300000", _("100,000–300,000 yuan"), 300_000 * YUAN),
        Band("up-to-500000", _("300,000–500,000 yuan"), 500_000 * YUAN),
        Band("up-to-1000000", _("500,000–1,000,000 yuan"), 1_000_000 * YUAN),
        Band("up-to-5000000", _("1,000,000–5,000,000 yuan"), 5_000_000 * YUAN),
        Band("over-5000000", _("Over 5,000,000 yuan"), None),
    )
)

TERM = Bands(
    (
        Band("up-to-3", _("Up to 3 months"), 3),
        Band("up-to-6", _("4–6 months"), 6),
        Band("up-to-12", _("7–12 months"), 12),
        Band("up-to-24", _("13–24 months"), 24),
        Band("up-to-36", _("25–36 months"), 36),
        Band("over-36", _("Over 36 months"), None),
    )
)
