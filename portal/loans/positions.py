"""Positions: every loan that has a balance, as it stood at the end of a date. The one place that says how.

`loan_state` (the open business date), `loan_snapshot` (month-ends) and any other day are this one query, so they agree.

What the columns mean (metrics.md, "Portfolio stock"):

- `balance`: sum of the loan's postings to the loans account. A loan is in the portfolio while that is above 0: what is
  settled, written off or cancelled has none.
- `accrued_interest`: sum of its postings to interest receivable: earned and booked, not yet paid.
- `oldest_due_on`: due date (as moved by the product's holiday rule) of the oldest instalment that fell due before the
  date and whose unpaid principal and contractual interest together exceed the dated tolerance; NULL if there is none.
- `days_past_due`: days from then to the date; 0 if none. Due today is not past due. Fees and penalties do not count.
- `overdue_principal`: 0 unless the loan is late. Then the unpaid principal that fell due for instalment loans up to the
  dated number of days late, and the whole balance beyond it; the whole balance for other methods.
- `overdue_interest`: unpaid contractual interest that fell due, 0 unless the loan is late.
- `floor`: the least of the five categories by days past due, under the thresholds in force on the date; recorded
  technical lateness of a few days leaves it at normal.
- `category`: the worst of the floor and of everything else that keeps the loan down on the date (`minima.py`): a
  review, observation after arrears, restructuring, extension, contagion.
- `rate`: of the contract as it stood then (it may be set anew); `customer_id`, `product_id`: of the contract;
  `grid_id`: where the customer lives or trades now.
- `branch_id`, `team_id`, `manager_id`: who owned the loan at the end of the date, so a transfer in June leaves May's
  figures with the old manager. Rows are seen by today's owner: the statement is made of ORM entities, hence scoped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Select, and_, case, cast, func, literal, not_, select

from portal.core.db import days_between
from portal.customers.models import Customer
from portal.loans.classification import Category, Threshold
from portal.loans.components import Component
from portal.loans.ledger import Account, JournalKind, Posting
from portal.loans.minima import SEVERITIES, CategoryMinimum, minima, of_severity
from portal.loans.models import Allocation, Charge, Instalment, Loan, PastOwner
from portal.loans.terms import TermsChange
from portal.loans.thresholds import lateness_rules
from portal.products.terms import Method

COLUMNS = (
    "loan_id",
    "as_of",
    "balance",
    "accrued_interest",
    "overdue_principal",
    "overdue_interest",
    "days_past_due",
    "oldest_due_on",
    "floor",
    "category",
    "rate",
    "customer_id",
    "product_id",
    "grid_id",
    "branch_id",
    "team_id",
    "manager_id",
)
"""Names of the statement's columns, in their order: those of `LoanState` and `LoanSnapshot`."""

DESCRIBED_BY = frozenset({CategoryMinimum, Customer, Instalment, TermsChange})
"""Classes that only describe a loan: whoever sees the loan sees its position, whatever his rights to these."""

AGEING = (Component.PRINCIPAL, Component.INTEREST)
"""What ages a loan when it is not paid."""

BY_INSTALMENTS = (Method.LEVEL, Method.EQUAL_PRINCIPAL)
"""Methods whose principal falls due by and by; of any other, all of it is overdue from the first day."""


Ids = Collection[int] | Select[Any] | None
"""Of loans: all of them if None."""

RESCHEDULED = (JournalKind.EXTENSION, JournalKind.RESTRUCTURING)
"""What puts principal off: the loan counts as restructured stock until it is paid."""


