"""`portal metric`: figures on the command line, from the same registry as every screen and report."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

import click
from flask_babel import gettext

from portal.core import scope
from portal.core.metric import MetricError, evaluate
from portal.core.security import actor_for_username
from portal.metrics.answers import as_json, as_table, check_period, read_day, words_list
from portal.metrics.dimensions import parse_where, split_filter


@click.command("metric")
@click.argument("keys", nargs=-1, required=True, metavar="KEY…")
@click.option("--as-of", metavar="D", help="End of this date; the business date if not given.")
@click.option("--from", "start", metavar="D", help="First day of the period; the first of the month if not given.")
@click.option("--to", "end", metavar="D", help="Last day of the period; the same as --as-of.")
@click.option("--known-at", metavar="D", help="Leave out what was booked later than this; --as-of if not given.")
@click.option("--by", default="", metavar="DIM,…", help="Cut by these dimensions.")
@click.option("--where", multiple=True, metavar="DIM=VALUE", help="Only these rows; a branch with all below it.")
@click.option("--as", "user", metavar="USER", help="As this login sees it; the whole company if not given.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON instead of a table.")
def metric(
    keys: tuple[str, ...],
    as_of: str | None,
    start: str | None,
    end: str | None,
    known_at: str | None,
    by: str,
    where: tuple[str, ...],
    user: str | None,
    wants_json: bool,
) -> None:
    """Figures of the portfolio, such as: portal metric loan_balance par_30 --by branch."""
    if as_of and end:
        raise MetricError(gettext("Give --as-of or --to, not both."))
    with scope.acting(actor_for_username(user)) if user else contextlib.nullcontext():
        check_period(keys, start is not None)
        result = evaluate(
            keys,
            by=words_list(by),
            where=parse_where(split_filter(text, "=") for text in where),
            as_of=_day(as_of or end),
            start=_day(start),
            known_at=_day(known_at),
        )
        lines = [_as_text(as_json(result))] if wants_json else as_table(result)
    for line in lines:
        click.echo(line)


def _day(text: str | None) -> dt.date | None:
    return None if text is None else read_day(text)


def _as_text(answers: list[dict[str, object]]) -> str:
    """One metric is an object, several are a list."""
    return json.dumps(answers[0] if len(answers) == 1 else answers, ensure_ascii=False)
