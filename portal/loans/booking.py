"""Booking: how every verb opens the books, writes them and brings `loan_state` up to date; and a journal by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from portal.core.bulk import chunks
from portal.core.clock import BusinessDay, calendar_date, move_business_date
from portal.core.db import db
from portal.core.errors import OutOfScope, PortalError, Refused
from portal.core.scope import unscoped
from portal.core.work import current_unit, verb
from portal.loans.accounts import LoanAccount
from portal.loans.allowance_groups import allowance_regrouped
from portal.loans.books import Books, Entry
from portal.loans.cohorts import steps_regrouped
from portal.loans.components import Component
from portal.loans.due_groups import dues_of, follow_dues
from portal.loans.groups import snapshots_regrouped
from portal.loans.ledger import Account, Journal, JournalKind, Posting
from portal.loans.loading import load_accounts
from portal.loans.models import Loan
from portal.loans.move_groups import present_pairs, put_in_moves, take_out_moves
from portal.loans.states import refresh_states
from portal.loans.writing import write


class RowsRefused(PortalError):
    """Rows of a bulk verb that cannot be booked, by their place among the rows given; nothing was."""

    status = 422

    def __init__(self, problems: Sequence[tuple[int, PortalError]]) -> None:
        super().__init__("; ".join(f"{place + 1}: {problem}" for place, problem in problems[:20]))
        self.problems = problems


def open_date() -> date:
    """The open business date, held so that no day-end moves it before this transaction ends.

    Every verb takes this lock first and those on loans after it; day-end takes it exclusively. The first booking of all
    opens the books, today.
    """
    held = db.session.scalar(select(BusinessDay.open_date).with_for_update(read=True))
    if held is None:
        held = calendar_date()
        move_business_date(held)
    return held


@contextmanager
def books(batch_id: int | None = None, historical: bool = False) -> Iterator[Books]:
    """Open the books within a unit of work; at the end they are written and `loan_state` follows."""
    current_unit()
    opened = Books(open_date(), batch_id, historical)
    yield opened
    handed_over = [loan.id for loan in opened.handed_over.values() if loan.id is not None]
    held = [loan.id for loan in opened.touched.values() if loan.id is not None]
    present = present_pairs(db.session(), opened.open_date)
    take_out_moves(db.session(), opened.open_date, present, held, handed_over)
    due = {} if historical else dues_of(db.session(), held)
    with (
        snapshots_regrouped(db.session(), handed_over),
        steps_regrouped(db.session(), handed_over),
        allowance_regrouped(db.session(), () if historical else {*handed_over, *opened.on_account(Account.ALLOWANCE)}),
    ):
        running, closed = write(opened, db.session())
    refresh_states(db.session(), opened.open_date, running, closed)
    put_in_moves(db.session(), opened.open_date, present, [*running, *closed], handed_over)
    if not historical:  # a history is added up once, when all of it is written
        follow_dues(db.session(), due, dues_of(db.session(), [*running, *closed]))


def account_of(loan: Loan, lock: bool = True) -> LoanAccount:
    """The account of one loan that the actor may see, locked unless it is only looked at."""
    if db.session.get(Loan, loan.id) is None:
        raise OutOfScope("loan")
    return load_accounts(db.session(), [loan.id], lock)[loan.id]


def accounts_of(loan_ids: Collection[int]) -> dict[int, LoanAccount]:
    """Accounts for a bulk writer, locked; Refused when one does not exist."""
    found = load_accounts(db.session(), loan_ids)
    if missing := set(loan_ids) - found.keys():
        raise Refused(_("There is no loan with the number %(number)s.", number=min(missing)))
    return found


def check_value_date(loan: LoanAccount, on: date, latest: date) -> None:
    """Raise Refused unless an event of the loan may have this value date."""
    if on > latest:
        raise Refused(not_yet(on, latest))
    if on < loan.disbursed_on:
        raise Refused(_("The loan was only disbursed on %(day)s.", day=loan.disbursed_on))
    if loan.last_on is not None and on < loan.last_on:
        raise Refused(_("There is a later booking of %(day)s on this loan; reverse that one first.", day=loan.last_on))


def not_yet(day: date, open_day: date) -> str:
    return str(gettext("%(day)s has not happened yet: the business date is %(open)s.", day=day, open=open_day))


def taken_codes(column: Any, codes: Sequence[str]) -> list[str]:
    """Codes that are given twice, or that the column holds already."""
    counted = Counter(codes)
    taken = [code for code, times in counted.items() if times > 1]
    with unscoped("codes are unique over the whole company"):
        for part in chunks(counted):
            taken += db.session.scalars(select(column).where(column.in_(part)))
    return taken


@verb("ledger.post")
def post(
    loan: Loan,
    kind: JournalKind,
    entries: Sequence[tuple[Account, Component, int]],
    value_date: date,
    key: str,
    reason: str = "",
) -> Journal:
    """Book one journal, all lines of which are given (debit positive, in fen), on the open business date.

    The reason stands in the journal: whoever reads the register of bookings by hand finds it there.
    A key that was booked before gives that journal back if it says the same; Refused if it says something else, if the
    lines do not balance or if a balance would fall below zero. For corrections: events of a loan have their own verbs.
    """
    lines = [Entry(*entry) for entry in entries]
    with books() as opened:
        account = account_of(loan)
        if (held := _held(loan, kind, lines, value_date, key)) is not None:
            return held
        check_value_date(account, value_date, opened.open_date)
        opened.reason = reason.strip() or gettext("Booked by hand")
        opened.post(account, kind, key, lines, value_date)
    current_unit().about(loan)
    current_unit().note(journal=key, kind=kind.value)
    return db.session.scalars(select(Journal).where(Journal.key == key)).one()


def _held(loan: Loan, kind: JournalKind, lines: Sequence[Entry], value_date: date, key: str) -> Journal | None:
    with unscoped("whether a journal of this key exists"):
        journal: Journal | None = db.session.scalar(select(Journal).where(Journal.key == key))
        if journal is None:
            return None
        booked = db.session.execute(
            select(Posting.account, Posting.component, Posting.amount).where(Posting.journal_id == journal.id)
        )
        same = sorted(map(tuple, booked)) == sorted((line.account, line.component, line.amount) for line in lines)
    if same and (journal.loan_id, journal.kind, journal.value_date) == (loan.id, kind, value_date):
        return journal
    raise Refused(_("Another event was booked under the key %(key)s.", key=key))
