"""Annual rates of cash flows, against arithmetic written out and the regulator's own examples."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.loans.schedule import Terms, build_schedule
from portal.pricing.rules import (
    Flow,
    FlowFault,
    FlowsError,
    UnitPeriod,
    actuarial_annual_rate,
    annual_percentage_rate,
    periods_a_year,
    periods_between,
    simple_annual_cost,
)
from portal.products.terms import DayCount, Method

START = date(2026, 1, 1)
UNITS = {
    52: UnitPeriod.WEEK,
    26: UnitPeriod.TWO_WEEKS,
    13: UnitPeriod.FOUR_WEEKS,
    24: UnitPeriod.HALF_MONTH,
    12: UnitPeriod.MONTH,
    6: UnitPeriod.TWO_MONTHS,
    4: UnitPeriod.QUARTER,
}


def flows(*pairs: tuple[int, int | str]) -> list[Flow]:
    """(days after the start, amount)."""
    return [Flow(START + timedelta(days), Decimal(amount)) for days, amount in pairs]


def loan_flows(method: Method, rate: int, count: int, amount: int = 10_000_00, fee: int = 0) -> list[Flow]:
    """A loan as its schedule says, with the same fee added to every instalment."""
    lines = build_schedule(Terms(amount, rate, count, method, START, day_count=DayCount.ACT_365))
    return [Flow(START, -amount), *(Flow(line.due_date, line.due + fee) for line in lines)]


@pytest.mark.shared
def test_all_eleven_examples_of_regulation_z_come_out_to_two_decimals(shared_data: Path) -> None:
    examples = json.loads((shared_data / "apr_vectors" / "vectors.json").read_text())["reg_z_appendix_j"]
    assert len(examples) == 11
    for example in examples:
        unit = UNITS[example["w"]]
        advanced, first = map(date.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d", example["dates"]))
        assert periods_between(advanced, first, unit)[0] == example["t0"], example["id"]
        assert float(periods_between(advanced, first, unit)[1]) == pytest.approx(example["f"]), example["id"]
        paid = [Flow(advanced, Decimal(str(-example["A"]))), *_payments(example, first, unit)]
        rate = actuarial_annual_rate(paid, unit)
        assert f"{rate * 100:.2f}" == f"{example['apr']:.2f}", example["id"]
        assert float(rate * 100) == pytest.approx(example["solved_here"], abs=0.00006), example["id"]


def _payments(example: dict[str, Any], first: date, unit: UnitPeriod) -> list[Flow]:
    """The payments on their days, a unit period apart."""
    amounts = [Decimal(str(amount)) for amount, times in example["pay"] for _time in range(times)]
    days = {UnitPeriod.WEEK: 7, UnitPeriod.TWO_WEEKS: 14, UnitPeriod.FOUR_WEEKS: 28}
    months = {UnitPeriod.MONTH: 1, UnitPeriod.TWO_MONTHS: 2, UnitPeriod.QUARTER: 3}
    found = []
    for number, amount in enumerate(amounts):
        if unit in days:
            day = first + timedelta(days[unit] * number)
        elif unit is UnitPeriod.HALF_MONTH:  # the 1st and the 16th
            day = _after(first, number // 2) + timedelta(15 * (number % 2))
        else:
            day = _after(first, months[unit] * number)
        found.append(Flow(day, amount))
    return found


def _after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, day.day)


def test_a_year_has_52_weeks_and_24_half_months() -> None:
    assert [periods_a_year(unit) for unit in UnitPeriod] == [52, 26, 13, 24, 12, 6, 4, 2, 1]


@pytest.mark.parametrize(
    ("start", "end", "unit", "whole", "odd"),
    [
        # a month before 31 March is 28 February, two are 31 January; the days before that are odd
        ((2026, 1, 31), (2026, 3, 31), UnitPeriod.MONTH, 2, Fraction(0)),
        ((2026, 2, 28), (2026, 3, 31), UnitPeriod.MONTH, 1, Fraction(0)),
        ((2026, 1, 29), (2026, 3, 31), UnitPeriod.MONTH, 2, Fraction(2, 30)),
        ((2026, 12, 5), (2027, 1, 4), UnitPeriod.MONTH, 0, Fraction(30, 30)),
        ((2026, 1, 1), (2027, 1, 1), UnitPeriod.HALF_YEAR, 2, Fraction(0)),
        ((2026, 1, 1), (2026, 11, 1), UnitPeriod.YEAR, 0, Fraction(300, 360)),
    ],
)
def test_times_are_counted_back_from_the_payment(
    start: tuple[int, int, int], end: tuple[int, int, int], unit: UnitPeriod, whole: int, odd: Fraction
) -> None:
    assert periods_between(date(*start), date(*end), unit) == (whole, odd)


def test_one_payment_after_a_year_costs_the_same_by_either_way_of_reckoning() -> None:
    # 11,200 / 10,000 - 1 = 12 %, compound or simple
    held = flows((0, -10_000), (365, 11_200))
    assert annual_percentage_rate(held) == simple_annual_cost(held) == Decimal("0.12")


def test_after_two_years_interest_on_interest_parts_the_two() -> None:
    # simple: 2,544 / 10,000 / 2 = 12.72 %; compound: the root of 1.2544 is 1.12
    held = flows((0, -10_000), (730, 12_544))
    assert annual_percentage_rate(held) == Decimal("0.12")
    assert simple_annual_cost(held) == Decimal("0.1272")


def test_a_payment_settles_the_interest_of_its_days_first_and_then_pays_back() -> None:
    # At 36.5 % a day costs 0.1 %. 100 days on 1,000: 100 of interest; 600 paid leave 500. 100 days on 500: 50.
    assert simple_annual_cost(flows((0, -1_000), (100, 600), (200, 550))) == Decimal("0.365")


def test_interest_that_a_payment_does_not_cover_bears_none() -> None:
    # At 36.5 %: 100 on 1,000 after 100 days, of which 40 are paid; then 100 more on 1,000, not on 1,060.
    assert simple_annual_cost(flows((0, -1_000), (100, 40), (200, 1_160))) == Decimal("0.365")


def test_a_second_advance_is_owed_from_its_day_on() -> None:
    # At 36.5 %: 100 on 1,000 in the first 100 days, then 200 on 2,000.
    assert simple_annual_cost(flows((0, -1_000), (100, -1_000), (200, 2_300))) == Decimal("0.365")


def test_a_fee_taken_at_the_beginning_makes_the_money_lent_less() -> None:
    # 10,000 less 500 at once, 11,000 back after a year: 1,500 on 9,500 = 15.789 %
    held = flows((0, -10_000), (0, 500), (365, 11_000))
    assert annual_percentage_rate(held) == simple_annual_cost(held) == Decimal("0.15789474")


def test_the_side_from_which_one_looks_does_not_matter() -> None:
    ours, theirs = flows((0, -100), (50, 60), (90, 55)), flows((0, 100), (50, -60), (90, -55))
    assert annual_percentage_rate(ours) == annual_percentage_rate(theirs)
    assert simple_annual_cost(ours) == simple_annual_cost(theirs)


def test_a_loss_is_a_negative_rate() -> None:
    held = flows((0, -100), (365, 90))
    assert annual_percentage_rate(held) == simple_annual_cost(held) == Decimal("-0.1")


def test_what_is_only_paid_back_costs_nothing() -> None:
    held = flows((0, -100), (365, 100))
    assert annual_percentage_rate(held) == simple_annual_cost(held) == 0


@pytest.mark.parametrize(
    ("held", "fault"),
    [
        ([], FlowFault.TOO_FEW),
        (flows((0, -100)), FlowFault.TOO_FEW),
        (flows((0, -100), (9, 0)), FlowFault.TOO_FEW),
        (flows(*((0, -1) for _ in range(10_000))), FlowFault.TOO_MANY),
        (flows((0, -100), (9, 60), (8, 60)), FlowFault.OUT_OF_ORDER),
        (flows((0, -100), (0, 120)), FlowFault.ONE_DAY),
        (flows((0, -100), (9, -100)), FlowFault.ONE_SIGN),
        (flows((0, -100), (365, 230), (730, -132)), FlowFault.AMBIGUOUS),  # 10 % and 20 % both fit
        (flows((0, -1), (1, 1_000_000)), FlowFault.ABSURD),
        (flows((0, "NaN"), (1, 1)), FlowFault.NOT_A_NUMBER),
        (flows((0, "-1e16"), (1, 1)), FlowFault.NOT_A_NUMBER),
    ],
)
@pytest.mark.parametrize("rate", [annual_percentage_rate, simple_annual_cost])
def test_flows_without_one_sensible_rate_are_refused(rate: Any, held: list[Flow], fault: FlowFault) -> None:
    with pytest.raises(FlowsError) as refused:
        rate(held)
    assert refused.value.fault == fault
    assert str(refused.value).endswith(".")


def test_the_actuarial_rate_takes_one_advance() -> None:
    with pytest.raises(FlowsError, match="one advance"):
        actuarial_annual_rate(flows((0, -100), (30, -100), (60, 250)), UnitPeriod.MONTH)


RATES = st.integers(10_000, 360_000)
COUNTS = st.integers(1, 60)


@given(RATES, COUNTS)
def test_equal_periods_without_fees_cost_the_effective_year_of_the_nominal_rate(rate: int, count: int) -> None:
    # One payment every 73 days, five in 365: compounding five times a year. (1 + r/5)^5 - 1
    per_period = Decimal(rate).scaleb(-6) / 5
    factor = (1 + per_period) ** count
    payment = Decimal(1_000_000) * per_period * factor / (factor - 1)
    level = [Flow(START, -1_000_000), *(Flow(START + timedelta(73 * n), payment) for n in range(1, count + 1))]
    assert abs(annual_percentage_rate(level) - ((1 + per_period) ** 5 - 1)) <= Decimal("2e-8")
    assert abs(simple_annual_cost(level) - Decimal(rate).scaleb(-6)) <= Decimal("2e-8")


@given(st.sampled_from(list(Method)), RATES, COUNTS)
def test_a_schedule_on_actual_days_over_365_costs_its_contract_rate_by_simple_interest(
    method: Method, rate: int, count: int
) -> None:
    nominal = Decimal(rate).scaleb(-6)
    rounding_to_the_fen = Decimal("0.00002")
    assert abs(simple_annual_cost(loan_flows(method, rate, count)) - nominal) < rounding_to_the_fen


@given(st.sampled_from(list(Method)), RATES, COUNTS, st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_higher_fee_never_costs_less(method: Method, rate: int, count: int, fee: int, more: int) -> None:
    cheap, dear = (loan_flows(method, rate, count, fee=amount) for amount in (fee, fee + more))
    assert annual_percentage_rate(cheap) < annual_percentage_rate(dear)
    assert simple_annual_cost(cheap) < simple_annual_cost(dear)


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 10**9)), min_size=1, max_size=30), st.integers(1, 10**10))
def test_at_the_rate_found_the_payments_are_worth_the_advance(steps: list[tuple[int, int]], advance: int) -> None:
    day, held = START, [Flow(START, -advance)]
    for days, amount in steps:
        day += timedelta(days)
        held.append(Flow(day, amount))
    try:
        rate = float(annual_percentage_rate(held))
    except FlowsError as refusal:
        assert refusal.fault is FlowFault.ABSURD
        return
    assume(rate > -0.9)

    def worth(at: float) -> float:
        return sum(float(flow.amount) / (1 + at) ** ((flow.on - START).days / 365) for flow in held)

    assert worth(rate - 2e-8) >= -1e-6 * advance
    assert worth(rate + 2e-8) <= 1e-6 * advance
