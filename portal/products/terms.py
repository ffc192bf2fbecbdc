"""The terms a product lends on, as pure values: no framework, no session."""

from enum import StrEnum


class Method(StrEnum):
    """How principal is repaid."""

    LEVEL = "level"
    """等额本息: principal and interest together are the same each month."""
    EQUAL_PRINCIPAL = "equal-principal"
    """等额本金: the same principal each month, interest on the rest."""
    INTEREST_ONLY = "interest-only"
    """先息后本: interest each month, the principal at the end."""
    BULLET = "bullet"
    """一次还本付息: one instalment at the end; simple interest over the whole term."""


GRACEFUL = (Method.LEVEL, Method.EQUAL_PRINCIPAL)
"""Methods that repay principal from the first instalment on, unless months without principal are agreed."""


class DayCount(StrEnum):
    """How days are counted for interest."""

    THIRTY_360 = "30/360"
    """US (NASD) variant."""
    THIRTY_E_360 = "30E/360"
    """European variant: only the 31st counts as the 30th."""
    ACT_365 = "actual/365"
    """Fixed: 365 days in leap years too."""
    ACT_360 = "actual/360"


class Rounding(StrEnum):
    """How a level instalment, or an equal share of principal, becomes an amount that can be paid."""

    HALF_UP = "half-up"
    UP = "up"
    WHOLE_YUAN = "whole-yuan"
    """To the nearest yuan, half up; the last instalment takes what is left."""


class ResetRule(StrEnum):
    """When the rate of a loan that follows the loan prime rate (LPR) is set anew."""

    ANNIVERSARY = "anniversary"
    """Each year on the day of the payout."""
    JANUARY = "january"
    """Each 1 January."""


class ClaimsOrder(StrEnum):
    """Where a contract puts fees and penalty interest when a payment is allotted (民法典 561: unless agreed otherwise).

    Costs of enforcement, interest and principal keep their order.
    """

    FEES_FIRST = "fees-first"
    """Costs, fees, interest, principal, penalty."""
    PENALTY_BEFORE_PRINCIPAL = "penalty-before-principal"
    """Costs, interest, penalty, principal, fees."""
    CHARGES_BEFORE_PRINCIPAL = "charges-before-principal"
    """Costs, fees, interest, penalty, principal."""


class HolidayRule(StrEnum):
    """Where a due date goes that is not a working day."""

    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified-following"
    """The next working day, unless that is in the next month: then the one before."""
    PRECEDING = "preceding"
