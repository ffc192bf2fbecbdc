"""The statement of the all-in cost: on the screen, as PDF, for an offer and for a loan, in both languages."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.products.models import Product
from tests.world import World

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

TERMS = {"amount": "10000", "rate": "12", "count": "12", "disbursed_on": "2026-06-30"}


@pytest.fixture(scope="module")
def product_id(world: World) -> str:
    with world.app.app_context(), acting(SYSTEM):
        return str(db.session.scalars(select(Product.id)).first())


def asked(product_id: str, **changed: Any) -> dict[str, Any]:
    return {"product": product_id, **TERMS, **changed}


def test_the_calculator_shows_both_rates_the_schedule_and_the_verdict(world: World, product_id: str):
    page = world.login("a1").get("/all-in-cost/", query_string=asked(product_id)).get_data(as_text=True)
    assert "This offer may be made." in page and "12.67 %" in page and "11.99 %" in page
    assert page.count("2027-06-30") == 1 and "888.49" in page  # 10,000 at 1 % a month over 12: 888.49


def test_fees_and_an_offer_beyond_the_limit_are_told_at_once(world: World, product_id: str):
    query = asked(product_id, rate="24", fees="F1")  # the insurer gets 1 % of the amount at signing
    page = world.login("a1").get("/all-in-cost/", query_string=query).get_data(as_text=True)
    assert "This offer cannot be paid out." in page and "beyond the limit of 24 %" in page
    assert "100.00" in page and "Insurer" in page


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"amount": "ten"}, "ten"),
        ({"amount": ""}, "This is needed."),
        ({"rate": "99"}, "The product allows rates from 0.00 % to 24.00 %."),
        ({"count": "0"}, "The product allows terms from 1 to 60 months."),
        ({"disbursed_on": "2026-02-30"}, "2026-02-30"),
        ({"first_due_on": "2026-06-30"}, "The first due date must be after the disbursement."),
        ({"fees": "NOPE"}, "NOPE is no item of the fee catalogue in force on 2026-06-30"),
        ({"fees": "TAKEN-OVER"}, "TAKEN-OVER is no item"),
        ({"product": "999"}, "Choose a product that is on offer."),
        ({"product": "x"}, "Choose a product that is on offer."),
        ({"disbursed_on": "9999-12-31"}, "The last due date must be before the year 9999."),
        ({"disbursed_on": "1999-12-31"}, "is in force on 1999-12-31"),
    ],
)
def test_what_was_typed_wrong_is_told_at_its_field_and_stays(
    world: World, product_id: str, changed: dict[str, str], sentence: str
):
    answer = world.login("a1").get("/all-in-cost/", query_string=asked(product_id, **changed))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and sentence in page
    assert "This offer may be made." not in page
    assert f'value="{changed.get("count", "12")}"' in page


@pytest.mark.pdf
@pytest.mark.parametrize(("language", "words"), [("en", "Please read before you sign"), ("zh", "签字前请阅读")])
def test_the_statement_has_everything_on_the_page_that_is_signed(
    world: World, product_id: str, language: str, words: str
):
    query = asked(product_id, fees="F1", language=language)
    answer = world.login("a1").get("/all-in-cost/pdf", query_string=query)
    assert answer.mimetype == "application/pdf"
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages]
    assert len(pages) == 2
    for figure in ("12.00", "100.00", "18.00", words):  # contract rate, fee, penalty rate, what to read
        assert figure in pages[0]
    assert "2027-06-30" in pages[1]


@pytest.mark.pdf
def test_a_loan_has_its_statement_for_whoever_sees_it(world: World):
    own, others = world.loans["LOAN-A-a1-0"], world.loans["LOAN-B-b1-0"]
    client = world.login("a1")
    text = PdfReader(io.BytesIO(client.get(f"/all-in-cost/loan/{own}?language=en").data)).pages[0].extract_text()
    assert "LOAN-A-a1-0" in text and "cust-A-a1-0" in text and "10,000.00" in text
    assert client.get(f"/all-in-cost/loan/{others}").status_code == 404
    assert client.get("/all-in-cost/loan/99999").status_code == 404
    assert client.get("/all-in-cost/loan/x").status_code == 404


def test_the_record_of_a_loan_leads_to_its_statement(world: World):
    number = world.loans["LOAN-A-a1-0"]
    assert f"/all-in-cost/loan/{number}" in world.login("a1").get(f"/loanview/show/{number}").get_data(as_text=True)
    assert "/all-in-cost/" not in world.login("committee").get(f"/loanview/show/{number}").get_data(as_text=True)


@pytest.mark.pdf
def test_words_typed_for_a_formula_or_markup_stay_words(world: World, product_id: str):
    answer = world.login("a1").get("/all-in-cost/", query_string=asked(product_id, amount="<script>alert(1)</script>"))
    assert "<script>alert(1)" not in answer.get_data(as_text=True)
