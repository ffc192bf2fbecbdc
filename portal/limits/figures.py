"""The company's own figures on a date. Nothing is guessed: what finance has not entered is None."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import select

from portal.core.db import db
from portal.limits.models import CompanyFigure, FigureKind
from portal.limits.rules import prior_year_end


def net_assets(day: date) -> int | None:
    """Net assets at the end of the year before a day, in fen; None where finance has not entered them."""
    return db.session.scalar(
        select(CompanyFigure.amount).where(
            CompanyFigure.kind == FigureKind.NET_ASSETS, CompanyFigure.on_day == prior_year_end(day)
        )
    )


def latest(kind: FigureKind, day: date) -> int | None:
    """The last figure of a kind on or before a day, in fen; None where there is none."""
    return db.session.scalar(
        select(CompanyFigure.amount)
        .where(CompanyFigure.kind == kind, CompanyFigure.on_day <= day)
        .order_by(CompanyFigure.on_day.desc())
        .limit(1)
    )


def together(kinds: Collection[FigureKind], day: date) -> int | None:
    """The last figures of several kinds added up; None as soon as one of them is missing."""
    found = [latest(kind, day) for kind in kinds]
    known = [amount for amount in found if amount is not None]
    return sum(known) if len(known) == len(found) else None
