"""Lock-out with growing delays, by login and by address, kept in the database for all web processes.

Each attempt is counted as a wrong one before it is looked at, and given back when it was right: a hundred attempts at
the same moment get no further than a hundred in a row. A name that nobody has waits like one that somebody has.
"""

from __future__ import annotations

import datetime as dt

from flask_babel import gettext, ngettext
from sqlalchemy import Integer, String, UniqueConstraint, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.accounts.policy import policy
from portal.core.clock import now
from portal.core.db import BigId, Model, Moment, db
from portal.core.scope import unscoped
from portal.core.sealed import blind_index
from portal.core.work import unit_of_work

FORGOTTEN_AFTER = dt.timedelta(hours=24)
"""Wrong attempts count until this long after the last one."""
LOGIN, ADDRESS = "login", "address"


class Lockout(Model):
    """Wrong attempts in a row by one login or from one address; a blind index, since people type passwords as names."""

    __table_args__ = (UniqueConstraint("kind", "subject"),)

    id: Mapped[BigId]
    kind: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(String(32))
    failures: Mapped[int] = mapped_column(Integer, default=0)
    failed_at: Mapped[Moment]
    until: Mapped[Moment | None]


def delay(failures: int, free: int, first: int, longest: int) -> int:
    """Seconds to wait after this many wrong attempts: nothing below `free`, then doubling up to the longest."""
    over = failures - free
    return 0 if over < 0 else min(first * 2 ** min(over, 30), longest)


def in_words(seconds: int) -> str:
    """The sentence for somebody who has to wait."""
    minutes = -(-seconds // 60)
    wait = (
        ngettext("%(num)d second", "%(num)d seconds", seconds)
        if seconds < 60
        else ngettext("%(num)d minute", "%(num)d minutes", minutes)
    )
    return str(gettext("Too many attempts. Try again in %(wait)s.", wait=wait))


def subject_of(user_id: int | None, name: str) -> str:
    """What attempts of a login are counted under."""
    return f"user:{user_id}" if user_id is not None else f"name:{name.casefold()}"


def _index(kind: str, subject: str) -> str:
    return blind_index(f"lockout.{kind}", subject).hex()


def _held(kind: str, subject: str) -> Lockout:
    """The row, made when it is missing, locked until the unit of work ends."""
    key = {"kind": kind, "subject": _index(kind, subject)}
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    with unscoped("count an attempt"):
        new = dialect.insert(Lockout).values(**key, failures=0, failed_at=now()).on_conflict_do_nothing()
        db.session.execute(new)
    return db.session.scalars(select(Lockout).filter_by(**key).with_for_update()).one()


def _count(row: Lockout, by: int, free: int) -> None:
    rules, moment = policy(), now()
    if moment - row.failed_at > FORGOTTEN_AFTER:
        row.failures = 0
    row.failures = max(0, row.failures + by)
    if by > 0:
        row.failed_at = moment
    seconds = delay(row.failures, free, rules.lock_seconds, rules.lock_minutes * 60)
    row.until = row.failed_at + dt.timedelta(seconds=seconds) if seconds else None


def _wait(row: Lockout) -> int:
    left = (row.until - now()).total_seconds() if row.until else 0
    return max(0, int(-(-left // 1)))


def begin(subject: str, address: str) -> int:
    """Count an attempt as wrong until it proves right. Seconds to wait when it may not be made; then nothing counts."""
    rules = policy()
    with unit_of_work("account.attempt"):
        rows = [(_held(LOGIN, subject), rules.lock_attempts)]
        if address:
            rows.append((_held(ADDRESS, address), rules.lock_address_attempts))
        wait = max(_wait(row) for row, _free in rows)
        if not wait:
            for row, free in rows:
                _count(row, 1, free)
    return wait


def give_back(subject: str, address: str) -> None:
    """The attempt was right, though more has to follow: it does not count."""
    rules = policy()
    with unit_of_work("account.attempt"):
        _count(_held(LOGIN, subject), -1, rules.lock_attempts)
        if address:
            _count(_held(ADDRESS, address), -1, rules.lock_address_attempts)


def waiting(subject: str) -> int:
    """Seconds that this login has to wait now."""
    row = db.session.scalars(select(Lockout).filter_by(kind=LOGIN, subject=_index(LOGIN, subject))).one_or_none()
    return _wait(row) if row is not None else 0


def clear(subject: str, kind: str = LOGIN) -> None:
    """Forget the wrong attempts of a login or an address."""
    with unit_of_work("account.unlock"):
        db.session.execute(
            update(Lockout)
            .where(Lockout.kind == kind, Lockout.subject == _index(kind, subject))
            .values(failures=0, until=None)
        )
