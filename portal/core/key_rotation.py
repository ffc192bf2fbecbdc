"""Rewrapping data keys under the current master key, making blind indexes anew, and checking that all keys are there.

Sealed values are never touched by a rotation: only the small wrapped keys are. Rows are taken in batches by id, each in
a unit of work of its own; what is done already is passed over, so a run that was killed is simply started again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, inspect, select

from portal.core.bulk import update_rows
from portal.core.db import Model, db
from portal.core.key_ring import Ciphers, Locked, key_id_of, key_ring, missing, opened
from portal.core.scope import unscoped
from portal.core.sealed import HasDataKey
from portal.core.work import unit_of_work

BATCH = 5_000
SAMPLE = 20
"""Rows of each table whose indexes a check makes again."""

Progress = Callable[[str, int, int], None]
"""(table, rows looked at, rows in all)."""


@dataclass
class KeyCheck:
    """What a check of the keys found."""

    used: Counter[str] = field(default_factory=Counter)
    """Data keys by the id of their master key."""
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Ids of master keys that are there but do not open what they should have wrapped."""
    index_fits: bool = True

    @property
    def sound(self) -> bool:
        return not self.missing and not self.wrong and self.index_fits

    @property
    def sentences(self) -> list[str]:
        """What is wrong, for whoever runs the portal."""
        found = [f"The master key {i} is missing: {self.used[i]:,} data keys need it." for i in self.missing]
        found += [f"The master key {i} is not the one that wrapped the data keys under this id." for i in self.wrong]
        if not self.index_fits:
            found.append(
                "The index key is not the one the blind indexes were made with: numbers are not found. "
                "Restore PORTAL_INDEX_KEY (or the oldest master key), or run `portal keys reindex`."
            )
        return found


def models_with_keys() -> list[Any]:
    """Every table with data keys of its own."""
    return [m.class_ for m in Model.registry.mappers if issubclass(m.class_, HasDataKey)]


def models_with_values() -> list[Any]:
    """Every table with sealed values, whether the keys are its own or its parents'."""
    return [m.class_ for m in Model.registry.mappers if getattr(m.class_, "__sealed__", None)]


def used_ids() -> Counter[str]:
    """How many data keys each master key wraps. Reads the beginning of every data key, on the database's side."""
    found: Counter[str] = Counter()
    with unscoped("count the data keys of each master key"):
        for model in models_with_keys():
            # The id 1 is one byte; any other is the byte 2, its length and itself: the first two bytes tell which.
            start = func.substr(model.data_key, 1, 2)
            kinds = db.session.execute(select(start, func.count()).where(model.data_key.is_not(None)).group_by(start))
            for head, count in [(bytes(head), count) for head, count in kinds.all()]:
                if head[:1] == b"\x01":
                    found["1"] += count
                    continue
                whole = func.substr(model.data_key, 1, 2 + head[1])
                named = select(whole, func.count()).where(start == head).group_by(whole)
                for prefix, some in db.session.execute(named).all():
                    found[key_id_of(bytes(prefix))] += some
    return found


def check() -> KeyCheck:
    """Whether every data key can be opened and the blind indexes fit; looks closely at the newest rows of a table."""
    found = KeyCheck(used=used_ids())
    found.missing = missing(found.used)
    ring = key_ring()
    with unscoped("check the newest sealed values"):
        for model in models_with_values():
            rows = db.session.scalars(select(model).where(model.data_key.is_not(None)).order_by(model.id.desc()))
            for row in rows.fetchmany(SAMPLE):
                cipher = ring.cipher_or_locked(row.data_key)
                if isinstance(cipher, Locked):
                    if cipher.problem.other and cipher.problem.key_id not in found.wrong:
                        found.wrong.append(cipher.problem.key_id)
                    continue
                for sealed in model.__sealed__.values():
                    content = getattr(row, sealed.columns[0])
                    if content is not None:
                        plain = opened(cipher, content, sealed.kind.encode()).decode()
                        held = tuple(getattr(row, column) for column in sealed.columns[1:])
                        found.index_fits &= held == sealed.indexes(plain, ring)
    return found


def rotate(progress: Progress) -> int:
    """Rewrap every data key that an older master key wrapped; returns how many. Raises MissingKey, keeping the batches
    that are done."""
    ring, done = key_ring(), 0
    for model in models_with_keys():
        for rows in _batches(model, [model.id, model.data_key], model.data_key.is_not(None), progress, "keys.rotate"):
            new = [
                {"row_id": row_id, "new_data_key": ring.rewrapped(bytes(data_key))}
                for row_id, data_key in rows
                if not ring.is_current(bytes(data_key))
            ]
            update_rows(db.session(), model, ["data_key"], new)
            done += len(new)
    return done


def reindex(progress: Progress) -> int:
    """Make the blind indexes of every sealed value with the present index key; returns how many rows changed."""
    ring, done = key_ring(), 0
    for model in models_with_values():
        names = [column for sealed in model.__sealed__.values() for column in sealed.columns]
        indexes = [name for sealed in model.__sealed__.values() for name in sealed.columns[1:]]
        columns = [model.id, model.data_key, *(getattr(model, name) for name in names)]
        for rows in _batches(model, columns, model.data_key.is_not(None), progress, "keys.reindex"):
            ciphers, new = Ciphers(), []
            for row in rows:
                held, cipher = dict(zip(names, row[2:], strict=True)), ciphers[bytes(row[1])]
                if isinstance(cipher, Locked):
                    raise cipher.problem
                assert cipher is not None
                made = dict.fromkeys(indexes)
                for sealed in model.__sealed__.values():
                    content = held[sealed.columns[0]]
                    if content is not None:
                        plain = opened(cipher, bytes(content), sealed.kind.encode()).decode()
                        made |= dict(zip(sealed.columns[1:], sealed.indexes(plain, ring), strict=True))
                if any(made[name] != held[name] for name in indexes):
                    new.append({"row_id": row[0], **{f"new_{name}": value for name, value in made.items()}})
            update_rows(db.session(), model, indexes, new)
            done += len(new)
    return done


def _batches(model: Any, columns: list[Any], where: Any, progress: Progress, verb: str) -> Iterator[list[Any]]:
    """Rows by id, each batch locked and written in a unit of work of its own."""
    name, last, seen = inspect(model).local_table.name, 0, 0
    with unscoped(f"{verb}: every row"):
        total = db.session.scalar(select(func.count()).select_from(model).where(where)) or 0
        while True:
            with unit_of_work(verb) as unit:
                statement = select(*columns).where(where, model.id > last).order_by(model.id).limit(BATCH)
                rows = list(db.session.execute(statement.with_for_update(of=model)).all())
                if rows:
                    yield rows
                    last, seen = rows[-1][0], seen + len(rows)
                    unit.resource = model.__name__
                    unit.note(count=len(rows), up_to=last, key=key_ring().current)
            if not rows:
                return
            progress(name, seen, total)
