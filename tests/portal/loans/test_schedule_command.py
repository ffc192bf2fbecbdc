"""`portal schedule`, as typed."""

import json

import pytest
from click.testing import CliRunner, Result

from portal.loans.schedule_command import schedule

TERMS = {"--amount": "5000", "--rate": "12", "--count": "18", "--method": "equal-principal", "--start": "2022-11-01"}


def run(*extra: str, **changed: str | None) -> Result:
    options = TERMS | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    typed = [word for option, value in options.items() if value is not None for word in (option, value)]
    return CliRunner().invoke(schedule, [*typed, *extra])


def test_the_command_prints_a_table_with_totals() -> None:
    lines = run().stdout.splitlines()
    assert lines[0].split() == ["No.", "Due", "date", "Principal", "Interest", "Due", "Balance"]
    assert lines[1].split() == ["1", "2022-12-01", "277.78", "50.00", "327.78", "4722.22"]
    assert lines[18].split() == ["18", "2024-05-01", "277.74", "2.78", "280.52", "0.00"]
    assert lines[19].split() == ["Total", "5000.00", "475.00", "5475.00"]
    assert len({len(line) for line in lines[:19]}) == 1


def test_json_money_is_a_string_with_two_decimals() -> None:
    answer = json.loads(run("--json", rate="12.61", count="1", first_due="2022-12-15").stdout)
    assert answer == {
        "amount": "5000.00",
        "rate": "12.6100",
        "count": 1,
        "method": "equal-principal",
        "start": "2022-11-01",
        "day_count": "30/360",
        "rounding": "half-up",
        "grace": 0,
        "instalments": [
            {
                "number": 1,
                "period_start": "2022-11-01",
                "period_end": "2022-12-15",
                "due_date": "2022-12-15",
                "principal": "5000.00",
                "interest": "77.06",
                "due": "5077.06",
                "balance_after": "0.00",
            }
        ],
        "total_interest": "77.06",
        "total_due": "5077.06",
    }


@pytest.mark.parametrize(
    ("changed", "first_interest"),
    [
        ({"method": "level"}, "50.00"),
        ({"method": "interest-only"}, "50.00"),
        ({"method": "bullet"}, "900.00"),
        ({"day_count": "actual/365"}, "49.32"),
        ({"day_count": "actual/360"}, "50.00"),
        ({"rate": "11.9985"}, "49.99"),
        ({"rate": "0"}, "0.00"),
    ],
)
def test_every_option_reaches_the_schedule(changed: dict[str, str], first_interest: str) -> None:
    answer = json.loads(run("--json", **changed).stdout)
    assert answer["instalments"][0]["interest"] == first_interest


@pytest.mark.parametrize(("rounding", "first_principal"), [("half-up", "333.33"), ("up", "333.34")])
def test_the_rounding_option_reaches_the_instalment(rounding: str, first_principal: str) -> None:
    answer = json.loads(run("--json", count="15", rounding=rounding).stdout)
    assert answer["instalments"][0]["principal"] == first_principal


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"amount": "-5"}, "The amount must be positive."),
        ({"amount": "10.001"}, "'10.001' is not a number with at most 2 decimals, such as 50000.00."),
        ({"amount": "1e999999999"}, "'1e999999999' is not a number with at most 2 decimals"),
        ({"amount": "NaN"}, "'NaN' is not a number"),
        ({"amount": "ten"}, "'ten' is not a number"),
        ({"amount": "1e17"}, "The amount must not exceed"),
        ({"amount": None}, "Missing option '--amount'."),
        ({"rate": "12.34567"}, "'12.34567' is not a number with at most 4 decimals, such as 12.61."),
        ({"rate": "1001"}, "The annual rate must be between 0 % and 1,000 %."),
        ({"count": "0"}, "The term must be between 1 and 600 months."),
        ({"count": "many"}, "'many' is not a valid integer"),
        ({"method": "balloon"}, "'balloon' is not one of 'level', 'equal-principal', 'interest-only', 'bullet'"),
        ({"start": "2024-02-31"}, "'2024-02-31' is not a day of the calendar written as YYYY-MM-DD."),
        ({"first_due": "2022-11-01"}, "The first due date must be after the start."),
        ({"day_count": "30E/360"}, "'30E/360' is not one of '30/360', 'actual/365', 'actual/360'"),
        ({"rounding": "down"}, "'down' is not one of 'half-up', 'up'"),
        ({"colour": "red"}, "No such option '--colour'"),
    ],
)
def test_wrong_terms_are_one_sentence_on_stderr_and_exit_code_2(changed: dict[str, str | None], sentence: str) -> None:
    result = run(**changed)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
