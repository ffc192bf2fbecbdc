"""The main job on real input: 10,000 real loans go in, the figures and the printed return come out to the cent."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.loans.ledger import Account, Posting
from portal.loans.reconciliation import reconcile
from tests.portal.loans.conftest import trial_balance
from tests.portal.metrics.lendingclub import differences

ROOT = Path(__file__).parents[1]
MAPPING = ROOT / "seed" / "mappings" / "lendingclub.toml"
STOCKS = {
    "loan_balance": "144589166.10",
    "loan_count": "9545",
    "borrower_count": "9545",
    "par_1": "2.0746",
    "par_30": "0.8403",
    "average_rate": "12.6604",
}
FLOWS = {
    "disbursed_amount": "163619225.00",
    "disbursed_count": "10000",
    "collected_principal": "18944484.66",
    "collected_interest": "5996667.81",
    "collected_fees": "1195.16",
    "collected_amount": "24942347.63",
    "written_off": "85574.24",
}


def of_postings(account: Account) -> int:
    return int(db.session.scalar(select(func.sum(Posting.amount)).where(Posting.account == account)) or 0)


@pytest.mark.shared
@pytest.mark.pdf
def test_the_lendingclub_ledger_gives_its_ground_truths(
    migrated_url: str,
    portal_command: Callable[..., str],
    settings: Callable[[str], Settings],
    shared_data: Path,
    tmp_path: Path,
):
    source = shared_data / "lendingclub_openintro" / "loans_full_schema.csv"
    said = portal_command(migrated_url, "import", "opening-positions", str(source), "--map", str(MAPPING))
    assert "10,000 new" in said

    def figures(*arguments: str) -> dict[str, str]:
        answer = json.loads(portal_command(migrated_url, "metric", *arguments, "--json"))
        return {item["metric"]: item["total"] for item in answer}

    assert {key: value[: len(STOCKS[key])] for key, value in figures(*STOCKS).items()} == STOCKS
    assert figures(*FLOWS, "--from", "2018-01-01", "--to", "2018-03-31") == FLOWS
    by_branch = ("--from", "2018-01-01", "--by", "branch", "--json")
    answers = json.loads(portal_command(migrated_url, "metric", *STOCKS, *FLOWS, *by_branch))
    assert differences(answers, source) == []

    pdf = tmp_path / "return.pdf"
    portal_command(migrated_url, "report", "loan_classification", "--as-of", "2018-03-31", "--out", str(pdf))
    words = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    assert "14,458.92" in words  # 10,000 yuan, rounded from the exact total
    assert "9,545" in words

    again = portal_command(migrated_url, "import", "opening-positions", str(source), "--map", str(MAPPING))
    assert "10,000 unchanged" in again
    assert figures(*STOCKS)["loan_balance"] == STOCKS["loan_balance"]

    app = create_app(settings(migrated_url))
    with app.app_context(), acting(SYSTEM):
        assert of_postings(Account.LOANS) == 144_589_166_10
        assert of_postings(Account.WRITTEN_OFF) == 85_574_24
        assert trial_balance() == {True: 0, False: 0}
        assert reconcile() == []
        db.session.remove()
        db.engine.dispose()
