"""`portal apr`, as typed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from portal.pricing.apr_command import apr

BULLET = [{"date": "2026-01-01", "amount": "-10000.00"}, {"date": "2027-01-01", "amount": "11200.00"}]


def run(given: object, *options: str) -> Result:
    text = given if isinstance(given, str) else json.dumps(given)
    return CliRunner().invoke(apr, options, input=text)


def test_both_rates_are_named_and_in_percent() -> None:
    assert json.loads(run({"flows": BULLET}).stdout) == {
        "irr": {"name": "internal rate of return, compound, actual/365", "percent": "12.000000"},
        "simple": {"name": "simple interest, no compounding, actual/365", "percent": "12.000000"},
        "flows": 2,
        "first": "2026-01-01",
        "last": "2027-01-01",
        "paid_out": "10000.00",
        "paid_back": "11200.00",
        "cost": "1200.00",
    }


def test_numbers_do_as_well_as_texts_and_stay_exact() -> None:
    given = '{"flows": [{"date": "2026-01-01", "amount": 0.1}, {"date": "2027-01-01", "amount": -0.3}]}'
    answer = json.loads(run(given).stdout)
    assert (answer["paid_out"], answer["paid_back"], answer["irr"]["percent"]) == ("0.10", "0.30", "200.000000")


def test_the_actuarial_rate_comes_with_a_unit_period() -> None:
    # Regulation Z, Appendix J (c)(1)(i): 5,000 back in 24 monthly payments of 230: 9.69 %
    dates = [f"{1978 + month // 12}-{month % 12 + 1:02d}-10" for month in range(25)]
    flows = [{"date": day, "amount": "230.00"} for day in dates]
    flows[0]["amount"] = "-5000.00"
    answer = json.loads(run({"flows": flows}, "--unit-period", "month").stdout)
    assert answer["actuarial"]["percent"].startswith("9.685")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "Nothing was given"),
        ("{", "This is no JSON: line 1, column 2"),
        ("[]", 'Give an object with a list under "flows".'),
        ({"flows": BULLET, "rate": 1}, 'The input has an unknown key "rate"'),
        ({"flows": [{**BULLET[0], "note": ""}]}, 'Flow 1 has an unknown key "note"'),
        ({"flows": [{"date": "2026-01-01"}]}, 'Flow 1 has no "amount".'),
        ({"flows": ["x"]}, 'Flow 1 is no object with "date" and "amount".'),
        ('{"flows": [{"date": "2026-01-01", "amount": NaN}]}', "NaN is no amount."),
        ('{"flows": [{"date": "2026-01-01", "amount": -Infinity}]}', "-Infinity is no amount."),
        ({"flows": [{"date": "2026-01-01", "amount": "NaN"}]}, "Flow 1 has no plain amount"),
        ('{"flows": [{"date": "2026-01-01", "amount": 1e999999999}]}', "Flow 1 has no plain amount"),
        ({"flows": [{"date": "2026-01-01", "amount": True}]}, "Flow 1 has no plain amount"),
        ({"flows": [{"date": "2026-01-01", "amount": "1,000"}]}, "Flow 1 has no plain amount"),
        ({"flows": [{"date": "2026-02-30", "amount": "1"}]}, "Flow 1 has no day of the calendar"),
        ({"flows": [{"date": 20260101, "amount": "1"}]}, "Flow 1 has no day of the calendar"),
        ({"flows": BULLET[:1]}, "A rate needs at least two flows"),
        ({"flows": BULLET[:1] * 10_000}, "At most 5,000 flows are taken; 10,000 were given."),
        ({"flows": BULLET[::-1]}, "Flow 2 is dated 2026-01-01, before the one above it"),
        ({"flows": [BULLET[0], BULLET[0] | {"date": "2026-02-01"}]}, "All flows have the same sign"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_reckoned_with_is_answered_by_one_sentence(given: object, sentence: str) -> None:
    answer = run(given)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert sentence in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_the_command_needs_no_database(tmp_path: object) -> None:
    command = [sys.executable, "-m", "portal.cli", "apr"]
    environment = {"PORTAL_DATABASE_URL": "sqlite:////nowhere/at/all.db", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, input=b"\xff", capture_output=True, env=environment, timeout=120)
    assert (done.returncode, done.stderr) == (2, b"Standard input is no text in UTF-8.\n")
