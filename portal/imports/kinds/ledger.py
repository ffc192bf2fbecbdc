"""What the kinds that book into the ledger share: a row is new, the same as what is booked, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
from flask_babel import gettext
from sqlalchemy import select

from portal.core.bulk import chunks
from portal.core.db import db, label_of
from portal.core.errors import InvalidValues
from portal.core.fields import Field
from portal.core.places import Place, places_of
from portal.core.scope import unscoped
from portal.core.values import as_shown
from portal.customers.models import Customer
from portal.imports import references
from portal.imports.checking import DTYPES
from portal.imports.kinds.kind import Kind, Part, Run, Status, kinds, with_status
from portal.imports.reading import LINE
from portal.loans.accounts import Owner
from portal.loans.services import undo_batch


class LedgerKind(Kind):
    """Rows that are booked by the bulk verbs of the loans area."""

    unique: ClassVar[str] = "code"
    """The field that names a row; empty when it takes several."""

    def __init__(self, key: str, label: Any) -> None:
        self.key, self.label = key, label
        kinds.register(key, self)

    def described(self) -> Sequence[Field]:
        """The fields of a row, in the order of the template."""
        raise NotImplementedError

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        return {described.name: described for described in self.described()}

    def shown(self, row: Mapping[str, Any], name: str) -> str:
        described, value = self.fields[name], row.get(name)
        if described.choices is not None and value is not None:
            return str(label_of(described.choices(value)))
        return str(as_shown(replace(described, type="text") if described.type == "ref" else described, value))

    def judge(self, frame: pl.DataFrame, part: Part, run: Run) -> pl.DataFrame:
        frame = frame.with_columns(
            pl.lit(None, dtype=DTYPES.get(described.type, pl.String)).alias(name)
            for name, described in self.fields.items()
            if name not in frame.columns
        )
        for name, described in self.fields.items():
            if described.required:
                for line in frame.filter(pl.col(name).is_null())[LINE]:
                    if not part.has_problem(line, name):
                        part.note({LINE: line}, name, gettext("This is needed."), value="")
        if self.unique:
            part.watch(self.unique, frame, pl.col(self.unique))
        frame = references.with_ids(frame, self.fields, part, run)
        return with_status(frame, self.statuses(frame, part, run))

    def statuses(self, frame: pl.DataFrame, part: Part, run: Run) -> Sequence[Status]:
        """What each row would do; notes what is wrong with it."""
        raise NotImplementedError

    def finish(self, part: Part, run: Run) -> None:
        for name, seen in part.seen.items():
            for line, value, first in seen.repeated():
                part.note({LINE: line}, name, gettext("Row %(row)s has the same value.", row=first), value=value)

    def undo(self, batch_id: int) -> None:
        """Reverse what was booked and cancel the loans it brought; records made on the way stay, since those loans
        go on referring to them."""
        undo_batch(batch_id, gettext("Import batch %(number)s was undone.", number=batch_id))


def sound_rows(frame: pl.DataFrame, run: Run) -> Iterable[tuple[int, dict[str, Any]]]:
    """(place, row) of the rows nothing is wrong with so far."""
    for place, row in enumerate(frame.iter_rows(named=True)):
        if row[LINE] not in run.problems.rows:
            yield place, row


def note_error(part: Part, row: Mapping[str, Any], error: Exception, names: Mapping[str, str] | None = None) -> None:
    """Note what a verb says of a row; `names` translates its fields into the file's where they differ."""
    if not isinstance(error, InvalidValues):
        part.note(row, next(iter(part.kind.fields)), error)
        return
    for name, texts in error.fields.items():
        ours = (names or {}).get(name, name)
        for text in texts:
            part.note(row, ours if ours in part.kind.fields else next(iter(part.kind.fields)), text)


class Owners:
    """Who looks after a loan: the manager of the row, else its team and branch, else whoever has the customer."""

    def __init__(self) -> None:
        self.places = places_of(Customer)
        self.customers: dict[int, Owner] = {}

    def load_customers(self, ids: Iterable[int]) -> None:
        """Read who has these customers."""
        columns = (Customer.id, Customer.branch_id, Customer.team_id, Customer.manager_id)
        with unscoped("import: who has the customers"):
            for some in chunks(sorted(set(ids) - self.customers.keys())):
                for row in db.session.execute(select(*columns).where(Customer.id.in_(some))):
                    self.customers[row[0]] = Owner(*row[1:])

    def of(self, row: Mapping[str, Any]) -> Owner:
        """The owner of a row whose references all have ids."""
        branch, team, manager = self.places.filled(_place(row))
        return self.customers[row[references.id_column("customer")]] if branch is None else Owner(branch, team, manager)

    def problems(self, row: Mapping[str, Any]) -> dict[str, str]:
        """What contradicts itself among branch, team and manager, by field."""
        return self.places.problems(_place(row))


def _place(row: Mapping[str, Any]) -> Place:
    return Place(*(row.get(references.id_column(name)) for name in ("branch", "team", "manager")))
