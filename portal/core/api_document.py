"""The OpenAPI document: what every REST address takes and answers, refusals included."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import current_app, request
from flask_appbuilder import expose, has_access
from flask_appbuilder.api import manager
from flask_babel import gettext

from portal.core import filters
from portal.core.fields import Field
from portal.core.headers import allow_inline_styles
from portal.core.paging import LARGEST_PAGE

SCHEMA_OF = {
    "money": {"type": "string", "description": "yuan with two decimals", "example": "1234.56"},
    "rate": {"type": "string", "description": "percent a year", "example": "12.61"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "ref": {"type": "integer", "description": "id of the record it refers to"},
    "json": {"type": "string"},
}
REFERENCE = {
    "type": "object",
    "nullable": True,
    "properties": {"id": {"type": "integer"}, "text": {"type": "string"}},
}
PROBLEM = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "description": "what is wrong, in the language of the request"},
        "reference": {"type": "string", "description": "the number under which the log knows it"},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "sentences by field, where values do not fit",
        },
    },
}
REFUSALS = {
    "400": "the request cannot be understood, or a cookie came without its token",
    "401": "nobody is signed in",
    "403": "the role does not allow it",
    "404": "there is no such record within the caller's area of responsibility",
    "405": "this address does not know the method",
    "409": "another change came first, or other records stand against it",
    "413": "the body is too large",
    "414": "the address is too long",
    "415": "the body is not JSON",
    "422": "values that do not fit, by field",
    "429": "too many requests; Retry-After says when to come again",
    "500": "something went wrong on the portal's side; nothing was saved",
}
EVERYWHERE = ("400", "401", "403", "404", "414", "429", "500")
WHEN_WRITING = ("409", "413", "415", "422")


def schema_of(field: Field) -> dict[str, Any]:
    """A field as a body gives it."""
    if field.choices is not None:
        return {"type": "string", "enum": [choice.value for choice in field.choices]}
    found: dict[str, Any] = {**SCHEMA_OF.get(field.type, {"type": "string"})}
    if found["type"] == "string" and field.max_length and not field.sensitive:
        found["maxLength"] = field.max_length
    return found


def row_schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    """A row as it is answered: ids, exact texts, null where nothing is known."""
    told = {
        name: copy.deepcopy(REFERENCE) if field.type == "ref" else {**_told(field), "nullable": True}
        for name, field in fields.items()
    }
    return {"type": "object", "properties": {"id": {"type": "integer"}, **told, "version": {"type": "integer"}}}


def _told(field: Field) -> dict[str, Any]:
    return {"type": "string"} if field.sensitive or field.choices is not None else schema_of(field)


def body_schema(fields: Mapping[str, Field], names: Sequence[str], changing: bool) -> dict[str, Any]:
    """What POST or PUT takes: these fields and no other."""
    known = {name: fields[name] for name in names if not fields[name].readonly}
    shape: dict[str, Any] = {
        "type": "object",
        "properties": {name: {**schema_of(field), "nullable": True} for name, field in known.items()},
        "additionalProperties": False,
    }
    if changing:
        shape["properties"]["version"] = {"type": "integer", "nullable": True, "description": "the version you read"}
    return shape


def list_parameters(model: Any, columns: tuple[str, ...], orderable: Sequence[str]) -> list[dict[str, Any]]:
    """The arguments of a list's address."""
    wanted: list[tuple[str, dict[str, Any], str]] = [
        ("q", {"type": "string"}, "quick search"),
        ("page", {"type": "integer", "minimum": 1}, "from 1; past the end is the last page"),
        ("size", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE}, "rows of a page"),
        ("order", {"type": "string", "enum": list(orderable)}, "column"),
        ("direction", {"type": "string", "enum": ["asc", "desc"]}, "of the order"),
    ]
    for name, field in filters.filterable(model, columns).items():
        for operator in filters.BY_TYPE[field.type]:
            kind = schema_of(field) if operator in ("eq", "ne", "lt", "le", "gt", "ge") else {"type": "string"}
            wanted.append((f"f.{name}.{operator}", kind, f"{name} {filters.OPERATORS[operator]}"))
    return [{"in": "query", "name": n, "schema": kind, "description": str(words)} for n, kind, words in wanted]


def json_content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


class Specification(APISpec):
    """A document in which every operation tells of the refusals that all of them share."""

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = super().to_dict()
        parts = document.setdefault("components", {})
        parts.setdefault("schemas", {})["Problem"] = PROBLEM
        parts["responses"] = {
            code: {"description": words, **json_content(ref("Problem"))} for code, words in REFUSALS.items()
        }
        for operations in document["paths"].values():
            for method, operation in operations.items():
                if method not in ("get", "post", "put", "patch", "delete"):
                    continue
                codes = EVERYWHERE + (() if method == "get" else WHEN_WRITING)
                answers = operation.setdefault("responses", {})
                operation["responses"] = {
                    **{code: told for code, told in answers.items() if code not in REFUSALS},
                    **{
                        code: {"$ref": f"#/components/responses/{code}"}
                        for code in sorted({*codes, *answers} & {*REFUSALS})
                    },
                }
        return document


class OpenApi(manager.OpenApi):
    """`/api/v1/_openapi`, with the refusals of every operation."""

    @staticmethod
    def _create_api_spec(version: str) -> APISpec:
        return Specification(
            title=current_app.appbuilder.app_name,  # type: ignore[attr-defined]
            version=version,
            openapi_version="3.0.2",
            info={"description": gettext("Records, figures and reports of the portal.")},
            plugins=[MarshmallowPlugin(schema_name_resolver=manager.resolver)],
            servers=[{"url": request.host_url}],
        )


class SwaggerView(manager.SwaggerView):
    """The document to read and to try; Swagger UI sets styles inline."""

    @expose("/<version>")
    @has_access
    def show(self, version: str) -> Any:
        allow_inline_styles()
        return self.render_template("appbuilder/swagger/swagger.html", openapi_uri=self.openapi_uri.format(version))
