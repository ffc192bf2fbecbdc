"""What a browser does with a dashboard, without a browser: opens the page, then asks its callbacks."""

from __future__ import annotations

import json
import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PAGE = "/dashboards/portfolio/"
CALLBACK = "/dashboards/_dash-update-component"
HEADLINE, FILTERS, SWITCH = "portfolio-answer.children", "portfolio-search.search", "page.children"


class Visitor:
    """A login on a dashboard, with the query string `search` and a language."""

    def __init__(self, client: FlaskClient, search: str = "", language: str = "en", key: str = "portfolio") -> None:
        self.client, self.search, self.key = client, search, key
        self.address = f"/dashboards/{key}/"
        self.headers = {"Accept-Language": language}
        self.page = client.get(self.address + search, headers=self.headers)
        cookie = client.get_cookie("_csrf_token", path="/dashboards/")
        self.token = cookie.value if cookie else ""
        self.callbacks: list[dict[str, Any]] = []
        if self.page.status_code == 200:
            listed = client.get("/dashboards/_dash-dependencies").get_json()
            self.callbacks = [
                callback
                for callback in listed
                if not callback["clientside_function"]
                and callback["output"].strip(".").startswith((f"{key}-", "page."))
            ]

    def callback(self, output: str) -> dict[str, Any]:
        [found] = [one for one in self.callbacks if output in one["output"]]
        return found

    def post(self, output: str, values: dict[str, Any] | None = None, changed: str = "") -> TestResponse:
        """Fire the callback that has this output; `values` are those of its inputs, the address's apart."""
        callback = self.callback(output)
        given = {f"{self.key}-search.search": self.search, "address.pathname": self.address}
        given["address.search"] = self.search
        given |= values or {}

        def filled(wanted: list[dict[str, str]]) -> list[dict[str, Any]]:
            return [{**one, "value": given.get(f"{one['id']}.{one['property']}")} for one in wanted]

        # Dash's own way of naming outputs: one, or several between dots.
        names = callback["output"].removeprefix("..").removesuffix("..").split("...")
        outputs = [dict(zip(("id", "property"), name.split("."), strict=True)) for name in names]
        body = {
            "output": callback["output"],
            "outputs": outputs if callback["output"].startswith("..") else outputs[0],
            "inputs": filled(callback["inputs"]),
            "state": filled(callback["state"]),
            "changedPropIds": [changed] if changed else [],
        }
        return self.client.post(CALLBACK, json=body, headers={**self.headers, "X-CSRFToken": self.token})

    def ask(self, output: str, values: dict[str, Any] | None = None, changed: str = "") -> dict[str, Any]:
        """The answer: component id -> properties."""
        answer = self.post(output, values, changed)
        assert answer.status_code == 200, (output, answer.status_code, answer.get_data(as_text=True)[:300])
        return answer.get_json()["response"]  # type: ignore[no-any-return]

    def everything(self) -> str:
        """All that the server says to this visitor, as text."""
        outputs = [one["output"].removeprefix("..").split("...")[0] for one in self.callbacks]
        values = {f"{self.key}-as_of.value": None}
        return "\n".join(json.dumps(self.ask(name, values), ensure_ascii=False) for name in outputs)

    def rows(self, chart: str) -> list[list[str]]:
        """The cells of a chart's table, heading first."""
        name = f"{self.key}-{chart}-rows"
        table = self.ask(f"{name}.children")[name]["children"]
        return [[text_of(cell) for cell in row] for row in rows_of(table)]


def text_of(component: Any) -> str:
    """The words of a component, of those within it, in their order."""
    if isinstance(component, list):
        return "".join(map(text_of, component))
    if isinstance(component, dict):
        return text_of(component["props"].get("children"))
    return "" if component is None else str(component)


def rows_of(component: Any) -> list[list[Any]]:
    """The rows of a table, as lists of cells."""
    if isinstance(component, list):
        return [row for one in component for row in rows_of(one)]
    if not isinstance(component, dict):
        return []
    children = component["props"].get("children")
    return [children] if component["type"] == "Tr" else rows_of(children)


def named(text: str) -> set[str]:
    """Whose things a text names: managers a1, a2, b1 and branches A, B of the small company."""
    return set(re.findall(r"\b(?:[ab][12]|branch-[AB]1?)\b", text))
