"""`portal schedule`: a repayment schedule from terms typed on the command line."""

import json
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation

import click

from portal.loans.schedule import Instalment, Terms, build_schedule
from portal.products.terms import DayCount, Method, Rounding

HEADINGS = ("No.", "Due date", "Principal", "Interest", "Due", "Balance")


class TermsError(click.ClickException):
    """One sentence on stderr and exit code 2."""

    exit_code = 2


class _OneSentenceCommand(click.Command):
    """A command whose usage errors are one sentence too, without click's usage lines."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise TermsError(error.format_message()) from error


class _Scaled(click.ParamType[int]):
    """A plain decimal number as a whole number of its smallest unit."""

    def __init__(self, name: str, places: int, example: str) -> None:
        self.name = name
        self.places = places
        self.example = example

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        with suppress(InvalidOperation):  # no number at all, or one of more than 28 digits
            number = Decimal(str(value))
            if number == number.quantize(Decimal(1).scaleb(-self.places)):
                return int(number.scaleb(self.places))
        self.fail(f"'{value}' is not a number with at most {self.places} decimals, such as {self.example}.", param, ctx)


class _Day(click.ParamType[date]):
    """A calendar day as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"'{value}' is not a day of the calendar written as YYYY-MM-DD.", param, ctx)


@click.command("schedule", cls=_OneSentenceCommand)
@click.option("--amount", type=_Scaled("yuan", 2, "50000.00"), required=True, help="Principal paid out, in yuan.")
@click.option("--rate", type=_Scaled("percent", 4, "12.61"), required=True, help="Nominal annual rate in percent.")
@click.option("--count", type=int, required=True, help="Term in months.")
@click.option("--method", type=click.Choice([method.value for method in Method]), required=True)
@click.option("--start", type=_Day(), required=True, help="Day of disbursement; the due day follows it.")
@click.option("--first-due", type=_Day(), help="First due date, if not a month after the start.")
@click.option(
    "--day-count",
    type=click.Choice([DayCount.THIRTY_360.value, DayCount.ACT_365.value, DayCount.ACT_360.value]),
    default=DayCount.THIRTY_360.value,
    show_default=True,
)
@click.option(
    "--rounding",
    type=click.Choice([rounding.value for rounding in Rounding]),
    default=Rounding.HALF_UP.value,
    show_default=True,
    help="How the level instalment becomes whole fen.",
)
@click.option("--grace", type=int, default=0, show_default=True, help="Months without principal at the beginning.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def schedule(
    amount: int,
    rate: int,
    count: int,
    method: str,
    start: date,
    first_due: date | None,
    day_count: str,
    rounding: str,
    grace: int,
    as_json: bool,
) -> None:
    """Print the repayment schedule of a loan on these terms."""
    try:
        conventions = (DayCount(day_count), Rounding(rounding), grace)
        terms = Terms(amount, rate, count, Method(method), start, first_due, *conventions)
    except ValueError as error:
        raise TermsError(str(error)) from error
    instalments = build_schedule(terms)
    click.echo(_as_json(terms, instalments) if as_json else _as_table(instalments))


def _as_json(terms: Terms, instalments: list[Instalment]) -> str:
    return json.dumps(
        {
            "amount": _yuan(terms.amount),
            "rate": str(Decimal(terms.rate).scaleb(-4)),
            "count": terms.count,
            "method": terms.method,
            "start": terms.start.isoformat(),
            "day_count": terms.day_count,
            "rounding": terms.rounding,
            "grace": terms.grace,
            "instalments": [
                {
                    "number": line.number,
                    "period_start": line.period_start.isoformat(),
                    "period_end": line.period_end.isoformat(),
                    "due_date": line.due_date.isoformat(),
                    "principal": _yuan(line.principal),
                    "interest": _yuan(line.interest),
                    "due": _yuan(line.due),
                    "balance_after": _yuan(line.balance_after),
                }
                for line in instalments
            ],
            "total_interest": _yuan(sum(line.interest for line in instalments)),
            "total_due": _yuan(sum(line.due for line in instalments)),
        },
        indent=2,
    )


def _as_table(instalments: list[Instalment]) -> str:
    rows: list[tuple[str, ...]] = [HEADINGS]
    for line in instalments:
        money = (line.principal, line.interest, line.due, line.balance_after)
        rows.append((str(line.number), line.due_date.isoformat(), *map(_yuan, money)))
    totals = [sum(getattr(line, name) for line in instalments) for name in ("principal", "interest", "due")]
    rows.append(("", "Total", *map(_yuan, totals), ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)).rstrip() for row in rows)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
