"""Sealed values: personal data encrypted at rest, found by a blind index, masked wherever it is shown.

Each row that holds such data has a data key of its own, wrapped by the master key: destroying the key erases the
values, in every backup too. Values: AES-256-GCM, 12 random bytes of nonce in front. Blind index: the first 16 bytes
of HMAC-SHA256 over kind and value, so equal values are found without being readable.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Any, ClassVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from flask import current_app
from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.fields import Field

KEY_VERSION = b"\x01"
"""Which master key wrapped a data key; first byte of `data_key`."""


class KeyRing:
    """The master key and what is derived from it."""

    def __init__(self, master_hex: str) -> None:
        master = bytes.fromhex(master_hex)
        self._wrapping = hashlib.sha256(b"wrap:" + master).digest()
        self._indexing = hashlib.sha256(b"index:" + master).digest()
        self._passing = hashlib.sha256(b"pass:" + master).digest()

    def new_data_key(self) -> bytes:
        return self.new_cipher()[0]

    def new_cipher(self) -> tuple[bytes, AESGCM]:
        """A new data key, wrapped, and the cipher it is for: bulk writers need not unwrap what they just wrapped."""
        key = os.urandom(32)
        return KEY_VERSION + aes_key_wrap(self._wrapping, key), AESGCM(key)

    def cipher(self, data_key: bytes) -> AESGCM:
        return AESGCM(aes_key_unwrap(self._wrapping, data_key[1:]))

    def blind_index(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._indexing, f"{kind}\0{value}".encode(), "sha256")[:16]

    def seal_text(self, purpose: str, content: bytes) -> str:
        """Content as a text that passes through other hands; only `open_text` for the same purpose reads it."""
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self._passing).encrypt(nonce, content, purpose.encode())
        return base64.urlsafe_b64encode(sealed).decode()

    def open_text(self, purpose: str, text: str) -> bytes:
        """Raises InvalidTag or ValueError for anything but a sealed text for this purpose."""
        sealed = base64.urlsafe_b64decode(text.encode("ascii"))
        return AESGCM(self._passing).decrypt(sealed[:12], sealed[12:], purpose.encode())


def key_ring() -> KeyRing:
    return current_app.extensions["key_ring"]  # type: ignore[no-any-return]


class Ciphers(dict[bytes | None, AESGCM | None]):
    """Ciphers by wrapped data key, each unwrapped once: for as long as some rows are read, no longer."""

    def __missing__(self, data_key: bytes | None) -> AESGCM | None:
        self[data_key] = None if data_key is None else key_ring().cipher(data_key)
        return self[data_key]


def blind_index(kind: str, value: str) -> bytes:
    """What to compare a `*_index` column with."""
    return key_ring().blind_index(kind, value)


class HasDataKey:
    """A row with sealed values. `erase()` destroys its key."""

    __sealed__: ClassVar[dict[str, Sealed]] = {}
    data_key: Mapped[bytes | None] = mapped_column(LargeBinary(64), deferred=False)

    def erase(self) -> None:
        """Make every sealed value of this row unreadable for good."""
        self.data_key = None
        for name in type(self).__sealed__:
            setattr(self, f"{name}_sealed", None)
            setattr(self, f"{name}_index", None)


class Sealed:
    """A personal value kept in `<name>_sealed` with its blind index in `<name>_index`.

    >>> class Customer(HasDataKey, Model):
    ...     phone_sealed: Mapped[SealedBytes | None]
    ...     phone_index: Mapped[BlindIndex | None]
    ...     phone = Sealed(Field(_("Phone"), mask=mask_phone), kind="phone")

    `kind` names the index, so that the same phone of a customer and of a guarantor can be matched.
    """

    def __init__(self, field: Field, kind: str = "") -> None:
        self.field = field
        self.kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.kind = self.kind or name
        if "__sealed__" not in vars(owner):
            owner.__sealed__ = dict(getattr(owner, "__sealed__", {}))  # type: ignore[attr-defined]
        owner.__sealed__[name] = self  # type: ignore[attr-defined]

    def __get__(self, row: Any, owner: type | None = None) -> Any:
        if row is None:
            return self
        return self._opened(getattr(row, f"{self.name}_sealed"), Ciphers()[row.data_key])

    def __set__(self, row: Any, value: str | None) -> None:
        if not value:
            setattr(row, f"{self.name}_sealed", None)
            setattr(row, f"{self.name}_index", None)
            return
        if value == self.__get__(row):
            return
        if row.data_key is None:
            row.data_key = key_ring().new_data_key()
        sealed, index = self.seal(row.data_key, value)
        setattr(row, f"{self.name}_sealed", sealed)
        setattr(row, f"{self.name}_index", index)

    def seal(self, data_key: bytes, value: str) -> tuple[bytes, bytes]:
        """(sealed bytes, blind index) for bulk writers."""
        return self.seal_with(key_ring().cipher(data_key), value)

    def seal_with(self, cipher: AESGCM, value: str, ring: KeyRing | None = None) -> tuple[bytes, bytes]:
        """The same for several values of a row: unwrapping its key takes longer than sealing."""
        nonce = os.urandom(12)
        value = self._normalised(value)
        index = (ring or key_ring()).blind_index(self.kind, value)
        return nonce + cipher.encrypt(nonce, value.encode(), self.kind.encode()), index

    def index(self, value: str) -> bytes:
        return blind_index(self.kind, self._normalised(value))

    def _normalised(self, value: str) -> str:
        normalise: Callable[[str], str] = self.field.normalise or str.strip
        return normalise(value)

    def masked(self, row: Any) -> str:
        """The value as it may be shown."""
        return self.masked_of(getattr(row, f"{self.name}_sealed"), Ciphers()[row.data_key])

    def masked_of(self, sealed: bytes | None, cipher: AESGCM | None) -> str:
        """The same from what the column holds, for those who read no whole rows."""
        value = self._opened(sealed, cipher)
        if not value:
            return ""
        return self.field.mask(value) if self.field.mask else "•" * 6

    def _opened(self, sealed: bytes | None, cipher: AESGCM | None) -> str | None:
        if sealed is None or cipher is None:
            return None
        return cipher.decrypt(sealed[:12], sealed[12:], self.kind.encode()).decode()
