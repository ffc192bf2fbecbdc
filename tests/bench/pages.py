"""Server time of the pages people wait for, at head office and in a branch."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from tests.bench.company import client_of
from tests.bench.measuring import Figure, median_ms, statements

MOST_STATEMENTS = 12


def addresses(app: Flask) -> dict[str, tuple[str, float, str]]:
    """What is opened: name -> (address, milliseconds wanted, role)."""
    with app.app_context(), acting(SYSTEM):
        row = db.session.scalars(select(Customer).where(Customer.phone_index.is_not(None)).limit(1)).one()
        phone, number, last = (
            row.phone,
            row.id,
            db.session.scalar(select(Customer.id).order_by(Customer.id.desc()).limit(1)),
        )
    return {
        "Customers, first page": ("/customerview/list/", 80, "committee"),
        "Customers, last page": (f"/customerview/list/?page={(last or 25) // 25}", 200, "committee"),
        "Customers, sorted by name": ("/customerview/list/?order=name&direction=asc", 100, "committee"),
        "Customers, search for two characters": ("/customerview/list/?q=%E5%BC%A0%E4%BC%9F", 400, "committee"),
        "Customers, search by phone": (f"/customerview/list/?q={phone}", 30, "committee"),
        "Loans, first page": ("/loanview/list/", 80, "committee"),
        "Loans, last page": (f"/loanview/list/?page={(last or 25) // 25}", 200, "committee"),
        "Loans, sorted by amount": ("/loanview/list/?order=principal&direction=desc", 100, "committee"),
        "Customers of a branch, first page": ("/customerview/list/", 80, "branch_head"),
        "Customers of a manager, first page": ("/customerview/list/", 80, "customer_manager"),
        "Customer, record": (f"/customerview/show/{number}", 80, "committee"),
        "Customer, add form": ("/customerview/add", 60, "branch_head"),
        "Lookup of a grid": ("/customerview/lookup/grid?q=%E4%B8%8A", 100, "branch_head"),
        "Palette, initials": ("/search/find?q=zw", 150, "committee"),
        "Palette, name": ("/search/find?q=%E5%BC%A0%E4%BC%9F", 150, "committee"),
        "Home of the committee": ("/", 200, "committee"),
        "Home of a branch head": ("/", 200, "branch_head"),
        "Home of a customer manager": ("/", 200, "customer_manager"),
    }


def measure(app: Flask) -> list[Figure]:
    """One figure a page; its note tells the statements when there are too many, or that it was refused."""
    clients: dict[str, FlaskClient] = {}
    found = []
    for name, (address, target, role) in addresses(app).items():
        client = clients.setdefault(role, client_of(app, role))
        status = client.get(address).status_code
        with app.app_context(), statements(db.engine) as sent:
            client.get(address)
        took = median_ms(lambda c=client, a=address: c.get(a))  # type: ignore[misc]
        notes = [f"{len(sent)} statements"] if len(sent) > MOST_STATEMENTS else []
        notes += [f"answered {status}"] if status != 200 else []
        found.append(Figure(name, took, "ms", target, ", ".join(notes)))
    return found
