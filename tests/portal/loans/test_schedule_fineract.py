"""The 29 schedules with interest of Apache Fineract's scenarios: reproduced row by row, or listed with the reason.

Source: apache/fineract 4198b0bc (2024-10-24), Apache-2.0; see SOURCE.txt beside the data. Fineract computes interest
"SAME_AS_REPAYMENT_PERIOD" by the month and "DAILY" by the product's day count, which its product names state.
"""

import json
from calendar import month_name
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portal.loans import schedule
from portal.loans.schedule import Instalment, Terms, build_schedule
from portal.products.terms import DayCount, Method

pytestmark = pytest.mark.shared

EMI = Terms(100_00, 70_000, 6, Method.LEVEL, date(2024, 1, 1))
RS = Terms(5000_00, 120_000, 18, Method.LEVEL, date(2022, 11, 1))
ONE_MONTH = Terms(1000_00, 120_000, 1, Method.LEVEL, date(2023, 1, 1))

FLAT = "FLAT: interest on the first amount throughout, whatever has been repaid"
FLAT_WHOLE = f"{FLAT}; whole-unit rounding: instalments in multiples of 1.00"
WHOLE_UNIT = "whole-unit rounding: instalments in multiples of 1.00"
GRACE = f"grace: six months without principal; {WHOLE_UNIT}"
EARLY = "payments: repaid early, later interest recalculated from the day of payment"
PARTLY_EARLY = f"payments: paid before the due date, later interest recalculated; {WHOLE_UNIT}"
LATE = "recalculated after lateness: interest goes on at the overdue balance"
PARTLY_LATE = f"{LATE}; {WHOLE_UNIT}"
PREPAID = f"payments: prepaid, the rest rescheduled; {WHOLE_UNIT}"

LISTED: dict[str, Terms | str] = {
    # The schedule as agreed: nothing paid yet, or the first instalment paid on its day, which changes nothing.
    "Loan.feature:5555": EMI,
    "Loan.feature:5590": EARLY,
    "Loan.feature:5632": EMI,
    "Loan.feature:5679": LATE,
    "Loan.feature:5727": LATE,
    "LoanRepayment.feature:369": WHOLE_UNIT,  # RS02
    "LoanRepayment.feature:433": replace(RS, method=Method.EQUAL_PRINCIPAL),  # RS04
    "LoanRepayment.feature:497": GRACE,  # RS06
    "LoanRepayment.feature:600": PARTLY_LATE,  # RP01
    "LoanRepayment.feature:648": PARTLY_EARLY,  # RP03
    "LoanRepayment.feature:696": WHOLE_UNIT,  # RP05: partly paid on its day
    "LoanRepayment.feature:744": PARTLY_LATE,  # RP07
    "LoanRepayment.feature:792": PARTLY_EARLY,  # RP09
    "LoanRepayment.feature:840": FLAT_WHOLE,
    "LoanRepayment.feature:926": FLAT_WHOLE,
    "LoanRepayment.feature:1023": PREPAID,  # RP11
    "LoanRepayment.feature:1075": PREPAID,  # RP13
    "LoanRepayment.feature:1125": PARTLY_LATE,  # RP15
    "LoanRepayment.feature:1442": FLAT,
    "LoanRepayment.feature:1634": FLAT,
    "LoanRepayment.feature:1676": FLAT,
    "LoanRepayment.feature:1718": FLAT,
    "LoanRepayment.feature:1760": FLAT,
    "LoanRepayment.feature:1802": FLAT,
    "LoanRepayment.feature:1834": FLAT,
    # One period only, where FLAT and declining balance are the same; fees and penalties stand beside the schedule.
    "LoanRepayment.feature:2711": ONE_MONTH,
    "LoanRepayment.feature:2763": ONE_MONTH,
    "LoanRepayment.feature:3145": FLAT_WHOLE,
    "LoanReschedule.feature:272": FLAT,
}
REPRODUCED = {key: terms for key, terms in LISTED.items() if isinstance(terms, Terms)}

Row = tuple[date, int, int, int]


