"""Figures of territories against their twins: by plain loops over today's customers and grids."""

import datetime as dt

import pytest

from portal.core.errors import Forbidden
from portal.core.metric import MetricError, Question, evaluate
from portal.core.scope import SYSTEM, Actor, acting
from portal.metrics.rows import rows_behind
from tests.portal.metrics.brute_force import TERRITORIES, Books, of_today
from tests.portal.metrics.company import OPEN, SNAPSHOTS


def looking(scope: str, **place: object) -> Actor:
    """Somebody who may list customers and grids as far as this."""
    grants = {("Customer", "list"): scope, ("Grid", "list"): scope}
    return Actor(f"sees {scope}", user_id=1, grants=grants, **place)  # type: ignore[arg-type]


ACTORS = {
    "the system": SYSTEM,
    "head office": looking("all"),
    "one branch": looking("branch", home=2, branches=frozenset({2, 4, 5})),
    "one team": looking("team", home=4, branches=frozenset({4}), teams=frozenset({1})),
    "oneself": looking("self", home=4, branches=frozenset({4}), staff_id=1),
    "a stranger": looking("self", home=1, branches=frozenset({1}), staff_id=999),
}


@pytest.mark.parametrize("who", ACTORS.values(), ids=ACTORS)
@pytest.mark.parametrize("day", [OPEN, SNAPSHOTS[0], dt.date(2025, 3, 1)])
@pytest.mark.parametrize("cut", ["grid", "branch", "team", "manager"])
def test_a_figure_of_territories_equals_its_twin(books: Books, cut: str, day: dt.date, who: Actor) -> None:
    expected = of_today(books, who, day, cut)
    with acting(who):
        found = evaluate(TERRITORIES, (cut,), as_of=day)
    for key in TERRITORIES:
        nothing = None if key == "coverage" else 0
        rows = {tuple(row.by.values()): row.values[key] for row in found.rows if row.values[key] != nothing}
        assert rows == {group: v for group, v in expected[key].items() if group and v != nothing}, key
        assert found.total[key] == expected[key].get((), nothing), key


def test_the_invented_lender_has_customers_and_grids_of_several_owners(books: Books) -> None:
    """Else the comparison above would prove little."""
    found = of_today(books, SYSTEM, OPEN, "grid")
    assert len(found["customer_count"]) > 4
    assert len(found["potential_customers"]) > 4
    assert 0 < found["coverage"][()] < 1


@pytest.mark.parametrize("key", TERRITORIES)
def test_whoever_may_list_only_loans_is_refused(company, key: str) -> None:
    with acting(Actor("loans only", user_id=1, grants={("Loan", "list"): "all"})), pytest.raises(Forbidden):
        evaluate([key])


def test_a_figure_that_no_loan_makes_up_has_no_loans_behind_it(company) -> None:
    with acting(SYSTEM), pytest.raises(MetricError, match="cannot be cut by loan"):
        rows_behind("customer_count", Question(OPEN), {})
