"""Forms made from field metadata: WTForms renders and carries them, `values` reads, `records` validates."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from flask import has_request_context, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import Field as FormField
from wtforms import HiddenField
from wtforms.widgets import html_params

from portal.core.db import db, label_of
from portal.core.fields import Field, Words, fields_of
from portal.core.masks import COVER, covered, mask_of
from portal.core.records import held_reference
from portal.core.role_store import CLEAR, HIDDEN, MASKED
from portal.core.values import UNITS, ValueProblem, as_shown, as_text, is_whole, parse


class Input:
    """Draws the control that suits a field's type."""

    def __call__(self, field: ValueField, **kw: Any) -> Markup:
        meta = field.meta_field
        attrs: dict[str, Any] = {
            "id": field.id,
            "name": field.name,
            "class": "form-control " + kw.pop("class_", kw.pop("class", "")),
        }
        if meta.required and meta.type != "bool":
            attrs["required"] = True
        if field.errors:
            attrs["aria-invalid"] = "true"
        if meta.help or field.errors:
            attrs["aria-describedby"] = f"{field.id}-help"
        if meta.readonly:
            attrs["disabled"] = True
        if meta.offered is not None:
            return self._offered(meta.offered, attrs, field.text, meta.required)
        return getattr(self, f"_{meta.type}", self._text)(field, attrs)

    def _text(self, field: ValueField, attrs: dict[str, Any]) -> Markup:
        meta = field.meta_field
        if meta.max_length and meta.max_length > 200:
            return Markup("<textarea {} rows='3'>\n{}</textarea>").format(Markup(html_params(**attrs)), field.text)
        return self._input(field, attrs, "text")

    def _json(self, field: ValueField, attrs: dict[str, Any]) -> Markup:
        return Markup("<textarea {} rows='5'>\n{}</textarea>").format(Markup(html_params(**attrs)), field.text)

    def _input(self, field: ValueField, attrs: dict[str, Any], kind: str) -> Markup:
        return Markup("<input {}>").format(Markup(html_params(type=kind, value=field.text, **attrs)))

    def _money(self, field: ValueField, attrs: dict[str, Any]) -> Markup:
        return self._input(field, {**attrs, "inputmode": "decimal"}, "text")

    _rate = _money

    def _int(self, field: ValueField, attrs: dict[str, Any]) -> Markup:
        return self._input(field, {**attrs, "inputmode": "numeric"}, "text")

    def _date(self, field: ValueField, attrs: dict[str, Any]) -> Markup:
        return self._input(field, attrs, "date")

    def _bool(self, field: ValueField, attrs: dict[str, Any]) -> Markup:
        attrs["class"] = "form-check"
        if field.text == "1":
            attrs["checked"] = True
        return Markup("<input {}>").format(Markup(html_params(type="checkbox", value="1", **attrs)))

    def _choice(self, field: ValueField, attrs: dict[str, Any]) -> Markup:
        meta = field.meta_field
        assert meta.choices is not None
        options = [("", "" if meta.required else "—")] + [(c.value, str(label_of(c))) for c in meta.choices]
        return self._select(attrs, options, field.text)

    def _offered(self, offered: Words, attrs: dict[str, Any], chosen: str, required: bool) -> Markup:
        named = sorted((offered.of(key), key) for key in {*offered.keys(""), *([chosen] if chosen else [])})
        options = [("", "" if required else "—"), *((key, words) for words, key in named)]
        return self._select(attrs, options, chosen)

    def _ref(self, field: ValueField, attrs: dict[str, Any]) -> Markup:
        attrs["class"] += " js-remote"
        attrs["data-url"] = field.lookup_url()
        attrs["data-minimum-input-length"] = "0"
        attrs["data-allow-clear"] = "0" if field.meta_field.required else "1"
        chosen = field.chosen()
        options = [("", "")] + ([(field.text, chosen)] if field.text else [])
        return self._select(attrs, options, field.text)

    @staticmethod
    def _select(attrs: dict[str, Any], options: Sequence[tuple[str, str]], chosen: str) -> Markup:
        inner = Markup("").join(
            Markup("<option value='{}'{}>{}</option>").format(
                value, Markup(" selected") if value == chosen else "", text
            )
            for value, text in options
        )
        return Markup("<select {}>{}</select>").format(Markup(html_params(**attrs)), inner)


