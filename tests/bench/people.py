"""Screens of access: a value shown in plain, the matrix of a role with two hundred resources; and a printed report."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import cycle, islice

import pikepdf
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.core.db import db
from portal.core.offers import offers
from portal.core.reveal import Limits, register_limits
from portal.core.scope import SYSTEM, acting
from portal.customers.models import Customer
from portal.organization.models import Staff
from reports.document import print_report
from reports.reader import context_for, report_of
from tests.bench.company import client_of, user_id_of
from tests.bench.measuring import Figure, median_ms, seconds

RESOURCES = 200


def measure(app: Flask) -> list[Figure]:
    return [_reveal(app), _matrix(app), _report(app)]


def _reveal(app: Flask) -> Figure:
    """As a customer manager, of a customer of his own; the day's limit does not count here."""
    register_limits(Limits(a_day=lambda: 1_000_000, beyond=lambda: None))
    with app.app_context(), acting(SYSTEM):
        manager = select(Staff.id).where(Staff.user_id == user_id_of("customer_manager")).scalar_subquery()
        wanted = select(Customer.id).where(Customer.manager_id == manager, Customer.phone_index.is_not(None)).limit(1)
        number = db.session.scalars(wanted).one()
    client, address = client_of(app, "customer_manager"), f"/customerview/reveal/{number}/phone"
    form = {"csrf_token": _token(client, address), "reason": "contact"}
    answers: list[int] = []

    def show() -> None:
        answers.append(client.post(address, data=form, headers={"X-Requested-With": "fetch"}).status_code)

    took = median_ms(show)
    return Figure("Reveal of a phone number, noted in the trail", took, "ms", 50, _wrong(answers))


def _token(client: FlaskClient, address: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(address).get_data(as_text=True))
    return found[1] if found else ""


def _wrong(answers: list[int]) -> str:
    return ", ".join(f"answered {status}" for status in sorted(set(answers) - {200}))


def _matrix(app: Flask) -> Figure:
    """The form of a role as it would be with so many resources: those there are, again and again under other names."""
    client = client_of(app, "administrator")
    with app.test_request_context("/"), acting(SYSTEM):
        real = offers()
    many = {
        f"{name}{number}": replace(offer, resource=f"{name}{number}")
        for number, (name, offer) in enumerate(islice(cycle(real.items()), RESOURCES))
    }
    answers: list[int] = []
    app.extensions["offers"] = many
    try:
        took = median_ms(lambda: answers.append(client.get("/roles/role/customer_manager/edit").status_code))
    finally:
        app.extensions["offers"] = real
    return Figure(f"Form of a role with {RESOURCES} resources", took / 1000, "s", 1, _wrong(answers))


def _report(app: Flask) -> Figure:
    """The five-category return of the whole company as a PDF."""
    with app.test_request_context("/"), acting(SYSTEM):
        printed: list[bytes] = []
        took = min(
            seconds(lambda: printed.append(print_report(report_of("loan_classification"), context_for("zh"))))
            for _time in range(3)
        )
        db.session.rollback()
    with pikepdf.open(io.BytesIO(printed[-1])) as pdf:
        pages = len(pdf.pages)
    return Figure("Five-category return as a PDF", took, "s", 3, f"{pages} pages")
