"""Fills an empty database for benchmarks: N customers and N loans of the demo company, in minutes.

Some hundred loans of the demo's story, recent ones above all, are booked by the ledger itself: schedules, accruals,
repayments, penalties, write-offs, `loan_state` and the last twelve month-ends. Everything beyond is copies of these,
under other customers and numbers, made by INSERT … SELECT. So whatever holds for a loan that was booked holds for all:
journals balance, schedules repay their loans, `loan_state` is what day-end would compute.

The same figures each time. Nonces and data keys differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from random import Random

import structlog
from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from portal.core.bulk import insert_rows, reserve_ids
from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.work import unit_of_work
from portal.customers.models import Customer
from portal.loans.allowance_groups import regroup_allowance
from portal.loans.due_groups import regroup_dues
from portal.loans.groups import regroup_snapshot, regroup_states
from portal.loans.history import bulk_history
from portal.loans.move_groups import follow_everything
from portal.loans.periods import add_months
from portal.loans.positions import positions
from portal.loans.states import replace_snapshot
from portal.loans.vintages import follow_vintages
from portal.organization.models import Branch
from seed.bulk_customers import Crowd
from seed.company import BUSINESS_DATE
from seed.copying import COPIED, Copies, numbered
from seed.customers import CustomerSpec, customers
from seed.demo import month_ends, open_books
from seed.events import EarlySettlementSpec, Event, LoanSpec, PaymentSpec, WriteOffSpec
from seed.filling import indexes_set_aside, sqlite_to_itself
from seed.lives import lives
from seed.organisation_loading import load_organisation
from seed.statements import fill_statements
from seed.story import STARTS_ON, Story, schedule, story

log = structlog.get_logger("seed.bulk")

MOST_MODELS = 1_000
"""So many loans are booked one by one, at most."""

MONTH_ENDS = 12
"""Snapshots that are kept."""

YOUNG = 4
"""How much rarer older loans are than in the story: the share of its three years that had passed when a loan was made,
to this power, is the probability that it is taken. Four out of five are running then."""

BAD = 0.5
"""Probability that a loan is taken that was written off or is in default, so that as many are as in the story."""
DEFAULT = 90
"""Days late."""


def load_bulk(size: int) -> bool:
    """Fill a migrated, empty database with so many customers and loans; False, and nothing done, if there is a company.

    About 11 instalments a loan, a third of them paid; snapshots of the last 12 month-ends. One transaction: a load that
    is killed leaves nothing behind. On SQLite nobody else may have the database open meanwhile. PostgreSQL wants a
    VACUUM before it is measured, unless autovacuum has been there.
    """
    if db.session.scalar(select(func.count()).select_from(Branch)):
        return False
    told = retold(min(size, MOST_MODELS))
    with sqlite_to_itself(), unit_of_work("seed.bulk") as unit, unscoped("a database is filled for benchmarks"):
        _fill(db.session(), told, size)
        unit.note(customers=size, loans=size)
    return True


def retold(most: int) -> Story:
    """Loans of the story, at most so many, in no order, under codes of their own; with what happened to each."""
    rng = Random("a large company")
    span = (BUSINESS_DATE - STARTS_ON).days
    happened: dict[str, list[Event]] = defaultdict(list)
    for event in story().events:
        happened[event.loan_code].append(event)
    chosen = []
    for loan in story().loans:
        bad = _is_bad(loan, happened[loan.code])
        if rng.random() < (BAD if bad else ((loan.disbursed_on - STARTS_ON).days / span) ** YOUNG):
            chosen.append(loan)
    rng.shuffle(chosen)
    loans, events = [], []
    for number, loan in enumerate(chosen[:most], 1):
        code = numbered("L", number)
        loans.append(replace(loan, code=code))
        for event in happened[loan.code]:
            events.append(replace(event, loan_code=code, code=event.code.replace(loan.code, code)))
    return Story(tuple(loans), tuple(events))


def _is_bad(loan: LoanSpec, happened: Sequence[Event]) -> bool:
    """Whether a loan was written off, or is in default on the business date."""
    kinds = {type(event) for event in happened}
    if WriteOffSpec in kinds or EarlySettlementSpec in kinds:
        return WriteOffSpec in kinds
    payments = [event for event in happened if isinstance(event, PaymentSpec)]
    paid = sum(payment.amount - sum(charge.amount for charge in payment.charges) for payment in payments)
    for instalment in schedule(loan):
        paid -= instalment.due
        if paid < 0:
            return (BUSINESS_DATE - instalment.due_date).days > DEFAULT
    return False


def borrowers_first(loans: Sequence[LoanSpec]) -> list[CustomerSpec]:
    """As many customers as loans: the borrowers in the order of their first loans, then some who never borrowed.

    So the customers of the first n loans are among the first n customers.
    """
    known = {customer.code: customer for customer in customers()}
    borrowers = dict.fromkeys(loan.customer_code for loan in loans)
    others = islice((code for code in known if code not in borrowers), len(loans) - len(borrowers))
    return [known[code] for code in (*borrowers, *others)]


def _fill(session: Session, told: Story, size: int) -> None:
    open_books()
    organisation = load_organisation()
    models = borrowers_first(told.loans)
    crowd, a_turn = Crowd(models, organisation), len(models)
    ids = list(reserve_ids(session, Customer, a_turn))
    insert_rows(session, Customer, crowd.rows(0, ids[0], a_turn))
    borrowers = dict(zip((customer.code for customer in models), ids, strict=True))
    bulk_history(lives(told, organisation, borrowers))
    for day in month_ends(add_months(BUSINESS_DATE, -MONTH_ENDS), BUSINESS_DATE):
        replace_snapshot(session, day, positions(day))
    if size > a_turn:
        _copy(session, crowd, ids[0], a_turn, size)
    fill_statements(session)
    regroup_states(session)
    regroup_dues(session)
    regroup_allowance(session)
    for day in month_ends(add_months(BUSINESS_DATE, -MONTH_ENDS), BUSINESS_DATE):
        regroup_snapshot(session, day)
        follow_vintages(session, day)
    follow_everything(session)


def _copy(session: Session, crowd: Crowd, first_customer: int, a_turn: int, size: int) -> None:
    """All further turns of customers and loans; the last one may be cut short."""
    connection = session.connection()
    tables = [model.__tablename__ for model in (Customer, *COPIED)]
    copies = Copies(connection)
    with indexes_set_aside(connection, tables):
        for done in range(a_turn, size, a_turn):
            turn, count = done // a_turn, min(a_turn, size - done)
            insert_rows(session, Customer, crowd.rows(turn, first_customer + done, count))
            copies.make(turn, count)
            if turn % 100 == 0:
                log.info("customers and loans so far", number=done)
    copies.drop()
    if connection.dialect.name == "postgresql":
        for model in (Customer, *COPIED):
            key = inspect(model).primary_key[0]
            if key.autoincrement is not False:
                sequence = func.pg_get_serial_sequence(model.__tablename__, key.name)
                connection.execute(select(func.setval(sequence, select(func.max(key)).scalar_subquery())))
