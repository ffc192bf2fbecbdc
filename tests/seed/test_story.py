"""The story is one that the portal's ledger can book, and one that a lender would believe."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from portal.loans.holidays import is_workday
from portal.loans.models import Guarantee, LoanStatus
from seed import products
from seed import story as plot
from seed.company import BUSINESS_DATE, company
from seed.customers import customers
from seed.events import EarlySettlementSpec, PaymentSpec, RecoverySpec, WriteOffSpec
from seed.geography import grids
from seed.products import PRODUCTS
from seed.story import schedule, story
from tests.seed.conftest import MONTH_ENDS, PRODUCT, Replay, par


def test_there_are_three_thousand_loans_over_three_years():
    days = [loan.disbursed_on for loan in story().loans]
    assert len(days) == 3_000
    assert days == sorted(days)
    assert days[0] < date(2023, 7, 15)
    assert date(2026, 6, 15) < days[-1] < BUSINESS_DATE


def test_codes_are_unique_and_events_come_in_order():
    codes = [loan.code for loan in story().loans]
    receipts = [event.code for event in story().events]
    assert len(set(codes)) == len(codes)
    assert len(set(receipts)) == len(receipts)
    assert all(event.loan_code in codes for event in story().events[::100])
    assert [event.on for event in story().events] == sorted(event.on for event in story().events)


def test_every_loan_has_the_terms_of_its_product():
    for loan in story().loans:
        product = PRODUCT[loan.product_code]
        assert product.rate_min <= loan.rate <= product.rate_max
        assert product.term_min <= loan.count <= product.term_max
        assert (loan.method, loan.day_count, loan.rounding) == (product.method, product.day_count, product.rounding)
        assert loan.principal > 0
        assert loan.principal % 100_000 == 0
        Guarantee(loan.guarantee)


def test_nobody_borrows_over_the_counter_on_a_day_off():
    offline = [loan for loan in story().loans if PRODUCT[loan.product_code].channel == "offline"]
    assert all(is_workday(loan.disbursed_on) for loan in offline)


def test_a_loan_lies_with_whoever_looks_after_its_customer():
    known = {customer.code: customer for customer in customers()}
    staff = {person.code: person for person in company().staff}
    for loan in story().loans:
        customer, originator = known[loan.customer_code], staff[loan.originator_code]
        assert customer.since <= loan.disbursed_on
        for key in ("grid_code", "branch_code", "team_code", "manager_code"):
            assert getattr(loan, key) == getattr(customer, key)
        assert originator.joined_on <= loan.disbursed_on
        assert originator.team_code == loan.team_code


def test_nobody_has_two_open_loans_of_one_product(replay: Replay):
    for month_end in MONTH_ENDS[::6]:
        held = Counter((position.loan.customer_code, position.loan.product_code) for position in replay.at(month_end))
        assert max(held.values(), default=0) <= 1


def test_the_ledger_would_book_every_event_exactly_so(replay: Replay):
    assert replay.surprises[:5] == []


def test_a_loan_is_closed_if_and_only_if_nothing_is_owed(replay: Replay):
    for account in replay.accounts.values():
        assert (account.status is LoanStatus.SETTLED) == (account.owed == 0)
        assert (account.status is LoanStatus.ACTIVE) == (account.balance > 0)


def test_late_payers_pay_penalty_interest_and_nobody_else_does():
    due = {(loan.code, line.number): line.due_date for loan in story().loans for line in schedule(loan)}
    payments = [event for event in story().events if isinstance(event, PaymentSpec)]
    charged = [(event, charge) for event in payments for charge in event.charges]
    assert len(charged) > 500
    assert all(due[event.loan_code, charge.instalment] < event.on for event, charge in charged)


def test_bad_loans_are_as_many_as_at_a_lender_of_this_kind(replay: Replay):
    now = replay.at(BUSINESS_DATE)
    assert 3 <= par(now, 30) <= 6
    assert 1.5 <= par(now, 90) <= 3


@pytest.mark.parametrize(
    ("longer_than", "up_to"), [(-1, 0), (0, 90), (90, 270), (270, 360), (360, 2_000)], ids=lambda days: f"{days} days"
)
def test_each_of_the_five_categories_has_loans(replay: Replay, longer_than: int, up_to: int):
    found = [position for position in replay.at(BUSINESS_DATE) if longer_than < position.days_past_due <= up_to]
    assert len(found) >= 5


def test_the_weak_outlet_is_far_worse_than_any_other(replay: Replay):
    outlets = {branch.code for branch in company().branches if branch.kind == "outlet"}
    late = {code: par(replay.at(BUSINESS_DATE, branch_code=code), 30) for code in outlets}
    weak = late.pop(plot.WEAK_OUTLET)
    assert weak > 1.5 * max(late.values())


def test_the_campaign_made_the_worst_vintage_of_the_online_loan(replay: Replay):
    worst: Counter[str] = Counter()
    for position in replay.positions:
        worst[position.loan.code] = max(worst[position.loan.code], position.days_past_due)
    online = [loan for loan in story().loans if loan.product_code == products.ONLINE_CONSUMER.code]
    lent: Counter[tuple[int, int]] = Counter()
    went_bad: Counter[tuple[int, int]] = Counter()
    for loan in online:
        quarter = (loan.disbursed_on.year, (loan.disbursed_on.month - 1) // 3)
        lent[quarter] += loan.principal
        went_bad[quarter] += loan.principal * (worst[loan.code] > 90)
    bad = {quarter: went_bad[quarter] / lent[quarter] for quarter in lent}
    campaign = bad.pop((2025, 0))
    assert campaign > 0.2
    assert campaign > 2 * max(bad.values())


def test_growers_borrow_in_spring_and_pay_back_after_the_harvest():
    lent: Counter[int] = Counter()
    repaid: Counter[int] = Counter()
    for loan in story().loans:
        if loan.product_code == products.INPUTS.code:
            lent[loan.disbursed_on.month] += loan.principal
            repaid[schedule(loan)[-1].due_date.month] += loan.principal
    assert sum(lent[month] for month in (2, 3, 4)) > 0.4 * lent.total()
    assert sum(repaid[month] for month in (10, 11, 12)) > 0.4 * repaid.total()


def test_the_frost_shows_in_the_winter_after_it_and_is_cured(replay: Replay):
    def apple_loans_late(as_of: date) -> float:
        positions = [
            position
            for town in plot.FROST_TOWNS
            for position in replay.at(as_of, branch_code=town, product_code=products.INPUTS.code)
        ]
        return par(positions, 0)

    assert apple_loans_late(date(2025, 12, 31)) > 4 * apple_loans_late(date(2026, 6, 30))


def test_some_loans_are_cured_settled_early_written_off_and_recovered(replay: Replay):
    kinds = Counter(type(event) for event in story().events)
    assert 15 <= kinds[WriteOffSpec] <= 25
    assert len({event.loan_code for event in story().events if isinstance(event, RecoverySpec)}) >= 5
    assert kinds[EarlySettlementSpec] >= 100
    once_bad = {position.loan.code for position in replay.positions if position.days_past_due > 90}
    cured = [code for code in once_bad if replay.accounts[code].status is LoanStatus.SETTLED]
    assert len(cured) >= 10


def test_the_same_bytes_come_out_in_another_process_whatever_its_hash_seed():
    whole = "geography.grids(), company.company(), products.PRODUCTS, customers.customers(), story.story()"
    program = f"from seed import company, customers, geography, products, story; print(repr(({whole})))"
    other = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
    )
    here = (grids(), company(), PRODUCTS, customers(), story())
    assert hashlib.sha256(other.stdout.strip()).hexdigest() == hashlib.sha256(repr(here).encode()).hexdigest()
