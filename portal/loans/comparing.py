"""Before and after: what a backdated payment would change, for confirmation."""

from __future__ import annotations

from copy import deepcopy
from datetime import date

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from portal.core.clock import business_date
from portal.core.errors import Refused
from portal.core.values import money_text
from portal.loans.accounts import LoanAccount
from portal.loans.backdating import resting_on, take_backdated
from portal.loans.booking import not_yet
from portal.loans.books import Books
from portal.loans.components import Component
from portal.loans.deeds import Preview, shares_of
from portal.loans.models import Loan, LoanStatus
from portal.loans.repayments import Payment
from portal.loans.reversals import What, standing_journals
from portal.loans.thresholds import lateness_rules


def preview_backdated(loan: Loan, account: LoanAccount, payment: Payment) -> Preview:
    """Work a backdated payment out in memory; nothing is booked. Raises what booking it would raise."""
    today = business_date()
    if payment.value_date > today:
        raise Refused(not_yet(payment.value_date, today))
    before, opened = deepcopy(account), Books(today)
    stand = standing_journals([loan.id])[loan.id]
    later = resting_on(stand, payment.value_date)
    done = take_backdated(opened, account, payment, stand, later, What.of(later))
    parts = done.payment.parts if done.payment else []
    preview = Preview(shares=shares_of(account.lines, [(line.number, c, amount) for line, c, amount in parts]))
    preview.figure(_("Settled by this payment"), payment.amount - done.rest)
    if done.rest:
        preview.figure(_("Held for the customer"), done.rest)
    for replay in done.replays:
        preview.notices.append(
            gettext(
                "The payment %(code)s of %(day)s is reversed and booked anew; %(rest)s yuan of it are held.",
                code=replay.row.code,
                day=replay.row.value_date,
                rest=money_text(replay.rest, thousands=True),
            )
            if replay.rest
            else gettext(
                "The payment %(code)s of %(day)s is reversed and booked anew.",
                code=replay.row.code,
                day=replay.row.value_date,
            )
        )
    preview.before_after = [
        (label, old, new)
        for (label, old), (_label, new) in zip(_figures(before, today), _figures(account, today), strict=True)
    ]
    return preview


def _figures(account: LoanAccount, today: date) -> list[tuple[object, str]]:
    """How a loan stands, in words."""
    paid = {
        component: sum(getattr(line, f"paid_{component.value}") for line in account.lines) for component in Component
    }
    late = account.days_past_due(today, lateness_rules(today).tolerance)
    return [
        (_("Balance"), _money(account.balance)),
        (_("Due today"), _money(account.due_by(today))),
        (_("Days past due"), str(late if account.status is LoanStatus.ACTIVE else 0)),
        (_("Principal paid"), _money(paid[Component.PRINCIPAL])),
        (_("Interest paid"), _money(paid[Component.INTEREST])),
        (_("Penalty paid"), _money(paid[Component.PENALTY])),
        (_("Status"), str(account.status.label)),
    ]


def _money(fen: int) -> str:
    return money_text(fen, thousands=True)
