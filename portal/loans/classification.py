"""Lateness and the five categories (五级分类) that follow from it: floors by days, which judgement may only worsen.

Source: 商业银行金融资产风险分类办法 (令〔2023〕1号), by reference for microloan companies. The days are dated
parameters with their operator, since 以上 includes the number and 超过 does not (民法典 1259).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from portal.loans.periods import add_months
from portal.products.terms import Method


class Category(StrEnum):
    """Five-category classification; members compare by severity, `LOSS` being the greatest."""

    NORMAL = "normal"
    """正常"""
    SPECIAL_MENTION = "special_mention"
    """关注"""
    SUBSTANDARD = "substandard"
    """次级"""
    DOUBTFUL = "doubtful"
    """可疑"""
    LOSS = "loss"
    """损失"""

    @property
    def severity(self) -> int:
        """0 (normal) to 4 (loss)."""
        return list(Category).index(self)

    @property
    def non_performing(self) -> bool:
        """Substandard or worse (不良)."""
        return self >= Category.SUBSTANDARD

    def __lt__(self, other: str) -> bool:
        return self.severity < Category(other).severity

    def __le__(self, other: str) -> bool:
        return self.severity <= Category(other).severity

    def __gt__(self, other: str) -> bool:
        return self.severity > Category(other).severity

    def __ge__(self, other: str) -> bool:
        return self.severity >= Category(other).severity


@dataclass(frozen=True, slots=True)
class Threshold:
    """Days past due from which (">=") or beyond which (">") a category is the least."""

    operator: Literal[">=", ">"]
    days: int

    def __post_init__(self) -> None:
        if self.operator not in (">=", ">"):
            raise ValueError("A threshold's operator must be >= or >.")

    def met_by(self, days_past_due: int) -> bool:
        """Whether a loan so many days late reaches it."""
        return days_past_due >= self.days if self.operator == ">=" else days_past_due > self.days

    @property
    def first(self) -> int:
        """The least number of days that meets it."""
        return self.days if self.operator == ">=" else self.days + 1


def days_past_due(
    unpaid: Iterable[tuple[date, int]], as_of: date, tolerance: int, accelerated_on: date | None = None
) -> int:
    """Days from the due date of the oldest instalment in arrears to `as_of`; 0 if there is none.

    `unpaid` holds, per instalment, its due date as moved by the product's holiday rule and its unpaid principal and
    contractual interest together, in fen. Fees and penalties do not age a loan, so they are not part of it. An
    instalment is in arrears when that sum exceeds `tolerance` and its due date has passed: due today is not past due.
    Acceleration makes everything due on `accelerated_on` that was not due before.
    """
    late = [due_date for due_date, amount in unpaid if amount > tolerance]
    if accelerated_on is not None:
        late = [min(due_date, accelerated_on) for due_date in late]
    return max((as_of - min(late)).days, 0) if late else 0


def floor_category(days_past_due: int, thresholds: Mapping[Category, Threshold]) -> Category:
    """The least category of a loan so many days late: the worst one whose threshold it meets, else normal."""
    return worst(*(category for category, threshold in thresholds.items() if threshold.met_by(days_past_due)))


def worst(*categories: Category) -> Category:
    """The most severe of several judgements on one loan; normal if there are none."""
    return max(categories, default=Category.NORMAL)


def overdue_principal(
    method: Method, days_past_due: int, unpaid_due_principal: int, balance: int, whole_balance: Threshold
) -> int:
    """Overdue principal (逾期本金) of one loan, in fen.

    An instalment loan has only the unpaid principal that fell due overdue, until it is as late as `whole_balance` says,
    and its whole balance from then on; every other loan its whole balance from the first day late.
    """
    if days_past_due < 1:
        return 0
    by_instalments = method in (Method.LEVEL, Method.EQUAL_PRINCIPAL)
    return unpaid_due_principal if by_instalments and not whole_balance.met_by(days_past_due) else balance


def observed_since(on: date, months: int) -> date:
    """The latest day on which an observation of so many months may have begun that is over on a date."""
    longest = on - timedelta(days=27 * months)
    return next(day for day in (longest - timedelta(days=n) for n in range(6 * months + 3)) if _over(day, months, on))


def _over(since: date, months: int, on: date) -> bool:
    return add_months(since, months) <= on


def is_cured(since: date, on: date, months: int, due_dates: Iterable[date], instalments: int) -> bool:
    """Whether an observation that began on `since` is over: so many months and so many instalments, the longer of both.

    `due_dates` are those of the loan, all paid by then. An instalment counts from the day after it fell due.
    """
    passed = sum(since < due_date < on for due_date in due_dates)
    return _over(since, months, on) and passed >= instalments


def spreads(non_performing: int, total: int, share: Fraction) -> bool:
    """Whether the non-performing part of an enterprise's loans takes the others along: more than this share."""
    return total > 0 and Fraction(non_performing, total) > share
