"""What a contact must agree with: the clock, the loan, the guarantors, the hours, the calls of the day, what is due."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

from flask_babel import gettext, ngettext
from sqlalchemy import false, func, or_, select

from portal.collection.models import CollectionContact
from portal.collection.parameters import DAILY_CALLS, FROM_HOUR, PROMISE_DAYS, TO_HOUR
from portal.collection.rules import DISTURBING, Channel, Whom, allowed_at
from portal.core import records
from portal.core.clock import business_date, calendar_date, now
from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.values import CHINA, money_text
from portal.guarantees.models import Guarantor
from portal.loans.booking import account_of
from portal.loans.models import Allocation, Instalment, Loan, LoanStatus
from portal.loans.reminding import cadence
from portal.parameters.services import parameter

Problems = dict[str, list[str]]


def problems_of(values: dict[str, Any], row: CollectionContact | None = None) -> Problems:
    """What is wrong with values that are complete in themselves, by field; `row` is the contact that they change."""
    loan: Loan = records.load(Loan, _key(values["loan"]))
    guarantor = db.session.get(Guarantor, _key(values["guarantor"])) if values.get("guarantor") else None
    done_on, at = values["done_on"], time.fromisoformat(values["done_time"])
    found = _clock(done_on, at)
    if found:
        return found
    if guarantor is not None and guarantor.loan_id != loan.id:
        return {"guarantor": [gettext("This person does not stand in for this loan.")]}
    if not is_collected(loan, done_on):
        return {
            "loan": [
                gettext(
                    "Nothing was late on this loan on that day, and no instalment was to be reminded of: nobody"
                    " is contacted about it."
                )
            ]
        }
    if values["channel"] in DISTURBING:
        found = _hours(done_on, at)
    if not found and values["channel"] == Channel.PHONE:
        found = _calls(loan, guarantor, done_on, row)
    return found or _promise(values, loan, row)


def _clock(done_on: date, at: time) -> Problems:
    """Nothing is entered before it has happened: by the books, and today by the clock."""
    if done_on > business_date():
        return {"done_on": [gettext("This day has not happened yet.")]}
    if done_on == calendar_date() and at > now().astimezone(CHINA).time():
        return {"done_time": [gettext("This time has not come yet.")]}
    return {}


def is_collected(loan: Loan, on: date) -> bool:
    """Whether debtors of a loan may be contacted about it on a day: it was written off, something of it was late, or
    an instalment fell due within the days of reminders."""
    if loan.status is LoanStatus.WRITTEN_OFF:
        return True
    ahead = on + timedelta(days=cadence(on).furthest)
    settled = Instalment.settled_on
    found = select(Instalment.id).where(
        Instalment.loan_id == loan.id, Instalment.due_date <= ahead, or_(settled.is_(None), settled >= on)
    )
    return db.session.scalar(found.limit(1)) is not None


def _hours(done_on: date, at: time) -> Problems:
    first, last = (int(parameter(key, done_on).value) for key in (FROM_HOUR, TO_HOUR))
    if allowed_at(at, first, last):
        return {}
    text = gettext("Debtors are called and visited only from %(first)s:00 to %(last)s:00.", first=first, last=last)
    return {"done_time": [text]}


def _calls(loan: Loan, guarantor: Guarantor | None, done_on: date, row: CollectionContact | None) -> Problems:
    most = int(parameter(DAILY_CALLS, done_on).value)
    made = calls_on(loan, guarantor, done_on, row)
    if made < most:
        return {}
    text = ngettext(
        "This debtor was called %(num)s time on that day already; no more calls are allowed then.",
        "This debtor was called %(num)s times on that day already; no more calls are allowed then.",
        made,
    )
    return {"channel": [text]}


def calls_on(loan: Loan, guarantor: Guarantor | None, day: date, but: CollectionContact | None = None) -> int:
    """How often one debtor was phoned on a day, about whatever loan and by whomever: a person who borrows and stands in
    for others is one debtor."""
    customer_id = loan.customer_id if guarantor is None else guarantor.customer_id
    same: list[Any] = [] if guarantor is None else [CollectionContact.guarantor_id == guarantor.id]
    if customer_id is not None:
        borrower = (CollectionContact.whom == Whom.BORROWER) & (Loan.customer_id == customer_id)
        same += [borrower, Guarantor.customer_id == customer_id]
    if guarantor is not None and guarantor.resident_id_index is not None:
        same.append(Guarantor.resident_id_index == guarantor.resident_id_index)
    statement = (
        select(func.count())
        .select_from(CollectionContact)
        .join(Loan, Loan.id == CollectionContact.loan_id)
        .outerjoin(Guarantor, Guarantor.id == CollectionContact.guarantor_id)
        .where(CollectionContact.channel == Channel.PHONE, CollectionContact.done_on == day, or_(false(), *same))
    )
    if but is not None:
        statement = statement.where(CollectionContact.id != but.id)
    with unscoped("calls to one debtor are counted whoever made them"):
        return db.session.scalar(statement) or 0


def _promise(values: dict[str, Any], loan: Loan, row: CollectionContact | None) -> Problems:
    promised_on, amount = values.get("promised_on"), values.get("promised_amount")
    if promised_on is None or amount is None:
        return {}
    if row is not None and (row.promised_on, row.promised_amount, row.done_on) == (
        promised_on,
        amount,
        values["done_on"],
    ):
        return {}  # what was due then is not what is due now
    last = values["done_on"] + timedelta(days=int(parameter(PROMISE_DAYS, values["done_on"]).value))
    if promised_on < values["done_on"]:
        return {"promised_on": [gettext("This is before the promise was made.")]}
    if promised_on > last:
        return {"promised_on": [gettext("A promise is for %(day)s at the latest.", day=last)]}
    most = due_by(loan, values["done_on"], promised_on)
    if amount > most:
        text = gettext("By that day no more than %(most)s yuan are due.", most=money_text(most, thousands=True))
        return {"promised_amount": [text]}
    return {}


def due_by(loan: Loan, since: date, on: date) -> int:
    """What was to be paid on a loan from one day to another, in fen: what is still unpaid of it, and what was paid
    since the first. Of a written-off loan all that is still owed by contract."""
    account = account_of(loan, lock=False)
    if account.status is LoanStatus.WRITTEN_OFF:
        unpaid = account.payoff(max(on, business_date()))
    else:
        unpaid = account.due_by(max(on, business_date()))
    paid = select(func.coalesce(func.sum(Allocation.amount), 0))
    paid = paid.where(Allocation.loan_id == loan.id, Allocation.value_date >= since)
    return unpaid + int(db.session.scalar(paid) or 0)


def _key(given: Any) -> int:
    """References come as numbers from forms, as rows from what a record holds."""
    return int(getattr(given, "id", given))
