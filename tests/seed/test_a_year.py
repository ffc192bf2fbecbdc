"""A year of the demo company, day by day through the services, comes to the books that are written at once."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest

from sqlalchemy import update

from config import Settings
from portal import create_app
from portal.core.clock import move_business_date
from portal.core.db import db
from portal.core.scope import SYSTEM, acting
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.loans.day_end import rebuild_snapshots, rebuild_states, run_day_end
from portal.loans.disbursement import disburse
from portal.loans.history import Life, bulk_history
from portal.loans.models import LoanStatus
from portal.loans.reconciliation import reconcile
from portal.products.models import Product
from seed.company import BUSINESS_DATE
from seed.demo import load_customers, month_ends
from seed.limits import load_figures
from seed.lives import lives
from seed.organisation_loading import load_organisation
from seed.pricing import load_pricing
from seed.story import Story, story
from tests.databases import Engine
from tests.portal.loans.conftest import trial_balance
from tests.portal.loans.living import contents, happen, loan_called

FIRST = dt.date(2025, 7, 1)
ONE_DAY = dt.timedelta(days=1)
EVERY = 10
"""Every tenth loan lives through the year, and all that were written off: 365 day-ends are most of what it takes."""


@contextmanager
def opened(url: str, settings: Callable[[str], Settings], day: dt.date) -> Iterator[list[Life]]:
    """The company without loans, its books open on a day, and the lives that its loans are to have."""
    app = create_app(settings(url))
    with app.app_context(), acting(SYSTEM):
        with unit_of_work("tests.company"):
            move_business_date(day)
            organisation = load_organisation()
            load_pricing(organisation.products)
            borrowers = load_customers(organisation)
            load_figures()
            db.session.execute(update(Product).values(reset_rule=None))  # the story's rates are fixed
        yield list(lives(part_of_story(), organisation, borrowers))
        db.session.remove()
        db.engine.dispose()


def part_of_story() -> Story:
    """Loans that lived in the year."""
    told = story()
    rare = Counter(event.loan_code for event in told.events if "WriteOff" in type(event).__name__)
    last = {event.loan_code: event.on for event in told.events}
    loans = [
        loan
        for place, loan in enumerate(told.loans)
        if (place % EVERY == 0 or loan.code in rare)
        and (loan.code not in last or last[loan.code] >= FIRST or loan.disbursed_on >= FIRST)
    ]
    kept = {loan.code for loan in loans}
    return Story(tuple(loans), tuple(event for event in told.events if event.loan_code in kept))


def live_through(stories: list[Life]) -> None:
    """What had happened before the first day is written at once; from then on each thing on its day, and day-ends."""
    before = [replace(life, events=[event for event in life.events if event.on < FIRST]) for life in stories]
    with unit_of_work("tests.before"):
        bulk_history([life for life in before if life.loan.disbursed_on < FIRST])
    rebuild_states()
    happenings = defaultdict(list)
    for life in stories:
        if life.loan.disbursed_on >= FIRST:
            happenings[life.loan.disbursed_on].append((life.loan, None))
        for event in life.events:
            if event.on >= FIRST:
                happenings[event.on].append((life.loan, event))
    day = FIRST
    while day < BUSINESS_DATE:
        for loan, event in happenings[day]:
            if event is not None:
                happen(loan_called(loan.code), event)
                continue
            customer = db.session.get_one(Customer, loan.customer_id)
            product = db.session.get_one(Product, loan.product_id)
            terms = (loan.amount, loan.rate, loan.count, day, loan.first_due_on, loan.guarantee, loan.purpose)
            disburse(loan.code, customer, product, *terms, owner=loan.owner, fees=loan.fees)
        run_day_end(day).check()
        day += ONE_DAY


def test_a_year_day_by_day_is_what_is_written_at_once(
    engine: Engine, migrated_template: str, settings: Callable[[str], Settings]
):
    urls = [engine.create(migrated_template) for _ in range(2)]
    try:
        with opened(urls[0], settings, FIRST) as stories:
            live_through(stories)
            assert trial_balance() == {True: 0, False: 0}
            assert reconcile() == []
            replayed = contents()
        with opened(urls[1], settings, BUSINESS_DATE) as stories:
            with unit_of_work("tests.at_once"):
                bulk_history([cut(life) for life in stories])
            rebuild_snapshots(month_ends(FIRST, BUSINESS_DATE))
            rebuild_states()
            at_once = contents()
    finally:
        for url in urls:
            engine.drop(url)
    for table, rows in at_once.items():
        differing = [pair for pair in zip_longest(replayed[table], rows) if pair[0] != pair[1]]
        assert not differing, (table, differing[:3])
    fates = Counter(dict(row)["status"] for row in at_once["Loan"])
    lived = (LoanStatus.ACTIVE, LoanStatus.SETTLED, LoanStatus.WRITTEN_OFF)
    assert min(fates[status] for status in lived) > 0, "somebody pays, somebody is done, somebody never pays"
    assert len(at_once["LoanSnapshot"]) > 12 * 20


def cut(life: Life) -> Life:
    """Without what happened on the last day, which is still open."""
    return replace(life, events=[event for event in life.events if event.on < BUSINESS_DATE])
