"""Every figure once more, by plain loops over all rows: the twin that the registry is checked against.

It shares nothing with the portal but the tables: no frame, no threshold, no band, no scope. `FIGURES` must name every
registered metric, `CUTS` every dimension.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from portal.closing.models import MonthEndPosting
from portal.core.db import db
from portal.core.scope import Actor, unscoped
from portal.customers.models import Customer
from portal.grids.models import Grid
from portal.loans.ledger import Journal, Posting
from portal.loans.minima import CategoryMinimum
from portal.loans.models import Allocation, Charge, Instalment, Loan, PastOwner
from portal.organization.models import Branch
from portal.products.models import Product

FLOORS = ((360, "loss"), (270, "doubtful"), (90, "substandard"), (0, "special_mention"))
SEVERITY = ("normal", "special_mention", "substandard", "doubtful", "loss")
RESERVE = {"normal": "1.5", "special_mention": "3", "substandard": "30", "doubtful": "60", "loss": "100"}
INCOME_PARTS = {"6011": "interest", "6021": "fee", "6051": "penalty"}
SMALL = 100_000_00
"""What a loan to a farm household, and all it owes, may amount to for its interest to be exempt from VAT."""
SPECIFIC = {"normal": 0, "special_mention": 2, "substandard": 25, "doubtful": 50, "loss": 100}
CHANGED_ON = dt.date(2026, 5, 1)
NEVER = dt.date(9999, 1, 1)
MONTH_ENDS = (dt.date(2026, 4, 30), dt.date(2026, 5, 31))
"""Those that have a snapshot."""


@dataclass
class Row:
    """A loan at a date, or a posting of a period: what figures add up."""

    loan: Any
    customer: Any
    product: Any
    branch: int
    team: int | None
    manager: int | None
    balance: int = 0
    days: int = 0
    overdue_principal: int = 0
    overdue_interest: int = 0
    rescheduled: bool = False
    category: str = ""
    posting: Any = None
    before: "Row | None" = None
    after: "Row | None" = None
    lost: bool = False
    step: str = ""
    amount: int = 0
    seen_on: dt.date | None = None
    memo: int = 0
    exempt: bool = False
    of_group: bool = False
    due: dt.date | None = None
    months_after: int = 0


@dataclass
class Books:
    """All rows of the tables, whoever they belong to."""

    loans: Mapping[int, Any]
    customers: Mapping[int, Any]
    products: Mapping[int, Any]
    branches: Sequence[Any]
    grids: Sequence[Any]
    journals: Mapping[int, Any]
    postings: Sequence[Any]
    instalments: Mapping[int, Sequence[Any]]
    allocations: Mapping[int, Sequence[Any]]
    charges: Mapping[int, Sequence[Any]]
    past_owners: Mapping[int, Sequence[Any]]
    minima: Mapping[int, Sequence[Any]]
    of_loan: Mapping[int, Sequence[Any]]
    """Journals by loan."""
    of_groups: Sequence[Any]
    """Lines of month-end entries."""
    held: dict[Any, list[Row]] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Books":
        def rows(model: Any) -> list[Any]:
            columns = [c for c in model.__table__.columns if not c.name.endswith(("_sealed", "_index"))]
            return list(db.session.execute(select(*columns)).all())

        def grouped(found: Iterable[Any], key: str) -> Mapping[int, list[Any]]:
            groups: dict[int, list[Any]] = defaultdict(list)
            for row in found:
                groups[getattr(row, key)].append(row)
            return groups

        with unscoped("the brute force reads everything"):
            return cls(
                loans={row.id: row for row in rows(Loan)},
                customers={row.id: row for row in rows(Customer)},
                products={row.id: row for row in rows(Product)},
                branches=rows(Branch),
                grids=rows(Grid),
                journals={row.id: row for row in rows(Journal)},
                postings=rows(Posting),
                instalments=grouped(rows(Instalment), "loan_id"),
                allocations=grouped(rows(Allocation), "instalment_id"),
                charges=grouped(rows(Charge), "instalment_id"),
                past_owners=grouped(rows(PastOwner), "loan_id"),
                minima=grouped(rows(CategoryMinimum), "loan_id"),
                of_loan=grouped(rows(Journal), "loan_id"),
                of_groups=rows(MonthEndPosting),
            )

    def positions(self, day: dt.date, known: dt.date) -> list[Row]:
        """Loans with a balance at the end of a day."""
        if (day, known) not in self.held:
            balances: dict[int, int] = defaultdict(int)
            for posting in self.postings:
                if posting.account == "1303" and posting.value_date <= day and posting.booking_date <= known:
                    balances[posting.loan_id] += posting.amount
            self.held[day, known] = [
                self.position(self.loans[loan_id], balance, day, known)
                for loan_id, balance in balances.items()
                if balance > 0
            ]
        return self.held[day, known]

    def position(self, loan: Any, balance: int, day: dt.date, known: dt.date) -> Row:
        branch, team, manager = loan.branch_id, loan.team_id, loan.manager_id
        for past in self.past_owners[loan.id]:
            if past.first_day <= day < past.day_after:
                branch, team, manager = past.branch_id, past.team_id, past.manager_id
        row = Row(
            loan, self.customers[loan.customer_id], self.products[loan.product_id], branch, team, manager, balance
        )
        late_since, unpaid_principal, unpaid_interest = [], 0, 0
        for line in self.instalments[loan.id]:
            if line.due_date >= day:
                continue
            principal, interest = line.principal, line.interest
            for charge in self.charges[line.id]:
                if charge.component == "interest" and not (charge.value_date <= day and charge.booking_date <= known):
                    interest -= charge.amount
            for paid in self.allocations[line.id]:
                if paid.value_date <= day and paid.booking_date <= known:
                    principal -= paid.amount if paid.component == "principal" else 0
                    interest -= paid.amount if paid.component == "interest" else 0
            unpaid_principal, unpaid_interest = unpaid_principal + principal, unpaid_interest + interest
            if principal + interest > 0:
                late_since.append(line.due_date)
        if late_since:
            row.days = (day - min(late_since)).days
            by_instalments = loan.method in ("level", "equal-principal") and row.days <= 90
            row.overdue_principal = unpaid_principal if by_instalments else balance
            row.overdue_interest = unpaid_interest
        held = [least.category for least in self.minima[loan.id] if least.first_day <= day < (least.day_after or NEVER)]
        floor = next((name for days, name in FLOORS if row.days > days), "normal")
        row.category = max(floor, *held, key=SEVERITY.index) if held else floor
        if row.days > 90:
            row.memo = max(0, self.earned(loan, day, known) - self.recognised(loan, day, known))
        row.rescheduled = any(
            journal.kind in ("extension", "restructuring")
            and journal.reverses_id is None
            and journal.value_date <= day
            and journal.booking_date <= known
            and not any(
                other.reverses_id == journal.id and other.booking_date <= known for other in self.of_loan[loan.id]
            )
            for journal in self.of_loan[loan.id]
        )
        return row

    def earned(self, loan: Any, day: dt.date, known: dt.date) -> int:
        """Contractual interest up to a day, day by day within the running instalment, in whole fen."""
        total = 0
        for line in self.instalments[loan.id]:
            interest = line.interest
            for charge in self.charges[line.id]:
                if charge.component == "interest" and not (charge.value_date <= day and charge.booking_date <= known):
                    interest -= charge.amount
            if line.period_end <= day:
                total += interest
            elif line.period_start < day:
                total += interest * (day - line.period_start).days // (line.period_end - line.period_start).days
        return total

    def recognised(self, loan: Any, day: dt.date, known: dt.date) -> int:
        return -sum(
            posting.amount
            for posting in self.by_loan[loan.id]
            if posting.account == "6011" and posting.value_date <= day and posting.booking_date <= known
        )

    @property
    def by_loan(self) -> Mapping[int, list[Any]]:
        if "by loan" not in self.held:
            found: Any = defaultdict(list)
            for posting in self.postings:
                found[posting.loan_id].append(posting)
            self.held["by loan"] = found
        return self.held["by loan"]  # type: ignore[return-value]

    def allowance(self, day: dt.date, known: dt.date) -> list[Row]:
        """What was booked on the allowance account up to a day: of loans, and of groups at month-ends."""
        found = [row for row in self.flows(dt.date.min, day, known) if row.posting.account == "1304"]
        nobody = SimpleNamespace(id=None)
        for line in self.of_groups:
            if line.account == "1304" and line.value_date <= day and line.booking_date <= known:
                owner = {name: getattr(line, name) for name in ("branch_id", "team_id", "manager_id")}
                loan = SimpleNamespace(id=None, customer_id=None, product_id=line.product_id, **owner)
                row = Row(loan, nobody, self.products[line.product_id], *owner.values(), posting=line)
                row.of_group = True
                found.append(row)
        return found

    def income(self, start: dt.date, end: dt.date, known: dt.date) -> list[Row]:
        """What was booked on the accounts of income in a period, each posting with whether it is exempt from VAT."""
        if ("income", start, end, known) not in self.held:
            owed: dict[int, int] = defaultdict(int)
            for row in self.positions(end, known):
                owed[row.loan.customer_id] += row.balance
            found = []
            for row in self.flows(dt.date.min, dt.date.max, min(end, known)):
                if row.posting.account in INCOME_PARTS and row.posting.booking_date >= start:
                    small = row.loan.principal <= SMALL and owed[row.loan.customer_id] <= SMALL
                    of_interest = row.posting.account == "6011"
                    row.exempt = of_interest and row.customer.type == "farmer" and small
                    found.append(row)
            self.held["income", start, end, known] = found
        return self.held["income", start, end, known]

    def flows(self, start: dt.date, end: dt.date, known: dt.date) -> list[Row]:
        """Postings of a period by value date."""
        if (start, end, known) not in self.held:
            found = []
            for posting in self.postings:
                if start <= posting.value_date <= end and posting.booking_date <= known:
                    loan, journal = self.loans[posting.loan_id], self.journals[posting.journal_id]
                    customer, product = self.customers[loan.customer_id], self.products[loan.product_id]
                    owner = (journal.branch_id, journal.team_id, journal.manager_id)
                    found.append(Row(loan, customer, product, *owner, posting=posting))
            self.held[start, end, known] = found
        return self.held[start, end, known]

    def moves(self, start: dt.date, end: dt.date, known_at: dt.date | None) -> list[Row]:
        """Loans with a balance on the day before a period, or at its end, or both."""
        if ("moves", start, end, known_at) not in self.held:
            opened = start - dt.timedelta(days=1)
            before = {row.loan.id: row for row in self.positions(opened, known_at or opened)}
            after = {row.loan.id: row for row in self.positions(end, known_at or end)}
            written_off: dict[int, int] = defaultdict(int)
            for posting in self.postings:
                is_known = posting.value_date <= end and posting.booking_date <= (known_at or end)
                if is_known and (posting.kind, posting.account) == ("write_off", "1303"):
                    written_off[posting.loan_id] -= posting.amount
            found = []
            for loan_id in before.keys() | after.keys():
                old, new = before.get(loan_id), after.get(loan_id)
                owner = new or old
                assert owner is not None
                row = Row(owner.loan, owner.customer, owner.product, owner.branch, owner.team, owner.manager)
                row.before, row.after, row.lost = old, new, written_off[loan_id] > 0
                found.append(row)
            self.held["moves", start, end, known_at] = found
        return self.held["moves", start, end, known_at]

    def vintage_steps(self, as_of: dt.date, ends: Sequence[dt.date]) -> list[Row]:
        """What each loan adds to its cohort at each of these month-ends up to the date, month-end by month-end."""
        found: list[Row] = []
        lent: dict[int, int] = {}
        ever: set[tuple[int, int]] = set()
        overdue: dict[int, int] = defaultdict(int)
        written_off: dict[int, int] = defaultdict(int)

        def add(loan_id: int, step: str, amount: int, day: dt.date) -> None:
            loan = self.loans[loan_id]
            row = Row(loan, self.customers[loan.customer_id], self.products[loan.product_id], 0, None, None)
            row.branch, row.team, row.manager = loan.branch_id, loan.team_id, loan.manager_id
            row.step, row.amount, row.seen_on = step, amount, day
            if amount:
                found.append(row)

        for day in [end for end in ends if end <= as_of]:
            principal: dict[int, int] = defaultdict(int)
            lost: dict[int, int] = defaultdict(int)
            for posting in self.postings:
                if posting.booking_date > day or posting.account != "1303":
                    continue
                if posting.kind == "disbursement" and ends[0].replace(day=1) <= posting.value_date <= day:
                    principal[posting.loan_id] += posting.amount
                if posting.kind == "write_off" and posting.value_date <= day:
                    lost[posting.loan_id] -= posting.amount
            for loan_id, amount in principal.items():
                if loan_id not in lent and amount > 0:
                    lent[loan_id] = amount
                    add(loan_id, "lent", amount, day)
            bad = {row.loan.id: row for row in self.positions(day, day) if row.loan.id in lent}
            for loan_id in lent:
                row = bad.get(loan_id)
                for days in (30, 60, 90):
                    if row and late([row], days, day) and (loan_id, days) not in ever:
                        ever.add((loan_id, days))
                        add(loan_id, f"ever_{days}", row.balance, day)
                now = row.balance if row and row.days >= 1 else 0
                add(loan_id, "bad", now - overdue[loan_id], day)
                add(loan_id, "bad", lost[loan_id] - written_off[loan_id], day)
                overdue[loan_id], written_off[loan_id] = now, lost[loan_id]
        return found

    def dues(self, day: dt.date, known: dt.date) -> list[Row]:
        """What each instalment asks for and each payment of it, as known then: one row for each amount."""
        if ("dues", day, known) in self.held:
            return self.held["dues", day, known]
        found: list[Row] = []
        on_loans: dict[int, list[Any]] = defaultdict(list)
        for posting in self.postings:
            if posting.account == "1303" and posting.value_date <= day and posting.booking_date <= known:
                on_loans[posting.loan_id].append(posting)
        for loan_id, loan in self.loans.items():
            booked = on_loans[loan_id]
            if sum(posting.amount for posting in booked if posting.kind == "disbursement") <= 0:
                continue
            losses = [posting for posting in booked if posting.kind == "write_off"]
            lost = sum(posting.amount for posting in losses) < 0 and not sum(posting.amount for posting in booked)
            lost_on = max(posting.value_date for posting in losses) if lost else dt.date.max

            def add(step: str, amount: int, due: dt.date, after: int, loan: Any = loan, lost: bool = lost) -> None:
                row = Row(loan, self.customers[loan.customer_id], self.products[loan.product_id], 0, None, None)
                row.branch, row.team, row.manager = loan.branch_id, loan.team_id, loan.manager_id
                row.step, row.amount, row.due, row.months_after, row.lost = step, amount, due, after, lost
                found.append(row)

            for line in self.instalments[loan_id]:
                if line.due_date > lost_on:
                    continue
                asked = {"principal": line.principal, "interest": line.interest}
                for charge in self.charges[line.id]:
                    if charge.component in asked and not (charge.value_date <= day and charge.booking_date <= known):
                        asked[charge.component] -= charge.amount
                for component, amount in asked.items():
                    add(f"due {component}", amount, line.due_date, 0)
                for paid in self.allocations[line.id]:
                    if paid.component in asked and paid.value_date <= day and paid.booking_date <= known:
                        after = max(0, months_between(line.due_date, paid.value_date))
                        add(f"paid {paid.component}", paid.amount, line.due_date, after)
        self.held["dues", day, known] = found
        return found

    def below(self, branch_id: int) -> set[int]:
        children = {branch.id for branch in self.branches if branch.parent_id == branch_id}
        return {branch_id}.union(*(self.below(child) for child in children))


def sees(who: Actor, row: Row) -> bool:
    """Rows are seen by the loan's owner of today."""
    return reaches(who, "Loan", row.loan)


