"""Sealed values: personal data encrypted at rest, found by a blind index, masked wherever it is shown.

Each row that holds such data has a data key of its own, wrapped by a master key (key_ring.py), or uses its parent's:
destroying the key erases the values wherever they were copied to. Values: AES-256-GCM, 12 random bytes of nonce in
front. Blind index: the first 16 bytes of HMAC-SHA256 over kind and value, so equal values are found without being
readable; a second one over the last characters answers "ends in 0014".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import db
from portal.core.fields import Field
from portal.core.key_ring import Ciphers, KeyRing, Locked, MissingKey, key_ring, opened, seal

__all__ = [
    "Ciphers",
    "HasDataKey",
    "KeyRing",
    "MissingKey",
    "Sealed",
    "SealedThrough",
    "blind_index",
    "key_ring",
]


def blind_index(kind: str, value: str) -> bytes:
    """What to compare a `*_index` column with."""
    return key_ring().blind_index(kind, value)


class HasDataKey:
    """A row with sealed values. `erase()` destroys its key."""

    __sealed__: ClassVar[dict[str, Sealed]] = {}
    data_key: Mapped[bytes | None] = mapped_column(LargeBinary(64), deferred=False)

    def sealing_key(self) -> bytes:
        """The data key to seal with; the first value makes it."""
        if self.data_key is None:
            self.data_key = key_ring().new_data_key()
        return self.data_key

    def erase(self) -> None:
        """Make every sealed value of this row unreadable for good."""
        self.data_key = None
        empty(self)


class SealedThrough:
    """A row whose values are sealed with the data key of its parent, and erased with it.

    The model has a `data_key` that reads the parent's (a column property).
    """

    __sealed__: ClassVar[dict[str, Sealed]] = {}
    sealed_parent: ClassVar[Any]
    sealed_key: ClassVar[str]
    """The attribute that holds the parent's id."""

    def sealing_key(self) -> bytes:
        parent = db.session.get_one(self.sealed_parent, getattr(self, self.sealed_key))
        return parent.sealing_key()  # type: ignore[no-any-return]


def empty(row: Any) -> None:
    """Take every sealed value of a row away, with its indexes."""
    for sealed in type(row).__sealed__.values():
        for column in sealed.columns:
            setattr(row, column, None)


class Sealed:
    """A personal value kept in `<name>_sealed` with its blind index in `<name>_index`.

    >>> class Customer(HasDataKey, Model):
    ...     phone_sealed: Mapped[SealedBytes | None]
    ...     phone_index: Mapped[BlindIndex | None]
    ...     phone = Sealed(Field(_("Phone"), mask=mask_phone), kind="phone")

    `kind` names the index, so that the same phone of a customer and of a guarantor can be matched. With `tail` its last
    so many characters are found, too, by an index in `<name>_tail`. `looked_up=False` for values whose index only tells
    whether they are equal: nobody searches for a whole address.
    """

    def __init__(self, field: Field, kind: str = "", tail: int = 0, looked_up: bool = True) -> None:
        self.field, self.kind, self.tail, self.looked_up = field, kind, tail, looked_up

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.kind = self.kind or name
        self.columns = (f"{name}_sealed", f"{name}_index", *([f"{name}_tail"] if self.tail else []))
        if "__sealed__" not in vars(owner):
            owner.__sealed__ = dict(getattr(owner, "__sealed__", {}))  # type: ignore[attr-defined]
        owner.__sealed__[name] = self  # type: ignore[attr-defined]

    def __get__(self, row: Any, owner: type | None = None) -> Any:
        """The value in plain. Raises MissingKey."""
        if row is None:
            return self
        return self._opened(getattr(row, self.columns[0]), Ciphers()[row.data_key])

    def __set__(self, row: Any, value: str | None) -> None:
        if not value:
            values: tuple[bytes | None, ...] = (None,) * len(self.columns)
        elif value == self.__get__(row):
            return
        else:
            values = self.seal(row.sealing_key(), value)
        for column, content in zip(self.columns, values, strict=True):
            setattr(row, column, content)

    def held(self, row: Any) -> str | None:
        """The value, or its mask where it cannot be opened: for rules that only ask whether there is one."""
        try:
            return self.__get__(row)  # type: ignore[no-any-return]
        except MissingKey:
            return self.masked(row)

    def seal(self, data_key: bytes, value: str) -> tuple[bytes, ...]:
        """What the `columns` hold, for bulk writers. Raises MissingKey."""
        return self.seal_with(key_ring().cipher(data_key), value)

    def seal_with(self, cipher: AESGCM, value: str, ring: KeyRing | None = None) -> tuple[bytes, ...]:
        """The same for several values of a row: unwrapping its key takes longer than sealing."""
        value, ring = self._normalised(value), ring or key_ring()
        sealed = seal(cipher, value.encode(), self.kind.encode()), ring.blind_index(self.kind, value)
        return (*sealed, ring.ending_index(self.kind, value[-self.tail :])) if self.tail else sealed

    def indexes(self, value: str, ring: KeyRing) -> tuple[bytes, ...]:
        """The columns after the first, for a value as it is kept."""
        whole = ring.blind_index(self.kind, value)
        return (whole, ring.ending_index(self.kind, value[-self.tail :])) if self.tail else (whole,)

    def index(self, value: str) -> bytes:
        return blind_index(self.kind, self._normalised(value))

    def tail_index(self, ending: str) -> bytes:
        """What to compare `<name>_tail` with."""
        return key_ring().ending_index(self.kind, self._normalised(ending))

    def _normalised(self, value: str) -> str:
        normalise: Callable[[str], str] = self.field.normalise or str.strip
        return normalise(value)

    def masked(self, row: Any) -> str:
        """The value as it may be shown."""
        return self.masked_of(getattr(row, self.columns[0]), Ciphers()[row.data_key])

    def masked_of(self, sealed: bytes | None, cipher: AESGCM | Locked | None) -> str:
        """The same from what the column holds, for those who read no whole rows."""
        if sealed is not None and isinstance(cipher, Locked):
            return cipher.words
        value = self._opened(sealed, cipher)
        if not value:
            return ""
        return self.field.mask(value) if self.field.mask else "•" * 6

    def _opened(self, sealed: bytes | None, cipher: AESGCM | Locked | None) -> str | None:
        if sealed is None or cipher is None:
            return None
        if isinstance(cipher, Locked):
            raise cipher.problem
        return opened(cipher, sealed, self.kind.encode()).decode()
