"""`portal import KIND FILE`: check a file and import it, all or nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click
from flask_babel import gettext

from portal.core.errors import PortalError
from portal.core.values import ValueProblem, parse_date
from portal.imports.checks import Checked, checked_file, kind_called
from portal.imports.kinds import Status, kinds
from portal.imports.kinds.kind import STATUS, fields_by_kind
from portal.imports.mapping import load_mapping
from portal.imports.reading import LINE
from portal.imports.services import run_import

WORDS = {
    Status.NEW: "new",
    Status.CHANGED: "changed",
    Status.UNCHANGED: "unchanged",
    Status.WRONG: "wrong",
}


class ImportFailed(PortalError):
    """Rows are wrong; nothing was imported."""


def _day(_context: click.Context, _option: click.Parameter, text: str | None) -> dt.date | None:
    try:
        return parse_date(text) if text else None
    except ValueProblem:
        raise click.BadParameter("write it like 2026-06-30.") from None


@click.command("import", help=f"Import FILE as KIND: one of {', '.join(kinds)}.")
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check and show what would happen; import nothing.")
@click.option("--map", "mapping", type=click.Path(path_type=Path), help="Column mapping (.toml or .json).")
@click.option("--cut-over", callback=_day, metavar="DATE", help="Cut-over date of opening positions.")
@click.option("--errors", type=click.Path(path_type=Path), help="Where the list of errors goes.")
def import_file(
    kind: str, file: Path, dry_run: bool, mapping: Path | None, cut_over: dt.date | None, errors: Path | None
) -> None:
    """The command."""
    found = kind_called(kind)
    if not file.is_file():
        raise PortalError(f"There is no file {file}.")
    rules = load_mapping(mapping, fields_by_kind()) if mapping else None
    with checked_file(file, found, rules, cut_over=cut_over, to_write=not dry_run) as checked:
        click.echo(_summary(checked))
        if checked.problems:
            path = errors or Path(f"{file.stem}.errors.csv")
            raise ImportFailed(_listed(checked, path))
        if dry_run:
            click.echo(_rows(checked))
            click.echo("Nothing was imported: this was a dry run.")
            return
        batch = run_import(checked)
        click.echo(f"Imported as batch {batch.id}.")


def _summary(checked: Checked) -> str:
    counts = ", ".join(f"{checked.counts[status]:,} {word}" for status, word in WORDS.items() if checked.counts[status])
    lines = [f"{checked.name}: {checked.rows:,} rows: {counts}."]
    if made := ", ".join(f"{count:,} {key}" for key, count in checked.created.items() if count):
        lines.append(f"Created on the way: {made}.")
    lines += [f"Note: {warning}" for warning in checked.warnings]
    return "\n".join(lines)


def _rows(checked: Checked) -> str:
    names = [name for name, _label in checked.columns]
    rows = [["row", "what", *names]]
    rows += [[row[LINE], row[STATUS], *(row[name] for name in names)] for row in checked.first_rows]
    return "\n".join("\t".join(row) for row in rows)


def _listed(checked: Checked, path: Path) -> str:
    """Print the first problems, write them all, and say so in the sentence that ends the command."""
    for problem in checked.first_problems():
        where = f"Row {problem.line}" + (f", {problem.column}" if problem.column else "")
        value = f" [{problem.value}]" if problem.value else ""
        click.echo(f"{where}{value}: {problem.reason}")
    try:
        checked.problems.write(path)
    except OSError as error:
        return f"{checked.verdict()} The list of errors cannot be written to {path}: {error.strerror}."
    return gettext("%(verdict)s All errors are in %(path)s.", verdict=checked.verdict(), path=path)
