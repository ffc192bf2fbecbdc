"""A price is the LPR and the parts kept for the product, the grade and the group (C37)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from portal.core.errors import InvalidValues
from portal.core.records import add, change
from portal.customers.models import CustomerType
from portal.parameters.services import set_parameter
from portal.pricing.gate import LPR
from portal.pricing.models import Grade, PriceKind, PricePart
from portal.pricing.prices import price_of
from tests.portal.loans.conftest import START, Company

HIGHEST = "lowered to the highest rate of the product"
FUNDING, RISK, DIFFERENTIAL = PriceKind.FUNDING, PriceKind.RISK, PriceKind.DIFFERENTIAL


def part(code: str, kind: PriceKind, rate: int, **values: Any) -> PricePart:
    given = {"valid_from": dt.date(2025, 1, 1), "source": "decision"} | values
    return add(PricePart, {"code": code, "kind": kind, "rate": rate, **given})  # type: ignore[no-any-return]


def test_a_price_adds_up_what_counts_for_the_case(company: Company):
    product, farmer = company.product(), CustomerType.FARMER
    part("1", FUNDING, 15_000)
    part("2", RISK, 10_000, grade=Grade.A)
    part("3", RISK, 35_000, grade=Grade.C)
    part("4", DIFFERENTIAL, -5_000, customer_type=farmer)
    # 3 % + 1.5 % + 3.5 % - 0.5 %
    assert price_of(product, START, Grade.C, farmer).rate == 75_000
    assert price_of(product, START, Grade.A).rate == 55_000
    assert price_of(product, START).rate == 45_000, "without a grade there is no premium"


def test_a_part_of_the_product_stands_in_for_the_one_for_all(company: Company):
    product = company.product()
    part("own", FUNDING, 50_000, product=product.id)
    part("all", FUNDING, 15_000)
    assert price_of(product, START).rate == 80_000


def test_a_part_counts_on_its_days_only_and_so_does_the_lpr(company: Company):
    product = company.product()
    part("1", FUNDING, 15_000, valid_until=dt.date(2026, 1, 5))
    part("2", FUNDING, 25_000, valid_from=dt.date(2026, 1, 6))
    set_parameter(LPR, "2.9", dt.date(2026, 1, 6), "LPR")
    assert price_of(product, START).total == 45_000
    assert price_of(product, dt.date(2026, 1, 6)).total == 54_000
    assert price_of(product, dt.date(2024, 12, 31)) is None


def test_a_price_stays_within_the_rates_of_the_product(company: Company):
    product = company.product()  # 0 to 36 %
    part("1", FUNDING, 400_000)
    price = price_of(product, START)
    assert (price.total, price.rate, price.bounded()) == (
        430_000,
        360_000,
        "lowered to the highest rate of the product",
    )


def test_two_parts_for_one_case_and_day_are_refused(company: Company):
    first = part("1", FUNDING, 15_000, valid_until=dt.date(2025, 12, 31))
    with pytest.raises(InvalidValues, match="1 is for the same case"):
        part("2", FUNDING, 20_000, valid_from=dt.date(2025, 12, 31))
    part("3", FUNDING, 20_000, valid_from=dt.date(2026, 1, 1))
    part("4", FUNDING, 20_000, product=company.product().id)
    change(PricePart, first.id, {"rate": 16_000})
    with pytest.raises(InvalidValues, match="same case"):
        change(PricePart, first.id, {"valid_until": None})


@pytest.mark.parametrize(("kind", "field"), [(RISK, "grade"), (DIFFERENTIAL, "customer_type")])
def test_a_premium_names_its_grade_and_a_differentiated_rate_its_group(company: Company, kind: PriceKind, field: str):
    with pytest.raises(InvalidValues) as refused:
        part("1", kind, 10_000)
    assert list(refused.value.fields) == [field]
