"""REST for every record screen: the same filters, scope, verbs and field metadata, described in OpenAPI."""

from __future__ import annotations

import copy
from typing import Any

from apispec import APISpec
from flask import Response, jsonify, make_response, request, url_for
from flask_appbuilder.api import BaseApi, expose, protect
from flask_babel import gettext

from portal.core import filters, forms
from portal.core.errors import InvalidValues, PortalError
from portal.core.fields import Field
from portal.core.values import ValueProblem, as_text, parse
from portal.core.views import PortalView

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


class PortalApi(BaseApi):
    """`/api/v1/<resource>/`: list, one, add, change, delete. References are ids; money and rates are exact strings."""

    allow_browser_login = True
    exclude_route_methods: Any
    view: PortalView
    """The screen whose model, columns and verbs this speaks for."""

    def __init__(self) -> None:
        self.resource = self.view.resource
        self.resource_name = self.view.endpoint_name
        self.class_permission_name = type(self).__name__
        self.openapi_spec_tag = self.resource
        for method, action in (("post", "add"), ("put", "edit"), ("delete", "delete")):
            if action in (self.view.exclude_route_methods or ()):
                self.exclude_route_methods = {*(self.exclude_route_methods or ()), method}
        super().__init__()

    @expose("/", methods=["GET"])
    @protect()
    def get_list(self) -> Response:
        """Rows of one page.
        ---
        get:
          summary: One page of rows, as searched, filtered and ordered
          parameters:
          - {in: query, name: q, schema: {type: string}, description: quick search}
          - {in: query, name: page, schema: {type: integer, minimum: 1}}
          - {in: query, name: size, schema: {type: integer, minimum: 1, maximum: 200}}
          - {in: query, name: order, schema: {type: string}}
          - {in: query, name: direction, schema: {type: string, enum: [asc, desc]}}
          responses:
            200: {description: rows and their count}
            400: {$ref: '#/components/responses/400'}
            401: {$ref: '#/components/responses/401'}
            403: {description: the role does not allow it}
        """
        search = filters.read(self.view.model, request.args, self.view.filter_columns)
        if search.problems:
            raise PortalError(" ".join(search.problems))
        page = self.view.page(search)
        count = {
            "count": page["count"],
            "count_capped": page["count_capped"],
            "page": page["page"],
            "pages": page["pages"],
        }
        return jsonify(result=[self.as_json(row) for row in page["rows"]], **count)

    @expose("/<int:pk>", methods=["GET"])
    @protect()
    def get(self, pk: int) -> Response:
        """One row.
        ---
        get:
          summary: One row
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: the row}
            401: {$ref: '#/components/responses/401'}
            404: {$ref: '#/components/responses/404'}
        """
        return jsonify(result=self.as_json(self.view.find(str(pk))))

    @expose("/", methods=["POST"])
    @protect()
    def post(self) -> Response:
        """Add a row.
        ---
        post:
          summary: Add a row
          responses:
            201: {description: the new row}
            401: {$ref: '#/components/responses/401'}
            404: {$ref: '#/components/responses/404'}
            422: {description: values that do not fit, by field}
        """
        row = self.view.add_verb(self.read_values(self.view.add_columns))
        response = make_response(jsonify(id=row.id, result=self.as_json(row)), 201)
        response.headers["Location"] = url_for(f"{self.endpoint}.get", pk=row.id)
        return response

    @expose("/<int:pk>", methods=["PUT"])
    @protect()
    def put(self, pk: int) -> Response:
        """Change a row; fields that are not given stay. Give the `version` you read to be told of conflicts.
        ---
        put:
          summary: Change a row
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: the row as it is now}
            401: {$ref: '#/components/responses/401'}
            404: {$ref: '#/components/responses/404'}
            409: {description: somebody else changed it meanwhile}
            422: {description: values that do not fit, by field}
        """
        self.view.find(str(pk))
        body = self.body()
        version = body.pop("version", None)
        if version is not None and not isinstance(version, int):
            raise InvalidValues({"version": [gettext("This must be a whole number.")]})
        return jsonify(
            result=self.as_json(self.view.change_verb(pk, self.read_values(self.view.edit_columns), version))
        )

    @expose("/<int:pk>", methods=["DELETE"])
    @protect()
    def delete(self, pk: int) -> Response:
        """Delete a row that nothing refers to.
        ---
        delete:
          summary: Delete a row
          parameters:
          - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: deleted}
            401: {$ref: '#/components/responses/401'}
            404: {$ref: '#/components/responses/404'}
            409: {description: other records refer to it}
        """
        self.view.find(str(pk))
        self.view.remove_verb(pk)
        return jsonify(message="OK")

    @expose("/_info", methods=["GET"])
    @protect()
    def info(self) -> Response:
        """Fields, choices and filters of this resource.
        ---
        get:
          summary: Fields, choices and filters
          responses:
            200: {description: field metadata}
            401: {$ref: '#/components/responses/401'}
        """
        known = {**self.view.fields}
        return jsonify(
            fields=[{"name": n, "label": str(f.label), **_schema(f), "required": f.required} for n, f in known.items()],
            filters={n: list(filters.BY_TYPE[f.type]) for n, f in filters.filterable(self.view.model).items()},
        )

    # ---- JSON -----------------------------------------------------------------------------------------------------

    def as_json(self, row: Any) -> dict[str, Any]:
        """The row's described fields; sensitive ones masked, references as {id, text}."""
        found: dict[str, Any] = {"id": row.id}
        for name, field in self.view.fields.items():
            found[name] = self._json(row, name, field)
        if hasattr(row, "version"):
            found["version"] = row.version
        return found

    def _json(self, row: Any, name: str, field: Field) -> Any:
        if field.sensitive:
            return self.view.cell(row, name) or None if name in getattr(type(row), "__sealed__", {}) else None
        value = forms.held_value(row, field)
        if value is None or field.type in ("int", "bool"):
            return value
        if field.type == "ref":
            target = getattr(row, name)
            return {"id": value, "text": str(target)} if target is not None else None
        return as_text(field, value)

    def body(self) -> dict[str, Any]:
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise PortalError(gettext("The request needs a JSON object."))
        return dict(body)

    def read_values(self, allowed: list[str]) -> dict[str, Any]:
        """The body's values parsed by field type; InvalidValues names what does not fit and what is not known."""
        values, wrong = {}, {}
        for name, given in self.body().items():
            field = self.view.fields.get(name)
            if name == "version":
                continue
            if field is None or name not in allowed or field.readonly:
                wrong[name] = [gettext("This field cannot be set here.")]
                continue
            if isinstance(given, (dict, list)) or (isinstance(given, float) and field.type in ("money", "rate")):
                wrong[name] = [gettext("Give this value as a text, a whole number or yes/no.")]
                continue
            try:
                values[name] = parse(field, "" if given is None else str(given))
            except ValueProblem as problem:
                wrong[name] = [str(problem)]
        if wrong:
            raise InvalidValues(wrong)
        return values

    def add_apispec_components(self, api_spec: APISpec) -> None:
        super().add_apispec_components(api_spec)
        properties = {n: _schema(f) for n, f in self.view.fields.items()}
        api_spec.components.schema(self.view.model.__name__, {"type": "object", "properties": properties})


def _schema(field: Field) -> dict[str, Any]:
    if field.choices is not None:
        return {"type": "string", "enum": [choice.value for choice in field.choices]}
    return copy.deepcopy(SCHEMA_OF.get(field.type, {"type": "string"}))


def api_for(view: PortalView) -> type[PortalApi]:
    """The REST resource of a screen, named after its model."""
    return type(f"{view.model.__name__}Api", (PortalApi,), {"view": view, "__doc__": f"REST of {view.resource}."})
