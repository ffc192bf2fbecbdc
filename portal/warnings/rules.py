"""What warning rules mean, without a database: indicators, thresholds, the way of a case, the score of a back-test.

An indicator is known or not known for a loan; a condition on one that is not known does not hold. Percentages are kept
in hundredths of a percent and compared by multiplying out, so that nothing is divided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from statistics import median

WHOLE = 10_000
"""100 % in hundredths of a percent."""


class Unit(StrEnum):
    """What an indicator is measured in."""

    DAYS = "days"
    MONTHS = "months"
    YUAN = "yuan"
    PERCENT = "percent"
    NUMBER = "number"
    CATEGORY = "category"
    """Severity, 0 (normal) to 4 (loss)."""


class Indicator(StrEnum):
    """What a condition may ask of a loan."""

    DAYS_PAST_DUE = "days_past_due"
    BALANCE = "balance"
    OVERDUE_SHARE = "overdue_share"
    """Overdue principal as a share of the balance."""
    PARTIAL_PAYMENTS = "partial_payments"
    """Payments of the last N days after which an instalment that was due was still unpaid."""
    BROKEN_PROMISES = "broken_promises"
    """Promises to pay that were broken within the last N days."""
    CATEGORY = "category"
    GUARANTORS_OVERDUE = "guarantors_overdue"
    """Guarantors, customers of ours, who are late with a loan of their own."""
    LAWSUITS_AGAINST_GUARANTORS = "lawsuits_against_guarantors"
    """Pending, over this loan or over loans of their own."""
    DAYS_TO_CLOCK = "days_to_clock"
    """Days until the first limitation or guarantee period runs out; below 0 once it has."""
    GROUP_SHARE = "group_share"
    """Balance of the borrower and of customers tied to him, as a share of all loans."""
    COLLATERAL_COVER = "collateral_cover"
    """Appraised value of what secures the loan, as a share of its balance; not known without any."""
    DEBT_RATIO = "debt_ratio"
    """Liabilities of the borrower as a share of the assets, by the last statement that is recent enough."""
    TURNOVER_CHANGE = "turnover_change"
    """Turnover of the borrower against the same months a year before, below 0 where it fell. Periods of different
    length are not compared: business here has its seasons, and a harvest blown up to a year is no year."""
    STATEMENT_AGE = "statement_age"
    """Whole months since the last statement, or since the loan was paid out where there is none."""
    CHECK_OVERDUE = "check_overdue"
    """Days by which a post-loan check is overdue; 0 where none is."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """How an indicator is measured."""

    unit: Unit
    windowed: bool = False
    """Counts over the last N days."""
    replayed: bool = True
    """Whether month-end snapshots and dated records tell what it was; a back-test needs that."""
    whole_portfolio: bool = False
    """Moves with loans of others: worked out at day-end only."""
    signed: bool = False
    """May be below 0, though its unit commonly is not."""


GAUGES: Mapping[Indicator, Gauge] = {
    Indicator.DAYS_PAST_DUE: Gauge(Unit.DAYS),
    Indicator.BALANCE: Gauge(Unit.YUAN),
    Indicator.OVERDUE_SHARE: Gauge(Unit.PERCENT),
    Indicator.PARTIAL_PAYMENTS: Gauge(Unit.NUMBER, windowed=True),
    Indicator.BROKEN_PROMISES: Gauge(Unit.NUMBER, windowed=True),
    Indicator.CATEGORY: Gauge(Unit.CATEGORY),
    Indicator.GUARANTORS_OVERDUE: Gauge(Unit.NUMBER),
    Indicator.LAWSUITS_AGAINST_GUARANTORS: Gauge(Unit.NUMBER),
    Indicator.DAYS_TO_CLOCK: Gauge(Unit.DAYS, replayed=False),
    Indicator.GROUP_SHARE: Gauge(Unit.PERCENT, replayed=False, whole_portfolio=True),
    Indicator.COLLATERAL_COVER: Gauge(Unit.PERCENT, replayed=False),
    Indicator.DEBT_RATIO: Gauge(Unit.PERCENT),
    Indicator.TURNOVER_CHANGE: Gauge(Unit.PERCENT, signed=True),
    Indicator.STATEMENT_AGE: Gauge(Unit.MONTHS),
    Indicator.CHECK_OVERDUE: Gauge(Unit.DAYS),
}
WINDOWED = tuple(indicator for indicator, gauge in GAUGES.items() if gauge.windowed)


class Comparison(StrEnum):
    """How a value is held against its threshold. 以上 and 以下 include the number (民法典 1259)."""

    AT_LEAST = ">="
    MORE = ">"
    AT_MOST = "<="
    LESS = "<"
    EQUAL = "="

    def holds(self, value: Fraction | int, threshold: int) -> bool:
        """Whether a value stands so to a threshold."""
        match self:
            case Comparison.AT_LEAST:
                return value >= threshold
            case Comparison.MORE:
                return value > threshold
            case Comparison.AT_MOST:
                return value <= threshold
            case Comparison.LESS:
                return value < threshold
        return value == threshold


class Joined(StrEnum):
    """How the conditions of a rule go together."""

    ALL = "all_of"
    ANY = "any_of"

    def holds(self, results: Sequence[bool]) -> bool:
        """Whether a rule hits, by what each of its conditions says; one without conditions hits nothing."""
        return bool(results) and (all(results) if self is Joined.ALL else any(results))


def N_(msgid: str) -> str:  # noqa: N802 - the name by which the extractor of messages knows it
    """A sentence that is translated where it is shown."""
    return msgid


class BadThreshold(ValueError):
    """A threshold cannot be read in its unit; the message id says why."""


LARGEST = {
    Unit.DAYS: 100_000,
    Unit.MONTHS: 1_200,
    Unit.YUAN: 10**13,
    Unit.PERCENT: 100_000,
    Unit.NUMBER: 100_000,
    Unit.CATEGORY: 4,
}
"""In what the unit is kept in: products with the balance of a whole company stay within 64 bits."""
DECIMALS = {Unit.YUAN: 2, Unit.PERCENT: 2}
"""Of each unit; the others have none."""


def threshold_of(text: str, unit: Unit, signed: bool = False) -> int:
    """A threshold as typed, in what its unit is kept in (days, months, a number, fen, hundredths of a percent,
    severity); `signed` for an indicator that may be below 0, as days always may.

    Raises BadThreshold for what is no number, too precise or out of range.
    """
    typed = text.strip().replace(",", "").replace("，", "").replace("−", "-").removesuffix("%")
    try:
        number = Decimal(typed)
    except InvalidOperation:
        raise BadThreshold(N_("Please enter a number.")) from None
    if not number.is_finite():
        raise BadThreshold(N_("Please enter a number."))
    kept = number.scaleb(DECIMALS.get(unit, 0))
    if abs(kept) > LARGEST[unit]:
        raise BadThreshold(N_("This number is too large."))
    if kept != kept.to_integral_value():
        raise BadThreshold(N_("At most two decimals.") if unit in DECIMALS else N_("Please enter a whole number."))
    if kept < 0 and unit is not Unit.DAYS and not signed:
        raise BadThreshold(N_("Nothing is ever below 0 here."))
    return int(kept)


def threshold_text(value: int, unit: Unit) -> str:
    """A kept threshold as people type it."""
    number = Decimal(value).scaleb(-DECIMALS.get(unit, 0))
    return f"{number.normalize():f}"


def months_since(start: date, day: date) -> int:
    """Whole months from one day to another; from the 31st the last day of a shorter month makes one whole.

    Below 0 where the day comes first.
    """
    months = (day.year - start.year) * 12 + day.month - start.month
    return months if day.day >= start.day or (day + timedelta(days=1)).day == 1 else months - 1


class Level(StrEnum):
    """How serious a warning is (蓝、黄、橙、红)."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


