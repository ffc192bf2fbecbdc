"""A manager's rows are found by the index over branch and manager, in the database's own words, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text

from config import Settings
from portal import create_app
from portal.core.db import db
from portal.core.scope import ALL, BRANCH, SELF, SYSTEM, Actor, acting, unscoped
from portal.core.setup import prepare
from portal.customers.models import Customer
from portal.loans.models import Loan
from portal.loans.state import LoanState
from seed.bulk import load_bulk
from tests.databases import Engine


@pytest.fixture(scope="module")
def company(engine: Engine, migrated_template: str, settings: Callable[[str], Settings]) -> Iterator[Flask]:
    """Two thousand customers and loans: enough that reading all of them is not the cheapest way."""
    url = engine.create(migrated_template)
    app = create_app(settings(url))
    with app.app_context(), acting(SYSTEM):
        prepare()
        load_bulk(2_000)
        with db.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
    yield app
    with app.app_context():
        db.engine.dispose()
    engine.drop(url)


def manager_of_some(model: Any) -> Actor:
    """Somebody who looks after few of the rows, and after one at least."""
    with acting(SYSTEM):
        owners = select(model.branch_id, model.manager_id).where(model.manager_id.is_not(None))
        branch, manager = db.session.execute(
            owners.group_by(model.branch_id, model.manager_id).order_by(func.count(), model.manager_id).limit(1)
        ).one()
    grants = {(name, "list"): SELF for name in ("Customer", "Loan")}
    return Actor("somebody", user_id=1, staff_id=manager, home=branch, branches=frozenset({branch}), grants=grants)


def plan_of(statement: Any) -> tuple[str, int]:
    """(how the database goes about the statement as the session sends it, its answer)."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, words: str, values: Any, *_rest: Any) -> None:
        sent.append((words, values))

    event.listen(db.engine, "before_cursor_execute", note)
    answer = db.session.scalar(statement)
    event.remove(db.engine, "before_cursor_execute", note)
    [(words, values)] = [entry for entry in sent if entry[0].startswith("SELECT")]
    way = "EXPLAIN " if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    with unscoped("how a statement is answered"), db.engine.connect() as connection:
        rows = connection.exec_driver_sql(way + words, values).all()
    return "\n".join(str(row[-1]) for row in rows), answer


LISTED = {
    "customers": (Customer, lambda: select(func.count(Customer.id)), "ix_customer_branch_manager"),
    "loans": (Loan, lambda: select(func.count(Loan.id)), "ix_loan_branch_manager"),
    "balance": (LoanState, lambda: select(func.sum(LoanState.balance)), "ix_loan_state_branch_manager"),
}


@pytest.mark.parametrize("what", LISTED)
def test_a_managers_rows_are_found_by_branch_and_manager(company: Flask, what: str):
    model, statement, index = LISTED[what]
    with company.app_context(), acting(manager_of_some(model)) as who:
        plan, answer = plan_of(statement())
        assert index in plan, plan
        mine = select(func.sum(model.balance) if what == "balance" else func.count(model.id))
        with acting(SYSTEM):
            assert answer == db.session.scalar(
                mine.where(model.manager_id == who.staff_id, model.branch_id == who.home)
            )
        assert answer > 0


@pytest.mark.parametrize("reach", [BRANCH, ALL])
def test_what_an_actor_may_see_is_worked_out_once_for_each_task_and_never_for_another(company: Flask, reach: str):
    with company.app_context():
        few = manager_of_some(Customer)
        wide = replace(few, name="wide", grants={("Customer", "list"): reach})
        assert wide.criteria is not few.criteria
        counts = []
        for who in (few, wide, few):
            with acting(who):
                counts.append(db.session.scalar(select(func.count(Customer.id))))
    assert counts[0] == counts[2] < counts[1]
