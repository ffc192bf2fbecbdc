"""What is used of every limit in force: of each borrower and group, product, industry and branch, and of borrowing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal.limits.exposure import Book
from portal.limits.figures import net_assets, together
from portal.limits.groups import all_groups, insiders
from portal.limits.models import FUNDING, LendingLimit, LimitKind
from portal.limits.rules import PPM, Measure, Reading, Standing, called_after


@dataclass(frozen=True)
class Usage:
    """What one subject uses of a limit."""

    limit: LendingLimit
    reading: Reading
    members: tuple[int, ...] = ()
    """The borrower, or the customers of the group; in order."""
    named: int | None = None
    """The customer that it is called after."""
    insider: bool = False
    """A shareholder or member of staff is among them."""

    @property
    def subject(self) -> int:
        """What stays the same from day to day: the smallest number among the members."""
        return self.members[0] if self.members else 0


def limits_on(session: Session, day: date) -> Sequence[LendingLimit]:
    """The limits in force on a day."""
    held = select(LendingLimit).where(
        LendingLimit.valid_from <= day, or_(LendingLimit.valid_until.is_(None), LendingLimit.valid_until >= day)
    )
    return session.scalars(held.order_by(LendingLimit.id)).all()


class Measuring:
    """Measures limits on a day; what several of them need is read once."""

    def __init__(self, book: Book, day: date) -> None:
        self.book = book
        self.day = day
        self.net_assets = net_assets(day)

    def base(self, limit: LendingLimit) -> int | None:
        """What the share of a limit is of."""
        if limit.measure is Measure.AMOUNT:
            return None
        return self.net_assets if limit.measure is Measure.NET_ASSETS else self.book.total

    def reading(self, limit: LendingLimit, used: int) -> Reading:
        return Reading(limit.bound, used, self.base(limit))

    def usage(self, limit: LendingLimit, largest: int) -> list[Usage]:
        """The users of a limit: so many of the largest, and all that are near it or beyond; the largest first."""
        match limit.kind:
            case LimitKind.BORROWER:
                return self._borrowers(limit, largest)
            case LimitKind.GROUP:
                return self._groups(limit, largest)
            case LimitKind.BORROWING | LimitKind.BONDS:
                used = together(FUNDING[limit.kind], self.day)
                known = Reading(limit.bound, used or 0, self.base(limit), used is not None)
                return [Usage(limit, known)]
        return [Usage(limit, self.reading(limit, self.used(limit)))]

    def used(self, limit: LendingLimit) -> int:
        """What is lent of what a limit with a single subject caps."""
        if limit.kind is LimitKind.PRODUCT and limit.product_id is not None:
            return self.book.of_product(limit.product_id)
        if limit.kind is LimitKind.INDUSTRY and limit.industry is not None:
            return self.book.of_industry(limit.industry)
        if limit.kind is LimitKind.BRANCH and limit.of_branch_id is not None:
            return self.book.of_branch(limit.of_branch_id)
        return sum(self.book.of_customers(insiders(self.book.session, self.day)).values())

    def _borrowers(self, limit: LendingLimit, largest: int) -> list[Usage]:
        owed = self.book.largest(largest, self._near(limit))
        marked = insiders(self.book.session, self.day, owed)
        return [Usage(limit, self.reading(limit, balance), (one,), one, one in marked) for one, balance in owed.items()]

    def _groups(self, limit: LendingLimit, largest: int) -> list[Usage]:
        found = list(self._all_groups(limit))
        found.sort(key=lambda usage: (-usage.reading.used, usage.subject))
        shown = [
            usage
            for place, usage in enumerate(found)
            if place < largest or usage.reading.standing in (Standing.NEAR, Standing.BEYOND)
        ]
        marked = insiders(self.book.session, self.day, {one for usage in shown for one in usage.members})
        return [
            Usage(limit, usage.reading, usage.members, usage.named, not marked.isdisjoint(usage.members))
            for usage in shown
        ]

    def _all_groups(self, limit: LendingLimit) -> Iterator[Usage]:
        members = all_groups(self.book.session, self.day)
        owed = self.book.of_customers({one for group in members for one in group})
        for group in members:
            used = sum(owed.get(one, 0) for one in group)
            if used:
                yield Usage(limit, self.reading(limit, used), group, called_after(group, owed))

    def _near(self, limit: LendingLimit) -> Fraction | None:
        """From how much on a limit is near its bound, in fen."""
        allowed = self.reading(limit, 0).allowed
        return None if allowed is None else allowed * limit.warning / PPM
