"""Limits and groups as pure arithmetic: what is used and free, who belongs together. Money in fen, shares in ppm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction

PPM = 1_000_000


class Measure(StrEnum):
    """What a bound is reckoned on."""

    NET_ASSETS = "net_assets"
    PORTFOLIO = "portfolio"
    AMOUNT = "amount"


class Standing(StrEnum):
    """How a limit stands."""

    FREE = "free"
    NEAR = "near"
    BEYOND = "beyond"
    UNKNOWN = "unknown"
    """What it is measured against is not known."""


@dataclass(frozen=True)
class Bound:
    """The most that a limit lets be used; the bound itself is still within it (不超过)."""

    measure: Measure
    most: int
    """Fen for an amount, else the share of the base in parts per million."""
    warning: int
    """The part of the bound, in parts per million, from which it is near."""


@dataclass(frozen=True)
class Reading:
    """What is used of a bound."""

    bound: Bound
    used: int
    base: int | None = None
    """What the share is of; None where it is not known, or the bound is an amount."""
    known: bool = True
    """Whether what is used is known at all."""

    @property
    def allowed(self) -> Fraction | None:
        """The bound in fen; None while its base is not known."""
        if self.bound.measure is Measure.AMOUNT:
            return Fraction(self.bound.most)
        return None if self.base is None else Fraction(self.bound.most * self.base, PPM)

    @property
    def standing(self) -> Standing:
        allowed = self.allowed
        if allowed is None or not self.known:
            return Standing.UNKNOWN
        if self.used > allowed:
            return Standing.BEYOND
        near = bool(self.used) and self.used * PPM >= self.bound.warning * allowed
        return Standing.NEAR if near else Standing.FREE

    @property
    def free(self) -> int | None:
        """What may still be used, in whole fen; below 0 beyond the bound."""
        allowed = self.allowed
        return None if allowed is None or not self.known else (allowed - self.used).__floor__()

    @property
    def of_base(self) -> Fraction | None:
        """What is used as a share of the base; None for an amount, or without a base."""
        if self.bound.measure is Measure.AMOUNT or not self.base or not self.known:
            return None
        return Fraction(self.used, self.base)

    @property
    def of_bound(self) -> Fraction | None:
        """What is used as a share of the bound; None without one to compare with."""
        allowed = self.allowed
        return Fraction(self.used) / allowed if allowed and self.known else None

    def with_more(self, amount: int) -> Reading:
        """The same once so much more is lent: the portfolio grows by it, net assets do not."""
        grows = self.bound.measure is Measure.PORTFOLIO and self.base is not None
        base = (self.base or 0) + amount if grows else self.base
        return replace(self, used=self.used + amount, base=base)

    def room(self) -> int | None:
        """The largest further loan that keeps within the bound, in whole fen: 0 when there is no room; None when that
        is not known, or when no loan would break it."""
        allowed = self.allowed
        if allowed is None:
            return None
        left = allowed - self.used
        if self.bound.measure is Measure.PORTFOLIO:
            if self.bound.most >= PPM:
                return None
            left = left * PPM / (PPM - self.bound.most)  # the portfolio grows with the loan
        return max(0, left.__floor__())


def prior_year_end(day: date) -> date:
    """The last day of the year before: the net assets of that day are what exposures are measured against."""
    return date(day.year - 1, 12, 31)


def groups(ties: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Who belongs together: the connected components of the ties, each in order, the one with the smallest first.

    Somebody who is tied to nobody but himself makes no group.
    """
    parent: dict[int, int] = {}

    def head(one: int) -> int:
        found = one
        while parent.setdefault(found, found) != found:
            found = parent[found]
        while parent[one] != found:
            parent[one], one = found, parent[one]
        return found

    for one, other in ties:
        first, second = sorted((head(one), head(other)))
        parent[second] = first
    members: dict[int, list[int]] = defaultdict(list)
    for one in list(parent):
        members[head(one)].append(one)
    return [tuple(sorted(found)) for _first, found in sorted(members.items()) if len(found) > 1]


def called_after(members: Sequence[int], balances: Mapping[int, int]) -> int:
    """The member that a group is called after: the one who owes the most, the earliest record among equals."""
    return min(members, key=lambda one: (-balances.get(one, 0), one))


@dataclass(frozen=True)
class Spell:
    """A time during which a limit was near its bound or beyond it."""

    level: Standing
    first_day: date
    ended_on: date | None
    highest: int
    """The most that was used, in fen."""
    highest_on: date


def followed(spell: Spell | None, reading: Reading, level: Standing, day: date) -> Spell | None:
    """A spell after what was measured on a day; None when there is none.

    Beyond the bound counts as near it, too. What is not known neither begins nor ends a spell.
    """
    now = reading.standing
    if now is Standing.UNKNOWN:
        return spell
    holds = now is Standing.BEYOND or (now is Standing.NEAR and level is Standing.NEAR)
    open_still = spell is not None and (spell.ended_on is None or spell.ended_on == day)
    if spell is None or not open_still:
        return Spell(level, day, None, reading.used, day) if holds else spell
    if not holds:
        return None if spell.first_day == day else replace(spell, ended_on=spell.ended_on or day)
    if reading.used > spell.highest:
        spell = replace(spell, highest=reading.used, highest_on=day)
    return replace(spell, ended_on=None)
