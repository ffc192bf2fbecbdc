"""What security tests share: the log as it is written."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from portal.core import logs


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """`written()`: what the log holds since it was last asked."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("INFO")

    def take() -> str:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return text

    return take