@pytest.fixture(scope="module")
def scenarios(shared_data: Path) -> dict[str, Any]:
    entries = json.loads((shared_data / "fineract_schedules" / "schedules.json").read_text())
    return {f"{entry['file']}:{entry['line']}": entry for entry in entries}


def fen(text: str) -> int:
    return int(Decimal(text) * 100)


def day(text: str) -> date:
    """Fineract writes `01 January 2024`."""
    number, month, year = text.split()
    return date(int(year), list(month_name).index(month), int(number))


def expected(scenario: Any) -> list[Row]:
    """Due date, principal, interest and balance of each instalment; the first row is the disbursement."""
    return [
        (day(row["Date"]), fen(row["Principal due"]), fen(row["Interest"]), fen(row["Balance of loan"]))
        for row in scenario["rows"][1:]
    ]


def computed(lines: list[Instalment]) -> list[Row]:
    return [(line.due_date, line.principal, line.interest, line.balance_after) for line in lines]


def test_each_of_the_29_schedules_is_reproduced_or_has_its_reason(scenarios: dict[str, Any]) -> None:
    assert len(scenarios) == 29
    assert LISTED.keys() == scenarios.keys()
    assert len(REPRODUCED) == 5


def test_every_reason_is_true_of_its_scenario(scenarios: dict[str, Any]) -> None:
    for key, reason in LISTED.items():
        loan, rows = scenarios[key]["loan"], scenarios[key]["rows"][1:]
        if isinstance(reason, Terms):
            continue
        flat = loan["interest type"] == "FLAT"
        assert ("FLAT" in reason) == flat, key
        assert ("grace" in reason) == (loan["graceOnPrincipalPayment"] != "0"), key
        assert "payments" not in reason or any(fen(row["Paid"]) for row in rows), key
        assert flat or ("whole-unit" in reason) == any(fen(row["Due"]) % 100 == 0 for row in rows[1:-1]), key


@pytest.mark.parametrize("key", REPRODUCED)
def test_the_terms_are_those_of_the_scenario(key: str, scenarios: dict[str, Any]) -> None:
    loan, terms = scenarios[key]["loan"], REPRODUCED[key]
    assert (fen(loan["with Principal"]), day(loan["submitted on date"])) == (terms.amount, terms.start)
    assert (int(Decimal(loan["ANNUAL interest rate %"]) * 10_000), int(loan["numberOfRepayments"])) == (
        terms.rate,
        terms.count,
    )
    equal_principal = loan["amortization type"] == "EQUAL_PRINCIPAL_PAYMENTS"
    assert terms.method == (Method.EQUAL_PRINCIPAL if equal_principal else Method.LEVEL)


@pytest.mark.parametrize("key", REPRODUCED)
def test_the_schedule_is_reproduced_row_by_row(key: str, scenarios: dict[str, Any]) -> None:
    assert computed(build_schedule(REPRODUCED[key])) == expected(scenarios[key])


def test_equal_principal_of_5000_at_12_percent_over_18_months_bears_475_interest() -> None:
    lines = build_schedule(REPRODUCED["LoanRepayment.feature:433"])
    assert sum(line.interest for line in lines) == 475_00


@pytest.mark.parametrize(
    ("key", "terms", "instalment", "skipped"),
    [
        ("LoanRepayment.feature:369", RS, 305_00, 0),
        ("LoanRepayment.feature:497", replace(RS, start=date(2023, 5, 1), count=12), 444_00, 6),
        ("LoanRepayment.feature:696", replace(RS, count=6, day_count=DayCount.ACT_365), 862_00, 0),
    ],
)
def test_only_the_whole_unit_instalment_keeps_these_from_being_reproduced(
    key: str,
    terms: Terms,
    instalment: int,
    skipped: int,
    scenarios: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With Fineract's instalment (less than one unit away) in place of ours, every row after the grace agrees."""
    assert 0 < abs(schedule.level_instalment(terms) - instalment) < 100
    monkeypatch.setattr(schedule, "_level_over", lambda *_: instalment)
    assert computed(build_schedule(terms)) == expected(scenarios[key])[skipped:]
