"""Loads the demo company: the pure story of this package, written through the portal's services and bulk writers.

The same bytes each time, but for what must differ: nonces, data keys and password hashes. The business date is fixed
and never moves by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import func, select
from werkzeug.security import check_password_hash

from portal.core.clock import BusinessDay, month_end, move_business_date
from portal.core.db import db
from portal.core.work import unit_of_work
from portal.customers.models import Customer, CustomerType, Industry, RelatedParty, Tie
from portal.loans.day_end import rebuild_snapshots, rebuild_states
from portal.loans.history import bulk_history
from portal.loans.models import Loan
from portal.loans.state import LoanState
from portal.organization.models import Branch
from seed import names
from seed.assessments import load_assessments
from seed.calendar_days import load_calendar
from seed.checks import load_checks
from seed.closing import load_month_ends
from seed.collection import load_collection
from seed.company import BUSINESS_DATE
from seed.corrections import load_corrections
from seed.customers import customers
from seed.guarantees import load_guarantees
from seed.limits import load_limits
from seed.lives import lives
from seed.notices import load_notices
from seed.organisation_loading import PASSWORD, Ids, Organisation, load_organisation
from seed.persons import load_persons
from seed.pricing import load_pricing
from seed.statements import load_statements
from seed.story import story
from seed.terms import load_terms
from seed.warnings import load_warnings

LOGINS = (
    "administrator",
    "committee",
    "branch_head",
    "team_lead",
    "customer_manager",
    "risk",
    "finance",
    "compliance",
)


def load_if_empty() -> bool:
    """Load the company if there is none, or finish a load that was cut off; True when something was done."""
    if db.session.scalar(select(func.count()).select_from(Branch)) == 0:
        load()
        return True
    if db.session.scalar(select(func.count()).select_from(Loan)) and not db.session.scalar(
        select(func.count()).select_from(LoanState)
    ):
        _look_back()
        _secure()
        return True
    return False


def load() -> None:
    """Everything in one transaction; then the month-ends and today's state, which can be computed again at any time."""
    with unit_of_work("seed.demo") as unit:
        open_books()
        organisation = load_organisation()
        load_pricing(organisation.products)
        borrowers = load_customers(organisation)
        _related_parties(borrowers)
        load_persons(organisation, borrowers)
        bulk_history(lives(story(), organisation, borrowers))
        unit.note(loans=len(story().loans), customers=len(borrowers))
    _look_back()
    _secure()


def open_books() -> None:
    """Open the business date of the story, for good: the nightly day-end leaves it alone."""
    move_business_date(BUSINESS_DATE)
    db.session.get_one(BusinessDay, 1).moves = False


def _look_back() -> None:
    first = db.session.scalar(select(func.min(Loan.disbursed_on)))
    if first is not None:
        rebuild_snapshots(month_ends(first, BUSINESS_DATE))
    rebuild_states()


def _secure() -> None:
    """What follows once it is known how late loans are: month-ends, guarantees, checks, contacts, limits, risk."""
    with unit_of_work("seed.closing"):
        load_month_ends()
    with unit_of_work("seed.guarantees"):
        load_guarantees()
    load_terms()
    load_corrections()
    with unit_of_work("seed.collection"):
        load_collection()
    with unit_of_work("seed.statements"):
        load_statements()
    with unit_of_work("seed.checks"):
        load_checks()
    with unit_of_work("seed.warnings"):
        load_warnings()
    with unit_of_work("seed.limits"):
        load_limits()
        load_calendar()
        load_notices()
    with unit_of_work("seed.assessments"):
        load_assessments()


def month_ends(first: date, last: date) -> Iterator[date]:
    """Ends of the months, from that of `first` on, that are over by `last`."""
    day = month_end(first)
    while day < last:
        yield day
        day = month_end(day + timedelta(days=1))


def open_logins() -> list[str]:
    """The demo's logins that its password would still open."""
    found = db.session.scalars(select(User).where(User.username.in_(LOGINS), User.active).order_by(User.username))
    return [user.username for user in found if user.password and check_password_hash(user.password, PASSWORD)]


def login_lines() -> list[str]:
    """What the start of a demo prints."""
    return [f"Demo logins (password {PASSWORD}): {', '.join(LOGINS)}"]


def load_customers(organisation: Organisation) -> Ids:
    rows = {}
    for customer in customers():
        owner = organisation.owner(customer.branch_code, customer.team_code, customer.manager_code)
        row = Customer(
            code=customer.code,
            name=customer.name,
            type=CustomerType(customer.type),
            uscc=customer.uscc,
            address=customer.address,
            industry=Industry(customer.industry),
            grid_id=organisation.grids[customer.grid_code],
            since=customer.since,
            **owner._asdict(),
        )
        row.resident_id, row.phone, row.bank_account = customer.resident_id, customer.phone, customer.bank_account
        rows[customer.code] = row
    db.session.add_all(rows.values())
    db.session.flush()
    return {code: row.id for code, row in rows.items()}


def _related_parties(ids: Ids) -> None:
    """Who owns the enterprises: the controller, and of every third one a second shareholder."""
    rng = Random("demo company: related parties")
    firms = [customer for customer in customers() if customer.uscc]
    for place, firm in enumerate(firms):
        own = rng.randrange(51, 100) if place % 3 == 0 else 100
        parties = [(Tie.CONTROLLER, own)] + ([(Tie.SHAREHOLDER, 100 - own)] if own < 100 else [])
        for number, (tie, share) in enumerate(parties, 1):
            name = names.person(rng, rng.choice(("male", "female")), 1975)
            code = f"{firm.code}-{number}"
            row = RelatedParty(code=code, customer_id=ids[firm.code], name=name, tie=tie, share=share * 10_000)
            db.session.add(row)
    db.session.flush()
