"""Erasing a person: refused while something stands against it, complete when it is allowed, figures untouched."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.engine import make_url

from portal.core import files, jobs
from portal.core.audit import AuditEntry
from portal.core.db import Model, db
from portal.core.key_ring import MissingKey, key_ring, opened
from portal.core.metric import evaluate, metrics
from portal.core.notifications import Notification
from portal.core.reveal import RevealReason, reveal, sealed_note
from portal.core.scope import SYSTEM, acting, unscoped
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from portal.customers.facts import CustomerFact
from portal.customers.models import Customer
from portal.customers.statements import FinancialStatement
from portal.loans.models import Loan, LoanStatus
from portal.persons import services
from portal.persons.models import PersonRequest, RequestChannel, RequestKind, RequestState
from portal.risk.checks import PostLoanCheck
from tests.world import TODAY, World

NAME, PHONE, RESIDENT_ID = "欧阳绝无仅有", "13787654321", "110101199003074514"
PLACE, ACCOUNT, CONTENT = "栖霞市独一无二路九十九号", "6222020200998877665", "年收入二十三万独有内容"
PLAIN = (NAME, PHONE, RESIDENT_ID, PLACE, ACCOUNT, CONTENT, "ouyangjuewujinyou")


@pytest.fixture
def context(fresh: World):
    with fresh.app.app_context(), acting(SYSTEM):
        yield fresh


def person(world: World) -> Customer:
    """A customer whose only loan was settled long ago, known under unmistakable values."""
    with unit_of_work("tests.person"):
        row = db.session.get_one(Customer, world.customers["C-A-a1-0"])
        row.name, row.phone, row.resident_id = NAME, PHONE, RESIDENT_ID
        row.address, row.bank_account = PLACE, ACCOUNT
        fact = db.session.scalars(select(CustomerFact).where(CustomerFact.customer_id == row.id)).one()
        fact.content = CONTENT
        loan = db.session.scalars(select(Loan).where(Loan.customer_id == row.id)).one()
        loan.status, loan.closed_on = LoanStatus.SETTLED, dt.date(2010, 1, 1)
    return row


def request_for(row: Customer, kind: RequestKind, code: str = "R1") -> PersonRequest:
    with unit_of_work("tests.request"):
        request = PersonRequest(
            code=code, customer_id=row.id, kind=kind, channel=RequestChannel.COUNTER, received_on=TODAY
        )
        request.wanted = f"please, {NAME}"
        db.session.add(request)
    return request


def figures() -> dict[str, Any]:
    return {key: dict(evaluate([key]).total) for key in metrics if not metrics[key].internal}


def everything_stored(world: World) -> bytes:
    """All that the database and the file store hold, as bytes."""
    url = make_url(world.app.config["SQLALCHEMY_DATABASE_URI"])
    folder = Path(world.app.instance_path) / "files"
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        others = [path.with_name(path.name + suffix) for suffix in ("-wal", "-journal")]
        return kept + path.read_bytes() + b"".join(p.read_bytes() for p in others if p.exists())
    with unscoped("a test reads every table"), db.engine.connect() as connection:
        for table in inspect(db.engine).get_table_names():
            with unscoped("a test reads every table"):
                for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                    for value in row:
                        kept += value if isinstance(value, bytes) else str(value).encode()
    return kept


@pytest.mark.parametrize("ground", ["open_loan", "dispute", "retention"])
def test_it_is_refused_with_the_reason_while_something_stands_against_it(context: World, ground: str):
    row = person(context)
    with unit_of_work("tests.bond"):
        loan = db.session.scalars(select(Loan).where(Loan.customer_id == row.id)).one()
        if ground == "open_loan":
            loan.status, loan.closed_on = LoanStatus.ACTIVE, None
        elif ground == "dispute":
            row.disputed_on = TODAY
        else:
            loan.closed_on = dt.date(2020, 5, 1)
    request = request_for(row, RequestKind.ERASURE)
    done = services.carry_out(request.id)
    assert done.state is RequestState.REFUSED
    words = {"open_loan": "A loan is still open", "dispute": "A dispute is pending", "retention": "until 2030-05-01"}
    assert words[ground] in (done.reason or "")
    assert (row.name, row.phone) == (NAME, PHONE)


def test_everything_personal_is_gone_figures_stay_and_old_copies_stay_shut(context: World):
    row = person(context)
    with unit_of_work("tests.check"):
        of_loans = PostLoanCheck.loan_id.in_(select(Loan.id).where(Loan.customer_id == row.id))
        for check in db.session.scalars(select(PostLoanCheck).where(of_loans)).all():
            check.flow = check.breach_note = check.evidence = NAME
    stored_before = everything_stored(context)
    assert NAME.encode() in stored_before
    assert not any(word.encode() in stored_before for word in (PHONE, RESIDENT_ID, PLACE, ACCOUNT, CONTENT))
    with acting(actor_for_username("compliance"), "Customer", "reveal"):
        assert reveal(row, "phone", RevealReason.CONTACT, NAME) == PHONE
    copy = {"data_key": row.data_key, "phone": row.phone_sealed, "note": sealed_note(row, NAME)}
    with unit_of_work("tests.rename"):
        row.name = NAME + "二"
    with unit_of_work("tests.rename"):
        row.name = NAME
    asked = request_for(row, RequestKind.ACCESS, "R0")
    services.keep_copy(asked.id, {"pdf": f"%PDF {NAME}".encode(), "json": b"{}"})
    assert NAME.encode() in services.open_copy(asked.id, "pdf").read()
    before, number, audited = figures(), row.id, db.session.query(AuditEntry).count()

    done = services.carry_out(request_for(row, RequestKind.ERASURE).id)

    assert done.state is RequestState.GRANTED
    row = db.session.get_one(Customer, number)
    assert row.name == "已删除 / Erased C-A-a1-0"
    assert row.erased_on == TODAY
    of_person = FinancialStatement.customer_id == row.id
    assert db.session.scalar(select(func.count()).select_from(FinancialStatement).where(of_person)) == 0
    assert (row.phone, row.resident_id, row.address, row.bank_account, row.data_key) == (None,) * 5
    assert (row.phone_index, row.phone_tail, row.resident_id_index, row.resident_id_tail) == (None,) * 4
    assert figures() == before
    assert db.session.query(AuditEntry).count() > audited
    db.session.rollback()
    stored = everything_stored(context)
    assert [word for word in PLAIN if word.encode() in stored] == []
    with pytest.raises(services.NotFound):
        services.open_copy(asked.id, "pdf")
    # An old copy of the sealed value does not open with anything that is left; with the old wrapped key it would.
    assert opened(key_ring().cipher(copy["data_key"]), copy["phone"], b"phone").decode() == PHONE
    kept = context.app.extensions["key_ring"]
    context.app.extensions["key_ring"] = type(kept)("2027a:" + "b1f2" * 16)
    with pytest.raises(MissingKey):
        key_ring().cipher(copy["data_key"])
    context.app.extensions["key_ring"] = kept
    assert copy["data_key"] not in stored


def test_nobody_who_was_erased_gets_data_again_under_the_old_record(context: World):
    row = person(context)
    number = row.id
    services.carry_out(request_for(row, RequestKind.ERASURE).id)
    client = context.login("branch_head")
    answer = client.put(f"/api/v1/customer/{number}", json={"phone": "13900001111"})
    assert answer.status_code in (400, 422)
    with acting(SYSTEM):
        assert db.session.get_one(Customer, number).phone is None


def test_the_copy_holds_every_field_in_plain(context: World):
    row = person(context)
    request = request_for(row, RequestKind.ACCESS)
    code, name, parts = services.gathered(request.id)
    held = json.loads(services.as_json(code, parts))
    assert name == NAME
    assert held["customer"][0]["phone"] == PHONE
    assert held["customer"][0]["address"] == PLACE
    assert held["facts"][0]["content"] == CONTENT
    assert held["loans"][0]["code"] == "LOAN-A-a1-0"
    assert {"consents", "payments", "related_parties", "requests", "files", "trail", "opened", "exports"} <= held.keys()
    assert any(line["what"] == "tests.person" for line in held["trail"])


def test_the_job_prints_the_copy_and_tells_whoever_asked(context: World):
    row = person(context)
    request = request_for(row, RequestKind.ACCESS)
    number, compliance = request.id, actor_for_username("compliance")
    with acting(compliance, "PersonRequest", "run"):
        job_id = services.carry_out(number).job_id
    assert job_id is not None
    jobs.run(job_id)
    db.session.rollback()
    job = db.session.get_one(jobs.Job, job_id)
    assert (job.state, job.message) == (jobs.JobState.DONE, "")
    assert services.open_copy(number, "pdf").read().startswith(b"%PDF")
    assert NAME in services.open_copy(number, "json").read().decode()
    told = db.session.scalars(select(Notification).where(Notification.user_id == compliance.user_id)).all()
    assert [message.key for message in told] == ["person_copy_ready"]


def test_a_copy_at_rest_is_sealed_with_the_persons_key(context: World):
    row = person(context)
    request = request_for(row, RequestKind.ACCESS)
    services.keep_copy(request.id, {"json": NAME.encode()})
    assert request.json is not None
    with files.open_file(request.json) as file:
        assert NAME.encode() not in file.read()
    assert services.open_copy(request.id, "json").read() == NAME.encode()


def test_a_refusal_by_hand_needs_a_reason_and_erasure_is_not_granted_by_saying_so():
    values = {"kind": RequestKind.ERASURE, "state": RequestState.GRANTED}
    assert "state" in PersonRequest.check_values(values, None)
    assert "reason" in PersonRequest.check_values({**values, "state": RequestState.REFUSED}, None)
    assert PersonRequest.check_values({"kind": RequestKind.CORRECTION, "state": RequestState.GRANTED}, None) == {}


def test_the_models_with_keys_are_all_known():
    sealed = {m.class_.__name__ for m in Model.registry.mappers if getattr(m.class_, "__sealed__", None)}
    assert sealed >= {"Customer", "CustomerFact", "PersonRequest"}
