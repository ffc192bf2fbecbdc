"""The clocks of the law on a debt and on who stands in for it (诉讼时效、保证期间). Parameters come from outside.

- Limitation (民法典 188, 189, 195): so many years from the last due date. A demand, an acknowledgement, a payment or a
  lawsuit before it runs out interrupts it: it begins anew on that day. Once it has run out only an acknowledgement
  brings it back (192). It does not run while a lawsuit is pending.
- Guarantee period (民法典 692, 693): as agreed, else so many months from the day the debt fell due. Within it the
  creditor demands payment of a joint guarantor, or sues a general one; then limitation runs for the guarantee (694).
  It is never interrupted. Whoever was asked for nothing by its end is free.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Act(StrEnum):
    """What interrupts limitation."""

    DEMAND = "demand"
    ACKNOWLEDGEMENT = "acknowledgement"
    PAYMENT = "payment"
    LAWSUIT = "lawsuit"


class Liability(StrEnum):
    """How a guarantor stands in (保证方式)."""

    JOINT = "joint_liability"
    """连带责任保证: asked like the debtor himself."""
    GENERAL = "general_liability"
    """一般保证: only after the debtor was sued in vain. What holds when nothing was agreed (民法典 686)."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """An act on a day."""

    on: date
    act: Act


def later(day: date, months: int) -> date:
    """The same day so many months later, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def limitation_ends(since: date, acts: Sequence[Interruption], years: int) -> date:
    """The last day on which the debt can be sued for. `since` is the day it fell due, the last of its instalments."""
    ends = later(since, 12 * years)
    for act in sorted(acts, key=lambda act: act.on):
        if act.on > since and (act.on <= ends or act.act is Act.ACKNOWLEDGEMENT):
            ends = later(act.on, 12 * years)
    return ends


def guarantee_period_ends(due_on: date, agreed: date | None, months: int) -> date:
    """The last day on which the guarantor can be asked. One agreed to end by the due date counts as none agreed."""
    return agreed if agreed is not None and agreed > due_on else later(due_on, months)


def claimed_on(liability: Liability, due_on: date, period_ends: date, acts: Sequence[Interruption]) -> date | None:
    """The first day within the guarantee period on which the guarantor was asked in the form that counts."""
    counts = (Act.LAWSUIT,) if liability is Liability.GENERAL else (Act.DEMAND, Act.LAWSUIT)
    days = [act.on for act in acts if act.act in counts and due_on < act.on <= period_ends]
    return min(days, default=None)
