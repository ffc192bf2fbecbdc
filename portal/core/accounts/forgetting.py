"""What the register of sessions and the log-in history no longer need; the audit trail keeps what it says."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete

from portal.core.accounts.events import SignInEvent
from portal.core.accounts.lockout import FORGOTTEN_AFTER, Lockout
from portal.core.accounts.sessions import AccountSession
from portal.core.clock import now
from portal.core.db import db
from portal.core.work import unit_of_work

KEPT = dt.timedelta(days=190)
"""Logs of the network are kept for at least six months (网络安全法第二十一条)."""


def forget() -> int:
    """Delete sessions that ended, log-ins that happened and attempts that count no more; how many rows went."""
    moment, gone = now(), 0
    with unit_of_work("account.forget") as unit:
        for old in (
            delete(AccountSession).where(AccountSession.ends_at < moment - KEPT),
            delete(SignInEvent).where(SignInEvent.at < moment - KEPT),
            delete(Lockout).where(Lockout.failed_at < moment - FORGOTTEN_AFTER),
        ):
            gone += db.session.execute(old).rowcount  # type: ignore[attr-defined]
        if gone:
            unit.note(deleted=gone)
    return gone