def positions(
    as_of: date,
    known_at: date | None = None,
    *,
    loans: Ids = None,
    standing: bool = False,
    booked: Select[Any] | None = None,
) -> Select[Any]:
    """Loans with a balance at the end of `as_of`, as known at `known_at` (`as_of` if None), one row a loan.

    Replays postings, allocations and charges with value date <= as_of and booking date <= known_at. Columns: `COLUMNS`.
    It is run as any ORM statement, which scopes it (batches: inside `unscoped`). A statement made around it, from
    `positions(day).subquery()`, needs `execution_options(described_by=DESCRIBED_BY)` as well: options do not pass on.

    `loans` narrows it to these loan ids, or to those of a statement. `standing` reads what instalments say was paid and
    who owns a loan, instead of replaying it: much faster, and the same for the open business date, since nothing is
    booked with a later date.
    `booked` says what each loan's balance (above 0) and accrued interest are, where that is known without adding up its
    postings: columns `loan_id`, `balance`, `accrued_interest`.
    """
    rules = lateness_rules(as_of)
    on = literal(as_of, Date)
    by_loan = (_booked(as_of, known_at or as_of, loans) if booked is None else booked).subquery("booked")
    due = _due_now(as_of, loans) if standing else _due_then(as_of, known_at or as_of, loans)
    arrears = _arrears(due, rules.tolerance).subquery("arrears")
    kept_down = minima(min(as_of, known_at or as_of), loans).subquery("kept_down")
    later = _later_rates(as_of, known_at or as_of, loans).subquery("later_rates")
    days = case((arrears.c.oldest_due_on.is_(None), 0), else_=days_between(arrears.c.oldest_due_on, on))
    exempt = and_(kept_down.c.technical == 1, days <= rules.technical_days)
    floor = case((exempt, SEVERITIES[Category.NORMAL]), else_=_severity(days, rules.floors))
    least = func.coalesce(kept_down.c.severity, 0)
    fallen_due = and_(Loan.method.in_(BY_INSTALMENTS), not_(reaches(days, rules.whole_balance)))
    overdue = case((days == 0, 0), (fallen_due, arrears.c.principal), else_=by_loan.c.balance)
    statement = (
        select(
            Loan.id.label("loan_id"),
            on.label("as_of"),
            by_loan.c.balance,
            by_loan.c.accrued_interest,
            overdue.label("overdue_principal"),
            case((days == 0, 0), else_=arrears.c.interest).label("overdue_interest"),
            days.label("days_past_due"),
            arrears.c.oldest_due_on,
            of_severity(floor).label("floor"),
            of_severity(case((least > floor, least), else_=floor)).label("category"),
            (Loan.rate if standing else case((later.c.loan_id.is_(None), Loan.rate), else_=later.c.rate)).label("rate"),
            Loan.customer_id,
            Loan.product_id,
            Customer.grid_id,
        )
        .join(by_loan, by_loan.c.loan_id == Loan.id)
        .outerjoin(Customer, Customer.id == Loan.customer_id)
        .outerjoin(arrears, arrears.c.loan_id == Loan.id)
        .outerjoin(kept_down, kept_down.c.loan_id == Loan.id)
        .execution_options(described_by=DESCRIBED_BY)
    )
    if loans is not None:  # said here as well, or all loans are read to be joined with these
        statement = statement.where(Loan.id.in_(loans))
    if standing:
        return statement.add_columns(Loan.branch_id, Loan.team_id, Loan.manager_id)
    then = and_(PastOwner.loan_id == Loan.id, PastOwner.first_day <= on, PastOwner.day_after > on)
    owners = [(getattr(PastOwner, name), getattr(Loan, name), name) for name in ("branch_id", "team_id", "manager_id")]
    statement = statement.outerjoin(later, later.c.loan_id == Loan.id)
    return statement.outerjoin(PastOwner, then).add_columns(
        *(case((PastOwner.id.is_(None), now), else_=past).label(name) for past, now, name in owners)
    )


def _whole(expression: Any) -> ColumnElement[int]:
    """A sum as a whole number: PostgreSQL makes bigint sums numeric."""
    return cast(func.coalesce(func.sum(expression), 0), BigInteger)


def _known(entity: Any, as_of: date, known_at: date) -> ColumnElement[bool]:
    return and_(entity.value_date <= as_of, entity.booking_date <= known_at)


def _booked(as_of: date, known_at: date, loans: Ids) -> Any:
    """Per loan: its balance, above 0, and its accrued interest."""
    balance = _whole(case((Posting.account == Account.LOANS, Posting.amount), else_=0))
    accrued = _whole(case((Posting.account == Account.INTEREST_RECEIVABLE, Posting.amount), else_=0))
    statement = (
        select(Posting.loan_id, balance.label("balance"), accrued.label("accrued_interest"))
        .where(_known(Posting, as_of, known_at))  # not by account: the index is read loan by loan, as it lies
        .group_by(Posting.loan_id)
        .having(balance > 0)
    )
    return _only(statement, Posting.loan_id, loans)


