"""Misuse of funds (挪用): penalty interest at a higher mark-up, decided for a loan from a day on.

What is overdue bears the higher of the two mark-ups, never both; what is not due yet bears the mark-up beside the
contract's interest. Nothing is compounded, and all charges together stay within the dated limit.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.errors import InvalidValues, Refused
from portal.core.values import rate_text
from portal.core.work import current_unit, verb
from portal.loans.accounts import LoanAccount
from portal.loans.booking import account_of, books, check_value_date
from portal.loans.books import Books
from portal.loans.ledger import JournalKind
from portal.loans.models import Loan, LoanStatus
from portal.loans.rescheduling import NewTerms, take_terms
from portal.parameters.known import Known, declare
from portal.parameters.services import parameters

SOURCE = "中国人民银行关于人民币贷款利率有关问题的通知（银发〔2003〕251号）"
LEAST, MOST = "penalty.misuse_least", "penalty.misuse_most"

declare(Known(LEAST, _("Penalty interest on misuse: least mark-up (%)"), "percent", "50", SOURCE))
declare(Known(MOST, _("Penalty interest on misuse: greatest mark-up (%)"), "percent", "100", SOURCE))


@verb("loans.decide_misuse")
def decide_misuse(loan: Loan, markup: int, value_date: date, reason: str) -> Loan:
    """Let penalty interest for misuse run from a day on; `markup` in ppm of the contract rate, 0: it has ended.

    Raises InvalidValues for a mark-up outside the dated range or no reason; Refused for a closed loan, a day to come or
    before the last booking.
    """
    with books() as opened:
        account = account_of(loan)
        check_misuse(account, markup, value_date, reason, opened.open_date)
        opened.reason = reason.strip()[:400]
        take_misuse(opened, account, markup, value_date)
    current_unit().about(loan)
    current_unit().note(markup=markup, value_date=value_date.isoformat(), reason=reason.strip())
    return loan


def take_misuse(opened: Books, account: LoanAccount, markup: int, on: date) -> None:
    """Book the decision on an open account."""
    new = replace(NewTerms.like(account, JournalKind.MISUSE, on), misuse_markup=markup or None)
    take_terms(opened, account, new, f"misuse/{{loan}}/{account.changes_of_terms}")


def check_misuse(account: LoanAccount, markup: int, on: date, reason: str, today: date) -> None:
    """Raise unless this may be decided."""
    if account.status is not LoanStatus.ACTIVE:
        raise Refused(gettext("The loan %(code)s is closed.", code=account.code))
    check_value_date(account, on, today)
    found: dict[str, list[str]] = {}
    least, most = (int(value.value * 10_000) for value in parameters([LEAST, MOST], on).values())
    if markup and not least <= markup <= most:
        low, high = rate_text(least), rate_text(most)
        sentence = gettext("The mark-up for misuse is from %(low)s %% to %(high)s %%; 0 ends it.", low=low, high=high)
        found["markup"] = [sentence]
    if not reason.strip():
        found["reason"] = [gettext("Please say why.")]
    if found:
        raise InvalidValues(found)
