"""What the record screens show: the kit's lists, records, forms and error pages as the browser gets them."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.loans.models import Loan
from tests.world import World

#: What templates make of a page does not depend on the database engine.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return unescape(response.get_data(as_text=True))


@pytest.fixture
def lead(world: World) -> FlaskClient:
    """A branch head, who may list, add and export customers."""
    return world.login("branch_head")


def hidden_inputs(html: str, form: str) -> dict[str, str]:
    """Names and values of the hidden inputs of the first form whose tag holds these words."""
    found = re.search(rf"<form[^>]*{form}[^>]*>(.*?)</form>", html, flags=re.DOTALL)
    assert found
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', found[1]))


def test_each_card_cell_of_a_phone_knows_its_label(lead: FlaskClient) -> None:
    html = page(lead, "/customerview/list/?_l_=en")
    body = re.search(r"<tbody>(.*?)</tbody>", html, flags=re.DOTALL)
    assert body
    cells = re.findall(r'<td class="[^"]*"([^>]*)>', body[1])
    assert cells
    assert all('data-label="' in cell for cell in cells if "data-column" in cell)


def test_amounts_and_dates_are_right_aligned_and_the_unit_stands_in_the_heading(lead: FlaskClient) -> None:
    html = page(lead, "/loanview/list/?_l_=en")
    heading = re.search(r'<th class="([^"]*)"[^>]*data-column="principal".*?</th>', html, flags=re.DOTALL)
    assert heading
    assert "num" in heading[1]
    assert "(yuan)" in heading[0]
    assert re.search(r'<td class="num" data-column="disbursed_on"', html)
    assert re.search(r'<td class="" data-column="customer"', html)


def test_the_drawer_keeps_what_is_asked_and_carries_along_what_it_cannot_show(lead: FlaskClient) -> None:
    html = page(
        lead, "/loanview/list/?q=LOAN&f.principal.ge=5&f.status.in=active&f.rate.eq=12&order=code&direction=asc"
    )
    drawer = html[html.index('<dialog class="drawer"') :]
    assert 'name="f.principal.ge" value="5"' in drawer
    assert re.search(r'<input type="checkbox" name="f.status.in" value="active" checked>', drawer)
    assert not re.search(r'<input type="checkbox" name="f.status.in" value="settled" checked>', drawer)
    assert hidden_inputs(html, "data-filter-form") == {
        "order": "code",
        "direction": "asc",
        "q": "LOAN",
        "f.rate.eq": "12",
    }


def test_the_quick_search_keeps_filters_and_order(lead: FlaskClient) -> None:
    html = page(lead, "/loanview/list/?q=old&f.principal.ge=5&order=code&direction=asc&page=2")
    assert hidden_inputs(html, 'class="quick-search"') == {"f.principal.ge": "5", "order": "code", "direction": "asc"}


def test_a_chosen_reference_is_named_in_the_drawer(world: World, lead: FlaskClient) -> None:
    customer = world.customers["C-A-a1-0"]
    html = page(lead, f"/loanview/list/?f.customer.in={customer}")
    assert f'<option value="{customer}" selected>cust-A-a1-0</option>' in html


def test_removing_one_filter_leaves_the_others(lead: FlaskClient) -> None:
    html = page(lead, "/loanview/list/?f.principal.ge=5&f.principal.le=900000")
    assert 'href="/loanview/list/?f.principal.le=900000"' in html
    assert 'href="/loanview/list/?f.principal.ge=5"' in html


def test_export_takes_exactly_what_is_filtered(lead: FlaskClient) -> None:
    html = page(lead, "/loanview/list/?q=LOAN&f.principal.ge=5&order=code&direction=asc")
    link = re.search(r'href="(/loanview/export/csv\?[^"]*)"', html)
    assert link
    assert set(link[1].split("?")[1].split("&")) == {"q=LOAN", "f.principal.ge=5", "order=code", "direction=asc"}


def test_a_search_without_result_offers_the_way_back(lead: FlaskClient) -> None:
    html = page(lead, "/loanview/list/?q=nobody-at-all&_l_=en")
    assert "Nothing matches" in html
    assert "<tbody>" not in html


def test_a_record_has_a_tab_for_each_related_list_with_its_count(world: World, lead: FlaskClient) -> None:
    loan = world.loans["LOAN-A-a1-0"]
    with world.app.app_context(), acting(SYSTEM):
        instalments = len(db.session.get_one(Loan, loan).instalments)
    html = page(lead, f"/loanview/show/{loan}")
    tab = re.search(r'id="tab-InstalmentView".*?</button>', html, flags=re.DOTALL)
    assert tab
    assert f'<span class="count">{instalments}</span>' in tab[0]
    assert re.search(r'id="panel-InstalmentView" aria-labelledby="tab-InstalmentView" hidden', html)


def test_what_a_role_may_not_do_is_not_offered(world: World) -> None:
    html = page(world.login("committee"), "/customerview/list/")
    assert "/customerview/add" not in html
    assert "/customerview/edit/" not in html


def test_a_wrong_form_says_so_at_the_field_and_keeps_what_was_typed(lead: FlaskClient) -> None:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page(lead, "/customerview/add"))
    assert token
    given = {"csrf_token": token[1], "name": "typed by hand", "phone": "12"}
    response = lead.post("/customerview/add?_l_=en", data=given)
    html = unescape(response.get_data(as_text=True))
    assert response.status_code == 422
    assert 'value="typed by hand"' in html
    assert '<a href="#code">' in html[html.index("data-error-summary") :]
    field = re.search(r'<input[^>]*id="code"[^>]*>.*?<div id="code-help">(.*?)</div>', html, flags=re.DOTALL)
    assert field
    assert "field-errors" in field[1]


def test_the_page_says_its_language(lead: FlaskClient) -> None:
    assert '<html lang="zh-Hans"' in page(lead, "/?_l_=zh")
    assert '<html lang="en"' in page(lead, "/?_l_=en")


def test_the_menu_marks_where_one_is(lead: FlaskClient, world: World) -> None:
    loan = world.loans["LOAN-A-a1-0"]
    html = page(lead, f"/loanview/show/{loan}")
    current = re.findall(r'<a class="nav-link" href="([^"]*)"[^>]*aria-current="page"', html)
    assert current == ["/loanview/list/"]


def test_an_error_page_shows_its_reference_without_asking_the_database(
    world: World, lead: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(world.app.config, "PROPAGATE_EXCEPTIONS", False)

    def broken(*_args: object, **_kw: object) -> None:
        raise ConnectionError("the database is gone")

    monkeypatch.setattr(db.session, "scalar", broken)
    monkeypatch.setattr(db.session, "scalars", broken)
    monkeypatch.setattr(db.session, "execute", broken)
    monkeypatch.setattr(db.session, "get", broken)
    html = page(lead, "/loanview/list/?_l_=en", status=500)
    assert re.search(r'class="error-reference">.*<code>[0-9A-F]{8}</code>', html)
    assert "the database is gone" not in html


def test_static_addresses_change_with_content(lead: FlaskClient) -> None:
    html = page(lead, "/")
    assert re.search(r"/static/portal/tokens\.css\?v=[0-9a-f]{12}", html)
    assert re.search(r"/js/jquery-latest\.js\?v=[0-9a-f]{12}", html)
