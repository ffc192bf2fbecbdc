"""When a person may be erased: loans, disputes, years of retention, and in which order they are told."""

from __future__ import annotations

from datetime import date

import pytest

from portal.persons.rules import Bonds, Refusal, erasure_refusal, years_after

TODAY, CLOSED = date(2026, 6, 30), date(2016, 6, 30)


@pytest.mark.parametrize(
    ("bonds", "refusal"),
    [
        (Bonds(), None),
        (Bonds(open_loans=1), Refusal("open_loan")),
        (Bonds(disputed_on=TODAY), Refusal("dispute")),
        (Bonds(last_closed_on=CLOSED), Refusal("retention", TODAY)),
        (Bonds(last_closed_on=date(2016, 6, 29)), None),
        (Bonds(open_loans=1, last_closed_on=CLOSED, disputed_on=TODAY), Refusal("open_loan")),
        (Bonds(last_closed_on=CLOSED, disputed_on=TODAY), Refusal("dispute")),
        (Bonds(erased_on=TODAY, open_loans=1), Refusal("erased")),
    ],
)
def test_what_stands_against_an_erasure(bonds: Bonds, refusal: Refusal | None):
    assert erasure_refusal(bonds, 10, TODAY) == refusal


def test_years_end_on_the_28th_where_there_is_no_29th():
    assert years_after(date(2024, 2, 29), 10) == date(2034, 2, 28)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)