def _due_now(as_of: date, loans: Ids) -> Any:
    """What is unpaid of each instalment that fell due, by what the instalments say."""
    statement = select(
        Instalment.loan_id,
        Instalment.due_date,
        (Instalment.principal - Instalment.paid_principal).label("principal"),
        (Instalment.interest - Instalment.paid_interest).label("interest"),
    ).where(Instalment.settled_on.is_(None), Instalment.due_date < as_of)
    return _only(statement, Instalment.loan_id, loans)


def _due_then(as_of: date, known_at: date, loans: Ids) -> Any:
    """The same as it was known then: what was paid, and what was charged or cancelled later is undone."""
    paid_principal = _whole(case((Allocation.component == Component.PRINCIPAL, Allocation.amount), else_=0))
    paid_interest = _whole(case((Allocation.component == Component.INTEREST, Allocation.amount), else_=0))
    paid = _only(
        select(Allocation.instalment_id, paid_principal.label("principal"), paid_interest.label("interest"))
        .where(_known(Allocation, as_of, known_at))
        .group_by(Allocation.instalment_id),
        Allocation.loan_id,
        loans,
    ).subquery("paid")
    changed_principal = _whole(case((Charge.component == Component.PRINCIPAL, Charge.amount), else_=0))
    changed_interest = _whole(case((Charge.component == Component.INTEREST, Charge.amount), else_=0))
    later = _only(
        select(Charge.instalment_id, changed_principal.label("principal"), changed_interest.label("interest"))
        .where(Charge.component.in_(AGEING), not_(_known(Charge, as_of, known_at)))
        .group_by(Charge.instalment_id),
        Charge.loan_id,
        loans,
    ).subquery("later")
    owed_principal = Instalment.principal - func.coalesce(later.c.principal, 0)
    owed_interest = Instalment.interest - func.coalesce(later.c.interest, 0)
    statement = (
        select(
            Instalment.loan_id,
            Instalment.due_date,
            (owed_principal - func.coalesce(paid.c.principal, 0)).label("principal"),
            (owed_interest - func.coalesce(paid.c.interest, 0)).label("interest"),
        )
        .outerjoin(paid, paid.c.instalment_id == Instalment.id)
        .outerjoin(later, later.c.instalment_id == Instalment.id)
        .where(Instalment.due_date < as_of)
    )
    return _only(statement, Instalment.loan_id, loans)


def rescheduled(as_of: date, known_at: date) -> Any:
    """The loans that were extended or restructured by a date, as known then; not those where it was reversed."""
    standing = func.sum(case((TermsChange.reversal, -1), else_=1))
    return (
        select(TermsChange.loan_id)
        .where(TermsChange.kind.in_(RESCHEDULED), _known(TermsChange, as_of, known_at))
        .group_by(TermsChange.loan_id)
        .having(standing > 0)
    )


def _later_rates(as_of: date, known_at: date, loans: Ids) -> Any:
    """Loans whose terms changed since, or were not yet known to change: the rate that held before the first of that."""
    first = _only(
        select(func.min(TermsChange.id).label("id"))
        .where(not_(_known(TermsChange, as_of, known_at)))
        .group_by(TermsChange.loan_id),
        TermsChange.loan_id,
        loans,
    ).subquery("first_later")
    return select(TermsChange.loan_id, TermsChange.rate_before.label("rate")).join(first, first.c.id == TermsChange.id)


def _arrears(due: Select[Any], tolerance: int) -> Select[Any]:
    """Per loan: since when it is late, and what fell due and is unpaid."""
    line = due.subquery("due")
    late = line.c.principal + line.c.interest > tolerance
    return select(
        line.c.loan_id,
        func.min(case((late, line.c.due_date))).label("oldest_due_on"),
        _whole(line.c.principal).label("principal"),
        _whole(line.c.interest).label("interest"),
    ).group_by(line.c.loan_id)


def _only(statement: Any, key: Any, loans: Ids) -> Any:
    return statement if loans is None else statement.where(key.in_(loans))


def reaches(days: ColumnElement[int], threshold: Threshold) -> ColumnElement[bool]:
    """SQL of `Threshold.met_by`."""
    return days >= threshold.days if threshold.operator == ">=" else days > threshold.days


def _severity(days: ColumnElement[int], floors: Mapping[Category, Threshold]) -> ColumnElement[int]:
    """Of the worst category whose threshold the days meet."""
    worst_first = sorted(floors, key=lambda category: category.severity, reverse=True)
    found = [(reaches(days, floors[category]), category.severity) for category in worst_first]
    return case((days == 0, 0), *found, else_=0)
