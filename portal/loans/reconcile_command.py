"""`portal reconcile`: prove that what is kept for speed says the same as the ledger; `--rebuild` writes it anew."""

from __future__ import annotations

import click

from portal.core.errors import PortalError
from portal.loans.day_end import rebuild_states
from portal.loans.reconciliation import reconcile as differences


@click.command("reconcile")
@click.option("--rebuild", is_flag=True, help="Write loan_state and what is added up of it anew from the ledger first.")
def reconcile(rebuild: bool) -> None:
    """Compare loan_state, groups and instalments with the ledger; tell every difference."""
    if rebuild:
        rebuild_states()
        click.echo("loan_state and its groups are written anew.")
    found = differences()
    for difference in found:
        loan = f"loan {difference.loan_id}: " if difference.loan_id else ""
        click.echo(f"{difference.check}: {loan}{difference.detail}")
    if found:
        raise PortalError(f"{len(found)} differences.")
    click.echo("No differences.")
