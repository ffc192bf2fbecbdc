"""Starting an import: choose what the file holds, hand it over, and get the empty files to fill in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from flask import Response, abort, redirect, request, url_for
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import Forbidden, PortalError
from portal.core.help import Help
from portal.core.values import ValueProblem, is_whole, parse_date
from portal.imports import services, templates
from portal.imports.checks import kind_called, need_right
from portal.imports.jobs import begin_check
from portal.imports.kinds import Kind, kinds
from portal.imports.kinds.kind import fields_by_kind
from portal.imports.limits import limits_in_force
from portal.imports.mapping import Mapping, MappingProblem, from_definition, load_mapping, suggest
from portal.imports.models import ImportMapping
from portal.imports.reading import FileProblem, Table

ACCEPT = ".csv,.xlsx,.geojson,.json"


class ImportView(BaseView):
    """`/imports/new`: the form; `/imports/template/<kind>/<fmt>`: empty files."""

    help = Help(
        _(
            "Bring in a file: customers, staff, products, grids, loans with their schedules and repayments, or "
            "opening positions at the change-over from another system."
        ),
        _(
            "Take the empty file, fill it in, upload it. Every row is checked first; nothing is written before "
            "you say so, and then all of it or nothing."
        ),
    )
    route_base = "/imports"
    default_view = "new"
    resource = "ImportBatch"
    largest_body = 512 * 1024 * 1024
    """Bytes of an uploaded file; what it unpacks to has limits of its own (reading.py)."""
    method_actions = {"new": "add", "template": "add"}

    @expose("/new", methods=["GET", "POST"])
    @has_access
    def new(self) -> Any:
        problems: dict[str, str] = {}
        if request.method == "POST":
            try:
                return redirect(_upload())
            except _Wrong as wrong:
                problems = wrong.fields
        self.update_redirect()
        page = self.render_template(
            "imports/new.html",
            title=gettext("New import"),
            kinds=importable(),
            chosen=request.form.get("kind") or request.args.get("kind", ""),
            mappings=_saved_mappings(),
            problems=problems,
            accept=ACCEPT,
        )
        return page, 422 if problems else 200

    @expose("/template/<string:kind>/<string:fmt>")
    @has_access
    def template(self, kind: str, fmt: str) -> Any:
        if fmt not in ("csv", "xlsx"):
            abort(404)
        found = kind_called(kind)
        need_right(found)
        content = templates.csv_template(found) if fmt == "csv" else templates.xlsx_template(found)
        mime = "text/csv" if fmt == "csv" else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        headers = {"Content-Disposition": f"attachment; filename={kind}.{fmt}"}
        return Response(content, mimetype=mime, headers=headers)


def importable() -> list[Kind]:
    """The kinds the actor may import."""
    found = []
    for kind in kinds.values():
        try:
            need_right(kind)
        except Forbidden:
            continue
        found.append(kind)
    return found


class _Wrong(Exception):
    """What is wrong with the form: a sentence for each field."""

    def __init__(self, **fields: Any) -> None:
        self.fields = {name: str(sentence) for name, sentence in fields.items()}


def _upload() -> str:
    """Keep the uploaded file; returns the address of what comes next: the columns, or the check if they are clear."""
    kind = _kind()
    mapping, mapping_name = _mapping(kind)
    cut_over = _cut_over(kind, mapping)
    given = request.files.get("file")
    if given is None or not given.filename:
        raise _Wrong(file=gettext("Choose a file."))
    with _kept(given) as path:
        try:
            table = kind.open(path, limits_in_force().file)
            if next(table.chunks(), None) is None:
                raise FileProblem(gettext("The file has headings but no rows."))
        except PortalError as refusal:
            raise _Wrong(file=refusal) from refusal
        clear = _is_clear(kind, mapping, table)
        name = Path(given.filename.replace("\\", "/")).name
        batch_id = services.upload(kind.key, name, path, mapping, mapping_name, cut_over).id
    if not clear:
        return url_for("ImportBatchView.columns", pk=batch_id)
    begin_check(batch_id)
    return url_for("ImportBatchView.show", pk=batch_id)


@contextmanager
def _kept(given: FileStorage) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(prefix="gridlend-upload-") as file:
        given.save(file)
        file.flush()
        yield Path(file.name)


def _kind() -> Kind:
    key = request.form.get("kind", "")
    if key not in kinds:
        raise _Wrong(kind=gettext("Choose what the file holds."))
    need_right(kinds[key])
    return kinds[key]


def _mapping(kind: Kind) -> tuple[Mapping | None, str]:
    """The mapping handed over as a file, or the saved one that was chosen, with its name."""
    given, chosen = request.files.get("mapping_file"), request.form.get("mapping", "")
    try:
        if given is not None and given.filename:
            suffix = ".json" if given.filename.lower().endswith(".json") else ".toml"
            with tempfile.TemporaryDirectory(prefix="gridlend-mapping-") as folder:
                path = Path(folder) / f"mapping{suffix}"
                given.save(path)
                mapping, name = load_mapping(path, fields_by_kind()), Path(given.filename).name[:120]
        elif is_whole(chosen):
            saved = db.session.get(ImportMapping, int(chosen))
            if saved is None:
                raise _Wrong(mapping=gettext("This mapping no longer exists."))
            mapping, name = from_definition(saved.definition, fields_by_kind()), saved.name
        else:
            return None, ""
        if mapping.kind != kind.key:
            theirs = str(kinds[mapping.kind].label) if mapping.kind in kinds else mapping.kind
            raise MappingProblem(
                _("This mapping is for %(theirs)s, not for %(ours)s.", theirs=theirs, ours=str(kind.label))
            )
    except MappingProblem as problem:
        raise _Wrong(mapping=problem) from problem
    return mapping, name


def _cut_over(kind: Kind, mapping: Mapping | None) -> date | None:
    if not kind.needs_cut_over:
        return None
    try:
        day = parse_date(text) if (text := request.form.get("cut_over", "").strip()) else None
    except ValueProblem as problem:
        raise _Wrong(cut_over=problem) from problem
    day = day or (mapping.cut_over if mapping else None)
    if day is None:
        raise _Wrong(cut_over=gettext("Opening positions need their cut-over date."))
    if day > business_date():
        raise _Wrong(
            cut_over=gettext(
                "%(day)s has not happened yet: the business date is %(open)s.", day=day, open=business_date()
            )
        )
    return day


def _is_clear(kind: Kind, mapping: Mapping | None, table: Table) -> bool:
    """Whether the file can be checked without asking for its columns: each is known, and none that is needed lacks."""
    if mapping is not None:
        return not mapping.missing_columns(table.headings)
    rules = suggest(kind.fields, table.headings)
    return len(rules) == len(table.headings) and all(name in rules for name in kind.needed(rules))


def _saved_mappings() -> list[tuple[Kind, list[ImportMapping]]]:
    """Saved mappings by kind."""
    rows = db.session.scalars(select(ImportMapping).order_by(ImportMapping.name)).all()
    grouped = [(kind, [row for row in rows if row.kind == kind.key]) for kind in importable()]
    return [(kind, found) for kind, found in grouped if found]
