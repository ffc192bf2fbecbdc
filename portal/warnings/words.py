"""What people call the levels, owners, indicators, units, states and steps of early warning."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from portal.core.db import describe
from portal.warnings.rules import Comparison, Indicator, Joined, Level, Owner, State, Step, Unit

describe(Level, {Level.BLUE: _("Blue"), Level.YELLOW: _("Yellow"), Level.ORANGE: _("Orange"), Level.RED: _("Red")})
describe(
    Owner,
    {
        Owner.CUSTOMER_MANAGER: _("Customer manager"),
        Owner.TEAM_LEAD: _("Team lead"),
        Owner.BRANCH_HEAD: _("Branch head"),
        Owner.RISK: _("Risk officer"),
    },
)
describe(Joined, {Joined.ALL: _("All conditions hold"), Joined.ANY: _("Any condition holds")})
describe(
    Comparison,
    {
        Comparison.AT_LEAST: _("at least"),
        Comparison.MORE: _("more than"),
        Comparison.AT_MOST: _("at most"),
        Comparison.LESS: _("less than"),
        Comparison.EQUAL: _("exactly"),
    },
)
describe(
    Unit,
    {
        Unit.DAYS: _("days"),
        Unit.MONTHS: _("whole months"),
        Unit.YUAN: _("yuan"),
        Unit.PERCENT: _("percent"),
        Unit.NUMBER: _("number"),
        Unit.CATEGORY: _("Category"),
    },
)
describe(
    Indicator,
    {
        Indicator.DAYS_PAST_DUE: _("Days past due"),
        Indicator.BALANCE: _("Balance"),
        Indicator.OVERDUE_SHARE: _("Overdue principal, share of the balance"),
        Indicator.PARTIAL_PAYMENTS: _("Partial payments of the last days"),
        Indicator.BROKEN_PROMISES: _("Promises to pay broken within the last days"),
        Indicator.CATEGORY: _("Category"),
        Indicator.GUARANTORS_OVERDUE: _("Guarantors who are late themselves"),
        Indicator.LAWSUITS_AGAINST_GUARANTORS: _("Lawsuits pending against guarantors"),
        Indicator.DAYS_TO_CLOCK: _("Days until limitation or a guarantee period runs out"),
        Indicator.GROUP_SHARE: _("The borrower's group, share of all loans"),
        Indicator.COLLATERAL_COVER: _("Collateral, share of the balance"),
        Indicator.DEBT_RATIO: _("The borrower's debt ratio"),
        Indicator.TURNOVER_CHANGE: _("The borrower's turnover against the year before"),
        Indicator.STATEMENT_AGE: _("Months since the last financial statement"),
        Indicator.CHECK_OVERDUE: _("Days a post-loan check is overdue"),
    },
)
describe(
    State,
    {
        State.OPEN: _("To be acknowledged"),
        State.ACKNOWLEDGED: _("Acknowledged"),
        State.DECIDED: _("Measure decided"),
        State.RESULT: _("Result reported"),
        State.TO_CLOSE: _("Proposed to close"),
        State.CLOSED: _("Warning closed"),
    },
)
describe(
    Step,
    {
        Step.ACKNOWLEDGE: _("Acknowledged"),
        Step.DECIDE: _("Measure decided"),
        Step.REPORT: _("Result reported"),
        Step.PROPOSE: _("Proposed to close"),
        Step.CLOSE: _("Warning closed"),
        Step.SEND_BACK: _("Sent back"),
        Step.ESCALATE: _("Passed on: not acknowledged in time"),
    },
)
