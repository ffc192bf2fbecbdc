"""What a batch did to master data, and how that is undone: added rows go, changed rows get back what they held."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import delete, func, insert, inspect, or_, select

from portal.core.bulk import chunks
from portal.core.db import db
from portal.core.errors import Refused
from portal.core.fields import fields_of
from portal.core.key_ring import key_ring, opened, seal
from portal.core.sealed import HasDataKey
from portal.imports.lookups import key_of
from portal.imports.models import ImportedChange, ImportedRange

SEALED_BY = b"import:before"


def remember_added(batch_id: int | None, model: Any, ids: Sequence[int]) -> None:
    """Note new rows, as ranges of ids."""
    ranges = [
        {"batch_id": batch_id, "resource": model.__name__, "first_id": first, "last_id": last}
        for first, last in _ranges(sorted(ids))
    ]
    if ranges:
        db.session.execute(insert(ImportedRange), ranges)


def _ranges(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    if not ids:
        return
    first = ids[0]
    for one, after in pairwise([*ids, ids[-1] + 2]):
        if after != one + 1:
            yield first, one
            first = after


def snapshot(row: Any, names: Sequence[str]) -> dict[str, Any]:
    """What a row holds in these fields, as JSON. Personal data stays sealed with the row's own key."""
    fields, sealed = fields_of(type(row)), getattr(type(row), "__sealed__", {})
    found: dict[str, Any] = {}
    for name in names:
        attributes = sealed[name].columns if name in sealed else [key_of(type(row), name)]
        for attribute in attributes:
            value = getattr(row, attribute)
            found[attribute] = _sealed(row, value) if fields[name].sensitive and name not in sealed else _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return {"date": value.isoformat()} if isinstance(value, dt.date) else value


def _sealed(row: HasDataKey, value: Any) -> Any:
    if value is None:
        return None
    text = seal(key_ring().cipher(row.sealing_key()), json.dumps(value).encode(), SEALED_BY)
    return {"sealed": base64.b64encode(text).decode()}


def _restored(row: Any, value: Any) -> Any:
    match value:
        case {"bytes": text}:
            return base64.b64decode(text)
        case {"date": text}:
            return dt.date.fromisoformat(text)
        case {"sealed": text}:
            return json.loads(opened(key_ring().cipher(row.data_key), base64.b64decode(text), SEALED_BY))
    return value


def remember_changed(batch_id: int | None, rows: Sequence[Any], before: Sequence[dict[str, Any]]) -> None:
    """Note changed rows, after the flush that changed them."""
    if rows:
        noted = [
            {
                "batch_id": batch_id,
                "resource": type(row).__name__,
                "row_id": row.id,
                "row_version": row.version,
                "before": held,
            }
            for row, held in zip(rows, before, strict=True)
        ]
        db.session.execute(insert(ImportedChange), noted)


# --- undo -------------------------------------------------------------------------------------------------------------


def undo_changes(batch_id: int, models: Sequence[Any]) -> None:
    """Give changed rows back what they held. Refused when somebody has changed one since."""
    for model in models:
        noted = select(ImportedChange).where(
            ImportedChange.batch_id == batch_id, ImportedChange.resource == model.__name__
        )
        for change in db.session.scalars(noted).all():
            row = db.session.get(model, change.row_id)
            if row is None or row.version != change.row_version:
                what = str(row) if row is not None else f"{model.__name__} {change.row_id}"
                raise Refused(_("“%(what)s” was changed after the import; it cannot be undone.", what=what))
            for attribute, value in change.before.items():
                setattr(row, attribute, _restored(row, value))
        db.session.flush()


def remove_added(batch_id: int, models: Sequence[Any]) -> None:
    """Delete the rows a batch added, dependants first. Refused when others refer to them or one was changed."""
    for model in models:
        _refuse_changed(batch_id, model)
        _refuse_used(batch_id, model)
    for model in models:
        for part in chunks(_ranges_of(batch_id, model), 200):  # rows of one model may refer to each other
            rows = or_(*(model.id.between(*some) for some in part))
            db.session.execute(delete(model).where(rows), execution_options={"synchronize_session": False})
    db.session.expire_all()


def traced_models(batch_id: int) -> list[Any]:
    """Models a batch added rows to or changed, the last one first: dependants come before what they refer to."""
    named: dict[str, int] = {}
    for table in (ImportedChange, ImportedRange):
        found = select(table.resource, func.max(table.id)).where(table.batch_id == batch_id).group_by(table.resource)
        named.update(db.session.execute(found.order_by(func.max(table.id))).all())
    classes = {m.class_.__name__: m.class_ for m in ImportedRange.registry.mappers}
    return [classes[name] for name in reversed(named)]


def _ranges_of(batch_id: int, model: Any) -> list[tuple[int, int]]:
    ranges = select(ImportedRange.first_id, ImportedRange.last_id).where(
        ImportedRange.batch_id == batch_id, ImportedRange.resource == model.__name__
    )
    return list(db.session.execute(ranges.order_by(ImportedRange.id.desc())).all())


def _refuse_changed(batch_id: int, model: Any) -> None:
    if not hasattr(model, "version"):
        return
    for first, last in _ranges_of(batch_id, model):
        row = db.session.scalar(select(model).where(model.id.between(first, last), model.version > 1).limit(1))
        if row is not None:
            raise Refused(_("“%(what)s” was changed after the import; it cannot be undone.", what=str(row)))


def _refuse_used(batch_id: int, model: Any) -> None:
    """Look at every foreign key of the schema that points to the model's table."""
    ranges = _ranges_of(batch_id, model)
    mappers = {m.local_table: m.class_ for m in model.registry.mappers}
    table = inspect(model).local_table
    for other, cls in mappers.items():
        keys = [key for key in other.foreign_keys if key.column.table is table]
        own = _ranges_of(batch_id, cls)
        for key in keys:
            column = getattr(cls, inspect(cls).get_property_by_column(key.parent).key)
            for part in chunks(ranges, 200):
                where = [or_(*(column.between(*some) for some in part))]
                where += [~inspect(cls).primary_key[0].between(*some) for some in own]
                count = db.session.scalar(select(func.count()).select_from(cls).where(*where))
                if count:
                    raise Refused(_used_sentence(model, cls, count))


def _used_sentence(model: Any, cls: Any, count: int) -> Any:
    return _(
        "%(count)s records (%(user)s) already refer to what was imported (%(what)s); undo or move those first.",
        count=f"{count:,}",
        user=cls.__name__,
        what=model.__name__,
    )
