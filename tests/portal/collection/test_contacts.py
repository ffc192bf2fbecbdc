"""What may be entered about contacts: loans, days, hours, calls, promises, demands; on both engines."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

import portal.access.models  # noqa: F401 - logins are part of the schema
from portal.collection import services
from portal.collection.models import CollectionContact
from portal.collection.parameters import DAILY_CALLS, FROM_HOUR, PROMISE_DAYS, TO_HOUR
from portal.collection.rules import Channel, Outcome, PromiseState, Whom
from portal.core import records
from portal.core.db import db
from portal.core.errors import InvalidValues
from portal.core.work import unit_of_work
from portal.guarantees.clocks import refresh_clocks
from portal.guarantees.models import Clock, ClockKind, GuaranteeContract, GuaranteeKind, Guarantor, LegalAct
from portal.loans.day_end import run_day_end
from portal.loans.models import Loan
from portal.loans.repayments import payoff, repay, settle_early
from portal.loans.write_offs import write_off
from portal.parameters.models import Parameter
from portal.products.terms import Method
from tests.portal.collection.conftest import contact, promised
from tests.portal.loans.conftest import Company

DAY = dt.date(2026, 3, 10)


@pytest.fixture
def late(company: Company) -> Loan:
    """A loan whose first two instalments, of 5 February and 5 March, are not paid on 10 March."""
    loan = company.lend(Method.LEVEL, count=6)
    run_day_end(DAY - dt.timedelta(days=1))
    return loan


def refused(loan: Loan, on: dt.date = DAY, **values: Any) -> dict[str, str]:
    with pytest.raises(InvalidValues) as raised:
        contact(loan, on, **values)
    db.session.rollback()
    return {name: str(texts[0]) for name, texts in raised.value.fields.items()}


def guarantor_of(loan: Loan, code: str = "G", **who: Any) -> Guarantor:
    with unit_of_work("tests.guarantor"):
        contract = GuaranteeContract(
            code=f"{code}-{loan.code}", loan_id=loan.id, kind=GuaranteeKind.GUARANTOR, secured=1, signed_on=DAY
        )
        db.session.add(contract)
        db.session.flush()
        person = Guarantor(loan_id=loan.id, contract_id=contract.id, **who)
        db.session.add(person)
        db.session.flush()
    return person


def dated(key: str, value: str) -> None:
    with unit_of_work("tests.parameter"):
        db.session.add(Parameter(key=key, value=value, valid_from=dt.date(2026, 3, 1), source="board"))


# ---- which loans, which days ----------------------------------------------------------------------------------------


def test_a_contact_is_kept_with_who_made_it_unknown_for_the_portal_itself(late: Loan):
    row = contact(late, DAY, "9:05", note="no answer")
    assert (row.done_time, row.made_by_id, row.promise, row.legal_act_id) == ("09:05", None, None, None)


def test_nobody_is_contacted_about_a_loan_that_owes_nothing_yet(company: Company):
    loan = company.lend(Method.LEVEL, count=6)
    assert "no instalment was to be reminded of" in refused(loan, dt.date(2026, 1, 5))["loan"]


@pytest.mark.parametrize(("days", "taken"), [(8, False), (7, True), (1, True), (0, True)])
def test_before_the_due_day_the_reminder_days_count(company: Company, days: int, taken: bool):
    loan = company.lend(Method.LEVEL, count=6)
    due = min(line.due_date for line in loan.instalments)
    day = due - dt.timedelta(days=days)
    run_day_end(day - dt.timedelta(days=1))
    if taken:
        assert contact(loan, day).id
    else:
        assert list(refused(loan, day)) == ["loan"]


def test_a_call_of_yesterday_is_entered_after_the_debtor_has_paid(late: Loan):
    late_on = DAY - dt.timedelta(days=1)
    repay(late, late.instalments[0].unpaid + late.instalments[1].unpaid + 10_000, DAY, "P1")
    assert contact(late, late_on, outcome=Outcome.PAID).id
    run_day_end(DAY)
    assert list(refused(late, DAY + dt.timedelta(days=1))) == ["loan"]


def test_a_settled_loan_is_left_alone_and_a_written_off_one_is_not(company: Company, late: Loan):
    other = company.lend(Method.LEVEL, count=6)
    write_off(other, DAY, "gone")
    assert contact(other, DAY).id
    settle_early(late, DAY, "S1", payoff(late, DAY))
    run_day_end(DAY)
    assert list(refused(late, DAY + dt.timedelta(days=1))) == ["loan"]


def test_nothing_is_entered_before_it_has_happened(late: Loan, monkeypatch: pytest.MonkeyPatch):
    assert list(refused(late, DAY + dt.timedelta(days=1))) == ["done_on"]
    monkeypatch.setattr("portal.collection.checking.calendar_date", lambda: DAY)
    noon = dt.datetime(2026, 3, 10, 4, 0, tzinfo=dt.UTC)
    monkeypatch.setattr("portal.collection.checking.now", lambda: noon)
    assert contact(late, DAY, "12:00").id
    assert list(refused(late, at="12:01")) == ["done_time"]


@pytest.mark.parametrize("typed", ["25:00", "noon", "9", "10:60"])
def test_a_time_that_is_none_is_said(late: Loan, typed: str):
    assert refused(late, at=typed) == {"done_time": "Please enter a time such as 14:30."}


# ---- who, when, how often -------------------------------------------------------------------------------------------


def test_only_a_guarantor_of_this_loan_is_contacted(company: Company, late: Loan):
    other = company.lend(Method.LEVEL, count=6)
    own, foreign = guarantor_of(late, name="Own"), guarantor_of(other, name="Foreign")
    assert contact(late, DAY, whom=Whom.GUARANTOR, guarantor=own.id).guarantor_id == own.id
    assert list(refused(late, whom=Whom.GUARANTOR, guarantor=foreign.id)) == ["guarantor"]
    assert list(refused(late, whom=Whom.GUARANTOR)) == ["guarantor"]
    assert list(refused(late, whom=Whom.BORROWER, guarantor=own.id)) == ["guarantor"]


def test_nobody_else_can_be_named():
    assert {one.value for one in Whom} == {"borrower", "guarantor"}


@pytest.mark.parametrize("channel", [Channel.PHONE, Channel.VISIT])
def test_calls_and_visits_keep_the_hours(late: Loan, channel: Channel):
    for at in ("07:59", "22:00", "03:00"):
        assert refused(late, at=at, channel=channel) == {
            "done_time": "Debtors are called and visited only from 8:00 to 22:00."
        }
    for at in ("08:00", "21:59"):
        assert contact(late, DAY, at, channel=channel).id


def test_what_is_written_keeps_no_hours(late: Loan):
    for channel in set(Channel) - {Channel.PHONE, Channel.VISIT}:
        assert contact(late, DAY, "23:00", channel=channel, outcome=Outcome.INFORMED).id


def test_the_hours_are_those_of_the_day_of_the_contact(late: Loan):
    dated(FROM_HOUR, "9")
    dated(TO_HOUR, "18")
    assert list(refused(late, at="08:30")) == ["done_time"]
    assert contact(late, dt.date(2026, 2, 20), "08:30").id


def test_a_debtor_is_called_three_times_a_day_at_most(company: Company, late: Loan):
    second = company.lend(Method.LEVEL, count=6, customer=company.customer("C0"))
    write_off(second, DAY, "gone")
    contact(late, DAY, "09:00")
    contact(second, DAY, "10:00")
    contact(late, DAY, "10:30", channel=Channel.SMS)
    third = contact(late, DAY, "11:00")
    said = "This debtor was called 3 times on that day already; no more calls are allowed then."
    assert refused(late, at="12:00") == {"channel": said}
    assert refused(second, at="12:00") == {"channel": said}
    assert contact(late, DAY - dt.timedelta(days=1), "12:00").id
    assert contact(late, DAY, "12:00", channel=Channel.SMS).id
    services.change(third.id, {"note": "his brother answered; nothing was said"})
    stands = guarantor_of(second, customer_id=company.customer("C0").id)
    assert list(refused(second, at="13:00", whom=Whom.GUARANTOR, guarantor=stands.id)) == ["channel"]
    outsider = guarantor_of(late, "O", name="Somebody")
    assert contact(late, DAY, "13:00", whom=Whom.GUARANTOR, guarantor=outsider.id).id


def test_how_many_calls_is_a_dated_parameter(late: Loan):
    dated(DAILY_CALLS, "1")
    contact(late, DAY, "09:00")
    assert "called 1 time on" in refused(late, at="10:00")["channel"]
    earlier = dt.date(2026, 2, 20)
    for hour in ("09:00", "10:00", "11:00"):
        contact(late, earlier, hour)


def test_a_text_message_is_not_turned_into_a_fourth_call(late: Loan):
    for hour in ("09:00", "10:00", "11:00"):
        contact(late, DAY, hour)
    sent = contact(late, DAY, "12:00", channel=Channel.SMS)
    with pytest.raises(InvalidValues):
        services.change(sent.id, {"channel": Channel.PHONE})


# ---- promises -------------------------------------------------------------------------------------------------------


def test_a_promise_has_amount_and_day_and_nothing_else_has(late: Loan):
    assert set(refused(late, outcome=Outcome.PROMISE)) == {"promised_amount", "promised_on"}
    only = {"promised_amount": 100, "promised_on": DAY}
    for outcome in set(Outcome) - {Outcome.PROMISE}:
        assert set(refused(late, outcome=outcome, **only)) == {"promised_amount", "promised_on"}
    for amount in (0, -100):
        assert "promised_amount" in refused(late, outcome=Outcome.PROMISE, promised_amount=amount, promised_on=DAY)


def test_a_promise_is_for_today_or_a_day_within_the_parameter(late: Loan):
    dated(PROMISE_DAYS, "14")
    amounts = {"outcome": Outcome.PROMISE, "promised_amount": 100}
    assert list(refused(late, promised_on=DAY - dt.timedelta(days=1), **amounts)) == ["promised_on"]
    said = refused(late, promised_on=DAY + dt.timedelta(days=15), **amounts)
    assert said == {"promised_on": "A promise is for 2026-03-24 at the latest."}
    assert contact(late, DAY, promised_on=DAY + dt.timedelta(days=14), **amounts).promise is PromiseState.OPEN
    assert contact(late, DAY, "11:00", promised_on=DAY, **amounts).id


def test_no_more_is_promised_than_is_due_by_that_day(late: Loan):
    unpaid = sum(line.unpaid for line in late.instalments if line.due_date <= DAY)
    coming = next(line for line in late.instalments if line.due_date > DAY)
    before, then = coming.due_date - dt.timedelta(days=1), coming.due_date
    amounts = {"outcome": Outcome.PROMISE, "promised_amount": unpaid + coming.unpaid}
    assert "yuan are due" in refused(late, promised_on=before, **amounts)["promised_amount"]
    assert contact(late, DAY, promised_on=then, **amounts).id
    assert list(refused(late, outcome=Outcome.PROMISE, promised_amount=2 * (unpaid + coming.unpaid), promised_on=then))


def test_a_promise_of_yesterday_is_entered_after_it_was_kept(late: Loan):
    owed = sum(line.unpaid for line in late.instalments if line.due_date <= DAY)
    repay(late, owed, DAY, "P1")
    row = promised(late, DAY - dt.timedelta(days=1), owed, DAY)
    assert row.promise is PromiseState.KEPT


def test_of_a_written_off_loan_all_that_is_claimed_may_be_promised(late: Loan):
    owed = db.session.get_one(Loan, late.id).state.balance
    write_off(late, DAY, "gone")
    assert promised(late, DAY, owed, DAY).id
    assert list(refused(late, at="11:00", outcome=Outcome.PROMISE, promised_amount=owed * 2, promised_on=DAY)) == [
        "promised_amount"
    ]


def test_a_promise_is_corrected_on_its_day_and_stands_afterwards(late: Loan):
    row = promised(late, DAY, 20_000, DAY + dt.timedelta(days=5))
    services.change(row.id, {"promised_amount": 21_000})
    run_day_end(DAY)
    row = db.session.get_one(CollectionContact, row.id)
    for wrong in ({"promised_amount": 1}, {"promised_on": DAY + dt.timedelta(days=20)}):
        with pytest.raises(InvalidValues) as raised:
            services.change(row.id, wrong)
        assert "stands as it was entered" in str(raised.value)
        db.session.rollback()
    with pytest.raises(InvalidValues):
        services.change(row.id, {"outcome": Outcome.REFUSES, "promised_amount": None, "promised_on": None})
    db.session.rollback()
    services.change(row.id, {"note": "promised again to bring it himself"})
    row = db.session.get_one(CollectionContact, row.id)
    assert (row.promised_amount, row.note) == (21_000, "promised again to bring it himself")


def test_the_same_change_is_not_written_over_somebody_elses(late: Loan):
    row = contact(late, DAY)
    services.change(row.id, {"note": "one"}, row.version)
    with pytest.raises(records.Conflict):
        services.change(row.id, {"note": "two"}, 1)


def test_the_table_itself_refuses_half_a_promise(late: Loan):
    base = {"loan_id": late.id, "done_on": DAY, "done_time": "10:00", "channel": Channel.PHONE, "whom": Whom.BORROWER}
    for bad in (
        {"outcome": Outcome.PROMISE, "promised_on": DAY},
        {"outcome": Outcome.PROMISE, "promised_on": DAY, "promised_amount": 0},
        {"outcome": Outcome.PROMISE, "promised_on": DAY - dt.timedelta(days=1), "promised_amount": 5},
        {"outcome": Outcome.REFUSES, "promised_amount": 5},
        {"outcome": Outcome.REFUSES, "whom": Whom.GUARANTOR},
    ):
        with pytest.raises(IntegrityError), unit_of_work("tests.bad"):
            db.session.add(CollectionContact(**{**base, **bad}))
        db.session.rollback()


# ---- demands --------------------------------------------------------------------------------------------------------


def letter(loan: Loan, **values: Any) -> CollectionContact:
    given = {"channel": Channel.LETTER, "outcome": Outcome.INFORMED, "evidence": "EMS 1", "is_demand": True}
    return contact(loan, DAY, **{**given, **values})


def acts() -> list[LegalAct]:
    return list(db.session.scalars(select(LegalAct).order_by(LegalAct.id)))


def limitation_of(loan: Loan) -> dt.date | None:
    where = (Clock.loan_id == loan.id, Clock.kind == ClockKind.LIMITATION)
    return db.session.scalar(select(Clock.runs_out_on).where(*where))


def test_a_letter_with_evidence_is_a_demand_and_limitation_begins_anew(late: Loan):
    with unit_of_work("tests.mature"):
        late.matures_on = dt.date(2026, 3, 1)
        db.session.flush()
        refresh_clocks([late.id])
    assert limitation_of(late) == dt.date(2029, 3, 1)
    row = letter(late)
    (act,) = acts()
    assert (act.loan_id, act.done_on, act.evidence, act.guarantor_id) == (late.id, DAY, "EMS 1", None)
    assert row.legal_act_id == act.id
    assert limitation_of(late) == dt.date(2029, 3, 10)


def test_a_demand_follows_its_letter_and_is_never_there_twice(late: Loan):
    row = letter(late)
    services.change(row.id, {"note": "delivered"})
    services.change(row.id, {"evidence": "EMS 2", "done_on": DAY - dt.timedelta(days=2)})
    (act,) = acts()
    assert (act.evidence, act.done_on) == ("EMS 2", DAY - dt.timedelta(days=2))
    services.change(row.id, {"is_demand": False})
    assert acts() == []
    services.change(row.id, {"is_demand": True})
    (again,) = acts()
    assert db.session.get_one(CollectionContact, row.id).legal_act_id == again.id


def test_a_demand_to_a_guarantor_is_against_him(late: Loan):
    person = guarantor_of(late, name="Own")
    letter(late, whom=Whom.GUARANTOR, guarantor=person.id, channel=Channel.LAWYER)
    assert [act.guarantor_id for act in acts()] == [person.id]


def test_without_evidence_or_as_a_call_it_is_no_demand(late: Loan):
    for evidence in (None, "", "  "):
        with pytest.raises(InvalidValues) as raised:
            letter(late, evidence=evidence)
        assert list(raised.value.fields) == ["evidence"]
        db.session.rollback()
    for channel in set(Channel) - {Channel.LETTER, Channel.LAWYER}:
        with pytest.raises(InvalidValues) as raised:
            letter(late, channel=channel)
        assert list(raised.value.fields) == ["is_demand"]
        db.session.rollback()
    assert acts() == []
    assert db.session.scalar(select(func.count()).select_from(CollectionContact)) == 0


def test_a_letter_that_is_no_demand_leaves_limitation_alone(late: Loan):
    letter(late, is_demand=False, evidence=None)
    assert acts() == []
