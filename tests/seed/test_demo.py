"""The demo company as a newcomer finds it: its books reconcile, and no register stands empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import and_, func, select

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.scope import SYSTEM, acting, unscoped
from portal.limits.models import LimitBreach
from portal.loans.ledger import Journal, JournalKind
from portal.loans.move_groups import kept_days
from portal.loans.reconciliation import reconcile


@pytest.fixture
def demo(demo_url: str, settings: Callable[[str], Settings]) -> Iterator[None]:
    app = create_app(settings(demo_url))
    with app.app_context(), acting(SYSTEM):
        yield
        db.session.remove()
        db.engine.dispose()


def test_its_books_reconcile_with_every_month_end(demo: None):
    days = kept_days(db.session())
    assert len(days) > 12
    assert reconcile(days) == []


def test_no_register_stands_empty(demo: None):
    backdated = Journal.value_date < Journal.booking_date
    reversed_ = and_(Journal.kind == JournalKind.REPAYMENT, Journal.reverses_id.is_not(None))
    with unscoped("a test"):
        for register in (backdated, Journal.reason.is_not(None), reversed_):
            assert db.session.scalar(select(func.count()).select_from(Journal).where(register))
        assert db.session.scalar(select(func.count()).select_from(LimitBreach))