class ValueField(FormField):
    """One described field. `text` is what the control shows, `data` the parsed value."""

    widget = Input()

    def __init__(self, meta_field: Field, endpoint: str = "", **kw: Any) -> None:
        super().__init__(label=str(meta_field.label), description=str(meta_field.help or ""), **kw)
        self.meta_field, self.endpoint, self.text, self.unseen = meta_field, endpoint, "", False
        self.flags.required = meta_field.required
        self.unit = UNITS.get(meta_field.type, "")
        self.only_if = meta_field.only_if

    def process_data(self, value: Any) -> None:
        self.data = value
        self.text = as_text(self.meta_field, value)

    def process_formdata(self, values: list[Any]) -> None:
        self.text = str(values[0]) if values else ("0" if self.meta_field.type == "bool" else "")
        if self.text == COVER:  # what a masked control showed: no value of any field
            self.data = None
            return
        try:
            self.data = parse(self.meta_field, self.text)
        except ValueProblem as problem:
            self.data = None
            raise ValueError(str(problem)) from None

    def chosen(self) -> str:
        """Words for the chosen reference; a row outside the scope is not named."""
        if not is_whole(self.text):
            return ""
        row = db.session.get(self.meta_field.target, int(self.text))  # type: ignore[arg-type]
        return str(row if row is not None else gettext("(outside your area)"))

    def shown(self) -> str | Markup:
        """What was typed, as a page shows it that asks whether it is right."""
        return self.chosen() if self.meta_field.type == "ref" else as_shown(self.meta_field, self.data)

    def lookup_url(self) -> str:
        return url_for(self.endpoint, name=self.name) if has_request_context() and self.endpoint else ""


def form_class(model: type, names: Sequence[str], endpoint: str, versioned: bool) -> type[FlaskForm]:
    """A form with these fields of a model, in this order."""
    known = fields_of(model)
    form: Any = form_of([known[name] for name in names], endpoint)
    if versioned:
        form.version_seen = HiddenField()
    return form  # type: ignore[no-any-return]


def form_of(fields: Sequence[Field], endpoint: str = "") -> Any:
    """A form of any described fields, in this order: for pages that are no record's form."""
    known = {described.name: described for described in fields}
    names = list(known)

    class RecordForm(FlaskForm):
        def values(self) -> dict[str, Any]:
            return {n: self._fields[n].data for n in names if n in self._fields and not known[n].readonly}

        def sections(self) -> list[tuple[str, list[Any]]]:
            """Fields under their headings, in order of first appearance."""
            grouped: dict[str, list[Any]] = {}
            for name in names:
                if name in self._fields:
                    grouped.setdefault(str(known[name].section or ""), []).append(self._fields[name])
            return list(grouped.items())

        def leave_out(self, others: Iterable[str]) -> None:
            """Without these fields: what the record holds in them stays."""
            for name in others:
                if name in self._fields:
                    del self[name]

        def parsed(self) -> bool:
            """CSRF holds and every text could be read."""
            return bool(self.validate())

        def outdated(self, seen: str) -> bool:
            """The page was made by an older version of the portal, with other fields."""
            return bool(seen) and seen != self.shape

    for name in names:
        setattr(RecordForm, name, _unbound(known[name], endpoint))
    RecordForm.shape = f"{zlib.crc32(repr([(n, known[n].type) for n in names]).encode()):08x}"
    return RecordForm


def _unbound(field: Field, endpoint: str) -> Any:
    return ValueField(field, endpoint=endpoint)


CONFLICT = _("Now: %(value)s")


def show_conflict(form: Any, row: Any) -> None:
    """Beside each field that differs, what somebody else saved meanwhile; what was typed stays."""
    for name, field in form._fields.items():
        if not isinstance(field, ValueField):
            continue
        held = held_value(row, field.meta_field)
        if as_text(field.meta_field, held) != field.text:
            is_row = field.meta_field.type == "ref" and mask_of(type(row), field.meta_field) == CLEAR
            words = str(getattr(row, name)) if is_row else as_text(field.meta_field, held)
            field.errors = [*field.errors, str(CONFLICT % {"value": words or "—"})]


def held_value(row: Any, field: Field) -> Any:
    """The value a form edits: a reference's id, a covered value as it is shown, anything else as it is."""
    sealed = getattr(type(row), "__sealed__", {}).get(field.name)
    if sealed is not None:
        return sealed.masked(row) or None
    if mask_of(type(row), field) != CLEAR:
        return covered(field, getattr(row, field.name)) or None
    return held_reference(row, field.name) if field.type == "ref" else getattr(row, field.name)


def left_out(model: type, names: Iterable[str], editing: bool) -> list[str]:
    """The fields of a form that the actor may not fill in: what is hidden, and, of a record that is there already,
    what is masked and no text, because nothing can be typed over a value that is not seen."""
    known = fields_of(model)
    found = []
    for name in names:
        mask = mask_of(model, known[name])
        if mask == HIDDEN or (mask == MASKED and editing and known[name].type not in ("text", "code")):
            found.append(name)
    return found


def changed_values(form: Any, row: Any) -> dict[str, Any]:
    """What was typed, less the masked values that were left as they were shown."""
    known = fields_of(type(row))
    kept = [n for n in form._fields if n in known and mask_of(type(row), known[n]) != CLEAR]
    same = {n for n in kept if form._fields[n].text == as_text(known[n], held_value(row, known[n]))}
    return {name: value for name, value in form.values().items() if name not in same}
