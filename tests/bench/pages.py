"""Server time of the pages people wait for, at head office and in a branch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from portal.organization.models import Staff
from tests.bench.company import client_of, user_id_of
from tests.bench.measuring import Figure, median_ms, own_ms, statements

MOST_STATEMENTS = 12
SMALL = 1_000
"""Rows of the company that the large one is compared with."""
MOST_TIMES = 3


def addresses(app: Flask) -> dict[str, tuple[str, float, str]]:
    """What is opened: name -> (address, milliseconds wanted, role)."""
    with app.app_context(), acting(SYSTEM):
        row = db.session.scalars(select(Customer).where(Customer.phone_index.is_not(None)).limit(1)).one()
        phone, identity, number = row.phone, row.resident_id, row.id
        last = db.session.scalar(select(Customer.id).order_by(Customer.id.desc()).limit(1))
        head = select(Staff.branch_id).where(Staff.user_id == user_id_of("branch_head")).scalar_subquery()
        own = db.session.scalar(select(Customer.id).where(Customer.branch_id == head).limit(1))
    return {
        "Customers, first page": ("/customerview/list/", 80, "committee"),
        "Customers, last page": (f"/customerview/list/?page={(last or 25) // 25}", 200, "committee"),
        "Customers, sorted by name": ("/customerview/list/?order=name&direction=asc", 100, "committee"),
        "Customers, search for two characters": ("/customerview/list/?q=%E5%BC%A0%E4%BC%9F", 400, "committee"),
        "Customers, search by phone": (f"/customerview/list/?q={phone}", 30, "committee"),
        "Customers, search by ID number": (f"/customerview/list/?q={identity}", 30, "committee"),
        "Loans, first page": ("/loanview/list/", 80, "committee"),
        "Loans, last page": (f"/loanview/list/?page={(last or 25) // 25}", 200, "committee"),
        "Loans, sorted by amount": ("/loanview/list/?order=principal&direction=desc", 100, "committee"),
        "Customers of a branch, first page": ("/customerview/list/", 80, "branch_head"),
        "Customers of a manager, first page": ("/customerview/list/", 80, "customer_manager"),
        "Customer, record": (f"/customerview/show/{number}", 80, "committee"),
        "Customer, add form": ("/customerview/add", 60, "branch_head"),
        "Customer, edit form": (f"/customerview/edit/{own}", 60, "branch_head"),
        "Lookup of a grid": ("/customerview/lookup/grid?q=%E4%B8%8A", 100, "branch_head"),
        "Palette, initials": ("/search/find?q=zw", 150, "committee"),
        "Palette, name": ("/search/find?q=%E5%BC%A0%E4%BC%9F", 150, "committee"),
        "Home of the committee": ("/", 200, "committee"),
        "Home of a branch head": ("/", 200, "branch_head"),
        "Home of a customer manager": ("/", 200, "customer_manager"),
    }


def measure(app: Flask, small: Flask) -> list[Figure]:
    """One figure a page; its note tells how many times as long it takes as at a small company, and what is wrong."""
    before = {name: took for name, _target, took, _notes in _timed(small)}
    return [
        Figure(name, took, "ms", target, ", ".join([_times(name, took / before[name]), *notes]))
        for name, target, took, notes in _timed(app)
    ]


def _times(name: str, ratio: float) -> str:
    """Only a search for words may take longer than this with more rows."""
    wanted = ratio <= MOST_TIMES or "characters" in name
    return f"{ratio:.1f} × that of {SMALL:,} rows" + ("" if wanted else f" (at most {MOST_TIMES} are wanted)")


def _timed(app: Flask) -> Iterator[tuple[str, float, float, list[str]]]:
    """(name, wanted, milliseconds, notes) of each page."""
    clients: dict[str, FlaskClient] = {}
    for name, (address, target, role) in addresses(app).items():
        client = clients.setdefault(role, client_of(app, role))
        status = client.get(address).status_code
        with app.app_context(), statements(db.engine) as sent:
            client.get(address)
        act = partial(client.get, address)
        notes = [f"{own_ms(act):.0f} ms of processor in Python", f"{len(sent)} statements"]
        notes[-1] += f" (at most {MOST_STATEMENTS} are wanted)" if len(sent) > MOST_STATEMENTS else ""
        yield name, target, median_ms(act), notes + ([f"answered {status}"] if status != 200 else [])
