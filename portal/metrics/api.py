"""REST of the metrics: `/api/v1/metrics/` lists them, `/api/v1/metrics/<key>` answers as the command line does."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request
from flask_appbuilder.api import BaseApi, expose, protect
from flask_babel import gettext

from portal.core import scope
from portal.core.errors import NotFound
from portal.core.metric import Metric, MetricError, asked, evaluate, metrics
from portal.metrics.answers import as_json, check_period, read_day, words_list
from portal.metrics.dimensions import parse_where, split_filter
from portal.metrics.formatting import exact_text, unit_words
from portal.metrics.rows import rows_behind

LARGEST_PAGE = 200


class MetricsApi(BaseApi):
    """Every figure of the portal with its definition. Amounts are text: yuan with two decimals, percent with four."""

    resource = "Metrics"
    resource_name = "metrics"
    class_permission_name = "MetricsApi"
    openapi_spec_tag = "Metrics"
    allow_browser_login = True
    method_actions = {"rows": "show"}

    @expose("/", methods=["GET"])
    @protect()
    def get_list(self) -> Response:
        """The metrics that the role includes.
        ---
        get:
          summary: Every metric with its label, unit and formula
          responses:
            200:
              description: definitions
              content:
                application/json:
                  schema:
                    type: object
                    properties:
                      count: {type: integer}
                      result: {type: array, items: {type: object}}
            401: {$ref: '#/components/responses/401'}
            403: {description: the role does not include metrics}
        """
        listed = [_definition(m) for m in metrics.values() if not m.internal and scope.actor().may(*m.permission)]
        return jsonify(count=len(listed), result=listed)

    @expose("/<string:key>", methods=["GET"])
    @protect()
    def get(self, key: str) -> Response:
        """One metric, cut and filtered, for the rows that the caller may see.
        ---
        get:
          summary: The value of a metric
          parameters:
          - {in: path, name: key, required: true, schema: {type: string}, example: loan_balance}
          - {in: query, name: as_of, schema: {type: string, format: date}, description: end of this date or period}
          - {in: query, name: from, schema: {type: string, format: date}, description: first day of the period (flows)}
          - {in: query, name: to, schema: {type: string, format: date}, description: the same as as_of}
          - {in: query, name: known_at, schema: {type: string, format: date}, description: leave out later bookings}
          - {in: query, name: by, schema: {type: string}, example: 'branch,product', description: dimensions to cut by}
          - in: query
            name: where
            schema: {type: array, items: {type: string}, example: ['branch:0101', 'category:normal']}
            description: only these rows; a dimension named twice means either value; a branch comes with all below it
          responses:
            200:
              description: rows by group, and the total, which is computed and not added up
              content:
                application/json:
                  schema:
                    type: object
                    properties:
                      metric: {type: string}
                      as_of: {type: string, format: date}
                      from: {type: string, format: date}
                      rows:
                        type: array
                        items:
                          type: object
                          properties:
                            by: {type: object, additionalProperties: {type: string}}
                            labels: {type: object, additionalProperties: {type: string}}
                            value: {type: string, nullable: true}
                      total: {type: string, nullable: true}
            400: {description: the question makes no sense; the message says why}
            401: {$ref: '#/components/responses/401'}
            403: {description: the role does not include this metric}
            404: {$ref: '#/components/responses/404'}
        """
        _found(key)
        by = words_list(request.args.get("by", ""))
        if {"loan", "customer"} & set(by):
            raise MetricError(gettext("Loan by loan, ask for the rows of the metric, page by page."))
        result = evaluate([key], by=by, where=_where(), **_dates(key))
        return jsonify(as_json(result, labels=True)[0])

    @expose("/<string:key>/rows", methods=["GET"])
    @protect()
    def rows(self, key: str) -> Response:
        """The loans behind a metric, the greatest contribution first.
        ---
        get:
          summary: The loans behind a metric, page by page
          parameters:
          - {in: path, name: key, required: true, schema: {type: string}, example: par_30}
          - {in: query, name: as_of, schema: {type: string, format: date}}
          - {in: query, name: from, schema: {type: string, format: date}}
          - {in: query, name: to, schema: {type: string, format: date}}
          - {in: query, name: known_at, schema: {type: string, format: date}}
          - {in: query, name: where, schema: {type: array, items: {type: string}}}
          - {in: query, name: page, schema: {type: integer, minimum: 1}}
          - {in: query, name: size, schema: {type: integer, minimum: 1, maximum: 200}}
          responses:
            200: {description: loans with what each contributes, and their count}
            400: {description: the question makes no sense; the message says why}
            401: {$ref: '#/components/responses/401'}
            403: {description: the role does not include this metric}
            404: {$ref: '#/components/responses/404'}
        """
        _found(key)
        question = asked(**_dates(key))
        page, size = _number("page", 1, 10**6), _number("size", 50, LARGEST_PAGE)
        found = rows_behind(key, question, _where(), page, size)
        listed = [{"loan": row.code, "value": exact_text(found.metric, row.value)} for row in found.rows]
        return jsonify(metric=found.metric.key, count=found.count, page=page, result=listed)


def _definition(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.key,
        "label": str(metric.label),
        "unit": unit_words(metric),
        "type": metric.unit,
        "kind": metric.kind,
        "subject": str(metric.subject),
        "formula": str(metric.formula),
        "source": str(metric.source),
    }


def _found(key: str) -> None:
    if key not in metrics or metrics[key].internal:
        raise NotFound(gettext("There is no metric called %(key)s.", key=key[:60]))


def _where() -> dict[str, list[Any]]:
    return parse_where(split_filter(text, ":") for text in request.args.getlist("where") if text)


def _dates(key: str) -> dict[str, Any]:
    """as_of, start and known_at of the request; MetricError for what is no date."""
    given = {name: read_day(text) for name in ("as_of", "from", "to", "known_at") if (text := request.args.get(name))}
    if "as_of" in given and "to" in given and given["as_of"] != given["to"]:
        raise MetricError(gettext("as_of and to name different dates; give one of them."))
    check_period([key], "from" in given)
    return {
        "as_of": given.get("as_of", given.get("to")),
        "start": given.get("from"),
        "known_at": given.get("known_at"),
    }


def _number(name: str, default: int, most: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise MetricError(gettext("%(name)s must be a whole number from 1 to %(most)s.", name=name, most=most))
    return int(text[:9])
