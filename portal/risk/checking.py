"""Writing post-loan checks: recorded by whoever made them, corrected by somebody above; and their dated rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import format_date, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core import records
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.work import verb
from portal.loans.classification import Category
from portal.loans.state import LoanState
from portal.parameters.known import HOUSE, Known, declare
from portal.parameters.services import parameter, parameters
from portal.risk.checks import PostLoanCheck, UseOfFunds
from portal.risk.rules import CheckRules

FIRST = "post_loan_check.first_days"
NORMAL, SPECIAL_MENTION, WORSE = (
    f"post_loan_check.months_{category}" for category in ("normal", "special_mention", "worse")
)
AHEAD = "post_loan_check.ahead_days"
MOST_DAYS, MOST_MONTHS = 3_650, 120
"""Ten years: a longer interval is no interval, and dates stay within what databases hold."""

declare(Known(FIRST, _("Days after the payout until the first check of use"), "days", "30", HOUSE))
for key, label, months in (
    (NORMAL, _("Months between post-loan checks, normal"), "6"),
    (SPECIAL_MENTION, _("Months between post-loan checks, special mention"), "3"),
    (WORSE, _("Months between post-loan checks, substandard and worse"), "1"),
):
    declare(Known(key, label, "number", months, HOUSE))
declare(Known(AHEAD, _("Days before a post-loan check is due on which the list names it"), "days", "7", HOUSE))


def check_rules(day: date) -> CheckRules:
    """The rules in force on a day."""
    found = {key: int(value.value) for key, value in parameters([FIRST, NORMAL, SPECIAL_MENTION, WORSE], day).items()}
    months = (min(found[key], MOST_MONTHS) for key in (NORMAL, SPECIAL_MENTION, WORSE))
    return CheckRules(min(found[FIRST], MOST_DAYS), *months)


def ahead_days(day: date) -> int:
    """How many days before it is due a check stands on the list."""
    return min(int(parameter(AHEAD, day).value), MOST_DAYS)


@verb("risk.record_check")
def record_check(values: Mapping[str, Any]) -> PostLoanCheck:
    """Record a check, made by the present login.

    Raises InvalidValues by field: days out of order, findings that contradict each other, a next check too late.
    """
    given = dict(values)
    wrong = records.problems(PostLoanCheck, given)
    if not wrong:
        wrong = _fill_next(given, given["loan"])
    if wrong:
        raise InvalidValues(wrong)
    row: PostLoanCheck = records.add(PostLoanCheck, given)
    return row


@verb("risk.correct_check")
def correct_check(row_id: int, values: Mapping[str, Any], version_seen: int | None = None) -> PostLoanCheck:
    """Correct a check; whose it is stays. Raises as `record_check`, and Conflict for a version that is old."""
    row = records.load(PostLoanCheck, row_id)
    merged = records.held(row) | dict(values)
    wrong = records.problems(PostLoanCheck, dict(values), row, partial=True)
    given = dict(values)
    if not wrong and {"checked_on", "next_check_on", "use"} & set(given):
        wrong = _fill_next(merged, row.loan_id)
        given["next_check_on"] = merged["next_check_on"]
    if wrong:
        raise InvalidValues(wrong)
    changed: PostLoanCheck = records.change(PostLoanCheck, row_id, given, version_seen)
    return changed


def _fill_next(values: dict[str, Any], loan_id: int) -> dict[str, list[str]]:
    """Set the next check where none is given; what is wrong with one that is."""
    category = db.session.scalar(select(LoanState.category).where(LoanState.loan_id == loan_id)) or Category.NORMAL
    unused = values["use"] == UseOfFunds.UNUSED
    latest = check_rules(business_date()).latest_next(values["checked_on"], category, unused)
    if values.get("next_check_on") is None:
        values["next_check_on"] = latest
    elif values["next_check_on"] > latest:
        last = format_date(latest, "medium")
        return {
            "next_check_on": [gettext("By the parameters the next check is made by %(day)s at the latest.", day=last)]
        }
    return {}
