"""The dashboard on paper says what the page says, to whom it may, within the filters of its address."""

import io
import re
from unittest.mock import patch

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from dashboards.asked import read
from dashboards.dashboard import dashboards
from dashboards.printing import as_html
from portal.core.audit import AuditEntry
from portal.core.db import db
from portal.core.metric import evaluate, metric_of
from portal.core.scope import SYSTEM, acting
from portal.core.security import actor_for_username
from portal.metrics.formatting import shown
from tests.world import World

PDF = "/dashboards/portfolio/print.pdf"


@pytest.mark.parametrize(("login", "search"), [("committee", ""), ("committee", "?branch=A"), ("branch_head", "")])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_paper_holds_every_tile_and_every_row(world: World, login: str, search: str, language: str) -> None:
    portfolio = dashboards["portfolio"]
    with (
        world.app.test_request_context("/", headers={"Accept-Language": language}),
        acting(actor_for_username(login)),
    ):
        asked = read(search, portfolio.filters)
        html, title = as_html(portfolio, asked)
        assert title in html
        total = evaluate([tile.metric for tile in portfolio.tiles], where=asked.where).total
        for key, value in total.items():
            assert shown(metric_of(key), value) in html
        for chart in portfolio.charts:
            data = chart.data(asked)
            assert data.lines
            for line in data.lines:
                assert line.label in html
                assert all(shown(m, v) in html for m, v in zip(data.columns, line.values, strict=True))
        assert ("branch-B" in html) is (login == "committee" and not search)


def test_paper_tells_its_filters_in_words_and_who_printed_it(world: World) -> None:
    printed = {}
    for search in ("", "?branch=A&product=P1"):
        with patch("dashboards.printing.render_pdf", side_effect=lambda html, *_a, **_k: html.encode()):
            printed[search] = world.login("risk").get(f"{PDF}{search}", headers={"Accept-Language": "en"}).text
    assert "No filters" in printed[""]
    assert "· Branch: branch-A" in printed["?branch=A&product=P1"]
    assert "· Product: " in printed["?branch=A&product=P1"]
    assert all(re.search(r'class="printed">Printed by risk', html) for html in printed.values())


@pytest.mark.pdf
def test_each_page_is_numbered_dated_and_signed(world: World) -> None:
    content = world.login("committee").get(PDF, headers={"Accept-Language": "en"}).data
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    for number, text in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in text
        assert "As at 30 June 2026" in text
        assert "Printed by committee" in text


def test_who_may_not_export_gets_no_paper_and_no_button(world: World) -> None:
    assert world.login("customer_manager").get(PDF).status_code == 403
    assert "print.pdf" not in world.login("customer_manager").get("/dashboards/portfolio/").text
    assert "print.pdf" in world.login("branch_head").get("/dashboards/portfolio/").text


@pytest.mark.pdf
def test_the_file_is_a_pdf_and_its_printing_is_written_down(world: World) -> None:
    answer = world.login("committee").get(f"{PDF}?branch=A")
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF")
    with world.app.app_context(), acting(SYSTEM):
        entry = db.session.scalars(
            select(AuditEntry).where(AuditEntry.verb == "dashboards.print").order_by(AuditEntry.id.desc())
        ).first()
        assert entry is not None
        assert "branch" in str(entry.changes)


@pytest.mark.parametrize("search", ["?branch=nowhere", "?as_of=2099-01-01", "?as_of=x"])
def test_nonsense_in_the_address_is_refused_in_words(world: World, search: str) -> None:
    answer = world.login("committee").get(PDF + search)
    assert answer.status_code in (400, 422)
