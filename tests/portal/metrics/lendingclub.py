"""What the LendingClub file amounts to, summed up in plain Python from its own columns, as portal figures.

Read as seed/mappings/lendingclub.toml reads it: states are branches, "Late (31-120 days)" is 60 days late, and what is
left of a loan charged off was written off. Amounts are in cents.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from portal.core.metric import metrics
from portal.metrics import load_catalogue
from portal.metrics.formatting import exact_text

DAYS_LATE = {"In Grace Period": 10, "Late (16-30 days)": 20, "Late (31-120 days)": 60}

Loan = Mapping[str, str]
Figures = dict[str, int | Fraction | None]


def read(path: Path) -> list[Loan]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cents(text: str) -> int:
    """The file keeps some amounts as floats with noise beyond the cent."""
    return int((Decimal(text) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def figures(loans: Iterable[Loan]) -> Figures:
    """Stocks at the cut-over date, and the flows of everything before it."""
    loans = list(loans)
    kept = [loan for loan in loans if loan["loan_status"] != "Charged Off" and cents(loan["balance"])]
    balance = sum(cents(loan["balance"]) for loan in kept)

    def late(least: int) -> int:
        return sum(cents(loan["balance"]) for loan in kept if DAYS_LATE.get(loan["loan_status"], 0) >= least)

    def total(column: str) -> int:
        return sum(cents(loan[column]) for loan in loans)

    charged_off = [loan for loan in loans if loan["loan_status"] == "Charged Off"]
    weighted = sum(cents(loan["balance"]) * Fraction(loan["interest_rate"]) / 100 for loan in kept)
    principal, interest, fees = total("paid_principal"), total("paid_interest"), total("paid_late_fees")
    return {
        "loan_balance": balance,
        "loan_count": len(kept),
        "borrower_count": len(kept),
        "average_rate": weighted / balance if balance else None,
        "overdue_loan_balance": late(1),
        "overdue_loan_count": sum(loan["loan_status"] in DAYS_LATE for loan in kept),
        "par_1": Fraction(late(1), balance) if balance else None,
        "par_30": Fraction(late(31), balance) if balance else None,
        "par_90": Fraction(0) if balance else None,
        "disbursed_amount": total("loan_amount"),
        "disbursed_count": len(loans),
        "collected_principal": principal,
        "collected_interest": interest,
        "collected_fees": fees,
        "collected_amount": principal + interest + fees,
        "written_off": sum(cents(loan["loan_amount"]) - cents(loan["paid_principal"]) for loan in charged_off),
    }


def by_state(loans: Sequence[Loan]) -> dict[str, Figures]:
    """The same for each branch, by its code."""
    states: dict[str, list[Loan]] = defaultdict(list)
    for loan in loans:
        states[f"US-{loan['state']}"].append(loan)
    return {code: figures(found) for code, found in states.items()}


def differences(answers: Sequence[Mapping[str, Any]], path: Path) -> list[str]:
    """Where answers of `portal metric … --by branch --json`, from 2018-01-01 on, are not what the file amounts to."""
    load_catalogue()
    loans = read(path)
    whole, states = figures(loans), by_state(loans)
    found = []
    for answer in answers:
        key = answer["metric"]
        metric = metrics[key]
        nothing = exact_text(metric, metric.empty if metric.ratio is None else None)
        rows = {row["by"]["branch"]: row["value"] for row in answer["rows"]}
        expected = {code: exact_text(metric, of_state[key]) for code, of_state in states.items()}
        found += [f"{key} of {code}" for code in rows.keys() - states.keys()]
        found += [f"{key} of {code}" for code, text in expected.items() if rows.get(code, nothing) != text]
        if answer["total"] != exact_text(metric, whole[key]):
            found.append(f"{key} in total")
    return found
