"""`portal seed`: the demo company, or a large company for benchmarks."""

from __future__ import annotations

import click

from portal.core.application import current_settings
from portal.core.errors import Refused
from portal.core.migrating import bring_up
from portal.core.setup import prepare
from seed import demo
from seed.bulk import load_bulk
from seed.emptying import empty_database


@click.command("seed")
@click.option("--size", type=click.IntRange(1, 10_000_000), help="So many customers and loans, without a story.")
@click.option("--reset", is_flag=True, help="Drop every table first. Not in production.")
def seed(size: int | None, reset: bool) -> None:
    """Fill an empty database with the demo company."""
    if current_settings().mode == "production":
        raise Refused("Production mode is never seeded.")
    if reset:
        empty_database()
    bring_up()
    prepare()
    done = demo.load_if_empty() if size is None else load_bulk(size)
    click.echo(
        "The company was loaded." if done else "There is a company in this database already; nothing was changed."
    )
