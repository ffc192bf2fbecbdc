"""Assessments of risk: what is refused, that two people make one, that what is in force stays as it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import delete, select

from portal.core.clock import calendar_date
from portal.core.db import db
from portal.core.errors import InvalidValues, OutOfScope, Refused
from portal.core.records import problems
from portal.core.scope import ALL, BRANCH, SYSTEM, Actor, acting, unscoped
from portal.core.work import unit_of_work
from portal.loans.classification import Category
from portal.loans.groups import regroup_states
from portal.loans.models import Loan
from portal.loans.state import LoanState
from portal.parameters.models import Parameter
from portal.parameters.services import remove_value, set_parameter
from portal.risk import assessing
from portal.risk.assessment_figures import figures_of
from portal.risk.assessment_reading import follows, open_measures, standings
from portal.risk.assessment_words import Impact, Likelihood, MeasureState, Response, RiskKind
from portal.risk.assessments import RiskAssessment
from portal.risk.levels import RiskLevel
from portal.risk.models import ReviewState
from tests.world import MONTH_END, TODAY, World

ONE, OTHER = Actor("one", everything=True), Actor("other", everything=True)
QUARTER = dt.date(2026, 3, 31)
DAY = dt.timedelta(days=1)


@pytest.fixture
def company(world: World) -> Iterator[World]:
    """The small company; what a test assesses is gone afterwards."""
    with world.app.app_context(), acting(SYSTEM):
        yield world
        db.session.rollback()
        with unit_of_work("tests.clean"), unscoped("rows of a test"):
            db.session.execute(delete(RiskAssessment).where(RiskAssessment.kind != RiskKind.OPERATIONAL))


def good(world: World, **values: Any) -> dict[str, Any]:
    return {
        "kind": RiskKind.CREDIT,
        "as_of": QUARTER,
        "likelihood": Likelihood.LIKELY,
        "impact": Impact.MODERATE,
        "findings": "More loans are late.",
        "consequences": "More provisions.",
        "response": Response.REDUCE,
        "measures": "Visit the late borrowers.",
        "responsible": world.staff["risk"],
        "due_on": TODAY,
        **values,
    }


def assess(world: World, who: Actor = ONE, **values: Any) -> RiskAssessment:
    with acting(who):
        return assessing.assess(good(world, **values))


def confirm(row: RiskAssessment, who: Actor = OTHER) -> RiskAssessment:
    with acting(who):
        return assessing.decide(row.id, True, "")


def refusal(world: World, **values: Any) -> dict[str, list[Any]]:
    with pytest.raises(InvalidValues) as error:
        assess(world, **values)
    return {name: [str(text) for text in texts] for name, texts in error.value.fields.items()}


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"as_of": TODAY + DAY, "due_on": TODAY + 9 * DAY}, {"as_of": ["This day has not come yet."]}),
        ({"due_on": QUARTER - DAY}, {"due_on": ["This is before the day of the assessment."]}),
        (
            {"measures": None},
            {"measures": ["Say what is to be done; only a risk that is borne needs no measures."]},
        ),
        ({"responsible": None}, {"responsible": ["Say who sees to the measures."]}),
        ({"due_on": None}, {"due_on": ["Say by when the measures are done."]}),
        (
            {"response": Response.BEAR, "measures": None, "due_on": None},
            {
                "measures": ["Say what is to be done; only a risk that is borne needs no measures."],
                "due_on": ["Say by when the measures are done."],
            },
        ),
        ({"estimated_loss": -1}, {"estimated_loss": ["An amount cannot be negative."]}),
        ({"findings": ""}, {"findings": ["This is needed."]}),
        ({"kind": None, "impact": None}, {"kind": ["This is needed."], "impact": ["This is needed."]}),
        (
            {"branch": 999_999},
            {"branch": ["There is no such record within your area of responsibility."]},
        ),
    ],
)
def test_what_is_missing_or_wrong_is_said_at_its_field(
    company: World, values: dict[str, Any], wrong: dict[str, list[str]]
):
    assert refusal(company, **values) == wrong


def test_the_business_date_counts_and_not_the_calendar(company: World):
    assert calendar_date() != TODAY, "the books of the small company stand on a day of their own"
    assert problems(RiskAssessment, good(company, as_of=TODAY)) == {}


def test_a_risk_that_is_borne_needs_no_measures(company: World):
    nothing = {"measures": None, "responsible": None, "due_on": None}
    row = assess(company, response=Response.BEAR, **nothing)
    assert row.measures_state is MeasureState.NOTHING


# ---- level ----------------------------------------------------------------------------------------------------------


def test_the_level_follows_from_the_scores_in_force_on_its_day(company: World):
    row = assess(company)
    assert row.level is RiskLevel.HIGH, "4 × 3"
    changed = dt.date(2026, 5, 1)
    set_parameter("risk_level.high", "13", changed, "decision 7")
    try:
        later = assess(company, kind=RiskKind.MARKET, as_of=changed)
        earlier = assess(company, kind=RiskKind.LEGAL, as_of=changed - DAY)
        assert (later.level, earlier.level) == (RiskLevel.MEDIUM, RiskLevel.HIGH)
        assert db.session.get_one(RiskAssessment, row.id).level is RiskLevel.HIGH
    finally:
        found = select(Parameter.id).where(Parameter.key == "risk_level.high", Parameter.valid_from == changed)
        remove_value(db.session.scalars(found).one())


# ---- two people -----------------------------------------------------------------------------------------------------


def test_whoever_assessed_does_not_confirm_and_somebody_else_does(company: World):
    row = assess(company)
    assert (row.state, row.proposed_on, row.figures) == (ReviewState.PROPOSED, TODAY, None)
    with pytest.raises(Refused, match="You proposed this"):
        confirm(row, ONE)
    confirm(row)
    assert (row.state, row.decided_on) == (ReviewState.IN_FORCE, TODAY)
    with pytest.raises(Refused, match="decided already"):
        confirm(row)


def test_a_refusal_says_why(company: World):
    row = assess(company)
    with acting(OTHER), pytest.raises(InvalidValues) as error:
        assessing.decide(row.id, False, "  ")
    assert error.value.fields == {"note": ["Say why it is refused."]}
    with acting(OTHER):
        assessing.decide(row.id, False, "The figures are those of March")
    assert (row.state, row.figures) == (ReviewState.REFUSED, None)
    assert assess(company).state is ReviewState.PROPOSED, "another one may follow"


def test_only_the_author_changes_it_and_only_while_it_waits(company: World):
    row = assess(company)
    with acting(ONE):
        assessing.revise(row.id, {"impact": Impact.SEVERE}, row.version)
    assert (row.impact, row.level) == (Impact.SEVERE, RiskLevel.VERY_HIGH), "the level follows"
    with acting(ONE):
        assessing.revise(row.id, {"response": Response.BEAR, "measures": None, "responsible": None, "due_on": None})
    assert row.measures_state is MeasureState.NOTHING
    with acting(OTHER), pytest.raises(Refused, match="Somebody else assessed this"):
        assessing.revise(row.id, {"impact": Impact.SLIGHT})
    confirm(row)
    with acting(ONE), pytest.raises(Refused, match="let a new assessment follow it"):
        assessing.revise(row.id, {"impact": Impact.SLIGHT})
    assert db.session.get_one(RiskAssessment, row.id).impact is Impact.SEVERE


def test_one_waits_at_a_time_for_each_kind_and_place(company: World):
    assess(company)
    waits = {"kind": ["An assessment of this risk waits for a second person: decide on that first."]}
    assert refusal(company) == waits
    assert assess(company, branch=company.branches["A"]).id, "a branch is another place"
    market = assess(company, kind=RiskKind.MARKET)
    with acting(ONE), pytest.raises(InvalidValues) as error:
        assessing.revise(market.id, {"kind": RiskKind.CREDIT})
    assert list(error.value.fields) == ["kind"]


def test_a_later_one_follows_and_an_earlier_one_does_not(company: World):
    first = confirm(assess(company))
    same_day = {"as_of": ["The assessment of 2026-03-31 is in force; one that follows it has a later day."]}
    assert refusal(company) == same_day
    second = assess(company, as_of=QUARTER + DAY)
    assert first.state is ReviewState.IN_FORCE, "until the second is confirmed"
    confirm(second)
    assert (first.state, second.state) == (ReviewState.ENDED, ReviewState.IN_FORCE)
    assert follows(second) is first
    assert follows(first) is None


def test_what_one_assessed_oneself_can_be_taken_back(company: World):
    row = assess(company)
    with acting(OTHER), pytest.raises(Refused):
        assessing.withdraw(row.id)
    with acting(ONE):
        assessing.withdraw(row.id)
    assert row.state is ReviewState.WITHDRAWN


# ---- figures --------------------------------------------------------------------------------------------------------


def by_hand(branches: set[int] | None) -> dict[str, Fraction | None]:
    """The figures of open loans, added up in Python."""
    with unscoped("a brute-force sum"):
        rows = [row for row in db.session.scalars(select(LoanState)) if branches is None or row.branch_id in branches]
        whole = sum(row.balance for row in rows)
        customers = {one.id: one.customer_id for one in db.session.scalars(select(Loan))}
    by_customer: dict[int, int] = {}
    for row in rows:
        by_customer[customers[row.loan_id]] = by_customer.get(customers[row.loan_id], 0) + row.balance
    bad = sum(row.balance for row in rows if row.category.non_performing)
    late = sum(row.balance for row in rows if row.days_past_due > 30)
    return {
        "npl_ratio": Fraction(bad, whole),
        "par_30": Fraction(late, whole),
        "top_1_share": Fraction(max(by_customer.values()), whole),
    }


@pytest.mark.parametrize("place", [None, "A", "B"])
def test_the_figures_kept_are_those_of_its_day_and_place(company: World, place: str | None):
    branch = company.branches[place] if place else None
    below = None if place is None else {branch, company.branches["A1"]} if place == "A" else {branch}
    row = confirm(assess(company, as_of=TODAY, branch=branch))
    assert row.figures is not None
    kept = {key: None if text is None else Fraction(text) for key, text in row.figures.items()}
    assert set(kept) == {"npl_ratio", "par_30", "coverage_ratio", "top_1_share"}
    wanted = by_hand(below)
    assert {key: kept[key] for key in wanted} == wanted
    assert wanted["top_1_share"] and 0 < wanted["top_1_share"] < 1, "the comparison compares something"


def test_what_is_kept_does_not_change_with_the_books(company: World):
    kept = confirm(assess(company, as_of=TODAY, branch=company.branches["A"]))
    waiting = assess(company, as_of=TODAY)
    state = db.session.scalars(select(LoanState).where(LoanState.branch_id == company.branches["A"])).first()
    assert state is not None
    before = [[one.text for one in figures_of(row)] for row in (kept, waiting)]
    try:
        state.category, state.balance = Category.LOSS, state.balance * 3
        db.session.flush()
        regroup_states(db.session())
        after = [[one.text for one in figures_of(row)] for row in (kept, waiting)]
    finally:
        db.session.rollback()
    assert after[0] == before[0], "what is in force stays as it was"
    assert after[1][0] != before[1][0], "what waits follows the books"
    assert "Share of the largest borrower (%)" in [one.heading for one in figures_of(kept)]


def test_the_same_figures_are_kept_whoever_confirms(company: World):
    narrow = {("RiskAssessment", action): ALL for action in ("list", "show", "approve")}
    row = assess(company, as_of=TODAY)
    clerk = Actor("clerk", grants=narrow | {("Loan", "list"): BRANCH}, branches=frozenset({company.branches["B"]}))
    with acting(clerk, "RiskAssessment", "approve"):
        assert figures_of(row) == (), "while it waits he would see other sums than the assessment is about"
        assessing.decide(row.id, True, "")
    assert row.figures and Fraction(row.figures["top_1_share"] or 0) == by_hand(None)["top_1_share"]


def test_kinds_without_figures_and_branches_without_funding_keep_none(company: World):
    assert confirm(assess(company, kind=RiskKind.LEGAL)).figures == {}
    assert confirm(assess(company, kind=RiskKind.LIQUIDITY, branch=company.branches["A"])).figures == {}
    whole = confirm(assess(company, kind=RiskKind.LIQUIDITY, as_of=TODAY))
    assert set(whole.figures or {}) == {"funding_due_soon", "cash_gap_soon"}


# ---- measures and days ----------------------------------------------------------------------------------------------


def test_measures_are_done_on_a_day_with_a_note_and_only_once(company: World):
    row = assess(company)
    with acting(ONE), pytest.raises(Refused, match="No measures"):
        assessing.finish_measures(row.id, TODAY, "Visited")
    confirm(row)

    def wrong(day: dt.date | None, note: str) -> dict[str, list[str]]:
        with acting(ONE), pytest.raises(InvalidValues) as error:
            assessing.finish_measures(row.id, day, note)
        return error.value.fields

    assert wrong(None, " ") == {"done_on": ["Say on which day they were done."], "note": ["Say what was done."]}
    assert wrong(TODAY + DAY, "x") == {"done_on": ["This day has not come yet."]}
    assert wrong(QUARTER - DAY, "x") == {"done_on": ["This is before the day of the assessment."]}
    with acting(ONE):
        assessing.finish_measures(row.id, TODAY, " Visited all ")
    assert (row.measures_state, row.done_on, row.done_note) == (MeasureState.DONE, TODAY, "Visited all")
    with acting(ONE), pytest.raises(Refused, match="No measures"):
        assessing.finish_measures(row.id, TODAY, "again")


def test_measures_of_one_that_was_followed_stay_open(company: World):
    first = confirm(assess(company))
    second = confirm(assess(company, as_of=MONTH_END, due_on=MONTH_END))
    assess(company, kind=RiskKind.LEGAL)
    assert list(open_measures()) == [second, first], "the most urgent first; what waits is not decided yet"


def test_each_kind_is_overdue_after_its_months(company: World):
    first = confirm(assess(company))
    second = confirm(assess(company, as_of=MONTH_END, likelihood=Likelihood.UNLIKELY))
    today = {one.kind: one for one in standings(None, TODAY)}
    credit = today[RiskKind.CREDIT]
    assert (credit.now, credit.before, credit.due) == (second, first, dt.date(2026, 8, 31))
    assert (credit.overdue, credit.moved) == (False, -1), "2 × 3 after 4 × 3"
    assert [one.overdue for one in standings(None, dt.date(2026, 8, 31)) if one.kind is RiskKind.CREDIT] == [False]
    assert [one.overdue for one in standings(None, dt.date(2026, 9, 1)) if one.kind is RiskKind.CREDIT] == [True]
    assert today[RiskKind.MARKET].now is None and today[RiskKind.MARKET].overdue, "never assessed"
    of_branch = {one.kind: one for one in standings(company.branches["A"], TODAY)}
    assert not of_branch[RiskKind.MARKET].overdue, "a branch need not assess every kind"


# ---- scope ----------------------------------------------------------------------------------------------------------


def clerk_of(world: World, branch: str, *actions: str) -> Actor:
    """Somebody whose own role keeps the assessments of a branch; no delivered role does."""
    grants = {("RiskAssessment", action): BRANCH for action in ("list", "show", *actions)}
    grants |= {("Branch", "list"): ALL, ("Staff", "list"): ALL, ("Loan", "list"): BRANCH}
    return Actor("clerk", grants=grants, branches=frozenset({world.branches[branch]}), home=world.branches[branch])


def test_a_branch_reads_the_companys_assessments_and_its_own_and_no_others(company: World):
    with acting(clerk_of(company, "A"), "RiskAssessment", "list"):
        found = {row.findings for row in db.session.scalars(select(RiskAssessment))}
    assert found == {"findings-of-company", "findings-of-A"}


def test_a_branch_writes_its_own_and_never_the_companys(company: World):
    clerk = clerk_of(company, "A", "add", "edit", "approve")
    mine = {"branch": company.branches["A"]}
    with acting(clerk, "RiskAssessment", "add"):
        own = assessing.assess(good(company, **mine))
        for place in (None, company.branches["B"]):
            with pytest.raises(OutOfScope):
                assessing.assess(good(company, branch=place))
    assert own.branch_id == company.branches["A"]
    whole = assess(company)
    with acting(clerk, "RiskAssessment", "approve"):
        assert db.session.scalars(select(RiskAssessment.id).where(RiskAssessment.id == whole.id)).all() == []
    for task in (("RiskAssessment", "list"), ("", "list")):
        with acting(clerk, *task), pytest.raises(OutOfScope), unit_of_work("tests.sly"):
            db.session.scalars(select(RiskAssessment).where(RiskAssessment.id == whole.id)).one().findings = "changed"
    db.session.expire_all()
    assert db.session.get_one(RiskAssessment, whole.id).findings == "More loans are late."
