"""What runs over many rows: export, import, day-end, report, dashboard figures."""

from __future__ import annotations

import csv
import datetime as dt
from functools import partial
from pathlib import Path
from unittest.mock import Mock, patch

from flask import Flask
from sqlalchemy import Column, MetaData, Table, insert, inspect, select

from portal.core import export
from portal.core.clock import business_date, month_end
from portal.core.db import db
from portal.core.scope import SYSTEM, acting, unscoped
from portal.customers.models import Customer
from portal.imports.checks import checked_file, kind_called
from portal.imports.services import run_import, undo_import
from portal.loans import day_end as closing
from portal.loans.day_end import run_day_end
from portal.loans.positions import COLUMNS, positions
from portal.loans.state import LoanState
from portal.organization.models import Branch
from portal.products.models import Product
from seed.identity import mobile, resident_id
from tests.bench.measuring import Figure, peak_memory, seconds

EXPORTED = 100_000
STEPS = ("computing", "booking", "keeping", "adding", "opening", "drawing")


def exports(app: Flask) -> list[Figure]:
    """100,000 customers as CSV and as a workbook, with personal data masked."""
    found = []
    with app.app_context(), acting(SYSTEM):
        columns = export.columns_for(Customer, ())
        statement = select(Customer).order_by(Customer.id).limit(EXPORTED)

        def as_csv() -> None:
            for _part in export.as_csv(columns, export.rows(Customer, statement, columns)):
                pass

        for name, target, act in (
            ("CSV", 4, as_csv),
            ("XLSX", 15, lambda: export.as_xlsx(columns, export.rows(Customer, statement, columns)).close()),
        ):
            idle = peak_memory()
            took = seconds(act)
            found.append(Figure(f"Export of 100,000 customers, {name}", took, "s", target))
            found.append(Figure(f"… memory above idle, {name}", peak_memory() - idle, "MB", 50))
    return found


def imports(app: Flask, folder: Path) -> list[Figure]:
    """Files into the large company, duplicates looked up; each is taken back afterwards."""
    with app.app_context(), acting(SYSTEM):
        branch = db.session.scalars(select(Branch.code).where(Branch.parent_id.is_not(None)).limit(1)).one()
        product = db.session.scalars(select(Product).limit(1)).one()
        customers = list(db.session.scalars(select(Customer.code).order_by(Customer.id).limit(10_000)))
        day = business_date() - dt.timedelta(days=1)
        people, loans = folder / "customers.csv", folder / "loans.csv"
        with people.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["Customer code", "Name", "Customer group", "Branch", "Phone", "Resident ID"])
            for n in range(100_000):
                born = dt.date(1950, 1, 1) + dt.timedelta(days=n % 15_000)
                serial = 480 + n // 15_000
                writer.writerow(
                    [
                        f"BENCH{n:06}",
                        "王秀英",
                        "farmer",
                        branch,
                        mobile(90_000_000 + n),
                        resident_id(born, "female", serial),
                    ]
                )
        with loans.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                ["Loan number", "Customer", "Product", "Amount", "Annual rate", "Term (months)", "Disbursed on"]
            )
            for n, code in enumerate(customers):
                rate, term = product.rate_min / 10_000, product.term_min
                writer.writerow([f"BENCH{n:05}", code, product.code, 50_000 + n, rate, term, day])
        found = []
        for name, kind, path, target in (
            ("10,000 loans", "loans", loans, 5),
            ("100,000 customers", "customers", people, 15),
        ):
            done: list[int] = []

            def act(kind: str = kind, path: Path = path, done: list[int] = done) -> None:
                with checked_file(path, kind_called(kind)) as checked:
                    done.append(run_import(checked).id)

            found.append(Figure(f"Import of {name}", seconds(act), "s", target))
            undo_import(done[0])
    return found


def day_end(app: Flask) -> list[Figure]:
    """An ordinary day and any month-end on the way, beside the bare INSERT … SELECT of the same positions."""
    with app.app_context(), acting(SYSTEM):
        found: list[Figure] = []
        while not any("ordinary" in figure.name for figure in found):
            day = business_date()
            plain = seconds(partial(_bare, day))
            steps: dict[str, float] = {}
            with patch.object(closing, "log", Mock(info=lambda _what, told=steps, **facts: told.update(facts))):
                took = seconds(partial(run_day_end, day))
            steps = {name: steps[name] for name in STEPS if name in steps}
            name = "Day-end, a month-end" if day == month_end(day) else "Day-end, an ordinary day"
            target = None if day == month_end(day) else 2 * plain
            found.append(Figure("Bare INSERT … SELECT of the positions of all loans", plain, "s"))
            found.append(Figure(name, took, "s", target, f"{took / plain:.1f} times the bare one; {steps}"))
            if "keeping" in steps:
                found.append(Figure("… its snapshot", steps["keeping"], "s", 15))
                found.append(Figure("… what is added up of the snapshot", steps["adding"], "s"))
            else:
                found.append(Figure("… during which bookings wait", steps["opening"], "s", 5))
                found.append(Figure("… and again, while groups are drawn together", steps["drawing"], "s", 5))
    return found


def _bare(day: dt.date) -> None:
    known = inspect(LoanState).columns
    target = Table(
        "bench_positions",
        MetaData(),
        *(Column(name, known[name].type, primary_key=name == "loan_id") for name in COLUMNS),
        prefixes=["TEMPORARY"],
    )
    with unscoped("a benchmark"), db.engine.connect() as connection:
        target.create(connection)
        connection.execute(insert(target).from_select(COLUMNS, positions(day, standing=True)))
        connection.rollback()
