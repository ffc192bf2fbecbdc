"""What a payment settles, and penalty interest."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.loans.allocation import (
    CIVIL_CODE_ORDER,
    Allocated,
    Owed,
    Prepayment,
    allocate,
    penalty_interest,
    whole_order,
)
from portal.loans.components import Component
from portal.products.terms import DayCount

FEE, PENALTY, INTEREST, PRINCIPAL = Component.FEE, Component.PENALTY, Component.INTEREST, Component.PRINCIPAL
COST = Component.COST
JUNE = date(2026, 6, 15)
OWED = [
    Owed(1, date(2026, 5, 10), fee=10, penalty=20, interest=300, principal=1_000),
    Owed(2, date(2026, 6, 10), penalty=5, interest=200, principal=1_100),
    Owed(3, date(2026, 7, 10), interest=100, principal=1_200),
    Owed(4, date(2026, 8, 10), interest=50, principal=1_300),
]


def settled(parts: list[Allocated]) -> list[tuple[int, Component, int]]:
    return [(part.instalment, part.component, part.amount) for part in parts]


def test_a_payment_settles_the_oldest_instalment_whole_before_the_next() -> None:
    parts, rest = allocate(1_500, OWED, CIVIL_CODE_ORDER, JUNE)
    assert settled(parts) == [
        (1, INTEREST, 300),
        (1, PRINCIPAL, 1_000),
        (1, FEE, 10),
        (1, PENALTY, 20),
        (2, INTEREST, 170),
    ]
    assert rest == 0


def test_costs_of_enforcement_come_before_interest_and_principal() -> None:
    """民法典 561, worked by hand: 400 against 90 of costs, 300 of interest and 1,000 of principal leaves 10 for it."""
    owed = [Owed(1, date(2026, 5, 10), interest=300, principal=1_000, cost=90)]
    parts, _ = allocate(400, owed, CIVIL_CODE_ORDER, JUNE)
    assert settled(parts) == [(1, COST, 90), (1, INTEREST, 300), (1, PRINCIPAL, 10)]


def test_an_order_that_does_not_name_costs_puts_them_first() -> None:
    assert whole_order((FEE, INTEREST, PRINCIPAL, PENALTY)) == (COST, FEE, INTEREST, PRINCIPAL, PENALTY)
    assert whole_order((INTEREST, COST, PRINCIPAL, FEE, PENALTY))[:2] == (INTEREST, COST)


def test_a_payment_by_component_settles_all_interest_before_any_principal() -> None:
    parts, _ = allocate(600, OWED, CIVIL_CODE_ORDER, JUNE, by="component")
    assert settled(parts) == [(1, INTEREST, 300), (2, INTEREST, 200), (1, PRINCIPAL, 100)]


def test_the_order_of_the_contract_goes_before_the_civil_code() -> None:
    parts, _ = allocate(40, OWED, (PENALTY, FEE, PRINCIPAL, INTEREST, COST), JUNE)
    assert settled(parts) == [(1, PENALTY, 20), (1, FEE, 10), (1, PRINCIPAL, 10)]


def test_what_is_due_on_the_day_is_settled_and_what_is_due_later_is_not() -> None:
    _, rest = allocate(10_000, OWED, CIVIL_CODE_ORDER, date(2026, 6, 10))
    assert rest == 10_000 - 1_330 - 1_305
    _, rest = allocate(10_000, OWED, CIVIL_CODE_ORDER, date(2026, 6, 9))
    assert rest == 10_000 - 1_330


def test_the_order_in_which_claims_are_passed_does_not_matter() -> None:
    assert allocate(2_000, OWED[::-1], CIVIL_CODE_ORDER, JUNE) == allocate(2_000, OWED, CIVIL_CODE_ORDER, JUNE)


def test_the_debtor_may_name_the_instalment_that_is_paid_first() -> None:
    parts, _ = allocate(1_310, OWED, CIVIL_CODE_ORDER, JUNE, designation=[2])
    assert settled(parts) == [(2, INTEREST, 200), (2, PRINCIPAL, 1_100), (2, PENALTY, 5), (1, INTEREST, 5)]


def test_the_debtor_may_name_an_instalment_before_it_is_due() -> None:
    parts, rest = allocate(1_300, OWED[2:], CIVIL_CODE_ORDER, JUNE, designation={3})
    assert settled(parts) == [(3, INTEREST, 100), (3, PRINCIPAL, 1_200)]
    assert rest == 0


@pytest.mark.parametrize(
    ("prepayment", "expected"),
    [
        (Prepayment.HOLD, []),
        (Prepayment.NEXT_FIRST, [(3, PRINCIPAL, 1_200), (4, PRINCIPAL, 200)]),
        (Prepayment.LAST_FIRST, [(4, PRINCIPAL, 1_300), (3, PRINCIPAL, 100)]),
    ],
)
def test_a_surplus_repays_future_principal_as_agreed(
    prepayment: Prepayment, expected: list[tuple[int, Component, int]]
) -> None:
    parts, rest = allocate(1_400, OWED[2:], CIVIL_CODE_ORDER, JUNE, prepayment=prepayment)
    assert settled(parts) == expected
    assert rest == 1_400 - sum(amount for _, _, amount in expected)


def test_nothing_is_repaid_early_while_anything_is_due() -> None:
    parts, _ = allocate(2_635, OWED, CIVIL_CODE_ORDER, JUNE, prepayment=Prepayment.LAST_FIRST)
    assert {part.instalment for part in parts} == {1, 2}


def test_a_payment_of_nothing_settles_nothing() -> None:
    assert allocate(0, OWED, CIVIL_CODE_ORDER, JUNE) == ([], 0)
    assert allocate(7, [], CIVIL_CODE_ORDER, JUNE) == ([], 7)


def test_wrong_input_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"^The payment cannot be negative\.$"):
        allocate(-1, OWED, CIVIL_CODE_ORDER, JUNE)
    for order in ((FEE, INTEREST, PRINCIPAL), (FEE, INTEREST, PRINCIPAL, FEE), (*CIVIL_CODE_ORDER, FEE)):
        with pytest.raises(ValueError, match="must name principal, interest, fee, penalty and cost once each"):
            allocate(1, OWED, order, JUNE)
    with pytest.raises(ValueError, match="names an instalment that is not owed"):
        allocate(1, OWED, CIVIL_CODE_ORDER, JUNE, designation=[9])
    with pytest.raises(ValueError, match="cannot be negative"):
        Owed(1, JUNE, principal=-1)


CLAIMS = st.lists(
    st.builds(
        Owed,
        st.integers(1, 6),
        st.dates(date(2026, 1, 1), date(2026, 12, 31)),
        *[st.integers(0, 500)] * 4,
    ),
    max_size=6,
    unique_by=lambda owed: owed.instalment,
)


@given(
    st.integers(0, 15_000),
    CLAIMS,
    st.permutations(list(Component)),
    st.sampled_from(["instalment", "component"]),
    st.sampled_from(Prepayment),
    st.data(),
)
def test_no_fen_is_lost_or_made_and_nothing_is_paid_twice(
    amount: int, owed: list[Owed], order: list[Component], by: str, prepayment: Prepayment, data: st.DataObject
) -> None:
    named = data.draw(st.sets(st.sampled_from([item.instalment for item in owed]))) if owed else set()
    parts, rest = allocate(amount, owed, order, JUNE, named, by=by, prepayment=prepayment)  # type: ignore[arg-type]
    assert sum(part.amount for part in parts) + rest == amount
    assert rest >= 0
    assert len({(part.instalment, part.component) for part in parts}) == len(parts)
    by_number = {item.instalment: item for item in owed}
    assert all(0 < part.amount <= by_number[part.instalment].of(part.component) for part in parts)
    claimed = [item for item in owed if item.due_date <= JUNE or item.instalment in named]
    due = sum(item.of(component) for item in claimed for component in Component)
    paid_of_due = sum(part.amount for part in parts if by_number[part.instalment] in claimed)
    assert paid_of_due == min(amount, due)


def test_penalty_interest_is_the_contract_rate_and_a_half_for_the_days_late() -> None:
    """10,000.00 at 12 % and half as much again: 18 % a year, 5.00 a day of 360."""
    assert penalty_interest(1_000_000, 120_000, 500_000, 1) == 500
    assert penalty_interest(1_000_000, 120_000, 500_000, 30) == 15_000
    assert penalty_interest(1_000_000, 120_000, 500_000, 365, DayCount.ACT_365) == 180_000


def test_penalty_interest_is_simple_and_rounded_half_up_once() -> None:
    one_day, ten_days = (penalty_interest(100, 120_000, 0, days) for days in (15, 150))
    assert (one_day, ten_days) == (1, 5)


def test_no_penalty_interest_without_days_late() -> None:
    assert penalty_interest(1_000_000, 120_000, 500_000, 0) == 0
    with pytest.raises(ValueError, match="not negative"):
        penalty_interest(1_000_000, 120_000, 500_000, -1)
