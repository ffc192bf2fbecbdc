"""What an entry of a month-end is made of: what should be booked and what is, group by group; nothing is written here.

What should be is asked of the registered figures, cut by owner and product; they are read from loan groups, so that a
million loans cost no more than their few thousand groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, cast, func, select

from portal.closing.models import EntryKind, MonthEndPosting
from portal.closing.rules import Group, apportioned, differences
from portal.core.db import db
from portal.core.metric import MetricResult, evaluate
from portal.core.scope import SYSTEM, acting, unscoped
from portal.loans.components import Component
from portal.loans.ledger import Account

OF_GROUP = ("branch", "team", "manager", "product")
"""The dimensions of a group, in the order of its fields."""

REQUIRED, HELD, MEMO = "provision_required", "allowance_balance", "memo_interest"
TAXED, EXEMPT, TAX, PART = "income_taxable", "income_exempt", "output_vat", "income_part"


@dataclass(frozen=True)
class Key:
    """A group of loans and, where it matters, the part of its income."""

    group: Group
    component: Component | None = None


@dataclass(frozen=True)
class Income:
    """The income of a group in a month, as the VAT register tells it."""

    taxed: int
    exempt: int


@dataclass(frozen=True)
class Worked:
    """An entry before it is booked: what should be, what is held, and for VAT the income that it comes from."""

    kind: EntryKind
    month_end: date
    wanted: Mapping[Key, int]
    held: Mapping[Key, int]
    income: Mapping[Key, Income] = field(default_factory=dict)

    @property
    def to_book(self) -> dict[Key, int]:
        """By group, above 0: to be added."""
        return differences(self.wanted, self.held)

    def by_branch(self) -> dict[int, tuple[int, int, int]]:
        """(should be, held, to book) of each branch."""
        found: dict[int, tuple[int, int, int]] = {}
        for key in {**self.wanted, **self.held}:
            wanted, held, _rest = found.get(key.group.branch_id, (0, 0, 0))
            wanted, held = wanted + self.wanted.get(key, 0), held + self.held.get(key, 0)
            found[key.group.branch_id] = (wanted, held, wanted - held)
        return found

    @property
    def total(self) -> tuple[int, int, int]:
        """(should be, held, to book) of the company."""
        wanted, held = sum(self.wanted.values()), sum(self.held.values())
        return wanted, held, wanted - held


def work_out(kind: EntryKind, month_end: date) -> Worked:
    """What an entry of this kind would be, for the whole company, whoever asks."""
    match kind:
        case EntryKind.PROVISION:
            return _provision(month_end)
        case EntryKind.MEMO_INTEREST:
            return _memo(month_end)
        case EntryKind.VAT:
            return _vat(month_end)


def _provision(day: date) -> Worked:
    found, whole = _asked((REQUIRED, HELD), day), _asked((REQUIRED,), day, by=("branch",))
    required = apportioned(
        {_group(row): int(row.values[REQUIRED] or 0) for row in found.rows},
        lambda group: group.branch_id,
        {row.by["branch"]: int(row.values[REQUIRED] or 0) for row in whole.rows},
        int(whole.total[REQUIRED] or 0),
    )
    held = {Key(_group(row)): int(row.values[HELD] or 0) for row in found.rows}
    return Worked(EntryKind.PROVISION, day, {Key(group): amount for group, amount in required.items()}, held)


def _memo(day: date) -> Worked:
    found = _asked((MEMO,), day)
    wanted = {Key(_group(row), Component.INTEREST): int(row.values[MEMO] or 0) for row in found.rows}
    held = _booked((Account.MEMO_INTEREST,), MonthEndPosting.value_date <= day)
    return Worked(EntryKind.MEMO_INTEREST, day, wanted, held)


def _vat(day: date) -> Worked:
    first = day.replace(day=1)
    found = _asked((TAXED, EXEMPT, TAX), day, by=(*OF_GROUP, PART), start=first)
    whole = _asked((TAX,), day, by=(PART,), start=first)
    by_part = {row.by[PART]: int(row.values[TAX] or 0) for row in whole.rows}
    tax = apportioned(
        {_key(row): int(row.values[TAX] or 0) for row in found.rows},
        lambda key: key.component,
        by_part,
        sum(by_part.values()),
    )
    income = {_key(row): Income(int(row.values[TAXED] or 0), int(row.values[EXEMPT] or 0)) for row in found.rows}
    of_month = (MonthEndPosting.kind == EntryKind.VAT, MonthEndPosting.value_date == day)
    held = {key: -amount for key, amount in _booked((Account.TAX_PAYABLE,), *of_month).items()}
    return Worked(EntryKind.VAT, day, tax, held, income)


def _asked(keys: Iterable[str], day: date, by: tuple[str, ...] = OF_GROUP, start: date | None = None) -> MetricResult:
    with acting(SYSTEM):  # an entry is the company's, also when somebody of one branch looks at it
        return evaluate(tuple(keys), by=by, as_of=day, start=start)


def _group(row: Any) -> Group:
    return Group(*(row.by[name] for name in OF_GROUP))


def _key(row: Any) -> Key:
    return Key(_group(row), Component(row.by[PART]))


def _booked(accounts: tuple[Account, ...], *conditions: Any) -> dict[Key, int]:
    """What month-end entries hold on accounts, by group and part; debit above 0."""
    owner = (
        MonthEndPosting.branch_id,
        MonthEndPosting.team_id,
        MonthEndPosting.manager_id,
        MonthEndPosting.product_id,
    )
    statement = (
        select(*owner, MonthEndPosting.component, cast(func.sum(MonthEndPosting.amount), BigInteger))
        .where(MonthEndPosting.account.in_(accounts), *conditions)
        .group_by(*owner, MonthEndPosting.component)
    )
    with unscoped("a month-end entry is worked out for the whole company"):
        return {Key(Group(*row[:4]), row[4]): int(row[5]) for row in db.session.execute(statement)}
