"""How many probes the walks sent: counted in each walk, told at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

PROBES = "probes"


@pytest.fixture
def count_probes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Counts what a test sends through `Prober`s."""
    from tests.contracts.visitor import Prober  # loads the portal: only where something is sent

    before = Prober.probes
    yield
    request.node.user_properties.append((PROBES, Prober.probes - before))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The count is known when a walk is over, so the reports of the teardown hold it."""
    ended = [r for r in terminalreporter.stats.get("", ()) if getattr(r, "when", "") == "teardown"]
    counted = [value for report in ended for name, value in report.user_properties if name == PROBES]
    if counted:
        terminalreporter.write_line(f"{sum(counted):,} probes in {len(counted)} walks of the contract suite")
