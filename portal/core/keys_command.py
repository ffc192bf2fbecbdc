"""`portal keys …`: the master keys, their rotation, and whether all of them are there."""

from __future__ import annotations

import click

from portal.core import key_rotation
from portal.core.errors import PortalError
from portal.core.key_ring import key_ring


@click.group("keys")
def keys() -> None:
    """Master keys of personal data: list them, rotate to the current one, check that none is missing."""


@keys.command("list")
def list_keys() -> None:
    """The master keys, the current one first, and how many data keys each wraps. No key is shown."""
    ring, used = key_ring(), key_rotation.used_ids()
    for key_id in ring.ids:
        role = "current" if key_id == ring.current else "older"
        click.echo(f"{key_id:<16} {role:<8} {used[key_id]:>10,} data keys")
    for key_id in sorted(set(used) - set(ring.ids)):
        click.echo(f"{key_id:<16} {'MISSING':<8} {used[key_id]:>10,} data keys")
    source = "PORTAL_INDEX_KEY" if ring.own_index_key else f"derived from the master key {ring.oldest}"
    click.echo(f"Blind indexes: {source}")


@keys.command("check")
def check() -> None:
    """Fail with a sentence when a master key is missing or wrong, or the index key does not fit."""
    found = key_rotation.check()
    if not found.sound:
        raise PortalError(" ".join(found.sentences))
    click.echo("Every data key can be opened and the blind indexes fit.")


@keys.command("rotate")
def rotate() -> None:
    """Wrap every data key with the current master key. Values are not touched; may be stopped and started again."""
    ring = key_ring()
    done = key_rotation.rotate(_progress)
    click.echo(f"{done:,} data keys were rewrapped; all are under the master key {ring.current}.")
    if not ring.own_index_key and ring.oldest != ring.current:
        click.echo(
            f"The blind indexes still come from the master key {ring.oldest}: keep it, or set PORTAL_INDEX_KEY and run "
            "`portal keys reindex` before you take it away."
        )


@keys.command("reindex")
def reindex() -> None:
    """Make all blind indexes anew, after PORTAL_INDEX_KEY was set or changed. Stop the portal meanwhile."""
    done = key_rotation.reindex(_progress)
    click.echo(f"The blind indexes of {done:,} rows were made anew.")


def _progress(table: str, done: int, total: int) -> None:
    click.echo(f"{table}: {done:,} of {total:,} rows", err=True)
