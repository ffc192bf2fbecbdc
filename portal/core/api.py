"""REST for every record screen: the same filters, scope, verbs and field metadata, described in OpenAPI."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from flask import Response, jsonify, make_response, request, url_for
from flask_appbuilder.api import BaseApi, expose, protect
from flask_babel import gettext

from portal.core import filters, forms
from portal.core.api_document import body_schema, json_content, list_parameters, ref, row_schema, schema_of
from portal.core.errors import InvalidValues, PortalError
from portal.core.fields import Field
from portal.core.masks import COVER
from portal.core.role_store import CLEAR
from portal.core.values import ValueProblem, as_text, parse
from portal.core.views import PortalView


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
        known = {n: self.view.fields[n] for n in self.view.shown(self.view.fields)}
        return jsonify(
            fields=[
                {"name": n, "label": str(f.label), **schema_of(f), "required": f.required} for n, f in known.items()
            ],
            filters={n: list(filters.BY_TYPE[f.type]) for n, f in filters.filterable(self.view.model).items()},
        )

    # ---- JSON -----------------------------------------------------------------------------------------------------

    def as_json(self, row: Any) -> dict[str, Any]:
        """The row's described fields, without hidden ones; masked ones covered, references as {id, text}."""
        found: dict[str, Any] = {"id": row.id}
        for name in self.view.shown(self.view.fields):
            field = self.view.fields[name]
            found[name] = self._json(row, name, field)
        if hasattr(row, "version"):
            found["version"] = row.version
        return found

    def _json(self, row: Any, name: str, field: Field) -> Any:
        if self.view.mask(name) != CLEAR:
            words = name in getattr(type(row), "__sealed__", {}) or (
                field.type in ("text", "code") and not field.sensitive
            )
            return self.view.cell(row, name) or None if words else None
        value = forms.held_value(row, field)
        if value is None or field.type in ("int", "bool"):
            return value
        if field.type == "ref":
            target = getattr(row, name)
            return {"id": value, "text": str(target)} if target is not None else None
        return as_text(field, value)

    def body(self) -> dict[str, Any]:
        try:
            body = request.get_json(silent=True)
        except RecursionError:  # brackets within brackets without end
            body = None
        if not isinstance(body, dict):
            raise PortalError(gettext("The request needs a JSON object."))
        return dict(body)

    def read_values(self, allowed: list[str]) -> dict[str, Any]:
        """The body's values parsed by field type; InvalidValues names what does not fit and what is not known."""
        values, wrong = {}, {}
        closed = forms.left_out(self.view.model, allowed, editing=request.method == "PUT")
        for name, given in self.body().items():
            field = self.view.fields.get(name)
            if name == "version":
                continue
            if field is None or name not in allowed or field.readonly or name in closed:
                wrong[name] = [gettext("This field cannot be set here.")]
                continue
            if isinstance(given, (dict, list)) or (isinstance(given, float) and field.type in ("money", "rate")):
                wrong[name] = [gettext("Give this value as a text, a whole number or yes/no.")]
                continue
            if given is not None and self.view.mask(name) != CLEAR and COVER in str(given):
                wrong[name] = [gettext("This is how the value is shown, not the value.")]
                continue
            try:
                values[name] = parse(field, "" if given is None else str(given))
            except ValueProblem as problem:
                wrong[name] = [str(problem)]
        if wrong:
            raise InvalidValues(wrong)
        return values

    # ---- the document ---------------------------------------------------------------------------------------------

    def add_apispec_components(self, api_spec: APISpec) -> None:
        super().add_apispec_components(api_spec)
        name, fields = self.view.model.__name__, self.view.fields
        api_spec.components.schema(name, row_schema(fields))
        api_spec.components.schema(f"{name}.add", body_schema(fields, self.view.add_columns, changing=False))
        api_spec.components.schema(f"{name}.edit", body_schema(fields, self.view.edit_columns, changing=True))

    def operation_helper(
        self, path: Any = None, operations: Any = None, methods: Any = None, func: Any = None, **kwargs: Any
    ) -> None:
        """What the docstrings cannot know: this resource's filters, rows and bodies."""
        super().operation_helper(path=path, operations=operations, methods=methods, func=func, **kwargs)
        view, row, whole = self.view, ref(self.view.model.__name__), {"type": "integer"}
        one = {"type": "object", "required": ["result"], "properties": {"result": row}}
        page = {"count": whole, "count_capped": {"type": "boolean"}, "page": whole, "pages": whole}
        many = {"type": "object", "properties": {"result": {"type": "array", "items": row}, **page}}
        answers = {"get_list": many, "get": one, "post": one, "put": one}
        for operation in operations.values():
            if func.__name__ in answers:
                told = next(answer for code, answer in operation["responses"].items() if int(code) < 300)
                told.update(json_content(answers[func.__name__]))
            if func.__name__ == "get_list":
                operation["parameters"] = list_parameters(view.model, view.filter_columns, view.orderable())
            if func.__name__ in ("post", "put"):
                body = ref(f"{view.model.__name__}.{'add' if func.__name__ == 'post' else 'edit'}")
                operation["requestBody"] = {"required": True, **json_content(body)}


def api_for(view: PortalView) -> type[PortalApi]:
    """The REST resource of a screen, named after its model."""
    return type(f"{view.model.__name__}Api", (PortalApi,), {"view": view, "__doc__": f"REST of {view.resource}."})
