"""What the portfolio is cut by: the organisation, the product, the grid, the customer, the contract, the lateness."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, exists, select
from sqlalchemy.orm import aliased

import portal.loans.state  # noqa: F401 - gives the categories their words
from portal.core import scope
from portal.core.db import db, label_of
from portal.core.masks import COVER, is_clear
from portal.core.metric import Dimension, MetricError, dimension_of, register_dimension
from portal.core.once import once
from portal.customers.models import Customer, CustomerType, Industry
from portal.grids.models import Grid
from portal.loans.classification import Category
from portal.loans.models import Guarantee, Loan
from portal.metrics.bands import AMOUNT, DAYS_PAST_DUE, TERM
from portal.organization.models import Branch, Staff, Team
from portal.products.models import Channel, Product, Purpose

NONE = "none"
"""How a filter asks for rows without one: `team=none`."""

LARGEST_ID = 2**31 - 1
AT_ONCE = 5_000


def parse_value(key: str, text: str) -> Any:
    """The key that a filter's text means. Raises MetricError with a sentence for what is unknown."""
    dimension = dimension_of(key)
    text = text.strip()
    return None if text == NONE else dimension.parse(text)


def parse_where(pairs: Iterable[tuple[str, str]]) -> dict[str, list[Any]]:
    """Filters of `evaluate` from text: a dimension named twice means either value."""
    where: dict[str, list[Any]] = {}
    for key, text in pairs:
        where.setdefault(key, []).append(parse_value(key, text))
    return where


def split_filter(text: str, separator: str) -> tuple[str, str]:
    """`branch=0101` -> ("branch", "0101"); MetricError when it is no filter."""
    key, found, value = text.partition(separator)
    if not found or not key.strip() or not value.strip():
        example = f"branch{separator}0101"
        raise MetricError(
            gettext("“%(text)s” is not a filter; write it like %(example)s.", text=text[:40], example=example)
        )
    return key.strip(), value


def codes(key: str, keys: Iterable[Any]) -> dict[Any, str]:
    """Keys of a dimension as text for machines, which `parse_value` reads back."""
    keys = list(keys)
    known = dimension_of(key).codes([k for k in keys if k is not None])
    return {k: NONE if k is None else known[k] for k in keys}


def _of_rows(
    key: str, label: Any, model: Any, expand: Callable[[Sequence[Any]], Mapping[Any, Sequence[Any]]] | None = None
) -> Dimension:
    """A dimension whose keys are ids of rows with a code and a name."""

    def row_codes(keys: Iterable[int]) -> Mapping[int, str]:
        if not is_clear(model, "code"):
            return {key: str(key) for key in keys}  # `parse` reads ids, too
        return dict(_read(select(model.id, model.code), model.id, keys))

    def labels(keys: Iterable[int]) -> Mapping[int, str]:
        if not hasattr(model, "name"):
            return row_codes(keys)
        if not is_clear(model, "name"):
            return dict.fromkeys(keys, COVER)
        # Whoever shares his name with somebody else is always told apart, whoever stands beside him in this answer.
        other = aliased(model)
        shared = exists().where(other.name == model.name, other.id != model.id)
        held: dict[int, str] = once(("names", key), dict)
        keys = list(keys)
        if new := set(keys) - held.keys():
            tells = is_clear(model, "code")
            for i, code, name, twice in _read(select(model.id, model.code, model.name, shared), model.id, sorted(new)):
                held[i] = f"{name} ({code})" if twice and tells else name
        return {i: held[i] for i in keys if i in held}

    def parse(text: str) -> int:
        with scope.doing("", "list"):
            found = db.session.scalar(select(model.id).where(model.code == text))
            if found is None and text.isdigit() and int(text) <= LARGEST_ID:
                found = db.session.scalar(select(model.id).where(model.id == int(text)))
        if found is None:
            raise MetricError(
                gettext("%(dimension)s: there is no “%(value)s” that you may see.", dimension=label, value=text[:40])
            )
        return found  # type: ignore[no-any-return]

    return register_dimension(Dimension(key, label, labels, parse, row_codes, expand))


