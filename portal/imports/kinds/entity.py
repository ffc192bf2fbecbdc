"""Master data of any described model: rows are found by their code, added when new, changed when they differ.

Everything is read from the field metadata, so a new entity is importable by one line in `masters`. A blank cell never
empties a value that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import polars as pl
from flask_babel import gettext
from sqlalchemy import UniqueConstraint, inspect, select, update

from portal.core.bulk import chunks, insert_rows, reserve_ids
from portal.core.db import db, label_of
from portal.core.fields import Field, fields_of
from portal.core.places import Place, Places, has_place, names_of, places_of
from portal.core.records import assign, misplaced
from portal.core.scope import unscoped
from portal.core.sealed import HasDataKey, KeyRing, SealedThrough, key_ring
from portal.core.values import as_shown
from portal.imports import references
from portal.imports.checking import masked
from portal.imports.kinds.kind import STATUS, Kind, Part, Run, Status, kinds, with_status
from portal.imports.lookups import code_attribute, held_by, ids_by_code, key_of, parents_ciphers, rows_by_key
from portal.imports.mapping import Rule
from portal.imports.reading import LINE
from portal.imports.traces import remember_added, remember_changed, snapshot

ID = "\0id"
DATA_KEY = "\0data_key"
WRITTEN = "\0written"
"""Among what a part keeps: codes of the rows written, whose references within the model are set at the end."""


class EntityKind(Kind):
    """The import of one model's rows."""

    def __init__(self, key: str, label: Any, model: Any, creatable: bool = False, **overrides: Any) -> None:
        """`overrides` replace parts of fields' metadata: `branch={"required": True}`."""
        self.key, self.label, self.model, self.creatable = key, label, model, creatable
        self.resource = model.__name__
        self.overrides = overrides
        kinds.register(key, self)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        described = {n: f for n, f in fields_of(self.model).items() if not f.readonly and f.type != "json"}
        return described | {name: replace(described[name], **values) for name, values in self.overrides.items()}

    @cached_property
    def stored(self) -> Mapping[str, Field]:
        """The fields that are columns; a kind may let files give others, from which it works those out."""
        known = fields_of(self.model)
        return {name: described for name, described in self.fields.items() if name in known}

    @cached_property
    def key_fields(self) -> tuple[str, ...]:
        """What identifies a row: its code, or the columns of the first unique constraint."""
        if "code" in self.fields:
            return ("code",)
        constraints = inspect(self.model).local_table.constraints
        unique = next(c for c in constraints if isinstance(c, UniqueConstraint) and len(c.columns) > 1)
        return tuple(column.name for column in unique.columns)

    @cached_property
    def sealed(self) -> Mapping[str, Any]:
        return getattr(self.model, "__sealed__", {})

    @cached_property
    def unique_fields(self) -> dict[str, str]:
        """Fields besides the key that no two rows may share -> the frame's column that holds them."""
        columns = inspect(self.model).columns
        found = {}
        for name, described in self.stored.items():
            attribute = f"{name}_index" if name in self.sealed else key_of(self.model, name)
            if name not in self.key_fields and attribute in columns and columns[attribute].unique:
                found[name] = references.id_column(name) if described.type == "ref" else attribute
        return found

    def needed(self, rules: Mapping[str, Rule]) -> Sequence[str]:
        return self.key_fields  # the others are needed of new rows only

    def shown(self, row: Mapping[str, Any], name: str) -> str:
        described, value = self.fields[name], row.get(name)
        if value is None or described.sensitive:
            return masked(described, value)
        if described.choices is not None:
            return str(label_of(described.choices(value)))
        return str(as_shown(replace(described, type="text") if described.type == "ref" else described, value))

    # --- checking -----------------------------------------------------------------------------------------------------

    def prepared(self, frame: pl.DataFrame, part: Part, run: Run) -> pl.DataFrame:
        """The frame with what a kind works out itself."""
        return frame

    def judge(self, frame: pl.DataFrame, part: Part, run: Run) -> pl.DataFrame:
        frame = self.prepared(frame, part, run)
        frame = self._sealed(frame, run.to_write)
        self._watch(frame, part, run)
        frame = references.with_ids(frame, self.fields, part, run, later=self.model)
        for name in self._own_references(frame):
            part.inner.setdefault(name, []).append(frame.select(LINE, *self.key_fields, name).drop_nulls())
        existing = rows_by_key(self.model, self.key_fields, frame[self.key_fields[0]].drop_nulls())
        held = [existing.get(key) for key in frame.select(self.key_fields).iter_rows()]
        frame = frame.with_columns(pl.Series(ID, [row and row["id"] for row in held], dtype=pl.Int64))
        statuses = self._compared(frame, held, part)
        self._check_needed(frame, part)
        self._check_unique(frame, part)
        self._check_rows(frame, held, statuses, part, run)
        return with_status(frame, statuses)

    def _sealed(self, frame: pl.DataFrame, encrypt: bool) -> pl.DataFrame:
        """With the blind index of each personal value; encrypted, too, when it will be written."""
        names = [name for name in self.sealed if name in frame.columns]
        columns: dict[str, list[Any]] = {}
        if not encrypt:
            for name in names:
                index = self.sealed[name].index
                columns[f"{name}_index"] = [value and index(value) for value in frame[name]]
        elif names:
            ring = key_ring()
            keys, ciphers = self._ciphers(frame, names, ring)
            if keys:
                columns[DATA_KEY] = keys
            for name in names:
                sealed, pairs = self.sealed[name], zip(ciphers, frame[name], strict=True)
                nothing = (None,) * len(sealed.columns)
                done = [sealed.seal_with(cipher, v, ring) if v and cipher else nothing for cipher, v in pairs]
                columns |= dict(zip(sealed.columns, map(list, zip(*done, strict=True)), strict=True))
        return frame.with_columns(pl.Series(name, held, dtype=pl.Binary) for name, held in columns.items())

    def _ciphers(self, frame: pl.DataFrame, names: Sequence[str], ring: KeyRing) -> tuple[list[Any], list[Any]]:
        """(data keys of new rows, ciphers), row by row; no keys where the values are sealed with the parents'."""
        filled = [any(row) for row in frame.select(names).iter_rows()]
        if issubclass(self.model, SealedThrough):
            parent = next(n for n, f in self.stored.items() if key_of(self.model, n) == self.model.sealed_key)
            codes = frame[parent].fill_null("").to_list() if parent in frame.columns else [""] * frame.height
            wanted = {code for code, some in zip(codes, filled, strict=True) if code and some}
            by_code = parents_ciphers(self.model.sealed_parent, wanted)
            return [], [by_code.get(code) for code in codes]
        keys, ciphers = zip(*(ring.new_cipher() if some else (None, None) for some in filled), strict=True)
        return list(keys), list(ciphers)

    def _watch(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        """Note what the whole file tells about: keys and unique values seen, codes to come."""
        if part.creation or self._own_references(frame):  # nobody else asks
            run.pending.setdefault(self.model, set()).update(frame["code"].drop_nulls())
        key = pl.concat_str([pl.col(name).cast(pl.String) for name in self.key_fields], separator=" ")
        if part.creation:  # one record for many rows: they must agree on it
            content = pl.concat_str([pl.col(n).cast(pl.String).fill_null("") for n in part.rules], separator="\0")
            part.watch(self.key_fields[0], frame, key, content)
            return
        part.watch(self.key_fields[0], frame, key)
        for name in self.unique_fields:
            attribute = f"{name}_index" if name in self.sealed else name
            if attribute in frame.columns:
                part.watch(name, frame, pl.col(attribute))

    def _own_references(self, frame: pl.DataFrame) -> list[str]:
        """References to rows of the same model, which may stand anywhere in the file."""
        return [name for name in references.names_in(self.fields, frame) if self.fields[name].target is self.model]

    def _compared(self, frame: pl.DataFrame, held: Sequence[Any], part: Part) -> list[Status]:
        """New, changed or unchanged, by key and content."""
        statuses = [Status.NEW if row is None else Status.UNCHANGED for row in held]
        known = [at for at, row in enumerate(held) if row is not None]
        if known and not part.creation:
            for at, row in zip(known, frame[known].iter_rows(named=True), strict=True):
                if self._differs(row, held[at]):
                    statuses[at] = Status.CHANGED
        return statuses

    def _differs(self, row: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
        """Whether a value in the file is another than the row's; blank cells say nothing."""
        for name, attribute in self._attributes.items():
            if row.get(name) is None:
                continue
            value = (
                row[attribute]
                if name in self.sealed
                else row[references.id_column(name)]
                if name in self._targets
                else row[name]
            )
            if value != held[attribute]:
                return True
        return False

    @cached_property
    def _attributes(self) -> dict[str, str]:
        """Column that tells whether a field differs, by field."""
        return {
            name: f"{name}_index" if name in self.sealed else key_of(self.model, name)
            for name in self.stored
            if name not in self.key_fields
        }

    @cached_property
    def _targets(self) -> set[str]:
        return {name for name, described in self.stored.items() if described.type == "ref"}

    def _check_needed(self, frame: pl.DataFrame, part: Part) -> None:
        new = pl.col(ID).is_null()
        for name, described in self.stored.items():
            if not described.required:
                continue
            lacking = frame.filter(new & pl.col(name).is_null()) if name in frame.columns else frame.filter(new)
            for line in lacking[LINE]:
                if name in frame.columns and not part.has_problem(line, name):
                    part.note({LINE: line}, name, gettext("This is needed."), value="")
                elif name not in frame.columns:
                    part.note({LINE: line}, name, gettext("New records need this column."), value="")

    def _check_unique(self, frame: pl.DataFrame, part: Part) -> None:
        for name, column in self.unique_fields.items():
            if column not in frame.columns:
                continue
            taken = held_by(self.model, getattr(self.model, self._attributes[name]), frame[column].drop_nulls())
            if not taken:
                continue
            for line, own, value, shown in frame.select(LINE, ID, pl.col(column).alias("value"), name).iter_rows():
                if taken.get(value, own) != own:
                    part.note({LINE: line, name: shown}, name, gettext("Another record has this value already."))

    def _check_rows(
        self, frame: pl.DataFrame, held: Sequence[Any], statuses: Sequence[Status], part: Part, run: Run
    ) -> None:
        """The model's own rules over several fields, as `records.problems` asks them."""
        if not self.has_rules:
            return
        for row, before, status in zip(frame.iter_rows(named=True), held, statuses, strict=True):
            if status == Status.UNCHANGED or row[LINE] in run.problems.rows:
                continue
            values = {name: self._value(row, name) for name in self.stored}
            if before is not None:
                kept = {name: before.get(key_of(self.model, name)) for name in self.stored}
                values = {name: kept[name] if value is None else value for name, value in values.items()}
            else:
                kept = {}
            for name, text in self.rules(values, kept, part).items():
                part.note(row, name, text)

    @property
    def has_rules(self) -> bool:
        """Whether rows must obey `rules` besides those of their fields."""
        conditional = any(f.only_if for f in self.fields.values())
        return hasattr(self.model, "check_values") or conditional or has_place(self.model)

    def rules(self, values: dict[str, Any], kept: Mapping[str, Any], part: Part) -> Mapping[str, Any]:
        """What contradicts itself in a row, a sentence by field; values are as forms give them, `kept` is what the row
        holds so far."""
        own = getattr(self.model, "check_values", None)
        found = misplaced(self.model, values) or (own(values, None) if own is not None else {})
        return self._misfits(values, kept, part) | {name: " ".join(map(str, texts)) for name, texts in found.items()}

    def _misfits(self, values: Mapping[str, Any], kept: Mapping[str, Any], part: Part) -> dict[str, str]:
        """Whether branch, team and customer manager belong together, where the file changes one of them."""
        if not has_place(self.model):
            return {}
        names = names_of(self.model)
        changed = [name for name in names if values[name] != kept.get(name)]
        place = Place(**{name: values[name] for name in names})
        return self._places(part).problems(place, changed) if changed else {}

    def _places(self, part: Part) -> Places:
        if "places" not in part.kept:  # read once per file
            part.kept["places"] = places_of(self.model)
        places: Places = part.kept["places"]
        return places

    def _with_places(self, frame: pl.DataFrame, part: Part) -> pl.DataFrame:
        """New rows whose team is left blank have that of their customer manager."""
        team, manager = references.id_column("team"), references.id_column("manager")
        if not has_place(self.model) or manager not in frame.columns:
            return frame
        staff = self._places(part).staff
        follows = [staff[who][1] if who in staff else None for who in frame[manager]]
        teams = pl.Series(team, follows, dtype=pl.Int64)
        return frame.with_columns(frame[team].fill_null(teams) if team in frame.columns else teams)

    def _value(self, row: Mapping[str, Any], name: str) -> Any:
        """A field's value as forms give it: references as ids, choices as members."""
        described, value = self.fields[name], row.get(name)
        if described.type == "ref":
            return row.get(references.id_column(name))
        return described.choices(value) if described.choices is not None and value is not None else value

    def finish(self, part: Part, run: Run) -> None:
        for name, seen in part.seen.items():
            for line, value, first in seen.repeated():
                reason = gettext("Row %(row)s has the same value.", row=first)
                if part.creation:
                    reason = gettext("Row %(row)s says something else about “%(code)s”.", row=first, code=value)
                part.note({LINE: line}, name, reason, value="" if name in self.sealed else value)
        for name, frames in part.inner.items():
            self._check_own_references(name, pl.concat(frames), part, run)

    def _check_own_references(self, name: str, given: pl.DataFrame, part: Part, run: Run) -> None:
        """References within the model: each must exist, and no row may come to stand above itself."""
        described, code = self.fields[name], code_attribute(self.model)
        foreign = getattr(self.model, key_of(self.model, name))
        with unscoped("import: the whole tree, to find circles"):
            codes: dict[int, str] = {row[0]: row[1] for row in db.session.execute(select(self.model.id, code))}
            above = {codes[i]: codes.get(up) for i, up in db.session.execute(select(self.model.id, foreign))}
        known = above.keys() | run.pending.get(self.model, set())
        above |= dict(given.select("code", name).iter_rows())
        for line, own, up in given.select(LINE, "code", name).iter_rows():
            if up not in known:
                part.note({LINE: line}, name, references.no_such(described, up), value=up)
            elif references.stands_above_itself(own, above):
                part.note({LINE: line}, name, gettext("This record would stand above itself."), value=up)

    # --- writing ------------------------------------------------------------------------------------------------------

    def write(self, frame: pl.DataFrame, part: Part, run: Run) -> None:
        frame = references.resolved(frame, self.fields)
        if "code" in frame.columns:
            written = part.kept.setdefault(WRITTEN, set())
            if part.creation:
                frame = frame.unique("code", keep="first", maintain_order=True)
                frame = frame.filter(~pl.col("code").is_in(list(written)))
            written.update(frame.filter(pl.col(STATUS).is_in([Status.NEW, Status.CHANGED]))["code"])
            for name in self._own_references(frame):
                part.inner.setdefault(name, []).append(frame.select("code", name).drop_nulls())
        self._add(self._with_places(frame.filter(pl.col(STATUS) == Status.NEW), part), run)
        changed = frame.filter(pl.col(STATUS) == Status.CHANGED)
        rows = {row[ID]: row for row in changed.iter_rows(named=True)}
        for ids in chunks(rows):
            self._change(ids, rows, run)

    def _add(self, frame: pl.DataFrame, run: Run) -> None:
        if not frame.height:
            return
        columns = self._columns(frame)
        with unscoped(f"import batch {run.batch_id}"):
            ids = list(reserve_ids(db.session(), self.model, frame.height))
            names = ["id", *columns]
            rows = [dict(zip(names, values, strict=True)) for values in zip(ids, *columns.values(), strict=True)]
            insert_rows(db.session(), self.model, rows)
        remember_added(run.batch_id, self.model, ids)

    def _columns(self, frame: pl.DataFrame) -> dict[str, list[Any]]:
        """New rows by column, defaults filled in."""
        columns, nothing = inspect(self.model).columns, [None] * frame.height
        found: dict[str, list[Any]] = {}
        for name in self.stored:
            if name in self.sealed:
                for attribute in self.sealed[name].columns:
                    found[attribute] = frame[attribute].to_list() if attribute in frame.columns else nothing
                continue
            attribute, column = key_of(self.model, name), references.id_column(name) if name in self._targets else name
            values = frame[column].to_list() if column in frame.columns else nothing
            default = columns[attribute].default
            if default is not None and default.is_scalar:
                values = [default.arg if value is None else value for value in values]
            found[attribute] = values
        if issubclass(self.model, HasDataKey):
            found["data_key"] = frame[DATA_KEY].to_list() if DATA_KEY in frame.columns else nothing
        if "version" in columns:
            found["version"] = [1] * frame.height
        return found

    def _change(self, ids: Sequence[int], rows: Mapping[int, dict[str, Any]], run: Run) -> None:
        with unscoped(f"import batch {run.batch_id}"):
            held = db.session.scalars(select(self.model).where(self.model.id.in_(ids))).all()
            before = []
            for row in held:
                given = {
                    name: self._value(rows[row.id], name) for name in self.stored if rows[row.id].get(name) is not None
                }
                before.append(snapshot(row, list(given)))
                assign(row, given)
            db.session.flush()
            remember_changed(run.batch_id, held, before)
            for row in held:
                db.session.expunge(row)

    def close(self, part: Part, run: Run) -> None:
        """References within the model can be set once all rows are there."""
        written = part.kept.get(WRITTEN, set())
        for name, frames in part.inner.items():
            given = pl.concat(frames).filter(pl.col("code").is_in(list(written)))
            ids = ids_by_code(self.model, [*given["code"], *given[name]])
            attribute = key_of(self.model, name)
            column = getattr(self.model, attribute)
            with unscoped(f"import batch {run.batch_id}"):
                for own, up in given.select("code", name).unique().iter_rows():
                    statement = update(self.model).where(self.model.id == ids[own], column.is_distinct_from(ids[up]))
                    db.session.execute(statement.values({attribute: ids[up]}))
