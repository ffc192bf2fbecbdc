"""What an offer costs all in, worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.pricing.offers import Basis, Charged, Fee, Offer, Payee, Payment, charge_of, cost_of, percent, ppm

START = date(2026, 1, 1)
QUARTERS = [date(2026, 4, 1), date(2026, 7, 1), date(2026, 10, 1), date(2027, 1, 1)]


def fee(standard: int, charged: Charged, basis: Basis = Basis.FIXED, **other: object) -> Fee:
    values = {"code": "F", "name": "fee", "payee": Payee.INSURER} | other
    return Fee(basis=basis, standard=standard, charged=charged, **values)  # type: ignore[arg-type]


def bullet(*fees: Fee, interest: int = 120_000) -> Offer:
    """10,000 yuan for a year, all paid at its end."""
    return Offer(1_000_000, 12, START, [Payment(date(2027, 1, 1), 1_000_000, interest)], fees)


def quarterly(*fees: Fee) -> Offer:
    """10,000 yuan: 300 of interest each quarter, the principal at the end."""
    return Offer(1_000_000, 12, START, [Payment(day, 1_000_000 * (day.year > 2026), 30_000) for day in QUARTERS], fees)


def test_without_fees_a_year_costs_its_interest() -> None:
    cost = cost_of(bullet())
    assert (cost.interest, cost.fees, cost.total) == (120_000, 0, 120_000)
    assert cost.irr == cost.simple == Decimal("0.12")


def test_a_fee_at_signing_counts_as_money_not_lent() -> None:
    # 200 yuan at once: 9,800 are lent, 11,200 come back: 1,400 / 9,800 = 14.2857 %
    cost = cost_of(bullet(fee(20_000, Charged.AT_SIGNING)))
    assert (cost.fees, cost.total) == (20_000, 140_000)
    assert cost.irr == cost.simple == Decimal("0.14285714")


def test_a_fee_with_the_instalment_comes_on_top_of_it() -> None:
    # 200 yuan at the end: 1,400 / 10,000
    assert cost_of(bullet(fee(20_000, Charged.FIRST_INSTALMENT))).irr == Decimal("0.14")


def test_what_is_not_part_of_the_cost_is_told_but_not_counted() -> None:
    cost = cost_of(bullet(fee(20_000, Charged.AT_SIGNING, counted=False)))
    assert ([charge.total for charge in cost.charges], cost.fees, cost.irr) == ([20_000], 0, Decimal("0.12"))


def test_what_only_a_default_brings_costs_nothing_while_all_is_paid() -> None:
    cost = cost_of(bullet(fee(20_000, Charged.ON_EVENT, counted=False)))
    assert (cost.total, cost.irr) == (120_000, Decimal("0.12"))


@pytest.mark.parametrize(
    ("basis", "standard", "charged", "amounts"),
    [
        (Basis.FIXED, 5_000, Charged.EACH_INSTALMENT, [5_000] * 4),
        (Basis.FIXED, 5_000, Charged.FIRST_INSTALMENT, [5_000]),
        (Basis.OF_PRINCIPAL, 1_500, Charged.AT_SIGNING, [1_500]),  # 0.15 % of 10,000 yuan: 15 yuan
        (Basis.OF_PRINCIPAL, 1_500, Charged.EACH_INSTALMENT, [1_500] * 4),
        (Basis.OF_PRINCIPAL_A_YEAR, 10_000, Charged.AT_SIGNING, [10_000]),  # 1 % for one year: 100 yuan
        (Basis.OF_PRINCIPAL_A_YEAR, 10_001, Charged.EACH_INSTALMENT, [2_500, 2_500, 2_500, 2_501]),  # 100.01 yuan
    ],
)
def test_an_item_is_charged_as_its_standard_says(
    basis: Basis, standard: int, charged: Charged, amounts: list[int]
) -> None:
    offer = quarterly()
    charge = charge_of(fee(standard, charged, basis), offer)
    days = {Charged.AT_SIGNING: [START], Charged.FIRST_INSTALMENT: QUARTERS[:1], Charged.EACH_INSTALMENT: QUARTERS}
    assert list(charge.times) == list(zip(days[charged], amounts, strict=True))


def test_a_share_a_year_follows_the_term() -> None:
    # 1 % a year of 10,000 yuan over 6 months: 50 yuan
    offer = Offer(1_000_000, 6, START, [Payment(QUARTERS[1], 1_000_000, 0)])
    assert charge_of(fee(10_000, Charged.AT_SIGNING, Basis.OF_PRINCIPAL_A_YEAR), offer).total == 5_000


def test_a_rate_is_judged_as_it_is_printed() -> None:
    assert percent(Decimal("0.24004")) == Decimal("24.00")
    assert percent(Decimal("0.240050")) == Decimal("24.01")
    assert ppm(Decimal("0.2400005")) == 240_001


@given(st.integers(0, 100_000), st.integers(1, 100_000), st.sampled_from([Charged.AT_SIGNING, Charged.EACH_INSTALMENT]))
def test_more_fees_never_cost_less(standard: int, more: int, charged: Charged) -> None:
    cheap, dear = (cost_of(quarterly(fee(amount, charged))) for amount in (standard, standard + more))
    assert cheap.irr < dear.irr and cheap.simple < dear.simple and cheap.total < dear.total