def _read(statement: Select[Any], column: Any, keys: Iterable[Any]) -> list[Any]:
    """Rows whose column has one of these keys, so many at a time that both engines can hold the list."""
    wanted = list(dict.fromkeys(keys))
    found: list[Any] = []
    # Whoever sees a figure may read whose it is, also where the loan has moved on since.
    with scope.unscoped("names of what figures in scope are cut by"):
        for start in range(0, len(wanted), AT_ONCE):
            found += db.session.execute(statement.where(column.in_(wanted[start : start + AT_ONCE]))).all()
    return found


def of_words(key: str, label: Any, listed: Mapping[Any, Any]) -> Dimension:
    """A dimension whose keys are a closed list of texts with words, in their order."""

    def parse(text: str) -> Any:
        for value, said in listed.items():
            if text in (str(value), str(said)):
                return value
        known = ", ".join(str(value) for value in listed)
        raise MetricError(
            gettext("%(dimension)s: “%(value)s” is none of %(known)s.", dimension=label, value=text[:40], known=known)
        )

    def labels(keys: Iterable[Any]) -> Mapping[Any, str]:
        return {value: str(said) for value, said in listed.items()}

    return register_dimension(Dimension(key, label, labels, parse, order=tuple(listed)))


def _of_choices(key: str, label: Any, choices: type[StrEnum]) -> Dimension:
    return of_words(key, label, {choice: label_of(choice) for choice in choices})


def _subtrees(branch_ids: Sequence[int]) -> Mapping[int, Sequence[int]]:
    """Each branch with everything below it."""
    tree = once("tree of branches", _tree)

    def below(branch_id: int) -> list[int]:
        found, level = [branch_id], {branch_id}
        while level:
            level = {child for child, parent in tree if parent in level} - set(found)
            found.extend(sorted(level))
        return found

    return {branch_id: below(branch_id) for branch_id in branch_ids}


def _tree() -> list[tuple[int, int | None]]:
    """Each branch with the one above it."""
    with scope.unscoped("the tree of branches, to widen a filter on rows in scope"):
        return [(child, parent) for child, parent in db.session.execute(select(Branch.id, Branch.parent_id))]


def month_key(text: str) -> int:
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if found is None:
        raise MetricError(gettext("“%(text)s” is not a month; write it like 2026-06.", text=text[:40]))
    return int(found[1]) * 100 + int(found[2])


def month_words(keys: Iterable[int]) -> Mapping[int, str]:
    return {key: f"{key // 100}-{key % 100:02d}" for key in keys}


BRANCH = _of_rows("branch", _("Branch"), Branch, _subtrees)
TEAM = _of_rows("team", _("Team"), Team)
MANAGER = _of_rows("manager", _("Customer manager"), Staff)
PRODUCT = _of_rows("product", _("Product"), Product)
GRID = _of_rows("grid", _("Grid"), Grid)
LOAN = _of_rows("loan", _("Loan number"), Loan)
CUSTOMER = _of_rows("customer", _("Customer"), Customer)
CUSTOMER_GROUP = _of_choices("customer_group", _("Customer group"), CustomerType)
INDUSTRY = _of_choices("industry", _("Industry"), Industry)
GUARANTEE = _of_choices("guarantee", _("Guarantee"), Guarantee)
CATEGORY = _of_choices("category", _("Category"), Category)
PURPOSE = _of_choices("purpose", _("Purpose"), Purpose)
PRODUCT_CHANNEL = _of_choices("product_channel", _("Channel"), Channel)
DAYS = of_words("days_past_due", _("Days past due"), DAYS_PAST_DUE.words())
AMOUNT_BAND = of_words("amount_band", _("Amount band"), AMOUNT.words())
TERM_BAND = of_words("term_band", _("Term band"), TERM.words())
MONTH = register_dimension(Dimension("month", _("Month"), month_words, month_key, month_words))
