"""A login at work in the contract walks: sends requests, counts them, and reads every answer for names of others."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import zipfile
from dataclasses import dataclass
from typing import Any

from itsdangerous import URLSafeTimedSerializer

from portal.core.export_jobs import MIME
from tests.contracts.owners import Company, Login

NOWHERE = 987_654_321
"""An id that no row has."""

#: What two answers to the same question may differ in: nonces, tokens, reference numbers, the id that was asked for.
VARYING = (
    re.compile(r'nonce="[^"]*"'),
    re.compile(r'value="[^"]{40,}"'),
    re.compile(r"\b[0-9A-F]{8}\b"),
    re.compile(r'content="[^"]{40,}"'),
)


@dataclass
class Answer:
    """What came back, read to the end."""

    status: int
    text: str
    location: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    def like(self, asked: int) -> tuple[int, str, str]:
        """The answer as one about `asked`, without what varies between two answers of the same kind."""
        found = self.text
        for pattern in VARYING:
            found = pattern.sub("", found)
        return self.status, found.replace(str(NOWHERE), str(asked)), self.location.replace(str(NOWHERE), str(asked))


class Prober:
    """One login's client. Whatever comes back is searched for what the login may not know."""

    probes = 0

    def __init__(self, company: Company, login: Login) -> None:
        self.login, self.forbidden = login, company.forbidden(login)
        self.client = company.world.login(login.name)
        raw = secrets.token_hex(20)
        with self.client.session_transaction() as session:
            session["csrf_token"] = raw
        key = company.world.app.config["SECRET_KEY"]
        self.token = str(URLSafeTimedSerializer(key, salt="wtf-csrf-token").dumps(raw))

    def ask(self, path: str, method: str = "GET", **kw: Any) -> Answer:
        """One probe. The answer must name nobody whom the login may not see, and never be a failure of the portal."""
        Prober.probes += 1
        headers = {"X-CSRFToken": self.token, "Accept-Language": "en", **kw.pop("headers", {})}
        asked = f"{path} {kw}"
        with self.client.session_transaction() as session:
            session.pop("_flashes", None)  # what an earlier answer had to say
        if method == "POST" and "json" not in kw:
            kw["data"] = {"csrf_token": self.token, **kw.get("data", {})}
        response = self.client.open(path, method=method, headers=headers, **kw)
        body = response.get_data()
        text = _text(body, response.mimetype)
        answer = Answer(response.status_code, text, response.headers.get("Location", ""), body)
        response.close()
        named = self.named(text, asked)
        assert not named, f"{self.login.name}: {method} {path} names {named}"
        assert answer.status < 500, f"{self.login.name}: {method} {path} fails with {answer.status}"
        return answer

    def named(self, text: str, asked: str) -> set[str]:
        """What a text names that the login may not know; an answer may repeat what was asked."""
        return {word for word in self.forbidden.findall(text) if word not in asked}

    def same(self, path: str, foreign: int, method: str = "GET", **kw: Any) -> Answer:
        """Ask for a foreign row and for one that does not exist: the answers must be alike. `{}` is the id's place."""

        def filled(value: Any, row_id: int) -> Any:
            if isinstance(value, dict):
                return {k: filled(v, row_id) for k, v in value.items()}
            return row_id if value == "{}" else value

        found = self.ask(path.replace("{}", str(foreign)), method, **filled(kw, foreign))
        missing = self.ask(path.replace("{}", str(NOWHERE)), method, **filled(kw, NOWHERE))
        assert found.like(foreign) == missing.like(foreign), (
            f"{self.login.name}: {method} {path} tells {foreign} from a row that does not exist:"
            f" {found.status} {_difference(found.like(foreign)[1], missing.like(foreign)[1])}"
        )
        return found


def _difference(one: str, other: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{one[max(0, at - 80) : at + 80]!r} against {other[max(0, at - 80) : at + 80]!r}"


def _text(body: bytes, mime: str) -> str:
    """All that can be read in an answer; a workbook's sheets are unpacked."""
    if mime == MIME["xlsx"]:
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            return "\n".join(book.read(name).decode() for name in book.namelist())
    return body.decode("utf-8", "replace")


def first_column(text: str) -> list[str]:
    """The first cells of a CSV, without the heading."""
    return [line[0] for line in csv.reader(io.StringIO(text.lstrip("\ufeff")))][1:]
