"""The books open for writing: what the verbs decide is collected here, checked, and written in one go.

One verb collects one event, a bulk writer thousands; `portal.loans.writing` inserts both the same way. Journals balance
per component, on and off the balance sheet apart, and no balance goes below 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext

from portal.core.errors import Refused
from portal.loans.accounts import Line, LoanAccount, Owner
from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind
from portal.loans.models import RepaymentKind
from portal.loans.terms import TermsStep


class Entry(NamedTuple):
    """One line of a journal to be; debit positive."""

    account: Account
    component: Component
    amount: int
    line: Line | None = None


@dataclass(slots=True)
class Receipt:
    """A repayment to be, with what it settles and what it changes in the schedule.

    One that has an `id` is in the database already and is reversed: its parts and charges undo what it did.
    """

    loan: LoanAccount
    code: str
    amount: int
    value_date: date
    booking_date: date
    note: str | None
    parts: list[tuple[Line, Component, int]] = field(default_factory=list)
    charges: list[tuple[Line, Component, int]] = field(default_factory=list)
    id: int | None = None
    kind: RepaymentKind = RepaymentKind.ORDINARY
    designated: tuple[int, ...] = ()
    """Numbers of the instalments that the debtor named."""
    designation: str | None = None
    """What the debtor said the money is for."""
    held_id: int | None = None
    """The held receipt that the money is taken from; None: it came in from the bank."""

    @property
    def source(self) -> Account:
        """The account that is debited."""
        return Account.CASH if self.held_id is None else Account.SUSPENSE


@dataclass(slots=True)
class Draft:
    """A journal to be. `key` may name `{loan}` and `{repayment}`, whose numbers are known when it is written."""

    loan: LoanAccount
    kind: JournalKind
    key: str
    entries: Sequence[Entry]
    value_date: date
    booking_date: date
    opening: bool
    owner: Owner
    receipt: Receipt | None
    reverses: int | None
    reason: str | None = None
    charges: Sequence[tuple[Line, Component, int]] = ()
    """What the event itself adds to instalments; those of a payment stand in its receipt."""
    terms: TermsStep | None = None
    """What it changes of the loan's terms."""
    id: int | None = None


def check_balanced(entries: Iterable[Entry]) -> None:
    """Raise Refused unless each component sums to 0, on the balance sheet and, apart from it, off it."""
    sums: dict[tuple[Component, bool], int] = {}
    for entry in entries:
        if not entry.amount:
            raise Refused(gettext("A journal line of zero says nothing."))
        side = (entry.component, entry.account.on_balance)
        sums[side] = sums.get(side, 0) + entry.amount
    if not sums:
        raise Refused(gettext("A journal needs at least two lines."))
    if any(sums.values()):
        raise Refused(gettext("Debits and credits of this journal do not balance."))


class Books:
    """Collects journals, repayments and changes of schedules, and writes them.

    Everything is booked on the open business date. `historical` books each event on its own value date instead: for the
    history of loans that comes in before the books are opened to others, never while a day-end may run.
    """

    def __init__(self, open_date: date, batch_id: int | None = None, historical: bool = False) -> None:
        self.open_date = open_date
        self.batch_id = batch_id
        self.historical = historical
        self.reason = ""
        """Why a person decided on what is booked now: a correction, a reversal, a relief."""
        self.new: list[tuple[LoanAccount, dict[str, Any]]] = []
        self.touched: dict[int, LoanAccount] = {}
        self.handed_over: dict[int, LoanAccount] = {}
        """Loans that belong to somebody else from now on, whatever is kept of their earlier owners."""
        self.replaced: dict[int, LoanAccount] = {}
        """Loans whose instalments in the database go: those of the account take their place."""
        self.drafts: list[Draft] = []
        self.receipts: list[Receipt] = []
        self.past_owners: list[tuple[LoanAccount, Owner, date, date]] = []

    def on_account(self, account: Account) -> set[int]:
        """Loans in the database to which something is posted on this account."""
        posted = (draft for draft in self.drafts if any(entry.account is account for entry in draft.entries))
        return {draft.loan.id for draft in posted if draft.loan.id is not None}

    def booked_on(self, value_date: date) -> date:
        return value_date if self.historical else self.open_date

    def add(self, loan: LoanAccount, columns: dict[str, Any]) -> None:
        """A loan that is not in the database yet; `columns` are those the account does not know."""
        self.new.append((loan, columns))
        self.touched[id(loan)] = loan

    def receive(
        self, loan: LoanAccount, code: str, amount: int, value_date: date, note: str | None = None, **more: Any
    ) -> Receipt:
        """Money that came in; `more` are further fields of the receipt."""
        receipt = Receipt(loan, code, amount, value_date, self.booked_on(value_date), note, **more)
        self.receipts.append(receipt)
        self.touched[id(loan)] = loan
        return receipt

    def post(
        self,
        loan: LoanAccount,
        kind: JournalKind,
        key: str,
        entries: Sequence[Entry],
        value_date: date,
        *,
        opening: bool = False,
        receipt: Receipt | None = None,
        reverses: int | None = None,
        owner: Owner | None = None,
        charges: Sequence[tuple[Line, Component, int]] = (),
        terms: TermsStep | None = None,
    ) -> None:
        """Collect a journal and carry it over to the account's balances. It is the doing of `owner`: the loan's now.

        `charges` are noted with it, as what changed the instalments, and `terms`, as what changed of the loan; the
        caller has changed both.
        """
        check_balanced(entries)
        for account, component, amount, _line in entries:
            if account is Account.LOANS:
                loan.balance += amount
            elif account is Account.INTEREST_RECEIVABLE:
                loan.receivable += amount
            elif account is Account.INTEREST_INCOME:
                loan.accrued -= amount
            elif account is Account.WRITTEN_OFF:
                loan.off_balance[component] = loan.off_balance.get(component, 0) + amount
        if min(loan.balance, loan.receivable, *loan.off_balance.values(), 0) < 0:
            raise Refused(gettext("This would leave the loan with a balance below zero."))
        booked_on = self.booked_on(value_date)
        whose, why = owner or loan.owner, self.reason or None
        self.drafts.append(
            Draft(
                loan,
                kind,
                key,
                entries,
                value_date,
                booked_on,
                opening,
                whose,
                receipt,
                reverses,
                why,
                charges=charges,
                terms=terms,
            )
        )
        self.touched[id(loan)] = loan

    def hand_over(self, loan: LoanAccount, owner: Owner, on: date) -> None:
        """The loan belongs to somebody else from a date on."""
        if loan.owner != owner:
            if loan.owner_since < on:
                self.past_owners.append((loan, loan.owner, loan.owner_since, on))
            loan.owner, loan.owner_since, loan.changed = owner, on, True
            self.touched[id(loan)] = self.handed_over[id(loan)] = loan

    def change(self, loan: LoanAccount) -> None:
        """Remember to write what was changed of this loan."""
        self.touched[id(loan)] = loan

    def replace_lines(self, loan: LoanAccount) -> None:
        """The loan has other instalments now than those in the database, which go."""
        self.touched[id(loan)] = self.replaced[id(loan)] = loan

    def clear(self) -> None:
        """Start afresh, after everything was written."""
        for loan in self.touched.values():
            loan.changed = False
            for line in loan.lines:
                line.changed = False
        self.new, self.drafts, self.receipts, self.past_owners = [], [], [], []
        self.touched, self.handed_over, self.replaced = {}, {}, {}
