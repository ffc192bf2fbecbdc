"""The walks' fixtures, and which of the walks PostgreSQL gets."""

from __future__ import annotations

import pytest

from tests.contracts.walking import NARROW, company, prober  # noqa: F401 - fixtures of the walks


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL the scope walk sends only the logins that see a part of the company: one of each kind."""

    def sampled(item: pytest.Item) -> bool:
        given = getattr(getattr(item, "callspec", None), "params", {})
        return given.get("engine") != "postgresql" or given.get("prober", NARROW[0]) in NARROW

    left_out = [item for item in items if not sampled(item)]
    if left_out:
        items[:] = [item for item in items if sampled(item)]
        config.hook.pytest_deselected(items=left_out)
