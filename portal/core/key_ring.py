"""The key ring: master keys by their ids, which wrap data keys, and the secret that blind indexes are made with.

New data keys are wrapped by the first master key; the others open what they wrapped (`portal keys rotate` rewraps).
A wrapped key begins with the id of its master: the single byte 1 for the id "1", else the byte 2, a length and the id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _

import config
from portal.core.errors import Refused

NO_KEY = _(
    "The master key “%(key)s” is missing, so this value cannot be opened. Nothing was changed; whoever runs the portal "
    "has to restore the key."
)
OTHER_KEY = _(
    "The master key “%(key)s” is not the one that sealed this value. Nothing was changed; whoever runs the portal has "
    "to restore the key."
)


class MissingKey(Refused):
    """A sealed value cannot be opened: its master key is not in the key ring, or another one goes by its id."""

    def __init__(self, key_id: str, other: bool = False) -> None:
        super().__init__(key_id)
        self.key_id, self.other = key_id, other

    def __str__(self) -> str:
        text = OTHER_KEY if self.other else NO_KEY
        return str(text % {"key": self.key_id})


@dataclass(frozen=True)
class Locked:
    """Stands for the cipher of a data key that cannot be unwrapped."""

    problem: MissingKey

    @property
    def words(self) -> str:
        """What stands in the place of a value."""
        return str(gettext("unavailable (key %(key)s)", key=self.problem.key_id))


MOST_ENDINGS = 40_000
"""Remembered: four digits, or three and an X, of two kinds of numbers, with room to spare."""


class _Master:
    """What is derived from one master key."""

    def __init__(self, master_hex: str) -> None:
        master = bytes.fromhex(master_hex)
        self.wrapping = hashlib.sha256(b"wrap:" + master).digest()
        self.indexing = hashlib.sha256(b"index:" + master).digest()
        self.passing = hashlib.sha256(b"pass:" + master).digest()


class KeyRing:
    """Master keys as the settings write them (`2026a:hex,2025a:hex`, the first one current) and the index secret."""

    def __init__(self, masters: str, index_key: str = "") -> None:
        self._masters = {key_id: _Master(text) for key_id, text in config.parse_keys(masters).items()}
        self.current = next(iter(self._masters))
        self.oldest = list(self._masters)[-1]
        self.own_index_key = bool(index_key)
        own = hashlib.sha256(b"index:" + bytes.fromhex(index_key)).digest() if index_key else b""
        self._indexing = own or self._masters[self.oldest].indexing
        self._prefix = _prefix(self.current)
        self._endings: dict[tuple[str, str], bytes] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all master keys, the current one first."""
        return tuple(self._masters)

    def new_data_key(self) -> bytes:
        return self.new_cipher()[0]

    def new_cipher(self) -> tuple[bytes, AESGCM]:
        """A new data key, wrapped, and the cipher it is for: bulk writers need not unwrap what they just wrapped."""
        key = os.urandom(32)
        return self._prefix + aes_key_wrap(self._masters[self.current].wrapping, key), AESGCM(key)

    def cipher(self, data_key: bytes) -> AESGCM:
        """Raises MissingKey."""
        return AESGCM(self._unwrapped(data_key))

    def cipher_or_locked(self, data_key: bytes) -> AESGCM | Locked:
        try:
            return self.cipher(data_key)
        except MissingKey as problem:
            return Locked(problem)

    def is_current(self, data_key: bytes) -> bool:
        return data_key.startswith(self._prefix)

    def rewrapped(self, data_key: bytes) -> bytes:
        """The same data key under the current master key. Raises MissingKey."""
        return self._prefix + aes_key_wrap(self._masters[self.current].wrapping, self._unwrapped(data_key))

    def _unwrapped(self, data_key: bytes) -> bytes:
        key_id, wrapped = key_id_of(data_key), data_key[-40:]
        if key_id not in self._masters:
            raise MissingKey(key_id)
        try:
            return aes_key_unwrap(self._masters[key_id].wrapping, wrapped)
        except InvalidUnwrap:
            raise MissingKey(key_id, other=True) from None

    def blind_index(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._indexing, f"{kind}\0{value}".encode(), "sha256")[:16]

    def ending_index(self, kind: str, ending: str) -> bytes:
        """The blind index of a value's last characters. There are few endings: each is worked out once."""
        found = self._endings.get((kind, ending))
        if found is None:
            found = self.blind_index(f"{kind}:tail", ending)
            if len(self._endings) < MOST_ENDINGS:
                self._endings[kind, ending] = found
        return found

    def seal_text(self, purpose: str, content: bytes) -> str:
        """Content as a text that passes through other hands; only `open_text` for the same purpose reads it."""
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self._masters[self.current].passing).encrypt(nonce, content, purpose.encode())
        return base64.urlsafe_b64encode(sealed).decode()

    def open_text(self, purpose: str, text: str) -> bytes:
        """Raises InvalidTag or ValueError for anything but a sealed text for this purpose."""
        sealed = base64.urlsafe_b64decode(text.encode("ascii"))
        for master in self._masters.values():
            try:
                return AESGCM(master.passing).decrypt(sealed[:12], sealed[12:], purpose.encode())
            except InvalidTag:
                continue
        raise InvalidTag


def _prefix(key_id: str) -> bytes:
    return b"\x01" if key_id == "1" else b"\x02" + bytes([len(key_id)]) + key_id.encode("ascii")


def key_id_of(data_key: bytes) -> str:
    """The id of the master key that wrapped a data key."""
    return "1" if data_key[:1] == b"\x01" else data_key[2 : 2 + data_key[1]].decode("ascii", "replace")


def key_ring() -> KeyRing:
    return current_app.extensions["key_ring"]  # type: ignore[no-any-return]


class Ciphers(dict[bytes | None, "AESGCM | Locked | None"]):
    """Ciphers by wrapped data key, each unwrapped once: for as long as some rows are read, no longer.

    None where there is no key (never sealed, or erased); `Locked` where its master key is missing.
    """

    def __missing__(self, data_key: bytes | None) -> AESGCM | Locked | None:
        self[data_key] = None if data_key is None else key_ring().cipher_or_locked(data_key)
        return self[data_key]


def seal(cipher: AESGCM, content: bytes, purpose: bytes) -> bytes:
    """12 bytes of nonce, then what AES-256-GCM makes of the content."""
    nonce = os.urandom(12)
    return nonce + cipher.encrypt(nonce, content, purpose)


def opened(cipher: AESGCM, sealed: bytes, purpose: bytes) -> bytes:
    """Raises InvalidTag for another key, another purpose or a changed byte."""
    return cipher.decrypt(sealed[:12], sealed[12:], purpose)


def missing(ids: Iterable[str]) -> list[str]:
    """Which of these master keys the key ring does not have."""
    return sorted(set(ids) - set(key_ring().ids))
