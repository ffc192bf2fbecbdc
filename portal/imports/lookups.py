"""Finding rows by what files call them. Importing is a company-wide right, so look-ups are unscoped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import inspect, select

from portal.core.bulk import chunks
from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.sealed import key_ring

REASON = "import: codes are unique in the whole company"


def code_attribute(model: Any) -> Any:
    """What files name a row of this model by: its code, or a login's name."""
    return model.code if hasattr(model, "code") else model.username


def ids_by_code(model: Any, codes: Iterable[str]) -> dict[str, int]:
    """The ids of the rows with these codes."""
    return held_by(model, code_attribute(model), codes)


def held_by(model: Any, column: Any, values: Iterable[Any]) -> dict[Any, int]:
    """Value -> id of the row that has it in this unique column."""
    found: dict[Any, int] = {}
    with unscoped(REASON):
        for part in chunks(sorted(set(values))):
            found.update(db.session.execute(select(column, model.id).where(column.in_(part))).all())
    return found


def rows_by_key(model: Any, keys: Sequence[str], first: Iterable[Any]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Column values of the rows whose first key column is among `first`, by their whole key."""
    names = [name for name in inspect(model).columns.keys() if name != "data_key"]  # noqa: SIM118 - a collection
    attributes = [getattr(model, name) for name in names]
    column, found = getattr(model, keys[0]), {}
    with unscoped(REASON):
        for part in chunks(sorted(set(first))):
            for held in db.session.execute(select(*attributes).where(column.in_(part))):
                values = dict(zip(names, held, strict=True))
                found[tuple(values[name] for name in keys)] = values
    return found


def parents_ciphers(parent: Any, codes: Iterable[str]) -> dict[str, AESGCM]:
    """The ciphers that rows below these parents are sealed with, by the parents' codes; new keys where none were."""
    found: dict[str, AESGCM] = {}
    with unscoped(REASON):
        for part in chunks(sorted(set(codes))):
            for row in db.session.scalars(select(parent).where(parent.code.in_(part))):
                found[row.code] = key_ring().cipher(row.sealing_key())
        db.session.flush()
    return found


def key_of(model: Any, name: str) -> str:
    """The column attribute behind a field: `branch_id` for the reference `branch`."""
    mapper = inspect(model)
    if name not in mapper.relationships:
        return name
    column = next(iter(mapper.relationships[name].local_columns))
    return str(mapper.get_property_by_column(column).key)
