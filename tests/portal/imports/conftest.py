"""A small company to import into, and files made on the spot."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from flask import Flask
from flask_babel import Babel

import portal.grids.models  # noqa: F401 - its table is part of the schema
from portal.core.clock import move_business_date
from portal.core.db import db
from portal.core.files import FolderStore
from portal.core.scope import SYSTEM, acting
from portal.core.sealed import KeyRing
from portal.core.work import unit_of_work
from portal.imports.checks import Checked, checked_file, kind_called
from portal.imports.kinds.kind import fields_by_kind
from portal.imports.mapping import Mapping, from_definition
from portal.imports.models import ImportBatch
from portal.imports.services import run_import
from portal.organization.models import Branch, BranchKind, Post, Staff, Team
from portal.parameters.services import load_defaults
from portal.products.models import Channel, Product, Purpose
from portal.products.terms import DayCount, HolidayRule, Method, Rounding
from tests.databases import Engine, Templates

TODAY = dt.date(2026, 6, 30)
"""The business date of the company."""


@contextmanager
def on_database(url: str, folder: Path) -> Iterator[Flask]:
    """An application context of the system actor; connections are closed afterwards."""
    app = Flask("imports")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.extensions["key_ring"] = KeyRing("7e" * 32)
    app.extensions["file_store"] = FolderStore(folder / "files")
    Babel(app)
    db.init_app(app)
    with app.app_context(), acting(SYSTEM):
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def empty(engine: Engine, migrated_template: str, tmp_path: Path) -> Iterator[Flask]:
    """A database with all tables, the default parameters, and nobody in it."""
    url = engine.create(migrated_template)
    with on_database(url, tmp_path) as app:
        load_defaults()
        yield app
    engine.drop(url)


@pytest.fixture
def company(engine: Engine, templates: Templates, migrated_template: str, tmp_path: Path) -> Iterator[Flask]:
    """Head office HQ; branch QX with team T1, its lead L1 and manager M1; branch SD; product P1."""

    def build() -> str:
        url = engine.create(migrated_template)
        with on_database(url, tmp_path):
            _found_company()
        return url

    url = engine.create(templates.get("imports", engine, build))
    with on_database(url, tmp_path) as app:
        yield app
    engine.drop(url)


def _found_company() -> None:
    load_defaults()
    with unit_of_work("tests.company"):
        move_business_date(TODAY)
        head = Branch(code="HQ", name="总部", kind=BranchKind.HEAD_OFFICE)
        outlets = [Branch(code=code, name=code, kind=BranchKind.BRANCH, parent=head) for code in ("QX", "SD")]
        db.session.add_all([head, *outlets])
        db.session.flush()
        team = Team(code="T1", name="一队", branch_id=outlets[0].id)
        db.session.add(team)
        db.session.flush()
        place = {"branch_id": outlets[0].id, "team_id": team.id}
        db.session.add(Staff(code="L1", name="王队长", post=Post.TEAM_LEAD, **place))
        db.session.add(Staff(code="M1", name="李经理", post=Post.CUSTOMER_MANAGER, **place))
        db.session.add(
            Product(
                code="P1",
                name="果园贷",
                purpose=Purpose.BUSINESS,
                channel=Channel.OFFLINE,
                rate_min=0,
                rate_max=240_000,
                term_min=1,
                term_max=60,
                method=Method.LEVEL,
                day_count=DayCount.THIRTY_360,
                rounding=Rounding.HALF_UP,
                holiday_rule=HolidayRule.NONE,
            )
        )


Row = Sequence[Any]


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """`csv_file(headings, rows…)`: a CSV file in UTF-8."""

    def make(headings: str | Row, *rows: Row, name: str = "file.csv", encoding: str = "utf-8") -> Path:
        heads = headings.split(",") if isinstance(headings, str) else headings
        text = io.StringIO()
        csv.writer(text).writerows([heads, *rows])
        path = tmp_path / name
        path.write_bytes(text.getvalue().encode(encoding))
        return path

    return make


@pytest.fixture
def xlsx_file(tmp_path: Path) -> Callable[..., Path]:
    """`xlsx_file(write)`: a workbook; `write(book, sheet)` fills its first sheet."""

    def make(write: Callable[[Any, Any], None], name: str = "file.xlsx") -> Path:
        path = tmp_path / name
        book = xlsxwriter.Workbook(str(path))
        write(book, book.add_worksheet("数据"))
        book.close()
        return path

    return make


def mapping(definition: dict[str, Any]) -> Mapping:
    return from_definition(definition, fields_by_kind())


@contextmanager
def checking(path: Path, kind: str, rules: dict[str, Any] | None = None, **options: Any) -> Iterator[Checked]:
    """Check a file; `rules` are a mapping's fields."""
    found = mapping({"kind": kind, "fields": rules}) if rules else options.pop("mapping", None)
    with checked_file(path, kind_called(kind), found, **options) as checked:
        yield checked


def problems_of(
    path: Path, kind: str, rules: dict[str, Any] | None = None, **options: Any
) -> list[tuple[int, str, str]]:
    """(row, column, reason) of everything wrong."""
    with checking(path, kind, rules, **options) as checked:
        return [(problem.line, problem.column, problem.reason) for problem in checked.problems.ordered()]


def imported(path: Path, kind: str, rules: dict[str, Any] | None = None, **options: Any) -> ImportBatch:
    """Import a file that is right."""
    with checking(path, kind, rules, **options) as checked:
        assert not checked.problems, checked.problems.ordered()[:5]
        return run_import(checked)
