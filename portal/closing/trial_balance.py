"""The trial balance: what every account held before a period, what was booked in it, and what it holds at its end.

Three books make it up: the journals of loans, the postings of held receipts and the entries of month-ends. It counts by
booking date and as far as the reader's loans reach; each of the three balances for every group of loans, so the sums on
the balance sheet and off it are zero for everybody.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, case, cast, func, select

from portal.closing.models import MonthEndPosting
from portal.core.db import db
from portal.loans.ledger import Account, Posting
from portal.loans.receipts import HeldPosting, HeldReceipt


@dataclass(frozen=True)
class AccountLine:
    """One account; debit balances are above 0."""

    account: Account
    before: int
    debit: int
    credit: int
    by_month_end: int
    """Of the movement, what entries of month-ends booked."""

    @property
    def after(self) -> int:
        return self.before + self.debit - self.credit


@dataclass(frozen=True)
class Sums:
    """What a side of the trial balance adds up to: balances must be zero, debits equal credits."""

    before: int
    debit: int
    credit: int
    after: int

    @property
    def balanced(self) -> bool:
        return not self.before and not self.after and self.debit == self.credit


def trial_balance(first: date, last: date) -> list[AccountLine]:
    """Every account that was ever booked on, from `first` to `last` by booking date, in the order of their numbers."""
    found: dict[Account, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for model in (Posting, HeldPosting, MonthEndPosting):
        for account, *amounts in db.session.execute(_sums(model, first, last)):
            before, debit, credit = map(int, amounts)
            line = found[account]
            line[0], line[1], line[2] = line[0] + before, line[1] + debit, line[2] + credit
            if model is MonthEndPosting:
                line[3] += debit - credit
    return [AccountLine(account, *found[account]) for account in sorted(found)]


def sums_of(lines: list[AccountLine], on_balance: bool) -> Sums:
    """The sums of one side, on the balance sheet or off it."""
    side = [line for line in lines if line.account.on_balance is on_balance]
    return Sums(
        sum(line.before for line in side),
        sum(line.debit for line in side),
        sum(line.credit for line in side),
        sum(line.after for line in side),
    )


def _sums(model: Any, first: date, last: date) -> Any:
    in_period = model.booking_date >= first
    amounts = (
        case((in_period, 0), else_=model.amount),
        case((in_period & (model.amount > 0), model.amount), else_=0),
        case((in_period & (model.amount < 0), -model.amount), else_=0),
    )
    columns = [cast(func.coalesce(func.sum(amount), 0), BigInteger) for amount in amounts]
    statement = select(model.account, *columns).where(model.booking_date <= last).group_by(model.account)
    if model is HeldPosting:  # it has no owner of its own: its receipt has
        statement = statement.join(HeldReceipt, HeldReceipt.id == HeldPosting.receipt_id)
    return statement
