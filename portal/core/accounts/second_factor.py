"""The second factor: six digits that change every 30 seconds (TOTP, RFC 6238), and recovery codes for a lost phone.

The secret lies encrypted, bound to its login. A code counts once: the last time step that was used is kept.
"""

from __future__ import annotations

import secrets
from typing import Any

import pyotp
import segno
from cryptography.exceptions import InvalidTag
from flask import current_app
from flask_babel import gettext
from markupsafe import Markup
from sqlalchemy import BigInteger, ForeignKey, String, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.accounts.policy import policy
from portal.core.clock import now
from portal.core.db import BigId, Id, Model, Moment, db
from portal.core.errors import PortalError, Refused
from portal.core.sealed import blind_index, key_ring
from portal.core.work import current_unit, verb

CODES = 10
STEP = 30
"""Seconds that a code is shown."""
DRIFT = 1
"""Steps by which a phone's clock may be off, either way."""
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


class SecondFactor(Model):
    """The authenticator of a login."""

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), unique=True)
    secret_sealed: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[Moment]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    """Time step of the last code that counted; it and those before it count no more."""


class RecoveryCode(Model):
    """A code for when the phone is lost; each works once. Only a keyed hash is kept: the codes are long and random."""

    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(32))
    used_at: Mapped[Moment | None]


class WrongCode(PortalError):
    """The code does not fit."""

    status = 422


class UsedCode(WrongCode):
    """The code fits, but has been used before."""


def _purpose(user_id: int) -> str:
    return f"account.second_factor:{user_id}"


def _step() -> int:
    return int(now().timestamp()) // STEP


def fitting_step(secret: str, code: str) -> int | None:
    """The time step within the drift whose code this is."""
    totp, here = pyotp.TOTP(secret), _step()
    steps = range(here - DRIFT, here + DRIFT + 1)
    fitting = [step for step in steps if secrets.compare_digest(totp.generate_otp(step), code)]
    return fitting[-1] if fitting else None


def of(user_id: int) -> SecondFactor | None:
    """The login's authenticator, when it has one."""
    return db.session.scalars(select(SecondFactor).where(SecondFactor.user_id == user_id)).one_or_none()


def required(role_names: Any) -> bool:
    """Whether one of these roles asks for a second factor."""
    return not policy().second_factor_roles.isdisjoint(role_names)


# ---- setting one up -------------------------------------------------------------------------------------------------


def new_secret(user_id: int) -> str:
    """A secret that the form carries, sealed, until its first code proves that the phone has it."""
    return key_ring().seal_text(_purpose(user_id), pyotp.random_base32().encode())


def opened(user_id: int, sealed: str) -> str:
    """The secret of a form. Refused when the form was made for somebody else, or by nobody."""
    try:
        return key_ring().open_text(_purpose(user_id), sealed).decode()
    except (InvalidTag, ValueError):
        raise Refused(gettext("This page is no longer valid; start again.")) from None


def qr(secret: str, username: str) -> Markup:
    """The square that an authenticator scans, as SVG."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=current_app.config["APP_NAME"])
    drawn = segno.make(uri, error="m", micro=False).svg_inline(omitsize=True, border=2, dark="#000", light="#fff")
    return Markup(drawn)


def typed(code: str) -> str:
    """What was typed, without the blanks and dashes that people write between."""
    return "".join(code.split()).replace("-", "").lower()


@verb("account.second_factor.set_up")
def set_up(user_id: int, sealed: str, code: str) -> list[str]:
    """Take the authenticator into use once its code fits. The recovery codes, told this once."""
    step = fitting_step(opened(user_id, sealed), typed(code))
    if step is None:
        raise WrongCode(gettext("This code does not fit. Check that the clock of your phone is right."))
    db.session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    db.session.add(SecondFactor(user_id=user_id, secret_sealed=sealed, set_at=now(), last_step=step))
    _about(user_id, "set up")
    return _new_codes(user_id)


@verb("account.second_factor.codes")
def renew_codes(user_id: int) -> list[str]:
    """Ten new recovery codes; the old ones work no more."""
    _about(user_id, "recovery codes renewed")
    return _new_codes(user_id)


@verb("account.second_factor.remove")
def remove(user_id: int, reason: str) -> None:
    """Take the authenticator and its recovery codes away."""
    db.session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    _about(user_id, "removed")
    current_unit().note(reason=reason)


def _about(user_id: int, what: str) -> None:
    unit = current_unit()
    unit.resource, unit.subject_id = "User", user_id
    unit.note(second_factor=what)


def _new_codes(user_id: int) -> list[str]:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = ["".join(secrets.choice(ALPHABET) for _place in range(10)) for _code in range(CODES)]
    db.session.add_all(RecoveryCode(user_id=user_id, code_hash=_hash(user_id, code)) for code in codes)
    db.session.flush()
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _hash(user_id: int, code: str) -> str:
    return blind_index(f"recovery:{user_id}", code).hex()


# ---- using it -------------------------------------------------------------------------------------------------------


def codes_left(user_id: int) -> int:
    """Recovery codes that were not used yet."""
    left = select(func.count()).select_from(RecoveryCode)
    return db.session.scalar(left.where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))) or 0


@verb("account.second_factor.use")
def use(user_id: int, code: str) -> str:
    """Spend a code: "code" or "recovery". Raises WrongCode, or UsedCode for one that was spent before."""
    given = typed(code)
    if given.isdigit() and len(given) == 6 and _use_step(user_id, given):
        return "code"
    return _use_recovery(user_id, given)


def _use_step(user_id: int, code: str) -> bool:
    held = db.session.scalars(select(SecondFactor).where(SecondFactor.user_id == user_id).with_for_update()).one()
    step = fitting_step(opened(user_id, held.secret_sealed), code)
    if step is None:
        return False
    if step <= held.last_step:
        raise UsedCode(gettext("This code was used already. Wait for the next one."))
    held.last_step = step
    return True


def _use_recovery(user_id: int, code: str) -> str:
    found = select(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == _hash(user_id, code))
    row = db.session.scalars(found.with_for_update()).one_or_none()
    if row is None:
        raise WrongCode(gettext("This code does not fit."))
    if row.used_at is not None:
        raise UsedCode(gettext("This recovery code was used already."))
    db.session.execute(update(RecoveryCode).where(RecoveryCode.id == row.id).values(used_at=now()))
    current_unit().note(second_factor="recovery code used")
    _about(user_id, "recovery code used")
    return "recovery"
