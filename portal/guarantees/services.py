"""Writing guarantees: every verb leaves the loan's security and its clocks as they follow from the records."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from portal.core import records
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.errors import InvalidValues, Refused
from portal.core.work import current_unit, verb
from portal.guarantees.clocks import OWING, refresh_clocks
from portal.guarantees.models import STANDS_FOR, GuaranteeContract
from portal.loans.models import Guarantee, Loan


@verb("guarantees.add")
def add(model: Any, values: dict[str, Any]) -> Any:
    """A new contract, act, case or asset. InvalidValues by field."""
    row = records.add(model, values)
    settle(row.loan_id)
    return row


@verb("guarantees.add_part")
def add_part(model: Any, values: dict[str, Any]) -> Any:
    """A guarantor or a thing of a contract; the loan is the contract's. InvalidValues by field."""
    wrong = records.problems(model, values)
    if wrong:
        raise InvalidValues(wrong)
    contract: GuaranteeContract = records.load(GuaranteeContract, values["contract"])
    if contract.released_on is not None:
        raise InvalidValues({"contract": [gettext("This contract was released.")]})
    row = model(loan_id=contract.loan_id)
    with db.session.no_autoflush:
        records.assign(row, {name: value for name, value in values.items() if value is not None})
    db.session.add(row)
    db.session.flush()
    current_unit().about(row)
    settle(contract.loan_id)
    return row


@verb("guarantees.change")
def change(model: Any, row_id: int, values: dict[str, Any], version_seen: int | None = None) -> Any:
    """Change a record. Conflict when somebody else did meanwhile; InvalidValues by field."""
    row = records.change(model, row_id, values, version_seen)
    settle(row.loan_id)
    return row


@verb("guarantees.remove")
def remove(model: Any, row_id: int) -> None:
    """Delete a record that nothing refers to; Refused otherwise."""
    loan_id = records.load(model, row_id).loan_id
    records.remove(model, row_id)
    settle(loan_id)


@verb("guarantees.release")
def release(contract_id: int) -> GuaranteeContract:
    """Release a guarantee because the debt is paid. Refused while something is owed, or when it was released before."""
    contract: GuaranteeContract = records.load(GuaranteeContract, contract_id)
    if contract.released_on is not None:
        raise Refused(gettext("This contract was released on %(day)s.", day=contract.released_on))
    if contract.loan.status in OWING:
        raise Refused(gettext("The loan %(code)s is not paid back: its guarantees stay.", code=contract.loan.code))
    contract.released_on = business_date()
    db.session.flush()
    unit = current_unit()
    unit.about(contract)
    settle(contract.loan_id)
    return contract


def settle(loan_id: int) -> None:
    """Bring the loan's security and its clocks in line with its records."""
    loan: Loan = records.load(Loan, loan_id)
    wanted = security_of(loan)
    if wanted is not None and loan.guarantee is not wanted:
        loan.guarantee = wanted
        db.session.flush()
    refresh_clocks([loan_id])


def security_of(loan: Loan) -> Guarantee | None:
    """What a loan is called secured by: the strongest of its contracts. None where none was ever recorded: then what
    the ledger said stands. Of a loan that is paid back, what secured it."""
    contracts = db.session.scalars(select(GuaranteeContract).where(GuaranteeContract.loan_id == loan.id)).all()
    if not contracts:
        return None
    standing = {c.kind for c in contracts if c.released_on is None or loan.status not in OWING}
    return next((called for kind, called in STANDS_FOR.items() if kind in standing), Guarantee.CREDIT)
