"""No sealed value of any resource leaves in plain, on any screen, in any file or answer, unless it was asked for.

Walks the registries: a new resource with sealed values is covered as soon as tests/world.py has a row of it.
"""

from __future__ import annotations

import io
import zipfile

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from tests.world import World

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
"""What a page shows of a value is decided above the database."""

LOGINS = ("committee", "compliance", "branch_head", "a1")
"""The widest role of each reach: others see parts of what these do."""
VALUES = {
    "resident_id": "110101199003074514",
    "phone": "13787654321",
    "bank_account": "6222020200998877665",
    "address": "栖霞市独一无二路九十九号",
}


@pytest.fixture(scope="module")
def secrets(world: World) -> set[str]:
    """Every sealed value of the company in plain, made long enough to be told from anything else."""
    found: set[str] = set()
    with world.app.app_context(), acting(SYSTEM), unit_of_work("tests.secrets"):
        customer = db.session.get_one(Customer, world.customers["C-A-a1-0"])
        for name, value in VALUES.items():
            setattr(customer, name, value)
        db.session.flush()
        for view in world.app.extensions["screens"].values():
            for name in getattr(view.model, "__sealed__", {}):
                for row in db.session.scalars(select(view.model)):
                    value = getattr(row, name)
                    if not value:
                        value = f"a secret {name} of {view.model.__name__} {row.id}"
                        if view.model is Customer:
                            continue
                        setattr(row, name, value)
                    found.add(value)
    return found


def addresses(world: World) -> list[str]:
    """Whatever shows rows: lists, records, forms, related rows, timelines, look-ups, files, REST, search, reports."""
    found = ["/", "/?all=1", "/search/?q=cust-A-a1-0", "/search/?q=13787654321", "/metrics/", "/reports/"]
    for name, view in world.app.extensions["screens"].items():
        base = f"/{name.lower()}"
        found += [f"{base}/list/?size=200", f"{base}/list/?q=13787654321", f"{base}/export/csv", f"{base}/export/xlsx"]
        found += [f"/api/v1/{view.endpoint_name}/?size=200", f"/api/v1/{view.endpoint_name}/1"]
        found += [f"{base}/show/1", f"{base}/edit/1", f"{base}/timeline/1"]
        found += [f"{base}/related/1/{related}" for related, _reference in view.related]
        found += [f"{base}/lookup/{n}?q=cust" for n, f in view.fields.items() if f.type == "ref"]
        sealed = getattr(view.model, "__sealed__", {})
        found += [f"{base}/reveal/1/{value}" for value in sealed]
    return found


def content(data: bytes) -> str:
    """The text of an answer; of a workbook that of its sheets."""
    if not data.startswith(b"PK"):
        return data.decode("utf-8", "replace")
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


@pytest.mark.parametrize("login", LOGINS)
def test_no_address_shows_a_sealed_value(world: World, secrets: set[str], login: str):
    client = world.login(login)
    assert len(secrets) > 20
    for address in addresses(world):
        response = client.get(address)
        text = content(response.get_data())
        response.close()
        asked = "13787654321" if "13787654321" in address else ""  # what was typed comes back in the search box
        assert [secret for secret in secrets if secret != asked and secret in text] == [], address


def test_the_trail_and_what_else_is_stored_hold_no_sealed_value(world: World, secrets: set[str]):
    from portal.core.audit import AuditEntry
    from portal.core.jobs import Job
    from portal.core.notifications import Notification

    with world.app.app_context(), acting(SYSTEM):
        held = [str(entry.changes) for entry in db.session.scalars(select(AuditEntry))]
        held += [str(row.arguments) for model in (Job, Notification) for row in db.session.scalars(select(model))]
    assert held
    assert [secret for secret in secrets for text in held if secret in text] == []
