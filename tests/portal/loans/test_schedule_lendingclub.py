"""The level instalments of 10,000 real loans, which LendingClub rounded up to the cent.

Source: OpenIntro's loans_full_schema (CC BY-SA 3.0); see SOURCE.txt beside the data.
"""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from portal.loans.schedule import Terms, build_schedule, level_instalment
from portal.products.terms import Method, Rounding

pytestmark = pytest.mark.shared


def scaled(text: str, places: int) -> int:
    return int(Decimal(text).scaleb(places))


@pytest.fixture(scope="module")
def loans(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "lendingclub_openintro" / "loans_full_schema.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def terms(loan: dict[str, str], rounding: Rounding) -> Terms:
    amount, rate = scaled(loan["loan_amount"], 2), scaled(loan["interest_rate"], 4)
    return Terms(amount, rate, int(loan["term"]), Method.LEVEL, date(2018, 3, 1), rounding=rounding)


def test_9997_of_10000_instalments_are_reproduced_when_rounded_up(loans: list[dict[str, str]]) -> None:
    differing = {
        loan["rownames"]
        for loan in loans
        if level_instalment(terms(loan, Rounding.UP)) != scaled(loan["installment"], 2)
    }
    assert len(loans) == 10_000
    assert differing == {"1548", "1968", "9687"}


def test_rounding_half_up_reproduces_only_about_half(loans: list[dict[str, str]]) -> None:
    same = sum(level_instalment(terms(loan, Rounding.HALF_UP)) == scaled(loan["installment"], 2) for loan in loans)
    assert 4_500 < same < 5_500


def test_the_schedules_of_real_loans_repay_them(loans: list[dict[str, str]]) -> None:
    for loan in loans[::100]:
        lines = build_schedule(terms(loan, Rounding.UP))
        assert sum(line.principal for line in lines) == scaled(loan["loan_amount"], 2)
        assert len({line.due for line in lines[:-1]}) == 1
        assert abs(lines[-1].due - lines[0].due) <= 2 * len(lines)
