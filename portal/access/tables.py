"""Roles as tables: what is in force, what a kept version means, what can be granted. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.access import rules
from portal.access.models import RoleVersion, VersionState
from portal.access.rules import Rights, Table
from portal.core import role_store
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.offers import offers
from portal.core.role_store import Difference
from portal.core.roles import grants_of, roles
from portal.parameters.services import parameter


def vocabulary() -> dict[str, Rights]:
    """What a role can be given, by resource."""
    return {
        offer.resource: Rights(
            {action: offer.scopes_of(action) for action in offer.actions},
            {
                name: (offer.default_mask(name), *(m for m in offer.masks_of(name) if m != offer.default_mask(name)))
                for name in offer.fields
            },
            offer.needed,
        )
        for offer in offers().values()
    }


def offered(grants: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Without what no screen offers: a shorthand of the delivered table may say more than there is."""
    known = offers()
    return {
        (resource, action): scope
        for (resource, action), scope in grants.items()
        if resource in known and action in known[resource].actions
    }


def base_of(name: str, based_on: str) -> dict[tuple[str, str], str]:
    """The delivered grants that a role's difference lies over."""
    return offered(grants_of(name if name in roles else based_on))


def table_of(name: str) -> Table:
    """A role as it is in force; NotFound when there is none."""
    role = role_store.current().roles.get(name)
    if role is None:
        raise NotFound(gettext("There is no role “%(name)s”.", name=name[:60]))
    version = in_force(name)
    document = version.document if version is not None else {}
    return Table(
        label=document.get("label", ""),
        description=document.get("description", ""),
        based_on="" if role.delivered else role.template,
        retired=role.retired,
        grants=offered(role.grants),
        masks={key: mask for key, mask in role.masks.items() if _can_be_masked(key)},
    )


def _can_be_masked(key: tuple[str, str]) -> bool:
    return key[0] in offers() and key[1] in offers()[key[0]].fields


def table_from(name: str, document: Mapping[str, Any]) -> Table:
    """The table that a version's document means, over the delivered role of today."""
    kept = {(r, a): s for r, actions in document.get("grants", {}).items() for a, s in actions.items()}
    masks = {(r, f): m for r, fields in document.get("masks", {}).items() for f, m in fields.items()}
    based_on = document.get("based_on", "")
    return Table(
        label=document.get("label", ""),
        description=document.get("description", ""),
        based_on=based_on,
        retired=bool(document.get("retired", False)),
        grants=rules.over(base_of(name, based_on), offered(kept)),
        masks={key: mask for key, mask in masks.items() if _can_be_masked(key)},
    )


def delivered(name: str, table: Table) -> Table:
    """What a role is or is based on, as delivered."""
    return Table(table.label, table.description, table.based_on, grants=base_of(name, table.based_on))


def document_of(name: str, table: Table) -> dict[str, Any]:
    """What to keep of a table: its difference from the delivered role."""
    kept: dict[str, dict[str, str]] = {}
    for (resource, action), scope in sorted(rules.difference(table.grants, base_of(name, table.based_on)).items()):
        kept.setdefault(resource, {})[action] = scope
    masks: dict[str, dict[str, str]] = {}
    for (resource, field), mask in sorted(table.masks.items()):
        masks.setdefault(resource, {})[field] = mask
    return {
        "label": table.label,
        "description": table.description,
        "based_on": table.based_on,
        "retired": table.retired,
        "grants": kept,
        "masks": masks,
    }


@role_store.register_differences
def differences() -> dict[str, Difference]:
    """What is in force over the delivered roles."""
    rows = db.session.execute(
        select(RoleVersion.role, RoleVersion.number, RoleVersion.document).where(
            RoleVersion.state == VersionState.IN_FORCE
        )
    )
    return {role: _difference(number, document) for role, number, document in rows}


def _difference(number: int, document: Mapping[str, Any]) -> Difference:
    return Difference(
        number=number,
        label=document.get("label", ""),
        description=document.get("description", ""),
        based_on=document.get("based_on", ""),
        retired=bool(document.get("retired", False)),
        grants={(r, a): s for r, actions in document.get("grants", {}).items() for a, s in actions.items()},
        masks={(r, f): m for r, fields in document.get("masks", {}).items() for f, m in fields.items()},
    )


def in_force(name: str) -> RoleVersion | None:
    """The version in force; None for a role as delivered."""
    return db.session.scalar(
        select(RoleVersion).where(RoleVersion.role == name, RoleVersion.state == VersionState.IN_FORCE)
    )


def history(name: str) -> list[RoleVersion]:
    """Every version of a role, the newest first."""
    people = (joinedload(RoleVersion.proposed_by), joinedload(RoleVersion.decided_by))
    rows = select(RoleVersion).where(RoleVersion.role == name).options(*people).order_by(RoleVersion.number.desc())
    return list(db.session.scalars(rows))


def version(version_id: int) -> RoleVersion:
    """NotFound when there is none."""
    row = db.session.get(RoleVersion, version_id)
    if row is None:
        raise NotFound(gettext("There is no such change of a role."))
    return row


def waiting() -> list[RoleVersion]:
    """Proposals nobody decided on yet, the oldest first."""
    rows = select(RoleVersion).where(RoleVersion.state == VersionState.PROPOSED).order_by(RoleVersion.id)
    return list(db.session.scalars(rows.options(joinedload(RoleVersion.proposed_by))))


def four_eyes() -> bool:
    """Whether somebody else decides on a change."""
    return parameter("access.four_eyes", business_date()).text.strip() == "on"


def person_of(user: Any) -> str:
    """A login's name the way it is written in its own language."""
    if user is None:
        return ""
    if user.last_name and not user.last_name.isascii():
        return f"{user.last_name}{user.first_name}"
    return str(user.get_full_name()).strip() or str(user.username)
