"""Instalments: the schedule of a loan, in place of the placeholder of one taken over or of that made from its terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from portal.core.bulk import chunks
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.fields import Field, fields_of
from portal.core.scope import unscoped
from portal.imports import references
from portal.imports.kinds.kind import Part, Run, Status
from portal.imports.kinds.ledger import LedgerKind, note_error
from portal.imports.reading import LINE
from portal.loans.loading import load_accounts
from portal.loans.models import Instalment
from portal.loans.schedules import new_lines
from portal.loans.services import ScheduleLine, bulk_schedules

LOAN_ID = references.id_column("loan")
FIGURES = ("due_date", "principal", "interest", "fee")
LOANS_AT_ONCE = 2_000


class InstalmentKind(LedgerKind):
    """Schedules, each loan's whole; what a loan has is replaced unless it was paid on."""

    resource = "Instalment"
    unique = ""

    def described(self) -> Sequence[Field]:
        own = fields_of(Instalment)
        blank = {"required": False, "help": _("Blank means 0.")}
        return (
            own["loan"],
            replace(own["number"], minimum=1),
            own["due_date"],
            replace(own["principal"], required=True),
            replace(own["interest"], **blank),
            replace(own["fee"], **blank),
        )

    def statuses(self, frame: pl.DataFrame, part: Part, run: Run) -> Sequence[Status]:
        part.watch("number", frame, pl.concat_str("loan", pl.col("number").cast(pl.String), separator=" / "))
        frame = frame.with_columns(pl.col("interest", "fee").fill_null(0))
        part.kept.setdefault("rows", []).append(frame)
        held = _held(frame[LOAN_ID].drop_nulls().unique().to_list())
        found = []
        for row in frame.iter_rows(named=True):
            line = held.get((row[LOAN_ID], row["number"]))
            same = line is not None and line == tuple(row[name] for name in FIGURES)
            found.append(Status.UNCHANGED if same else Status.NEW if line is None else Status.CHANGED)
        return found

    def finish(self, part: Part, run: Run) -> None:
        super().finish(part, run)
        frame = pl.concat(part.kept["rows"]).filter(pl.col(LOAN_ID).is_not_null())
        wrong = frame.filter(pl.col(LINE).is_in(list(run.problems.rows)))[LOAN_ID].unique()
        for some in by_loans(frame.filter(~pl.col(LOAN_ID).is_in(wrong.implode()))):
            accounts = load_accounts(db.session(), some[LOAN_ID].unique().to_list(), lock=False)
            for rows in _changed(some):
                try:
                    new_lines(accounts[rows[0][LOAN_ID]], [_line(row) for row in rows])
                except Refused as problem:
                    note_error(part, min(rows, key=lambda row: row[LINE]), problem)

    def write(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        part.kept.setdefault("rows", []).append(references.resolved(frame, self.fields))

    def close(self, part: Part, run: Run) -> None:
        for some in by_loans(pl.concat(part.kept["rows"]).with_columns(pl.col("interest", "fee").fill_null(0))):
            lines = [_line(row) for rows in _changed(some) for row in rows]
            if lines:
                bulk_schedules(lines, run.batch_id)

    def undo(self, batch_id: int) -> None:
        raise Refused(gettext("A schedule is corrected by importing the right instalments; they replace these."))


def by_loans(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows of so many loans at a time, whole loans together."""
    ids = frame[LOAN_ID].unique().sort()
    for at in range(0, len(ids), LOANS_AT_ONCE):
        yield frame.filter(pl.col(LOAN_ID).is_in(ids[at : at + LOANS_AT_ONCE].implode()))


def _changed(frame: pl.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """Rows of each loan whose schedule would become another one, by number."""
    ids = frame[LOAN_ID].unique().to_list()
    held, counts = _held(ids), _counts(ids)
    for rows in frame.sort(LOAN_ID, "number").partition_by(LOAN_ID, maintain_order=True):
        given = rows.to_dicts()
        same = all(held.get((row[LOAN_ID], row["number"])) == tuple(row[n] for n in FIGURES) for row in given)
        if not same or counts[given[0][LOAN_ID]] != len(given):
            yield given


def _line(row: dict[str, Any]) -> ScheduleLine:
    return ScheduleLine(row[LOAN_ID], row["number"], row["due_date"], row["principal"], row["interest"], row["fee"])


def _held(loan_ids: Sequence[int]) -> dict[tuple[int, int], tuple[Any, ...]]:
    """The figures of the instalments these loans have, by loan and number."""
    columns = [getattr(Instalment, name) for name in ("loan_id", "number", *FIGURES)]
    found = {}
    with unscoped("import: instalments that loans have already"):
        for some in chunks(loan_ids):
            for loan_id, number, *figures in db.session.execute(select(*columns).where(Instalment.loan_id.in_(some))):
                found[loan_id, number] = tuple(figures)
    return found


def _counts(loan_ids: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    statement = select(Instalment.loan_id, func.count()).group_by(Instalment.loan_id)
    with unscoped("import: instalments that loans have already"):
        for some in chunks(loan_ids):
            found |= dict(db.session.execute(statement.where(Instalment.loan_id.in_(some))).all())
    return found


InstalmentKind("instalments", _("Instalments"))
