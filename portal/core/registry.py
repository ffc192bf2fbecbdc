"""Registries: what the code declares, collected at start-up and then frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Item = TypeVar("Item")


class RegistryError(Exception):
    """A declaration is wrong; start-up fails with the sentence."""


class Registry(Mapping[str, Item], Generic[Item]):
    """Items by key, in order. Another item under a key is refused; after `freeze` so is every new one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._items: dict[str, Item] = {}
        self._frozen = False
        ALL.append(self)

    def register(self, key: str, item: Item) -> Item:
        held = self._items.get(key)
        if held is item and held is not None:
            return item
        if self._frozen:
            raise RegistryError(f"{self.name} is frozen: {key!r} comes too late.")
        if held is not None:
            raise RegistryError(f"{self.name} already has {key!r}.")
        self._items[key] = item
        return item

    def freeze(self) -> None:
        self._frozen = True

    def __getitem__(self, key: str) -> Item:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


ALL: list[Registry] = []  # type: ignore[type-arg]


def freeze_all() -> None:
    """Called once at the end of `create_app`."""
    for registry in ALL:
        registry.freeze()