class Owner(StrEnum):
    """Whose a case is; the names are those of the roles."""

    CUSTOMER_MANAGER = "customer_manager"
    TEAM_LEAD = "team_lead"
    BRANCH_HEAD = "branch_head"
    RISK = "risk"

    @property
    def following(self) -> Owner | None:
        """To whom it goes when nobody acknowledges it in time; None after the last."""
        chain = list(Owner)
        place = chain.index(self) + 1
        return chain[place] if place < len(chain) else None

    def is_among(self, roles: Iterable[str]) -> bool:
        """Whether somebody with these roles may act: the owner, or one to whom it would go later."""
        chain = [owner.value for owner in Owner]
        return any(role in chain[chain.index(self.value) :] for role in roles)


class Step(StrEnum):
    """What is done to a case."""

    ACKNOWLEDGE = "acknowledge"
    DECIDE = "decide_measure"
    REPORT = "report_result"
    PROPOSE = "propose_to_close"
    CLOSE = "close_case"
    SEND_BACK = "send_back"
    ESCALATE = "escalate"
    """By the portal, at day-end."""


class State(StrEnum):
    """How far a case is."""

    OPEN = "warning_open"
    ACKNOWLEDGED = "acknowledged"
    DECIDED = "measure_decided"
    RESULT = "result_reported"
    TO_CLOSE = "proposed_to_close"
    CLOSED = "warning_closed"


AFTER: Mapping[tuple[State, Step], State] = {
    (State.OPEN, Step.ACKNOWLEDGE): State.ACKNOWLEDGED,
    (State.OPEN, Step.ESCALATE): State.OPEN,
    (State.ACKNOWLEDGED, Step.DECIDE): State.DECIDED,
    (State.DECIDED, Step.DECIDE): State.DECIDED,
    (State.DECIDED, Step.REPORT): State.RESULT,
    (State.RESULT, Step.DECIDE): State.DECIDED,
    (State.RESULT, Step.PROPOSE): State.TO_CLOSE,
    (State.TO_CLOSE, Step.CLOSE): State.CLOSED,
    (State.TO_CLOSE, Step.SEND_BACK): State.RESULT,
}
"""The way of a case. A measure may be followed by another one; what was proposed to close may be sent back."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a rule would have been worth: loans, each counted once."""

    hits: int
    """Loans it hit before they were non-performing."""
    true: int
    """Of them, those that became so within the horizon."""
    missed: int
    """Loans that became so and were never hit before."""
    leads: tuple[tuple[int, int], ...] = ()
    """(days between hit and non-performing, loans) of the true ones."""

    @property
    def precision(self) -> Fraction | None:
        """True hits of all hits; None without any."""
        return Fraction(self.true, self.hits) if self.hits else None

    @property
    def recall(self) -> Fraction | None:
        """True hits of all that became non-performing; None if none did."""
        became = self.true + self.missed
        return Fraction(self.true, became) if became else None

    @property
    def lead_days(self) -> int | None:
        """The median, rounded down to whole days."""
        days = [lead for lead, loans in sorted(self.leads) for _loan in range(loans)]
        return int(median(days)) if days else None


def hits_most(hits: int, loans: int, most: Fraction) -> bool:
    """Whether a rule hits so many of the loans it applies to that it tells nothing. `most` is a share of one."""
    return loans > 0 and (hits == loans or Fraction(hits, loans) > most)
