"""`portal audit …`: seal and verify the audit trail."""

from __future__ import annotations

import re

import click

from portal.core.errors import PortalError
from portal.trail import sealing
from portal.trail.chain import Head
from portal.trail.services import verify_and_archive, verify_and_note
from portal.trail.verdict import Verdict


@click.group("audit")
def audit() -> None:
    """The audit trail: seal it, verify it, archive what is old."""


@audit.command("seal")
def seal() -> None:
    """Chain the entries that wait for it, as the worker does every minute; prints the head to keep outside."""
    count = sealing.seal()
    last = sealing.head()
    click.echo(f"{count} entries sealed. Head: position {last.position}, hash {last.hash}")


@audit.command("verify")
@click.option("--head", "kept_hash", metavar="HASH", help="A hash that was kept outside.")
@click.option("--position", type=click.IntRange(1), metavar="N", help="The position that it was kept with.")
def verify(kept_hash: str | None, position: int | None) -> int:
    """Check every entry and the chain; exit code 1 when something was changed, removed, reordered or slipped in."""
    if (kept_hash is None) != (position is None):
        raise PortalError("--head and --position belong together: a hash is that of one position.")
    if kept_hash is not None and not re.fullmatch("[0-9a-fA-F]{64}", kept_hash):
        raise PortalError("--head is a SHA-256 hash: 64 characters 0-9 and a-f.")
    kept = Head(position, kept_hash.lower()) if kept_hash is not None and position is not None else None
    verdict = verify_and_note(kept)
    for line in told(verdict, kept):
        click.echo(line)
    return 0 if verdict.sound else 1


@audit.command("archive")
def archive_old() -> None:
    """Move entries older than the parameter audit.retention_years into a file of the store, as happens every night."""
    made = verify_and_archive()
    click.echo(f"{made} entries archived.")


def told(verdict: Verdict, kept: Head | None) -> list[str]:
    """The verdict in lines, English like all of the command line."""
    lines = []
    for problem in verdict.problems:
        where = [f"position {problem.position}"] if problem.position is not None else []
        where += [f"entry {problem.entry_id}"] if problem.entry_id is not None else []
        lines.append(f"{', '.join(where)}: {problem.fault.label}")
    if verdict.wrong > len(verdict.problems):
        lines.append(f"… and {verdict.wrong - len(verdict.problems)} more.")
    covered = f"{verdict.checked} entries, positions {verdict.start.position + 1} to {verdict.end.position}"
    lines.append(f"{'The audit trail is intact' if verdict.sound else 'THE AUDIT TRAIL IS NOT INTACT'}: {covered}.")
    if verdict.waiting:
        lines.append(f"{verdict.waiting} entries of the last minutes wait for their seal.")
    lines.append(f"Head: position {verdict.end.position}, hash {verdict.end.hash}")
    if kept is None:
        lines.append("Whether the end was cut off shows only beside a head kept outside: --head HASH --position N.")
    elif verdict.start.position and kept.position < verdict.start.position:
        lines.append("The head kept outside lies in an archive; it was not compared.")
    return lines
