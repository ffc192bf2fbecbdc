"""The pages on which finance books money: what is shown before it is booked, what is refused and where."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from sqlalchemy import select

from portal.core.clock import BusinessDay
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.loans.bank_lines import BankLine
from portal.loans.disbursement import disburse
from portal.loans.models import Loan, Repayment, RepaymentKind
from portal.loans.quotes import quote
from portal.loans.receipts import HeldReceipt
from portal.loans.statement import StatementLine, take_in
from portal.loans.write_offs import write_off
from portal.products.models import Product
from tests.world import TODAY, World

LENT = TODAY - dt.timedelta(days=45)


@pytest.fixture(scope="module")
def lent(world: World) -> int:
    """12,000 yuan over a year at 12 % to a customer of a1, paid out 45 days ago: 1,066.19 yuan are 14 days late."""
    with world.app.app_context(), acting(SYSTEM):
        with unit_of_work("tests.date"):
            db.session.get_one(BusinessDay, 1).open_date = TODAY
        customer = db.session.get_one(Customer, world.customers["C-A-a1-0"])
        product = db.session.scalars(select(Product)).one()
        return int(disburse("L-page", customer, product, 1_200_000, 120_000, 12, LENT).id)


def send(world: World, login: str, path: str, step: str, **values: str):
    """Post a page as its form would."""
    client = world.login(login)
    page = client.get(path).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    data = {"csrf_token": token[1] if token else "", "step": step, **values}
    return client.post(path, data=data, headers={"Accept-Language": "en"})


def rows(world: World, model: type, code: str) -> list:
    with world.app.app_context(), acting(SYSTEM):
        return list(db.session.scalars(select(model).where(model.code == code)))


def test_the_preview_books_nothing_and_the_confirmation_does(world: World, lent: int):
    path = f"/servicing/pay/{lent}"
    typed = {"code": "P-1", "amount": "1,200.00", "value_date": TODAY.isoformat(), "surplus": "hold"}
    shown = send(world, "finance", path, "preview", **typed)
    text = shown.get_data(as_text=True)
    assert shown.status_code == 200
    assert "946.19" in text, "principal of the first instalment"
    assert "7.46" in text, "1,066.19 x 12 % x 1.5 x 14 / 360, half up"
    assert "126.35" in text, "held for the customer: 1,200.00 - 1,066.19 - 7.46"
    assert rows(world, Repayment, "P-1") == []
    done = send(world, "finance", path, "book", **typed)
    assert done.status_code == 302
    (repayment,), (held,) = rows(world, Repayment, "P-1"), rows(world, HeldReceipt, "P-1")
    assert (repayment.amount, held.rest) == (107_365, 12_635)
    page = world.login("finance").get(done.headers["Location"]).get_data(as_text=True)
    assert "946.19" in page


def test_money_for_a_written_off_loan_is_a_recovery_and_more_than_is_owed_is_held(world: World, lent: int):
    with world.app.app_context(), acting(SYSTEM):
        loan = db.session.get_one(Loan, lent)
        lost = disburse("L-lost", loan.customer, loan.product, 1_200_000, 120_000, 12, LENT).id
        write_off(db.session.get_one(Loan, lost), TODAY, "no trace of the debtor")
        owed = quote(db.session.get_one(Loan, lost), TODAY).total
    assert owed > 1_200_000 + 12_000, "principal, and more than a month's interest"
    path = f"/servicing/pay/{lost}"
    assert f"{owed / 100:.2f}" in world.login("finance").get(path).get_data(as_text=True), "what most people pay"
    typed = {"code": "P-lost", "amount": "20,000.00", "value_date": TODAY.isoformat(), "surplus": "hold"}
    text = send(world, "finance", path, "preview", **typed).get_data(as_text=True)
    for shown in ("booked as a recovery", "12,000.00", f"{(2_000_000 - owed) / 100:,.2f}"):
        assert shown in text, shown
    assert rows(world, Repayment, "P-lost") == []
    assert send(world, "finance", path, "book", **typed).status_code == 302
    (repayment,), (held,) = rows(world, Repayment, "P-lost"), rows(world, HeldReceipt, "P-lost")
    assert (repayment.amount, repayment.kind, held.rest) == (owed, RepaymentKind.RECOVERY, 2_000_000 - owed)
    assert world.login("finance").get(f"/settlement/quote/{lost}").status_code == 200


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"amount": "0"}, "more than zero"),
        ({"amount": "-5"}, "more than zero"),
        ({"amount": "1.005"}, "at most two decimals"),
        ({"amount": "a lot"}, "is not a number"),
        ({"amount": ""}, "This is needed"),
        ({"code": ""}, "This is needed"),
        ({"value_date": (TODAY + dt.timedelta(days=1)).isoformat()}, "has not happened yet"),
        ({"value_date": (LENT - dt.timedelta(days=1)).isoformat()}, "only disbursed on"),
        ({"value_date": "tomorrow"}, "is not a date"),
        ({"surplus": "keep"}, "is none of"),
        ({"designated": "three"}, "by number"),
        ({"designated": "99"}, "nothing is owed"),
    ],
)
def test_nonsense_is_told_and_nothing_typed_is_lost(world: World, lent: int, values: dict, sentence: str):
    typed = {"code": "P-2", "amount": "50.00", "value_date": TODAY.isoformat(), "surplus": "hold", "note": "kept note"}
    for step in ("preview", "book"):
        answer = send(world, "finance", f"/servicing/pay/{lent}", step, **(typed | values))
        text = answer.get_data(as_text=True)
        assert answer.status_code == 422, (step, values)
        assert sentence in text
        assert "kept note" in text
    assert rows(world, Repayment, "P-2") == []


def test_nobody_but_finance_books_and_a_loan_that_is_not_there_is_not_found(world: World, lent: int):
    for login in ("branch_head", "customer_manager", "audit", "risk", "committee"):
        client = world.login(login)
        assert client.get(f"/servicing/pay/{lent}").status_code == 403
        assert "/servicing/" not in client.get(f"/loanview/show/{lent}").get_data(as_text=True)
    assert world.login("finance").get("/servicing/pay/987654321").status_code == 404
    assert f"/servicing/pay/{lent}" in world.login("finance").get(f"/loanview/show/{lent}").get_data(as_text=True)


def test_a_receipt_is_entered_cleared_and_given_back_on_the_screen(world: World, lent: int):
    client = world.login("finance")
    page = client.get("/heldreceiptview/add").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    data = {"csrf_token": token[1], "code": "H-1", "amount": "300.00", "value_date": TODAY.isoformat(), "payer": "?"}
    assert client.post("/heldreceiptview/add", data=data).status_code == 302
    again = client.post("/heldreceiptview/add", data=data | {"amount": "5"})
    assert again.status_code == 422
    (held,) = rows(world, HeldReceipt, "H-1")
    typed = {"loan": str(lent), "amount": "100.00", "value_date": TODAY.isoformat()}
    assert send(world, "finance", f"/clearing/clear/{held.id}", "preview", **typed).status_code == 200
    assert send(world, "finance", f"/clearing/clear/{held.id}", "book", **typed).status_code == 302
    too_much = send(world, "finance", f"/clearing/clear/{held.id}", "book", **(typed | {"amount": "200.01"}))
    assert too_much.status_code == 422
    back = {"amount": "200.00", "value_date": TODAY.isoformat(), "reason": "not ours"}
    assert send(world, "finance", f"/clearing/give_back/{held.id}", "book", **back).status_code == 302
    (held,) = rows(world, HeldReceipt, "H-1")
    assert held.rest == 0
    with world.app.app_context(), acting(SYSTEM):
        made = db.session.scalars(select(Repayment).where(Repayment.held_id == held.id)).one()
        assert (made.code, made.amount, made.loan_id) == ("H-1", 10_000, lent)


def test_a_payment_is_reversed_from_its_record(world: World, lent: int):
    typed = {"code": "P-9", "amount": "10.00", "value_date": TODAY.isoformat(), "surplus": "ahead"}
    place = send(world, "finance", f"/servicing/pay/{lent}", "book", **typed).headers["Location"]
    page = world.login("finance").get(place).get_data(as_text=True)
    found = re.search(r'href="(/reversals/reverse/\d+)"', page)
    assert found
    assert send(world, "finance", found[1], "book", reason="").status_code == 422
    assert send(world, "finance", found[1], "book", reason="typed for the wrong loan").status_code == 302
    assert rows(world, Repayment, "P-9") == [], "its number is free again"
    assert "reversed on" in world.login("finance").get(place, headers={"Accept-Language": "en"}).get_data(as_text=True)
    with world.app.app_context(), acting(SYSTEM):
        assert db.session.get_one(Loan, lent).code == "L-page"


def test_a_quote_is_a_page_and_json_and_settles_the_loan(world: World):
    with world.app.app_context(), acting(SYSTEM):
        customer = db.session.get_one(Customer, world.customers["C-A-a1-1"])
        product = db.session.scalars(select(Product)).one()
        loan = disburse("L-quote", customer, product, 1_200_000, 120_000, 12, TODAY - dt.timedelta(days=10)).id
    told = world.login("a1").get(f"/settlement/json/{loan}").get_json()
    # 120.00 of interest for the 30 days of June's period, of which 10 have passed: 40.00.
    assert (told["total"], told["parts"]["interest_running"]) == ("12040.00", "40.00")
    assert told["valid_until"] == TODAY.isoformat()
    later = TODAY + dt.timedelta(days=5)
    assert world.login("a1").get(f"/settlement/json/{loan}?on={later}").get_json()["total"] == "12060.00"
    page = world.login("a1").get(f"/settlement/quote/{loan}").get_data(as_text=True)
    assert "12,040.00" in page
    assert "/servicing/settle/" not in page, "a customer manager tells it, finance books it"
    assert world.login("a1").get(f"/settlement/json/{loan}?on=never").status_code == 422
    assert world.login("b1").get(f"/settlement/json/{loan}").status_code == 404
    typed = {"code": "S-1", "amount": "12,000.00", "value_date": TODAY.isoformat()}
    wrong = send(world, "finance", f"/servicing/settle/{loan}", "book", **typed)
    assert wrong.status_code == 422
    assert "12,040.00" in wrong.get_data(as_text=True)
    right = send(world, "finance", f"/servicing/settle/{loan}", "book", **(typed | {"amount": "12040"}))
    assert right.status_code == 302
    assert world.login("a1").get(f"/settlement/json/{loan}").status_code == 409


def test_an_early_repayment_shows_the_schedule_before_and_after(world: World):
    with world.app.app_context(), acting(SYSTEM):
        customer = db.session.get_one(Customer, world.customers["C-A-a1-2"])
        product = db.session.scalars(select(Product)).one()
        loan = disburse("L-early", customer, product, 1_200_000, 120_000, 12, TODAY).id
    path = f"/servicing/prepay/{loan}"
    typed = {"code": "E-1", "principal": "6000", "how": "lower", "value_date": TODAY.isoformat()}
    text = send(world, "finance", path, "preview", **typed).get_data(as_text=True)
    # 6,000.00 at 1 % a month over 12 months: 6,000 x 0.01 / (1 - 1.01^-12) = 533.09.
    assert "1,066.19" not in text
    assert "533.09" in text
    assert "6,000.00" in text
    assert rows(world, Repayment, "E-1") == []
    assert send(world, "finance", path, "book", **typed).status_code == 302
    assert send(world, "finance", path, "book", **(typed | {"code": "E-2", "principal": "0"})).status_code == 422


def test_a_bank_statement_is_worked_down_on_the_screen(world: World, lent: int):
    with world.app.app_context(), acting(SYSTEM):
        rows_in = [
            StatementLine("BK-1", TODAY, 5_000, "cust-A-a1-0", "6222020200998877665", "instalment"),
            StatementLine("BK-2", TODAY, 700, "Somebody", None, "what is this"),
            StatementLine("BK-3", TODAY, -900, "The bank", None, "charges"),
        ]
        assert take_in(rows_in) == 3
        ids = dict(db.session.execute(select(BankLine.code, BankLine.id)).all())
    page = world.login("finance").get("/reconciliation/").get_data(as_text=True)
    assert [code for code in ("BK-1", "BK-2", "BK-3") if f'/reconciliation/ignore/{ids[code]}"' in page]
    assert "cust-A-a1-0" in page
    assert "…7665" in page
    assert "6222020200998877665" not in page
    assert world.login("branch_head").get("/reconciliation/").status_code == 403
    typed = {"loan": str(lent), "surplus": "hold"}
    assert send(world, "finance", f"/reconciliation/book/{ids['BK-1']}", "preview", **typed).status_code == 200
    assert send(world, "finance", f"/reconciliation/book/{ids['BK-1']}", "book", **typed).status_code == 302
    again = send(world, "finance", f"/reconciliation/book/{ids['BK-1']}", "book", **typed)
    assert again.status_code == 422
    assert send(world, "finance", f"/reconciliation/hold/{ids['BK-2']}", "book").status_code == 302
    assert send(world, "finance", f"/reconciliation/ignore/{ids['BK-3']}", "book", reason="").status_code == 422
    done = send(world, "finance", f"/reconciliation/ignore/{ids['BK-3']}", "book", reason="bank charges")
    assert done.status_code == 302
    page = world.login("finance").get("/reconciliation/", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert not [code for code in ("BK-1", "BK-2", "BK-3") if f'/reconciliation/ignore/{ids[code]}"' in page]
    ignored = world.login("finance").get("/reconciliation/?state=ignored").get_data(as_text=True)
    assert "bank charges" in ignored
