"""`portal day-end`: close the open business date, or every day up to a given one."""

from __future__ import annotations

import datetime as dt

import click

from portal.loans.day_end import run_day_end


@click.command("day-end")
@click.option(
    "--date", "to", type=click.DateTime(["%Y-%m-%d"]), help="Last day to close; the open business date if left out."
)
def day_end(to: dt.datetime | None) -> None:
    """Close the open business date (or every day up to DATE) and open the next one."""
    done = run_day_end(to.date() if to else None)
    for day in done.closed:
        click.echo(f"{day} closed")
    click.echo(f"The business date is {done.opened}.")
    if done.unfollowed:
        raise click.ClickException(f"What follows day-end failed ({', '.join(done.unfollowed)}); see the log.")
