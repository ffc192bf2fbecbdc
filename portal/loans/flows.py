"""Flows: which postings make up what was disbursed, collected, written off and recovered. Opening positions included.

Balance now = balance then + disbursed - collected principal - written off, to the fen, since these are all the journals
that touch the loans account. A reversal carries the kind and value date of what it undoes, so flows net it. Interest
that accrued is not a flow of cash: it is income of its month.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case

from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind, Posting


@dataclass(frozen=True)
class Flow:
    """Postings of one kind of journal to these accounts, counted with this sign."""

    kind: JournalKind
    accounts: tuple[Account, ...]
    component: Component
    sign: int
    """-1 where the accounts are credited."""

    def condition(self) -> ColumnElement[bool]:
        """Which postings belong to it."""
        return and_(Posting.kind == self.kind, Posting.account.in_(self.accounts), Posting.component == self.component)

    def amount(self) -> ColumnElement[int]:
        """A posting's part in it, in fen; 0 for every other posting."""
        return case((self.condition(), self.sign * Posting.amount), else_=0)


DISBURSED = Flow(JournalKind.DISBURSEMENT, (Account.LOANS,), Component.PRINCIPAL, 1)
COLLECTED_PRINCIPAL = Flow(JournalKind.REPAYMENT, (Account.LOANS,), Component.PRINCIPAL, -1)
COLLECTED_INTEREST = Flow(
    JournalKind.REPAYMENT, (Account.INTEREST_RECEIVABLE, Account.PRIOR_INCOME), Component.INTEREST, -1
)
COLLECTED_FEES = Flow(JournalKind.REPAYMENT, (Account.FEE_INCOME, Account.PRIOR_INCOME), Component.FEE, -1)
COLLECTED_PENALTY = Flow(JournalKind.REPAYMENT, (Account.PENALTY_INCOME, Account.PRIOR_INCOME), Component.PENALTY, -1)
WRITTEN_OFF = Flow(JournalKind.WRITE_OFF, (Account.LOANS,), Component.PRINCIPAL, -1)
WRITTEN_OFF_INTEREST = Flow(JournalKind.WRITE_OFF, (Account.INTEREST_RECEIVABLE,), Component.INTEREST, -1)
RECOVERIES = tuple(
    Flow(JournalKind.RECOVERY, (Account.CASH, Account.SUSPENSE), component, 1) for component in Component
)
"""Money that came in on loans written off before, whatever it was for."""
