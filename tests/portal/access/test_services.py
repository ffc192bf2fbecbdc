"""Changing roles: proposed by one, decided by another, in force at the next request, never to a lock-out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from portal.access import services, tables
from portal.access.models import RoleVersion, VersionState
from portal.access.rules import Table, diff, read_yaml, to_yaml
from portal.core import role_store, roles
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.errors import Forbidden, Refused
from portal.core.notifications import Notification
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.core.work import unit_of_work
from portal.organization import users
from portal.parameters.models import Parameter
from tests.world import World

EXPORT = ("Customer", "export")


@contextmanager
def as_login(world: World, username: str) -> Iterator[Any]:
    """Each block is a request of its own, as far as roles are concerned."""
    with world.app.app_context():
        with acting(SYSTEM):
            who = actor_for_username(username)
        with acting(who):
            yield who


def without(table: Table, *tasks: tuple[str, str]) -> Table:
    return replace(table, grants={task: scope for task, scope in table.grants.items() if task not in tasks})


def proposed(world: World, name: str = "customer_manager", by: str = "administrator", **changes: Any) -> int:
    with as_login(world, by):
        table = tables.table_of(name)
        wanted = changes.get("table") or without(table, EXPORT)
        return services.propose(name, wanted, "a test", role_store.current().roles[name].number).id


def decided(world: World, version_id: int, by: str = "second") -> None:
    with as_login(world, by):
        services.approve(version_id)


def may(world: World, login: str, task: tuple[str, str]) -> bool:
    with as_login(world, login) as who:
        return who.may(*task)


def test_a_change_takes_effect_when_a_second_person_approves_and_at_once_for_everybody(company: World):
    version_id = proposed(company)
    assert may(company, "a1", EXPORT)
    decided(company, version_id)
    assert not may(company, "a1", EXPORT)
    assert may(company, "team_lead", EXPORT)
    client = company.login("a1")
    assert client.get("/customerview/export/csv").status_code == 403
    assert client.get("/customerview/list/").status_code == 200


def test_another_process_learns_of_the_change_with_its_next_request(company: World, settings: Any):
    from portal import create_app

    other = create_app(company.app.extensions["settings"])
    asked = company.login("a1")
    other_client = other.test_client()
    with asked.session_transaction() as session:
        held = dict(session)
    with other_client.session_transaction() as session:
        session.update(held)
    assert other_client.get("/customerview/export/csv").status_code == 200
    decided(company, proposed(company))
    assert other_client.get("/customerview/export/csv").status_code == 403
    with other.app_context():
        db.engine.dispose()


def test_nobody_approves_his_own_change_and_a_role_without_the_right_approves_none(company: World):
    version_id = proposed(company)
    with as_login(company, "administrator"), pytest.raises(Refused, match="yourself"):
        services.approve(version_id)
    with as_login(company, "risk"), pytest.raises(Forbidden):
        services.approve(version_id)
    assert may(company, "a1", EXPORT)


def test_a_rejected_and_a_withdrawn_change_leave_the_role_as_it_was(company: World):
    version_id = proposed(company)
    with as_login(company, "second"), pytest.raises(Refused):
        services.reject(version_id, " ")
    with as_login(company, "second"):
        services.reject(version_id, "they need it")
    other = proposed(company)
    with as_login(company, "second"), pytest.raises(Refused):
        services.withdraw(other)
    with as_login(company, "administrator"):
        services.withdraw(other)
    with as_login(company, "second"), pytest.raises(Refused, match="decided"):
        services.approve(other)
    assert may(company, "a1", EXPORT)
    with company.app.app_context():
        states = db.session.scalars(select(RoleVersion.state).order_by(RoleVersion.number)).all()
    assert states == [VersionState.REJECTED, VersionState.WITHDRAWN]


def test_without_four_eyes_a_change_is_in_force_at_once(company: World):
    with company.app.app_context(), acting(SYSTEM), unit_of_work("tests.switch"):
        db.session.execute(update(Parameter).where(Parameter.key == "access.four_eyes").values(value="off"))
    proposed(company)
    assert not may(company, "a1", EXPORT)


def test_the_last_person_who_may_change_roles_cannot_lose_it(company: World):
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("second", ["risk"])
    with as_login(company, "administrator"):
        table = tables.table_of("administrator")
        with pytest.raises(Refused, match="Nobody could change roles"):
            services.propose("administrator", without(table, ("Role", "edit")), "oops", 0)
    with company.app.app_context(), acting(SYSTEM):
        with pytest.raises(Refused, match="Nobody could change roles"):
            users.set_roles("administrator", ["risk"])
        with pytest.raises(Refused, match="Nobody could change roles"):
            users.set_active("administrator", False)
    assert may(company, "administrator", ("Role", "edit"))
    with company.app.app_context():
        assert db.session.scalar(select(RoleVersion.id)) is None


def test_a_lock_out_that_arose_while_the_change_waited_is_refused_at_the_decision(company: World):
    """Somebody else kept roles when it was proposed, and no longer does when it is decided on."""
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("a1", ["hr"])
    with as_login(company, "administrator"):
        keeps = replace(tables.table_of("hr"), grants={**tables.table_of("hr").grants, ("Role", "edit"): "all"})
    decided(company, proposed(company, "hr", table=keeps))
    with as_login(company, "administrator"):
        less = without(tables.table_of("administrator"), ("Role", "edit"))
    version_id = proposed(company, "administrator", table=less)
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("a1", ["customer_manager"])
        users.set_active("hr", False)
    try:
        with as_login(company, "second"), pytest.raises(Refused, match="Nobody could change roles"):
            services.approve(version_id)
    finally:
        with company.app.app_context(), acting(SYSTEM):
            users.set_active("hr", True)


def test_one_change_of_a_role_waits_at_a_time_and_an_old_page_proposes_nothing(company: World):
    version_id = proposed(company)
    with pytest.raises(Refused, match="waits"):
        proposed(company)
    decided(company, version_id)
    with as_login(company, "administrator"), pytest.raises(Refused, match="meanwhile"):
        services.propose("customer_manager", tables.table_of("risk"), "from an old page", 0)


def test_a_change_without_reason_or_without_difference_is_refused(company: World):
    with as_login(company, "administrator"):
        table = tables.table_of("customer_manager")
        with pytest.raises(Refused, match="why"):
            services.propose("customer_manager", without(table, EXPORT), "  ", 0)
        with pytest.raises(Refused, match="Nothing"):
            services.propose("customer_manager", table, "because", 0)


@pytest.mark.parametrize(
    "grant",
    [("Loan", "add", "all"), ("Product", "list", "self"), ("Customer", "import", "team"), ("Loan", "fly", "all")],
)
def test_what_a_resource_cannot_have_is_refused(company: World, grant: tuple[str, str, str]):
    resource, action, scope = grant
    with as_login(company, "administrator"):
        table = tables.table_of("customer_manager")
        wanted = replace(table, grants={**table.grants, (resource, action): scope})
        with pytest.raises(Refused, match=resource):
            services.propose("customer_manager", wanted, "a try", 0)


def test_a_role_of_ones_own_is_based_on_a_delivered_one_and_given_to_people(company: World):
    with as_login(company, "administrator"):
        table = Table(
            label="催收外包",
            based_on="collections",
            grants={t: "self" for t, s in tables.base_of("", "collections").items() if t[0] in ("Customer", "Loan")},
            masks={("Customer", "phone"): "hidden"},
        )
        name = services.free_name(table.label)
        row = services.propose(name, table, "an outside firm helps", 0)
        version_id = row.id
    assert name == "cuishouwaibao"
    with company.app.app_context(), acting(SYSTEM), pytest.raises(Refused):
        users.set_roles("a2", [name])  # not in force yet
    decided(company, version_id)
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("a2", [name])
    with as_login(company, "a2") as who:
        assert who.scope("Loan", "list") == "self"
        assert not who.may("Instalment", "list")
        assert who.templates == ("collections",)
        assert who.masks == {("Customer", "phone"): "hidden"}
        assert tables.table_of(name) == table
        assert services.free_name("催收外包") == "cuishouwaibao_2"


def test_only_a_role_without_people_is_retired_and_then_given_to_nobody(company: World):
    with as_login(company, "administrator"):
        name = "helpers"
        version_id = services.propose(name, Table(label="Helpers", grants={("Grid", "list"): "all"}), "help", 0).id
    decided(company, version_id)
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("a2", [name])
    with as_login(company, "administrator"):
        retired = replace(tables.table_of(name), retired=True)
        with pytest.raises(Refused, match="people still have"):
            services.propose(name, retired, "over", 1)
    with company.app.app_context(), acting(SYSTEM):
        users.set_roles("a2", ["customer_manager"])
    with as_login(company, "administrator"):
        version_id = services.propose(name, retired, "over", 1).id
    decided(company, version_id)
    with company.app.app_context(), acting(SYSTEM), pytest.raises(Refused):
        users.set_roles("a2", [name])


def test_roll_back_proposes_what_was(company: World):
    decided(company, proposed(company))
    with as_login(company, "administrator"):
        version_id = services.roll_back("customer_manager", 0, "it was right before").id
    decided(company, version_id)
    assert may(company, "a1", EXPORT)
    with as_login(company, "administrator"):
        assert tables.table_of("customer_manager").grants == tables.base_of("customer_manager", "")
        assert [row.state.value for row in tables.history("customer_manager")] == ["in_force", "superseded"]


def test_who_and_why_and_what_stand_in_the_audit_trail(company: World):
    version_id = proposed(company)
    decided(company, version_id)
    with company.app.app_context(), acting(SYSTEM):
        entries = db.session.scalars(
            select(AuditEntry)
            .where(AuditEntry.resource == "RoleVersion", AuditEntry.subject_id == version_id)
            .order_by(AuditEntry.id)
        ).all()
        found = {entry.verb: entry for entry in entries[-2:]}
        assert set(found) == {"access.propose", "access.approve"}
        assert found["access.propose"].actor == "administrator"
        assert found["access.approve"].actor == "second"
        for entry in found.values():
            assert ["grants", "Customer", "export", "self", "none"] in entry.changes["differences"]
            assert entry.changes["reason"] == "a test"
        told = db.session.scalars(select(Notification).order_by(Notification.id)).all()
        assert {row.key for row in told} == {"access.proposed", "access.approved"}
        assert all("customer" in row.text.lower() for row in told)


def test_several_roles_together_allow_the_widest_and_cover_the_least(company: World):
    for number, mask in enumerate(("hidden", "masked"), 1):
        with as_login(company, "administrator"):
            table = Table(
                label=f"Mask {number}", grants={("Loan", "list"): "self"}, masks={("Loan", "principal"): mask}
            )
            version_id = services.propose(f"mask{number}", table, "a test", 0).id
        decided(company, version_id)
    with company.app.app_context():
        in_force = role_store.current()
        assert in_force.masks(["mask1"]) == {("Loan", "principal"): "hidden"}
        assert in_force.masks(["mask1", "mask2"]) == {("Loan", "principal"): "masked"}
        assert in_force.masks(["mask1", "risk"]) == {}
        assert in_force.masks(["mask1", "hr"]) == {("Loan", "principal"): "hidden"}  # hr opens no loans
        assert in_force.widest(["mask1", "team_lead"])["Loan", "list"] == "team"
        assert in_force.grants_with_source(["mask1", "team_lead"])["Loan", "list"] == [
            ("team", "team_lead"),
            ("self", "mask1"),
        ]


def test_every_delivered_role_can_be_granted_as_it_is_and_written_as_yaml(company: World):
    with as_login(company, "administrator"):
        known = tables.vocabulary()
        for name in roles.roles:
            table = tables.table_of(name)
            assert read_yaml(to_yaml(name, table), known, list(roles.roles)) == (name, table)
            assert tables.table_from(name, tables.document_of(name, table)) == table


def test_the_demo_roles_differ_where_they_should(company: World):
    with as_login(company, "administrator"):
        found = diff(tables.table_of("branch_head"), tables.table_of("team_lead"))
    assert any(change.key == ("Customer", "list") and change.after == "team" for change in found)