def reaches(who: Actor, resource: str, owned: Any) -> bool:
    reach = who.scope(resource, "list")
    if reach == "all":
        return True
    if reach == "branch":
        return owned.branch_id in who.branches
    if reach == "team":
        return owned.branch_id in who.branches and owned.team_id in who.teams
    return reach == "self" and owned.branch_id == who.home and owned.manager_id == who.staff_id


# ---- dimensions ----------------------------------------------------------------------------------------------------


def band(number: int, *upper: tuple[int, str], beyond: str) -> str:
    for most, name in upper:
        if number <= most:
            return name
    return beyond


def days_band(row: Row) -> str:
    upper = [(0, "0"), (30, "1-30"), (60, "31-60"), (90, "61-90"), (180, "91-180"), (270, "181-270"), (360, "271-360")]
    return band(row.days, *upper, beyond="over-360")


def amount_band(row: Row) -> str:
    most = [50_000, 100_000, 300_000, 500_000, 1_000_000, 5_000_000]
    return band(row.loan.principal, *((n * 100, f"up-to-{n}") for n in most), beyond="over-5000000")


def term_band(row: Row) -> str:
    return band(row.loan.count, *((n, f"up-to-{n}") for n in (3, 6, 12, 24, 36)), beyond="over-36")


def months_between(first: dt.date, last: dt.date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def gone(row: Row) -> str:
    return "written-off" if row.lost else "settled"


def part(row: Row, is_bad: Callable[[Row], bool]) -> str:
    """What a loan has to do with the change of what is bad."""
    old, new = row.before, row.after
    was, now = old is not None and is_bad(old), new is not None and is_bad(new)
    if not was:
        return "neither" if not now else "lent" if old is None else "worse"
    if new is None:
        return "written-off" if row.lost else "paid-off"
    if not now:
        return "cured"
    return "paid-down" if old is not None and new.balance < old.balance else "rolled-on"


def is_late(row: Row) -> bool:
    return row.days >= 1


def is_bad(row: Row) -> bool:
    return row.category in SEVERITY[2:]


CUTS: Mapping[str, Callable[[Row], Any]] = {
    "branch": lambda row: row.branch,
    "team": lambda row: row.team,
    "manager": lambda row: row.manager,
    "product": lambda row: row.loan.product_id,
    "grid": lambda row: row.customer.grid_id,
    "loan": lambda row: row.loan.id,
    "customer": lambda row: row.loan.customer_id,
    "customer_group": lambda row: row.customer.type,
    "industry": lambda row: row.customer.industry,
    "guarantee": lambda row: row.loan.guarantee,
    "purpose": lambda row: row.product.purpose,
    "product_channel": lambda row: row.product.channel,
    "category": lambda row: row.category,
    "days_past_due": days_band,
    "amount_band": amount_band,
    "term_band": term_band,
    "month": lambda row: row.posting.value_date.year * 100 + row.posting.value_date.month,
    "days_before": lambda row: days_band(row.before) if row.before else "new",
    "days_after": lambda row: days_band(row.after) if row.after else gone(row),
    "category_before": lambda row: row.before.category if row.before else "new",
    "category_after": lambda row: row.after.category if row.after else gone(row),
    "cohort": lambda row: row.loan.disbursed_on.year * 100 + row.loan.disbursed_on.month,
    "months_on_book": lambda row: months_between(row.loan.disbursed_on, row.seen_on),
    "due_month": lambda row: row.due.year * 100 + row.due.month,
    "months_after": lambda row: row.months_after,
    "overdue_part": lambda row: part(row, is_late),
    "npl_part": lambda row: part(row, is_bad),
    "income_part": lambda row: INCOME_PARTS[row.posting.account],
}
CUTS_OF_GROUPS = ("branch", "team", "manager", "product", "purpose", "product_channel")
"""Of lines of month-end entries; whatever else they are cut by, they have none."""


def cut_of(row: Row, cut: str) -> Any:
    return None if row.of_group and cut not in CUTS_OF_GROUPS else CUTS[cut](row)


# ---- figures -------------------------------------------------------------------------------------------------------

Figure = Callable[[Sequence[Row], dt.date], int | Fraction | None]


def balance(rows: Iterable[Row]) -> int:
    return sum(row.balance for row in rows)


def over(part: int | Fraction, whole: int) -> Fraction | None:
    return Fraction(part) / whole if whole else None


def late(rows: Sequence[Row], days: int, day: dt.date) -> list[Row]:
    if days == 1:
        return [row for row in rows if row.days >= 1]
    if days == 60 and day >= CHANGED_ON:
        return [row for row in rows if row.days >= 60]
    return [row for row in rows if row.days > days]


def bad(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if is_bad(row)]


def rate(ppm: int | Fraction | None) -> Fraction | None:
    return None if ppm is None else Fraction(ppm) / 1_000_000


def provision(rows: Sequence[Row], day: dt.date, specific: bool, general: bool) -> int:
    """In fen, halves up."""
    total = Fraction()
    for row in rows:
        percent = Fraction(SPECIFIC[row.category])
        if row.category == "special_mention" and day >= CHANGED_ON:
            percent = Fraction("3.5")
        total += row.balance * Fraction((percent if specific else 0) + (1 if general else 0)) / 100
    return int(total + Fraction(1, 2))


def reserve(rows: Sequence[Row]) -> int:
    """In fen, halves up."""
    return int(sum(row.balance * Fraction(RESERVE[row.category]) / 100 for row in rows) + Fraction(1, 2))


def posted(rows: Sequence[Row], kind: str, accounts: str, component: str = "") -> list[Any]:
    return [
        row.posting
        for row in rows
        if row.posting.kind == kind
        and row.posting.account in accounts.split()
        and component in ("", row.posting.component)
    ]


def debits(rows: Sequence[Row], kind: str, accounts: str, component: str = "") -> int:
    return sum(posting.amount for posting in posted(rows, kind, accounts, component))


def credits_(rows: Sequence[Row], kind: str, accounts: str, component: str = "") -> int:
    return -debits(rows, kind, accounts, component)


def new_rates(rows: Sequence[Row]) -> list[int]:
    return [row.loan.rate for row in rows if row.posting.kind == "disbursement" and row.posting.account == "1303"]


def disbursed_rate(rows: Sequence[Row], day: dt.date) -> Fraction | None:
    paid_out = [row for row in rows if row.posting.kind == "disbursement" and row.posting.account == "1303"]
    weighted = sum(row.posting.amount * row.loan.rate for row in paid_out)
    return rate(over(weighted, sum(row.posting.amount for row in paid_out)))


INTEREST = ("repayment", "1132 3103", "interest")
FEES = ("repayment", "6021 3103", "fee")
PENALTY = ("repayment", "6051 3103", "penalty")
PRINCIPAL = ("repayment", "1303", "principal")

STOCKS: Mapping[str, Figure] = {
    "loan_balance": lambda rows, day: balance(rows),
    "loan_count": lambda rows, day: len(rows),
    "borrower_count": lambda rows, day: len({row.loan.customer_id for row in rows}),
    "balance_times_rate": lambda rows, day: rate(sum(row.balance * row.loan.rate for row in rows)),
    "average_rate": lambda rows, day: rate(over(sum(row.balance * row.loan.rate for row in rows), balance(rows))),
    "lowest_rate": lambda rows, day: rate(min((row.loan.rate for row in rows), default=None)),
    "highest_rate": lambda rows, day: rate(max((row.loan.rate for row in rows), default=None)),
    "days_past_due": lambda rows, day: max((row.days for row in rows), default=0),
    "overdue_loan_balance": lambda rows, day: balance(late(rows, 1, day)),
    "overdue_loan_count": lambda rows, day: len(late(rows, 1, day)),
    "overdue_principal": lambda rows, day: sum(row.overdue_principal for row in rows),
    "overdue_interest": lambda rows, day: sum(row.overdue_interest for row in rows),
    "overdue_principal_ratio": lambda rows, day: over(sum(row.overdue_principal for row in rows), balance(rows)),
    **{f"par_{n}_balance": lambda rows, day, n=n: balance(late(rows, n, day)) for n in (1, 30, 60, 90)},
    **{f"par_{n}": lambda rows, day, n=n: over(balance(late(rows, n, day)), balance(rows)) for n in (1, 30, 60, 90)},
    "overdue_rate": lambda rows, day: over(balance(late(rows, 1, day)), balance(rows)),
    "category_balance": lambda rows, day: balance(rows),
    "category_count": lambda rows, day: len(rows),
    "npl_balance": lambda rows, day: balance(bad(rows)),
    "npl_count": lambda rows, day: len(bad(rows)),
    "restructured_balance": lambda rows, day: sum(row.balance for row in rows if row.rescheduled),
    "restructured_count": lambda rows, day: sum(row.rescheduled for row in rows),
    "restructured_ratio": lambda rows, day: over(sum(row.balance for row in rows if row.rescheduled), balance(rows)),
    "npl_ratio": lambda rows, day: over(balance(bad(rows)), balance(rows)),
    "provision_required": lambda rows, day: provision(rows, day, specific=True, general=True),
    "provision_specific": lambda rows, day: provision(rows, day, specific=True, general=False),
    "provision_general": lambda rows, day: provision(rows, day, specific=False, general=True),
    "general_reserve_required": lambda rows, day: reserve(rows),
    "memo_interest": lambda rows, day: sum(row.memo for row in rows),
}
FLOWS: Mapping[str, Figure] = {
    "disbursed_amount": lambda rows, day: debits(rows, "disbursement", "1303"),
    "disbursed_count": lambda rows, day: sum(
        1 if p.amount > 0 else -1 for p in posted(rows, "disbursement", "1303", "principal")
    ),
    "disbursed_times_rate": lambda rows, day: rate(
        sum(row.posting.amount * row.loan.rate for row in rows if posted([row], "disbursement", "1303"))
    ),
    "disbursed_average_rate": disbursed_rate,
    "disbursed_lowest_rate": lambda rows, day: rate(min(new_rates(rows), default=None)),
    "disbursed_highest_rate": lambda rows, day: rate(max(new_rates(rows), default=None)),
    "collected_principal": lambda rows, day: credits_(rows, *PRINCIPAL),
    "collected_interest": lambda rows, day: credits_(rows, *INTEREST),
    "collected_fees": lambda rows, day: credits_(rows, *FEES),
    "collected_penalty": lambda rows, day: credits_(rows, *PENALTY),
    "collected_amount": lambda rows, day: sum(credits_(rows, *what) for what in (PRINCIPAL, INTEREST, FEES, PENALTY)),
    "written_off": lambda rows, day: credits_(rows, "write_off", "1303"),
    "written_off_interest": lambda rows, day: credits_(rows, "write_off", "1132"),
    "recovered_after_write_off": lambda rows, day: debits(rows, "recovery", "1002"),
    "accrued_interest_income": lambda rows, day: credits_(rows, "accrual", "6011"),
}


def before(rows: Sequence[Row], counts: Callable[[Row], bool] = lambda row: True) -> int:
    return sum(row.before.balance for row in rows if row.before and counts(row.before))


def after(rows: Sequence[Row], counts: Callable[[Row], bool] = lambda row: True) -> int:
    return sum(row.after.balance for row in rows if row.after and counts(row.after))


def migrated(rows: Sequence[Row], name: str) -> int:
    """Balance now of what was in a category (or performing) and is in a worse one (or not performing)."""
    total = 0
    for row in rows:
        if row.before and row.after:
            old, new = SEVERITY.index(row.before.category), SEVERITY.index(row.after.category)
            worse = old < 2 <= new if name == "performing" else SEVERITY[old] == name and new > old
            total += row.after.balance if worse else 0
    return total


def remained(rows: Sequence[Row], name: str) -> int:
    """Balance before less what it was reduced by."""
    total = 0
    for row in rows:
        if row.before and (row.before.category == name or (name == "performing" and not is_bad(row.before))):
            now = row.after.balance if row.after else 0
            total += row.before.balance - max(row.before.balance - now, 0)
    return total


MOVES: dict[str, Figure] = {
    "balance_before": lambda rows, day: before(rows),
    "balance_after": lambda rows, day: after(rows),
    "loans_before": lambda rows, day: sum(row.before is not None for row in rows),
    "loans_after": lambda rows, day: sum(row.after is not None for row in rows),
}
for _name in ("performing", *SEVERITY[:4]):
    MOVES[f"migrated_{_name}"] = lambda rows, day, name=_name: migrated(rows, name)
    MOVES[f"remained_{_name}"] = lambda rows, day, name=_name: remained(rows, name)
    MOVES[f"migration_rate_{_name}"] = lambda rows, day, name=_name: over(migrated(rows, name), remained(rows, name))
for _name, _counts in (("overdue", is_late), ("npl", is_bad)):
    MOVES[f"{_name}_before"] = lambda rows, day, counts=_counts: before(rows, counts)
    MOVES[f"{_name}_after"] = lambda rows, day, counts=_counts: after(rows, counts)
    MOVES[f"{_name}_change"] = lambda rows, day, counts=_counts: after(rows, counts) - before(rows, counts)
    MOVES[f"{_name}_loans"] = lambda rows, day, counts=_counts: sum(part(row, counts) != "neither" for row in rows)


def steps(rows: Sequence[Row], name: str) -> int:
    return sum(row.amount for row in rows if row.step == name)


VINTAGES: dict[str, Figure] = {"vintage_lent": lambda rows, day: steps(rows, "lent")}
for _name, _step in (("ever_30", "ever_30"), ("ever_60", "ever_60"), ("ever_90", "ever_90"), ("current", "bad")):
    VINTAGES[f"vintage_{_name}_balance"] = lambda rows, day, step=_step: steps(rows, step)
    VINTAGES[f"vintage_{_name}"] = lambda rows, day, step=_step: over(steps(rows, step), steps(rows, "lent"))


def next_month_start(day: dt.date, months: int = 1) -> dt.date:
    for _n in range(months):
        day = (day.replace(day=1) + dt.timedelta(days=31)).replace(day=1)
    return day


def expected(rows: Sequence[Row], day: dt.date, what: str = "", months: int = 1000) -> int:
    """What instalments from the first of the month on still ask for."""
    counted = [row for row in rows if not row.lost and row.due >= day.replace(day=1) and what in row.step]
    if months < 1000:
        counted = [row for row in counted if row.due < next_month_start(day, months)]
    return sum(row.amount if row.step.startswith("due") else -row.amount for row in counted)


def fell_due(rows: Sequence[Row], day: dt.date, what: str, within_month: bool = False) -> int:
    """Of the last twelve months that were over by the end of the day."""
    end = next_month_start(day) if (day + dt.timedelta(days=1)).day == 1 else day.replace(day=1)
    first = end.replace(year=end.year - 1)
    counted = [row for row in rows if first <= row.due < end and row.step.startswith(what)]
    return sum(row.amount for row in counted if not within_month or not row.months_after)


DUES: dict[str, Figure] = {
    "expected_principal": lambda rows, day: expected(rows, day, "principal"),
    "expected_interest": lambda rows, day: expected(rows, day, "interest"),
    "expected_amount": lambda rows, day: expected(rows, day),
    "expected_soon": lambda rows, day: expected(rows, day, months=4),
    "fallen_due": lambda rows, day: fell_due(rows, day, "due"),
    "collected_in_month": lambda rows, day: fell_due(rows, day, "paid", within_month=True),
    "collected_of_due": lambda rows, day: fell_due(rows, day, "paid"),
    "collection_rate_in_month": lambda rows, day: over(
        fell_due(rows, day, "paid", within_month=True), fell_due(rows, day, "due")
    ),
    "collection_rate": lambda rows, day: over(fell_due(rows, day, "paid"), fell_due(rows, day, "due")),
}


def allowance(rows: Sequence[Row]) -> int | None:
    """What stands on account 1304; nothing to speak of while only write-offs and recoveries are booked there."""
    on_account = [row.posting for row in rows if row.posting.account == "1304"]
    provided = [posting for posting in on_account if posting.kind not in ("write_off", "recovery")]
    return -sum(posting.amount for posting in on_account) if provided else None


ALLOWANCES: dict[str, Figure] = {
    "allowance": lambda rows, day: allowance(rows),
    "allowance_balance": lambda rows, day: -sum(row.posting.amount for row in rows),
}


def income_of(rows: Sequence[Row], exempt: bool) -> int:
    return -sum(row.posting.amount for row in rows if row.exempt is exempt)


def output_vat(rows: Sequence[Row]) -> int:
    """6 % on top of the price: 6 parts of 106, halves away from zero."""
    tax = Fraction(income_of(rows, exempt=False) * 6, 106)
    return int(tax + Fraction(1, 2)) if tax >= 0 else -int(-tax + Fraction(1, 2))


INCOMES: dict[str, Figure] = {
    "income_taxable": lambda rows, day: income_of(rows, exempt=False),
    "income_exempt": lambda rows, day: income_of(rows, exempt=True),
    "output_vat": lambda rows, day: output_vat(rows),
}
RATIOS = {
    "coverage_ratio": ("allowance", "npl_balance"),
    "provision_ratio": ("allowance", "loan_balance"),
    "adequacy": ("allowance", "provision_required"),
    "required_coverage": ("provision_required", "npl_balance"),
}
"""Figures whose two parts are of different rows."""


def of_today(books: Books, who: Actor, day: dt.date, cut: str) -> dict[str, dict[Any, int | Fraction | None]]:
    """Figures of territories: {key: {group: value}}; the group None, None is everything."""
    found: dict[str, dict[Any, Any]] = {key: defaultdict(int) for key in ("customer_count", "potential_customers")}

    def add(key: str, row: Any, grid: int | None, number: int) -> None:
        if reaches(who, "Customer" if key == "customer_count" else "Grid", row):
            group = grid if cut == "grid" else getattr(row, f"{cut}_id")
            found[key][(group,)] += number
            found[key][()] += number

    for customer in books.customers.values():
        if customer.since is None or customer.since <= day:
            add("customer_count", customer, customer.grid_id, 1)
    for grid in books.grids:
        add("potential_customers", grid, grid.id, grid.potential_customers)
    found["coverage"] = {
        group: over(found["customer_count"].get(group, 0), found["potential_customers"].get(group, 0))
        for group in {**found["customer_count"], **found["potential_customers"]}
    }
    return found


MEASURES: Mapping[str, Figure] = {**STOCKS, **FLOWS, **MOVES, **VINTAGES, **DUES, **ALLOWANCES, **INCOMES}
TERRITORIES = ("customer_count", "potential_customers", "coverage")
CONCENTRATIONS = (
    "net_assets",
    "top_1_balance",
    "top_10_balance",
    "top_group_balance",
    "group_balance",
    "top_1_share",
    "top_10_share",
    "top_1_ratio",
    "top_10_ratio",
    "top_group_ratio",
    *(f"herfindahl_{cut}" for cut in ("customer", "industry", "product", "branch")),
)
"""Their twins stand in test_concentration.py: they are of the whole and cannot be cut."""
FUNDINGS = ("funding_due", "funding_due_soon", "cash_gap", "cash_gap_soon")
"""Their twins stand in test_funding.py: they are of the whole company."""
FIGURES = {
    *MEASURES,
    *RATIOS,
    *TERRITORIES,
    *CONCENTRATIONS,
    *FUNDINGS,
}


@dataclass(frozen=True)
class Asked:
    """A question as the twins understand it: filters hold the keys that count, a branch with all below it."""

    as_of: dt.date
    start: dt.date | None = None
    known_at: dt.date | None = None
    by: tuple[str, ...] = ()
    where: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def answer(books: Books, keys: Sequence[str], asked: Asked, who: Actor) -> tuple[dict[Any, Any], dict[str, Any]]:
    """({group: {key: value}}, {key: total}) of figures that are all stocks, all flows or all moves."""
    known = asked.known_at or asked.as_of
    if set(keys) <= STOCKS.keys():
        rows = books.positions(asked.as_of, known)
    elif set(keys) <= ALLOWANCES.keys():
        rows = books.allowance(asked.as_of, known)
    elif set(keys) <= INCOMES.keys():
        rows = books.income(asked.start or asked.as_of.replace(day=1), asked.as_of, known)
    elif set(keys) <= VINTAGES.keys():
        rows = books.vintage_steps(min(asked.as_of, known), MONTH_ENDS)
    elif set(keys) <= DUES.keys():
        rows = books.dues(asked.as_of, known)
    elif set(keys) <= MOVES.keys():
        rows = books.moves(asked.start or asked.as_of.replace(day=1), asked.as_of, asked.known_at)
    else:
        rows = books.flows(asked.start or asked.as_of.replace(day=1), asked.as_of, known)
    rows = [row for row in rows if sees(who, row) and all(cut_of(row, cut) in asked.where[cut] for cut in asked.where)]
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(cut_of(row, cut) for cut in asked.by)].append(row)
    values = {group: {key: MEASURES[key](found, asked.as_of) for key in keys} for group, found in groups.items()}
    return (values if asked.by else {}), {key: MEASURES[key](rows, asked.as_of) for key in keys}
