"""What secures a loan, and what runs out when."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text

from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.records import problems
from portal.guarantees import services
from portal.guarantees.clocks import refresh_all
from portal.guarantees.models import (
    Clock,
    ClockKind,
    CollateralItem,
    GuaranteeContract,
    GuaranteeKind,
    Guarantor,
    LegalAct,
    Litigation,
    LitigationState,
    RepossessedAsset,
)
from portal.guarantees.rules import Act, Liability
from portal.loans.models import Guarantee, Loan
from portal.loans.repayments import repay, settle_early
from tests.portal.loans.conftest import START, Company, open_on

DUE = dt.date(2026, 4, 5)
"""Loans here are for three months from 5 January 2026."""
PARTY = {"name": "Wang Wu"}


def lend(company: Company) -> Loan:
    return company.lend(count=3)


def contract(loan: Loan, kind: GuaranteeKind = GuaranteeKind.GUARANTOR, **values: Any) -> GuaranteeContract:
    given = {"code": f"{kind}-{loan.code}", "loan": loan.id, "kind": kind, "secured": 1_200_000, "signed_on": START}
    if kind is GuaranteeKind.GUARANTOR:
        given["liability"] = Liability.JOINT
    return services.add(GuaranteeContract, given | values)  # type: ignore[no-any-return]


def guarantor(held: GuaranteeContract, **values: Any) -> Guarantor:
    return services.add_part(Guarantor, {"contract": held.id, **(values or PARTY)})  # type: ignore[no-any-return]


def house(held: GuaranteeContract, **values: Any) -> CollateralItem:
    given = {"thing": "house", "appraised_value": 2_000_000, "appraiser": "firm", "appraised_on": START}
    return services.add_part(CollateralItem, {"contract": held.id, **given, **values})  # type: ignore[no-any-return]


def demand(loan: Loan, on: dt.date, **values: Any) -> LegalAct:
    given = {"loan": loan.id, "act": Act.DEMAND, "done_on": on, "evidence": "letter"}
    return services.add(LegalAct, given | values)  # type: ignore[no-any-return]


def clocks() -> dict[ClockKind, dt.date]:
    return dict(db.session.execute(select(Clock.kind, Clock.runs_out_on)).all())


def test_what_a_loan_is_called_secured_by_follows_from_its_contracts(company: Company):
    loan = lend(company)
    assert loan.guarantee is Guarantee.CREDIT
    persons = contract(loan)
    assert loan.guarantee is Guarantee.GUARANTOR
    mortgage = contract(loan, GuaranteeKind.MORTGAGE)
    assert loan.guarantee is Guarantee.MORTGAGE
    services.change(GuaranteeContract, mortgage.id, {"kind": GuaranteeKind.PLEDGE})
    assert loan.guarantee is Guarantee.PLEDGE
    services.remove(GuaranteeContract, mortgage.id)
    assert loan.guarantee is Guarantee.GUARANTOR
    services.change(GuaranteeContract, persons.id, {"kind": GuaranteeKind.JOINT_GROUP})
    assert loan.guarantee is Guarantee.GUARANTOR


def test_what_the_ledger_said_stands_until_a_contract_is_recorded(company: Company):
    loan = company.lend(guarantee=Guarantee.PLEDGE)
    demand(loan, START)
    assert loan.guarantee is Guarantee.PLEDGE


def test_a_guarantee_is_released_only_once_the_loan_is_paid_back(company: Company):
    loan = lend(company)
    held = contract(loan, GuaranteeKind.MORTGAGE)
    with pytest.raises(Refused, match="not paid back"):
        services.release(held.id)
    settle_early(loan, START, "R")
    assert services.release(held.id).released_on == START
    assert loan.guarantee is Guarantee.MORTGAGE, "what secured it stays known"
    with pytest.raises(Refused, match="was released on 2026-01-05"):
        services.release(held.id)
    with pytest.raises(InvalidValues, match="was released"):
        house(held)


def test_the_guarantee_period_runs_from_the_due_date_and_a_demand_within_it_holds_the_guarantor(company: Company):
    loan = lend(company)
    person = guarantor(contract(loan))
    assert clocks() == {ClockKind.GUARANTEE_PERIOD: dt.date(2026, 10, 5)}
    open_on(dt.date(2026, 7, 1))
    demand(loan, dt.date(2026, 7, 1), guarantor=person.id)
    assert clocks() == {
        ClockKind.LIMITATION: dt.date(2029, 4, 5),
        ClockKind.GUARANTEE_LIMITATION: dt.date(2029, 7, 1),
    }


def test_a_general_guarantor_is_not_held_by_a_letter(company: Company):
    loan = lend(company)
    person = guarantor(contract(loan, liability=None, agreed_until=dt.date(2027, 1, 1)))
    open_on(dt.date(2026, 7, 1))
    demand(loan, dt.date(2026, 7, 1), guarantor=person.id)
    assert clocks()[ClockKind.GUARANTEE_PERIOD] == dt.date(2027, 1, 1)


def test_limitation_begins_anew_with_a_payment_and_a_demand(company: Company):
    loan = lend(company)
    contract(loan)
    open_on(dt.date(2026, 5, 1))
    refresh_all()
    assert clocks() == {ClockKind.LIMITATION: dt.date(2029, 4, 5)}
    repay(loan, 1_000, dt.date(2026, 5, 1), "R1")
    refresh_all()
    assert clocks() == {ClockKind.LIMITATION: dt.date(2029, 5, 1)}
    open_on(dt.date(2026, 6, 1))
    demand(loan, dt.date(2026, 6, 1))
    assert clocks() == {ClockKind.LIMITATION: dt.date(2029, 6, 1)}


def test_limitation_does_not_run_while_a_lawsuit_is_pending(company: Company):
    loan = lend(company)
    open_on(dt.date(2026, 8, 1))
    given = {"code": "case", "loan": loan.id, "court": "court", "filed_on": dt.date(2026, 6, 1)}
    case = services.add(Litigation, given | {"state": LitigationState.FILED})
    assert clocks() == {}
    closed = {"state": LitigationState.CLOSED, "closed_on": dt.date(2026, 8, 1)}
    services.change(Litigation, case.id, closed)
    assert clocks() == {ClockKind.LIMITATION: dt.date(2029, 8, 1)}


def test_appraisals_registrations_and_taken_over_assets_are_reminded_of(company: Company):
    loan = lend(company)
    day = dt.timedelta(days=1)
    house(
        contract(loan, GuaranteeKind.MORTGAGE),
        reappraise_on=START + day,
        registered_on=START,
        registered_until=START + 2 * day,
    )
    values = {
        "code": "a",
        "loan": loan.id,
        "thing": "car",
        "received_on": START,
        "value": 5,
        "dispose_by": START + 3 * day,
    }
    asset = services.add(RepossessedAsset, values)
    wanted = {
        ClockKind.APPRAISAL: START + day,
        ClockKind.REGISTRATION: START + 2 * day,
        ClockKind.DISPOSAL: START + 3 * day,
    }
    assert clocks() == wanted
    services.change(RepossessedAsset, asset.id, {"disposed_on": START, "proceeds": 4})
    assert clocks() == {kind: on for kind, on in wanted.items() if kind is not ClockKind.DISPOSAL}
    settle_early(loan, START, "R")
    refresh_all()
    assert clocks() == {}


def test_an_outside_guarantors_numbers_are_sealed_under_a_key_of_his_own(company: Company):
    person = guarantor(contract(lend(company)), name="Wang Wu", phone="13800138000", resident_id="110101199003074514")
    stored = db.session.execute(text("SELECT phone_sealed, resident_id_sealed FROM guarantor")).one()
    assert person.phone == "13800138000"
    assert all(b"138" not in bytes(value) for value in stored)
    person.erase()
    assert person.phone is None and person.resident_id is None


def test_what_makes_no_sense_is_refused_at_its_field(company: Company):
    loan, other = lend(company), lend(company)
    persons, things = contract(loan), contract(loan, GuaranteeKind.MORTGAGE)
    person = guarantor(persons)

    def wrong(model: Any, **values: Any) -> list[str]:
        return list(problems(model, values))

    thing = {"thing": "house", "appraised_value": 1, "appraiser": "firm", "appraised_on": START}
    letter = {"act": Act.DEMAND, "evidence": "letter"}
    case = {"code": "c", "loan": loan.id, "court": "court", "filed_on": START}
    asset = {"code": "a", "loan": loan.id, "thing": "car", "received_on": START, "value": 1, "dispose_by": START}
    assert wrong(Guarantor, contract=persons.id) == ["customer"]
    assert wrong(Guarantor, contract=things.id, **PARTY) == ["contract"]
    assert wrong(Guarantor, contract=persons.id, customer=loan.customer_id) == ["customer"]
    assert wrong(CollateralItem, contract=persons.id, **thing) == ["contract"]
    assert wrong(CollateralItem, contract=things.id, reappraise_on=START, **thing) == ["reappraise_on"]
    assert wrong(LegalAct, loan=loan.id, done_on=START + dt.timedelta(days=1), **letter) == ["done_on"]
    assert wrong(LegalAct, loan=other.id, done_on=START, guarantor=person.id, **letter) == ["guarantor"]
    assert wrong(Litigation, state=LitigationState.JUDGED, **case) == ["judged_on"]
    assert wrong(Litigation, state=LitigationState.CLOSED, **case) == ["closed_on"]
    assert wrong(RepossessedAsset, disposed_on=START, **asset) == ["proceeds"]
