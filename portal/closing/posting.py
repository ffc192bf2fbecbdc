"""Booking the entries of a month-end, taking them back, and what day-end books by itself.

The lines are written set-based; debits and credits of each group are equal, so the trial balance of any branch, team or
manager stays zero. Doing it again for the same month-end changes nothing: what is booked stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext
from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from portal.closing.figures import Income, Worked, work_out
from portal.closing.models import EntryKind, MonthEndEntry, MonthEndPosting, VatLine
from portal.closing.parameters import books_itself
from portal.closing.rules import booking_day, is_month_end, last_month_end
from portal.core.bulk import insert_rows
from portal.core.clock import now
from portal.core.db import db
from portal.core.errors import InvalidValues, NotFound, Refused
from portal.core.locks import alone
from portal.core.scope import actor, unscoped
from portal.core.work import current_unit, verb
from portal.loans import following
from portal.loans.booking import open_date
from portal.loans.components import Component
from portal.loans.ledger import Account
from portal.loans.reconciliation import BOOKS

RULE_VERSION = "1"
WRITING = "month-end entries are written for the whole company"

INCOME = {
    Component.INTEREST: Account.INTEREST_INCOME,
    Component.FEE: Account.FEE_INCOME,
    Component.PENALTY: Account.PENALTY_INCOME,
}
"""The account on which each part of the income stands."""


def accounts_of(kind: EntryKind, component: Component | None) -> tuple[Account, Account]:
    """(debited, credited) when something is added."""
    match kind:
        case EntryKind.PROVISION:
            return Account.IMPAIRMENT, Account.ALLOWANCE
        case EntryKind.MEMO_INTEREST:
            return Account.MEMO_INTEREST, Account.MEMO_INTEREST_CONTRA
        case EntryKind.VAT:
            assert component is not None  # income is told by its parts
            return INCOME[component], Account.TAX_PAYABLE


@verb("closing.post")
def post(kind: EntryKind, month_end: date, historical: bool = False) -> MonthEndEntry | None:
    """Book what a month-end is short of, once; None when there is nothing to book.

    What is booked already is given back unchanged. Provisions and interest not recognised are of the last month-end
    that is closed: what an earlier one was short of is in the difference of a later one. VAT of an older month is
    booked today. `historical` books each month-end on its own day, in order: for a company whose history was taken
    over, before others work in it. Refused for a day that is no closed month-end.
    """
    day = open_date()
    alone(db.session(), f"month-end {kind}")
    if (held := standing(kind, month_end)) is not None:
        return held
    check(kind, month_end, day, historical)
    worked = work_out(kind, month_end)
    booked_on = month_end if historical else booking_day(month_end, day)
    if not worked.to_book and not any(one.taxed or one.exempt for one in worked.income.values()):
        return None
    entry = _header(kind, month_end, booked_on, _key_of(kind, month_end), sum(worked.to_book.values()))
    lines = list(_lines(worked))
    _write(entry, lines)
    _write_register(entry, worked)
    current_unit().about(entry)
    current_unit().note(entry=entry.key, amount=entry.amount, lines=len(lines))
    return entry


@verb("closing.reverse")
def reverse(entry_id: int, reason: str) -> MonthEndEntry:
    """Take an entry back by a new one in the open month that refers to it; the old one stays as it was.

    Refused for a reversal, and for an entry that is taken back already; InvalidValues without a reason.
    """
    if not reason.strip():
        raise InvalidValues({"reason": [gettext("Please say why.")]})
    day = open_date()
    old = db.session.get(MonthEndEntry, entry_id)
    if old is None:
        raise NotFound(gettext("There is no such booking."))
    alone(db.session(), f"month-end {old.kind}")
    if old.reverses_id is not None or not _stands(old.id):
        raise Refused(gettext("This entry is a reversal, or was taken back already."))
    entry = _header(old.kind, old.month_end, day, f"reversal/{old.id}", -old.amount)
    entry.reverses_id, entry.reason = old.id, reason.strip()[:400]
    with unscoped(WRITING):
        found = db.session.scalars(select(MonthEndPosting).where(MonthEndPosting.entry_id == old.id)).all()
        register = db.session.scalars(select(VatLine).where(VatLine.entry_id == old.id)).all()
    value_date = old.month_end if old.kind is EntryKind.VAT else day
    _insert(entry, MonthEndPosting, [_turned(row, entry, value_date) for row in found])
    _insert(entry, VatLine, [_turned_register(row) for row in register])
    current_unit().about(entry)
    current_unit().note(entry=entry.key, reverses=old.key, amount=entry.amount, reason=entry.reason)
    return entry


def check(kind: EntryKind, month_end: date, day: date, historical: bool = False) -> None:
    """Refused unless an entry of this kind may be booked for the month-end on this business date."""
    if not is_month_end(month_end) or month_end >= day:
        raise Refused(gettext("%(day)s is no month-end that is closed.", day=month_end))
    if kind is EntryKind.VAT:
        return
    if historical:
        later = select(MonthEndEntry.key).where(MonthEndEntry.kind == kind, MonthEndEntry.month_end > month_end)
        if db.session.scalar(later.limit(1)):
            raise Refused(gettext("A later month-end is booked already."))
    elif month_end != last_month_end(day):
        raise Refused(
            gettext(
                "Only the last month-end, %(day)s, can be booked: what an earlier one was short of is in it.",
                day=last_month_end(day),
            )
        )


def standing(kind: EntryKind, month_end: date) -> MonthEndEntry | None:
    """The entry of a month-end that was booked and not taken back."""
    reversal = aliased(MonthEndEntry)
    statement = select(MonthEndEntry).where(
        MonthEndEntry.kind == kind,
        MonthEndEntry.month_end == month_end,
        MonthEndEntry.reverses_id.is_(None),
        ~exists().where(reversal.reverses_id == MonthEndEntry.id),
    )
    found: MonthEndEntry | None = db.session.scalars(statement).first()
    return found


def _stands(entry_id: int) -> bool:
    return db.session.scalar(select(MonthEndEntry.id).where(MonthEndEntry.reverses_id == entry_id)) is None


def _key_of(kind: EntryKind, month_end: date) -> str:
    """One a kind and month-end; another one only after the one before was taken back."""
    before = select(func.count()).select_from(MonthEndEntry)
    same = (MonthEndEntry.kind == kind, MonthEndEntry.month_end == month_end, MonthEndEntry.reverses_id.is_(None))
    number = (db.session.scalar(before.where(*same)) or 0) + 1
    return f"{kind.value}/{month_end:%Y%m%d}" + (f"/{number}" if number > 1 else "")


def _header(kind: EntryKind, month_end: date, booked_on: date, key: str, amount: int) -> MonthEndEntry:
    return MonthEndEntry(
        key=key,
        kind=kind,
        month_end=month_end,
        booking_date=booked_on,
        period=booked_on.year * 100 + booked_on.month,
        amount=amount,
        rule_version=RULE_VERSION,
        posted_by=actor().name[:80],
        posted_at=now(),
    )


def _lines(worked: Worked) -> Iterator[dict[str, Any]]:
    """Both lines of each group, debit first."""
    for key, amount in worked.to_book.items():
        debited, credited = accounts_of(worked.kind, key.component)
        for account, signed in ((debited, amount), (credited, -amount)):
            yield {"account": account, "component": key.component, "amount": signed, **key.group._asdict()}


def _write(entry: MonthEndEntry, lines: list[dict[str, Any]]) -> None:
    """The lines of an entry; its value date is the month-end, also when it is booked later."""
    dates = {"kind": entry.kind, "value_date": entry.month_end, "booking_date": entry.booking_date}
    _insert(entry, MonthEndPosting, [{**line, **dates} for line in lines])


def _write_register(entry: MonthEndEntry, worked: Worked) -> None:
    nothing = Income(0, 0)
    rows = []
    for key in {**worked.income, **worked.to_book} if entry.kind is EntryKind.VAT else {}:
        income, tax = worked.income.get(key, nothing), worked.to_book.get(key, 0)
        if income.taxed or income.exempt or tax:
            of_key: Mapping[str, Any] = {"component": key.component, **key.group._asdict()}
            amounts = {"taxed": income.taxed, "exempt": income.exempt, "tax": tax}
            rows.append({"month_end": entry.month_end, **of_key, **amounts})
    _insert(entry, VatLine, rows)


def _insert(entry: MonthEndEntry, model: Any, rows: list[dict[str, Any]]) -> None:
    db.session.add(entry)
    db.session.flush()
    with unscoped(WRITING):
        insert_rows(db.session(), model, [{"entry_id": entry.id, **row} for row in rows])


def _turned(row: MonthEndPosting, entry: MonthEndEntry, value_date: date) -> dict[str, Any]:
    kept = ("kind", "account", "component", "branch_id", "team_id", "manager_id", "product_id")
    dates = {"value_date": value_date, "booking_date": entry.booking_date}
    return {**{name: getattr(row, name) for name in kept}, "amount": -row.amount, **dates}


def _turned_register(row: VatLine) -> dict[str, Any]:
    kept = ("month_end", "component", "branch_id", "team_id", "manager_id", "product_id")
    amounts = {name: -getattr(row, name) for name in ("taxed", "exempt", "tax")}
    return {**{name: getattr(row, name) for name in kept}, **amounts}


def follow(day: date) -> None:
    """At a month-end that was just closed, book what the parameters let day-end book by itself."""
    if is_month_end(day):
        for kind in EntryKind:
            if books_itself(kind, day):
                post(kind, day)


BOOKS.append(MonthEndPosting)
following.closed.register("month-end entries", follow)
