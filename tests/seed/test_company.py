"""The county, the lender and its customers."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import h3
from shapely.geometry import Point, Polygon

from portal.customers import rules
from portal.customers.models import CustomerType, Industry
from portal.grids.models import GridKind
from portal.organization.models import BranchKind, Level, Post
from portal.products.models import Channel, Purpose
from seed.company import BUSINESS_DATE, company
from seed.customers import customers
from seed.geography import county, grids, towns
from seed.products import PRODUCTS

LOGINS = {
    "administrator": "administrator",
    "committee": "committee",
    "branch_head": "branch_head",
    "team_lead": "team_lead",
    "customer_manager": "customer_manager",
    "risk": "risk",
    "finance": "finance",
    "compliance": "compliance",
}


def test_the_county_has_its_real_towns_and_villages():
    assert len(towns()) == 14
    assert sum(len(town.villages) for town in towns()) == 810
    assert towns()[0].villages[:2] == ("翠亭社区", "迎宾社区")
    assert {"龙村", "城关村", "富源新村", "桃村"} <= {village for town in towns() for village in town.villages}
    assert not [village for town in towns() for village in town.villages if village.endswith(("委会", "委员会"))]


def test_the_outline_is_repaired_and_every_town_lies_in_it():
    assert county().is_valid
    assert all(county().contains(Point(town.seat)) for town in towns())


def test_more_than_three_hundred_grids_lie_in_the_county_and_none_on_another():
    assert 320 <= len(grids()) <= 340
    assert len({grid.code for grid in grids()}) == len({grid.cell for grid in grids()}) == len(grids())
    assert len({(grid.town, grid.name) for grid in grids()}) == len(grids())
    for grid in grids():
        outline = Polygon(grid.outline)
        assert outline.is_valid
        assert outline.exterior.is_ccw
        assert county().contains(outline.centroid)
        assert h3.get_resolution(grid.cell) == 7
        assert 3_000_000 < grid.area_m2 < 3_800_000
        assert grid.potential_customers > 0


def test_grids_are_named_after_villages_of_their_town_and_cover_all_of_them():
    villages = {town.name: list(town.villages) for town in towns()}
    covered: dict[str, list[str]] = {town: [] for town in villages}
    for grid in grids():
        covered[grid.town] += grid.villages
        assert grid.kind == "park" or grid.name.startswith(grid.villages[0])
    assert covered == villages


def test_every_kind_of_grid_is_there():
    kinds = Counter(GridKind(grid.kind) for grid in grids())
    assert set(kinds) == set(GridKind)
    assert kinds[GridKind.VILLAGE] > 250


def test_the_tree_of_offices_has_one_root_and_fourteen_outlets():
    branches = {branch.code: branch for branch in company().branches}
    kinds = Counter(BranchKind(branch.kind) for branch in branches.values())
    assert kinds == {BranchKind.HEAD_OFFICE: 1, BranchKind.BRANCH: 2, BranchKind.OUTLET: 14}
    assert [branch.code for branch in branches.values() if branch.parent_code is None] == ["B00"]
    assert {branch.town for branch in branches.values() if branch.town} == {town.name for town in towns()}
    assert {branches[branch.parent_code].kind for branch in branches.values() if branch.parent_code} == {
        "head_office",
        "branch",
    }


def test_sixty_managers_work_in_twenty_two_teams_and_every_post_is_filled():
    posts = Counter(Post(person.post) for person in company().staff)
    assert posts[Post.CUSTOMER_MANAGER] == 60
    assert posts[Post.TEAM_LEAD] == len(company().teams) == 22
    assert set(posts) == set(Post)
    managers = [person for person in company().staff if person.post == "customer_manager"]
    assert {Level(person.level) for person in managers if person.level} == set(Level)
    assert all((person.level is not None) == (person.post == "customer_manager") for person in company().staff)
    assert all(person.joined_on < BUSINESS_DATE for person in company().staff)


def test_everybody_reports_to_somebody_hired_before_up_to_one_chair():
    seen: set[str] = set()
    for person in company().staff:
        assert person.supervisor_code in seen or (person.supervisor_code is None and not seen)
        seen.add(person.code)


def test_a_team_lead_leads_managers_of_the_same_outlet():
    people = {person.code: person for person in company().staff}
    for team in company().teams:
        members = [person for person in company().staff if person.team_code == team.code]
        assert people[team.lead_code] in members
        assert {person.branch_code for person in members} == {team.branch_code}
        assert sum(person.post == "customer_manager" for person in members) >= 2


def test_the_demo_logins_are_staff_of_that_post_one_within_the_other():
    logins = {person.username: person for person in company().staff if person.username}
    assert {name: person.post for name, person in logins.items()} == LOGINS
    parents = {branch.code: branch.parent_code for branch in company().branches}
    assert logins["customer_manager"].team_code == logins["team_lead"].team_code
    assert parents[logins["team_lead"].branch_code] == logins["branch_head"].branch_code


def test_each_grid_lies_with_a_team_of_its_towns_outlet_and_few_with_nobody():
    town = {grid.code: grid.town for grid in grids()}
    outlet = {branch.code: branch.town for branch in company().branches}
    people = {person.code: person for person in company().staff}
    territories = company().territories
    assert [territory.grid_code for territory in territories] == [grid.code for grid in grids()]
    for territory in territories:
        assert outlet[territory.branch_code] == town[territory.grid_code]
        if territory.manager_code:
            assert people[territory.manager_code].team_code == territory.team_code
    assert sum(territory.manager_code is None for territory in territories) == 10
    loads = Counter(territory.manager_code for territory in territories if territory.manager_code)
    assert len(loads) == 60
    assert max(loads.values()) <= 3 * min(loads.values())


def test_there_are_four_thousand_customers_and_their_numbers_pass_every_check():
    assert len(customers()) == 4_000
    for customer in customers():
        CustomerType(customer.type), Industry(customer.industry)
        assert (customer.uscc is None) == (customer.type != "small_enterprise")
        assert (customer.resident_id is None) == (customer.type == "small_enterprise")
        if customer.resident_id:
            assert rules.resident_id_problem(customer.resident_id, on=customer.since) is None
            assert rules.sex_of(customer.resident_id) == customer.sex
            assert 22 <= (customer.since - rules.birth_date_of(customer.resident_id)).days / 365 <= 66
        if customer.uscc:
            assert rules.uscc_problem(customer.uscc) is None
        assert rules.phone_problem(customer.phone) is None
        assert rules.bank_card_problem(customer.bank_account) is None


def test_no_two_customers_share_a_number():
    for numbers in (
        [customer.code for customer in customers()],
        [customer.phone for customer in customers()],
        [customer.bank_account for customer in customers()],
        [customer.resident_id for customer in customers() if customer.resident_id],
        [customer.uscc for customer in customers() if customer.uscc],
        [customer.name for customer in customers() if customer.type == "small_enterprise"],
    ):
        assert len(set(numbers)) == len(numbers)


def test_customers_live_in_the_grid_that_their_manager_looks_after():
    territory = {territory.grid_code: territory for territory in company().territories}
    leads = {team.code: team.lead_code for team in company().teams}
    for customer in customers():
        owner = territory[customer.grid_code]
        assert (customer.branch_code, customer.team_code) == (owner.branch_code, owner.team_code)
        assert customer.manager_code == (owner.manager_code or leads[owner.team_code])


def test_names_of_two_characters_are_common_so_that_search_for_them_can_be_tried():
    assert sum(len(customer.name) == 2 for customer in customers()) > 500


def test_products_cover_business_and_consumer_online_and_offline():
    assert {(Purpose(product.purpose), Channel(product.channel)) for product in PRODUCTS} == {
        (purpose, channel) for purpose in Purpose for channel in Channel
    }
    assert len({product.method for product in PRODUCTS}) == 4
    assert len({product.holiday_rule for product in PRODUCTS}) >= 3
    for product in PRODUCTS:
        assert 60_000 <= product.rate_min < product.rate_max <= 180_000
        assert product.term_min < product.term_max
    assert all(one.code != other.code for one, other in combinations(PRODUCTS, 2))
