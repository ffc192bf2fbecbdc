"""Costs of enforcing a claim (实现债权的费用): paid for the borrower, owed by him first of all (民法典 561)."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext
from sqlalchemy import func, select

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.work import current_unit, verb
from portal.loans.accounts import Line, LoanAccount
from portal.loans.booking import account_of, books, not_yet
from portal.loans.books import Entry
from portal.loans.components import Component
from portal.loans.ledger import Account, Journal, JournalKind
from portal.loans.models import Loan, LoanStatus


@verb("loans.charge_cost")
def charge_cost(loan: Loan, amount: int, value_date: date, reason: str) -> Journal:
    """Book costs that the lender paid to enforce the claim; the oldest unpaid instalment asks for them from then on.

    Raises InvalidValues without a reason, for an amount that is not above zero or a day to come; Refused for a loan
    that is settled.
    """
    with books() as opened:
        account = account_of(loan)
        problems: dict[str, list[str]] = {}
        if amount <= 0:
            problems["amount"] = [gettext("The amount must be more than zero.")]
        if value_date > opened.open_date:
            problems["value_date"] = [not_yet(value_date, opened.open_date)]
        if not reason.strip():
            problems["reason"] = [gettext("Please name the costs and the voucher.")]
        if problems:
            raise InvalidValues(problems)
        if account.status is LoanStatus.SETTLED:
            raise Refused(gettext("The loan %(code)s is closed.", code=account.code))
        line = oldest_unpaid(account)
        line.charge(Component.COST, amount)
        times = db.session.scalar(
            select(func.count()).where(Journal.loan_id == loan.id, Journal.kind == JournalKind.COST)
        )
        key = f"cost/{loan.id}/{(times or 0) + 1}"
        entries = [
            Entry(Account.COSTS, Component.COST, amount, line),
            Entry(Account.CASH, Component.COST, -amount),
        ]
        opened.reason = reason.strip()
        charges = [(line, Component.COST, amount)]
        opened.post(account, JournalKind.COST, key, entries, value_date, charges=charges)
    current_unit().about(loan)
    current_unit().note(amount=amount, value_date=value_date.isoformat(), reason=reason.strip())
    return db.session.scalars(select(Journal).where(Journal.key == key)).one()


def oldest_unpaid(loan: LoanAccount) -> Line:
    """The instalment that carries costs: the oldest of which something is owed, or of a written-off loan the oldest."""
    owing = [line for line in loan.lines if line.owed] or loan.lines
    return min(owing, key=lambda line: (line.due_date, line.number))
