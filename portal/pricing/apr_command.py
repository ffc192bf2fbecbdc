"""`portal apr`: the annual rates of dated cash flows, read as JSON from standard input."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import click

from portal.pricing.rules import (
    LARGEST_AMOUNT,
    Flow,
    UnitPeriod,
    actuarial_annual_rate,
    annual_percentage_rate,
    simple_annual_cost,
)

LARGEST_INPUT = 2_000_000
"""Bytes: 5,000 flows are a tenth of it."""
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,16}(\.[0-9]{1,8})?")
EXAMPLE = '{"flows": [{"date": "2026-01-01", "amount": "-10000.00"}, {"date": "2027-01-01", "amount": "11200.00"}]}'
NAMES = {
    "irr": "internal rate of return, compound, actual/365",
    "simple": "simple interest, no compounding, actual/365",
    "actuarial": "unit-period rate times periods a year (Regulation Z, Appendix J)",
}


class FlowsRefused(click.ClickException):
    """One sentence on stderr and exit code 2."""

    exit_code = 2


@click.command("apr", epilog=f"For example: {EXAMPLE}")
@click.option(
    "--unit-period",
    type=click.Choice([unit.value for unit in UnitPeriod]),
    help="How often payments come: adds the actuarial rate of Regulation Z.",
)
def apr(unit_period: str | None) -> None:
    """Annual rates of the dated cash flows on standard input, as JSON.

    Amounts are in yuan, as texts or numbers; what is paid out and what is paid back have opposite signs; the flows
    come in order of time. The answer names each rate: irr (compound) and simple, in percent.
    """
    try:
        flows = read_flows(sys.stdin.buffer.read(LARGEST_INPUT + 1).decode("utf-8-sig"))
        rates = {"irr": annual_percentage_rate(flows), "simple": simple_annual_cost(flows)}
        if unit_period:
            rates["actuarial"] = actuarial_annual_rate(flows, UnitPeriod(unit_period))
    except UnicodeDecodeError:
        raise FlowsRefused("Standard input is no text in UTF-8.") from None
    except ValueError as problem:
        raise FlowsRefused(str(problem)) from problem
    click.echo(as_json(flows, rates))


def as_json(flows: Sequence[Flow], rates: dict[str, Decimal]) -> str:
    """The rates in percent with their names, and what they were worked out from."""
    lent_below_0 = next(flow.amount for flow in flows if flow.amount) < 0
    below = sum((-flow.amount for flow in flows if flow.amount < 0), Decimal())
    above = sum((flow.amount for flow in flows if flow.amount > 0), Decimal())
    paid_out, paid_back = (below, above) if lent_below_0 else (above, below)
    answer = {
        **{key: {"name": NAMES[key], "percent": f"{rate * 100:.6f}"} for key, rate in rates.items()},
        "flows": len(flows),
        "first": flows[0].on.isoformat(),
        "last": flows[-1].on.isoformat(),
        "paid_out": f"{paid_out:.2f}",
        "paid_back": f"{paid_back:.2f}",
        "cost": f"{paid_back - paid_out:.2f}",
    }
    return json.dumps(answer, indent=2)


def read_flows(text: str) -> list[Flow]:
    """The flows of a JSON text. Raises ValueError with one sentence."""
    if len(text) > LARGEST_INPUT:
        raise ValueError("There is more on standard input than is read: at most 5,000 flows.")
    if not text.strip():
        raise ValueError(f"Nothing was given on standard input. Give flows such as {EXAMPLE}")
    try:
        given = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"This is no JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise ValueError("This JSON is nested too deeply to hold flows.") from None
    if not isinstance(given, dict) or not isinstance(given.get("flows"), list):
        raise ValueError('Give an object with a list under "flows".')
    _only(given, ("flows",), "The input")
    return [_flow(item, number) for number, item in enumerate(given["flows"], 1)]


def _no_number(name: str) -> Decimal:
    raise ValueError(f"{name} is no amount.")


def _only(given: dict[str, Any], keys: Sequence[str], what: str) -> None:
    unknown = [key for key in given if key not in keys]
    if unknown:
        known = " and ".join(f'"{key}"' for key in keys)
        raise ValueError(f'{what} has an unknown key "{unknown[0][:40]}"; there is only {known}.')


def _flow(item: Any, number: int) -> Flow:
    what = f"Flow {number}"
    if not isinstance(item, dict):
        raise ValueError(f'{what} is no object with "date" and "amount".')
    _only(item, ("date", "amount"), what)
    for key in ("date", "amount"):
        if key not in item:
            raise ValueError(f'{what} has no "{key}".')
    return Flow(_day(item["date"], what), _amount(item["amount"], what))


def _day(value: Any, what: str) -> date:
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f'{what} has no day of the calendar written as YYYY-MM-DD under "date".')


def _amount(value: Any, what: str) -> Decimal:
    text = value if isinstance(value, str) else f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else ""
    if PLAIN_NUMBER.fullmatch(text) and abs(Decimal(text)) <= LARGEST_AMOUNT:
        return Decimal(text)
    raise ValueError(f'{what} has no plain amount such as "-10000.00" under "amount".')
