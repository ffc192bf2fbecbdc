"""The 29 schedules with interest of Apache Fineract's scenarios: reproduced row by row, or listed with the reason.

Scenarios with payments are in test_payments_fineract.py.

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

from portal.loans.schedule import Instalment, Terms, build_schedule
from portal.products.terms import Method, Rounding

pytestmark = pytest.mark.shared

EMI = Terms(100_00, 70_000, 6, Method.LEVEL, date(2024, 1, 1))
RS = Terms(5000_00, 120_000, 18, Method.LEVEL, date(2022, 11, 1))
ONE_MONTH = Terms(1000_00, 120_000, 1, Method.LEVEL, date(2023, 1, 1))

FLAT = "FLAT: interest on the first amount throughout, whatever has been repaid"
WHOLE = replace(RS, rounding=Rounding.WHOLE_YUAN)
LATE = "late: interest goes on at the contract rate on what is overdue; ours bears penalty interest instead"
BEFORE_INTEREST = "early: principal is taken before the interest earned by the day; ours takes both together"
PAID_AHEAD = "ahead: takes what comes too early from the next instalments' principal; ours shortens or lowers"
UNSOLVED = "payments: its instalment of 862 is not the nearest yuan to the one that repays the loan, 862.58"
PAID = "payments: see test_payments_fineract.py"

LISTED: dict[str, Terms | str] = {
    # The schedule as agreed: nothing paid yet, or the first instalment paid on its day, which changes nothing.
    "Loan.feature:5555": EMI,
    "Loan.feature:5590": PAID,
    "Loan.feature:5632": EMI,
    "Loan.feature:5679": LATE,
    "Loan.feature:5727": LATE,
    "LoanRepayment.feature:369": WHOLE,  # RS02
    "LoanRepayment.feature:433": replace(RS, method=Method.EQUAL_PRINCIPAL),  # RS04
    "LoanRepayment.feature:497": replace(WHOLE, grace=6),  # RS06
    "LoanRepayment.feature:600": LATE,  # RP01
    "LoanRepayment.feature:648": BEFORE_INTEREST,  # RP03
    "LoanRepayment.feature:696": UNSOLVED,  # RP05: partly paid on its day
    "LoanRepayment.feature:744": LATE,  # RP07
    "LoanRepayment.feature:792": BEFORE_INTEREST,  # RP09
    "LoanRepayment.feature:840": FLAT,
    "LoanRepayment.feature:926": FLAT,
    "LoanRepayment.feature:1023": PAID,  # RP11
    "LoanRepayment.feature:1075": PAID_AHEAD,  # RP13
    "LoanRepayment.feature:1125": LATE,  # RP15
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
    "LoanRepayment.feature:3145": FLAT,
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
    assert len(REPRODUCED) == 7


def test_every_reason_is_true_of_its_scenario(scenarios: dict[str, Any]) -> None:
    for key, reason in LISTED.items():
        loan, rows = scenarios[key]["loan"], scenarios[key]["rows"][1:]
        if isinstance(reason, Terms):
            continue
        flat = loan["interest type"] == "FLAT"
        assert ("FLAT" in reason) == flat, key
        assert flat or any(fen(row["Paid"]) for row in rows) or "late" in reason, key
        assert reason is not BEFORE_INTEREST or fen(rows[0]["In advance"]) == fen(rows[0]["Principal due"]), key
        assert reason is not PAID_AHEAD or any(not fen(row["Principal due"]) for row in rows[1:]), key


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
    assert terms.grace == int(loan["graceOnPrincipalPayment"])


@pytest.mark.parametrize("key", REPRODUCED)
def test_the_schedule_is_reproduced_row_by_row(key: str, scenarios: dict[str, Any]) -> None:
    assert computed(build_schedule(REPRODUCED[key])) == expected(scenarios[key])


def test_equal_principal_of_5000_at_12_percent_over_18_months_bears_475_interest() -> None:
    lines = build_schedule(REPRODUCED["LoanRepayment.feature:433"])
    assert sum(line.interest for line in lines) == 475_00
