"""Settlement quotes: what pays a loan off on a day, and of what it is made (结清试算)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.errors import Refused
from portal.core.values import money_text
from portal.loans.accounts import LoanAccount
from portal.loans.booking import account_of, check_value_date
from portal.loans.components import Component
from portal.loans.models import Loan, LoanStatus


@dataclass(frozen=True, slots=True)
class Quote:
    """What settles a loan on a day, in fen. It holds until that day is closed, if nothing is booked before."""

    on: date
    costs: int
    principal_due: int
    """Of instalments that fell due by then."""
    principal_coming: int
    interest_due: int
    interest_running: int
    """Earned since and not due yet: interest for the actual days (民法典 677)."""
    fees: int
    penalty: int
    """Charged before and run up to the day."""
    early_fee: int
    """As agreed, on principal repaid before its time."""
    saved: int
    """Interest that falls away because the loan is settled on that day; no part of the total."""
    cut: int
    """Penalty interest that is not charged: beyond the limit on all charges together; no part of the total."""

    @property
    def parts(self) -> list[tuple[str, Any, int]]:
        """(key, words, amount), in the order in which they are claimed."""
        return [
            ("costs", _("Costs of enforcement"), self.costs),
            ("interest_due", _("Interest due"), self.interest_due),
            ("interest_running", _("Interest up to that day"), self.interest_running),
            ("principal_due", _("Principal due"), self.principal_due),
            ("principal_coming", _("Principal not due yet"), self.principal_coming),
            ("fees", _("Fees"), self.fees),
            ("early_fee", _("Fee for repaying early"), self.early_fee),
            ("penalty", _("Penalty interest"), self.penalty),
        ]

    @property
    def total(self) -> int:
        return sum(amount for _key, _words, amount in self.parts)

    def as_json(self, loan: Loan) -> dict[str, Any]:
        """As REST tells it: yuan as text."""
        parts = {key: money_text(amount) for key, _words, amount in self.parts}
        return {
            "loan": loan.code,
            "as_of": self.on.isoformat(),
            "valid_until": self.on.isoformat(),
            "parts": parts,
            "total": money_text(self.total),
            "interest_saved": money_text(self.saved),
            "beyond_limit": money_text(self.cut),
        }


def quote(loan: Loan, on: date) -> Quote:
    """What settles the loan on a day; for a day to come, if nothing is paid until then. Locks and books nothing.

    Of a loan that was written off: what the debtor owes by contract. Refused for a loan that is settled, or a day
    before its last booking.
    """
    account = account_of(loan, lock=False)
    if account.status is LoanStatus.SETTLED:
        raise Refused(_("The loan %(code)s is closed.", code=account.code))
    check_value_date(account, on, max(on, account.disbursed_on))
    return quote_of(account, on)


def quote_of(account: LoanAccount, on: date) -> Quote:
    """The same of an account."""
    due = [line for line in account.lines if line.due_date <= on]
    coming = account.coming(on)
    saved = sum(amount for _line, amount in account.unearned(on))
    return Quote(
        on=on,
        costs=sum(line.unpaid(Component.COST) for line in account.lines),
        principal_due=sum(line.unpaid(Component.PRINCIPAL) for line in due),
        principal_coming=sum(line.unpaid(Component.PRINCIPAL) for line in coming),
        interest_due=sum(line.unpaid(Component.INTEREST) for line in due),
        interest_running=sum(line.unpaid(Component.INTEREST) for line in coming) - saved,
        fees=sum(line.unpaid(Component.FEE) for line in account.lines),
        penalty=sum(line.unpaid(Component.PENALTY) for line in account.lines)
        + sum(amount for _line, amount in account.penalties(on)),
        early_fee=account.settlement_fee(on),
        saved=saved,
        cut=account.cut_by_cap(on),
    )
