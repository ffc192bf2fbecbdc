"""The clocks of loans, written from the records: what runs out when, of which debt, guarantor, thing or asset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import delete, exists, inspect, or_, select

from portal.core.bulk import chunks
from portal.core.clock import business_date
from portal.core.db import db
from portal.core.scope import unscoped
from portal.core.work import current_unit, verb
from portal.guarantees.models import (
    Clock,
    ClockKind,
    CollateralItem,
    GuaranteeContract,
    Guarantor,
    LegalAct,
    Litigation,
    LitigationState,
    RepossessedAsset,
)
from portal.guarantees.parameters import MONTHS, YEARS
from portal.guarantees.rules import Act, Interruption, claimed_on, guarantee_period_ends, limitation_ends
from portal.loans.models import Loan, LoanStatus, Repayment
from portal.parameters.services import parameters

OWING = (LoanStatus.ACTIVE, LoanStatus.WRITTEN_OFF)
"""A written-off debt is still owed (账销案存)."""


@verb("guarantees.refresh_clocks")
def refresh_all() -> int:
    """All clocks anew, for the payments and days that passed; every night. Returns how many loans have some."""
    secured = exists().where(GuaranteeContract.loan_id == Loan.id)
    taken = exists().where(RepossessedAsset.loan_id == Loan.id)
    overdue = Loan.status.in_(OWING) & (Loan.matures_on < business_date())
    concerned = select(Loan.id).where(or_(secured, taken, overdue))
    with unscoped("the clocks of every loan are written"):
        ids = list(db.session.scalars(concerned.order_by(Loan.id)))
        db.session.execute(delete(Clock).where(Clock.loan_id.not_in(concerned)))
    for part in chunks(ids):
        refresh_clocks(part)
    current_unit().note(loans=len(ids))
    return len(ids)


def refresh_clocks(loan_ids: Collection[int]) -> None:
    """The clocks of these loans anew, within a unit of work; one that runs as before stays as it is."""
    today = business_date()
    dated = parameters([YEARS, MONTHS], today)
    years, months = int(dated[YEARS].value), int(dated[MONTHS].value)
    with unscoped("clocks follow from records of loans that were checked already"):
        loans = list(db.session.scalars(select(Loan).where(Loan.id.in_(loan_ids))))
        of = {model: _by_loan(model, loan_ids) for model in PARTS}
        held = {
            _content(clock): clock for clock in db.session.scalars(select(Clock).where(Clock.loan_id.in_(loan_ids)))
        }
        for loan in loans:
            parts = {model: rows.get(loan.id, []) for model, rows in of.items()}
            for clock in _clocks(loan, parts, today, years, months):
                if held.pop(_content(clock), None) is None:
                    db.session.add(clock)
        db.session.execute(delete(Clock).where(Clock.id.in_([clock.id for clock in held.values()])))
        db.session.flush()


def _content(clock: Clock) -> tuple[Any, ...]:
    """What a clock says, whatever its number."""
    return tuple(getattr(clock, column.key) for column in inspect(Clock).column_attrs if column.key != "id")


PARTS: Sequence[Any] = (
    GuaranteeContract,
    Guarantor,
    CollateralItem,
    LegalAct,
    Litigation,
    RepossessedAsset,
    Repayment,
)


def _by_loan(model: Any, loan_ids: Collection[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in db.session.scalars(select(model).where(model.loan_id.in_(loan_ids)).order_by(model.id)):
        found[row.loan_id].append(row)
    return found


def _clocks(loan: Loan, parts: dict[Any, list[Any]], today: date, years: int, months: int) -> Iterator[Clock]:
    for asset in parts[RepossessedAsset]:
        if asset.disposed_on is None:
            yield Clock(loan_id=loan.id, kind=ClockKind.DISPOSAL, runs_out_on=asset.dispose_by, asset_id=asset.id)
    if loan.status not in OWING:
        return
    if loan.matures_on < today and not _pending(parts[Litigation], None):
        acts = _acts(parts, None)
        paid = [row.value_date for row in parts[Repayment] if row.reversed_on is None]
        acts += [Interruption(day, Act.PAYMENT) for day in paid]
        ends = limitation_ends(loan.matures_on, acts, years)
        yield Clock(loan_id=loan.id, kind=ClockKind.LIMITATION, runs_out_on=ends)
    standing = {row.id: row for row in parts[GuaranteeContract] if row.released_on is None}
    for guarantor in parts[Guarantor]:
        contract = standing.get(guarantor.contract_id)
        if contract is None or _pending(parts[Litigation], guarantor.id):
            continue
        acts = _acts(parts, guarantor.id)
        ends = guarantee_period_ends(loan.matures_on, contract.agreed_until, months)
        claimed = claimed_on(contract.stands, loan.matures_on, ends, acts)
        kind = ClockKind.GUARANTEE_PERIOD if claimed is None else ClockKind.GUARANTEE_LIMITATION
        if claimed is not None:
            ends = limitation_ends(claimed, acts, years)
        yield Clock(loan_id=loan.id, kind=kind, runs_out_on=ends, guarantor_id=guarantor.id)
    for thing in parts[CollateralItem]:
        dates = ((ClockKind.APPRAISAL, thing.reappraise_on), (ClockKind.REGISTRATION, thing.registered_until))
        for kind, day in dates if thing.contract_id in standing else ():
            if day is not None:
                yield Clock(loan_id=loan.id, kind=kind, runs_out_on=day, collateral_id=thing.id)


def _acts(parts: dict[Any, list[Any]], guarantor_id: int | None) -> list[Interruption]:
    """Acts against the borrower (None) or a guarantor; a lawsuit interrupts when it is filed and when it ends."""
    acts = [Interruption(row.done_on, row.act) for row in parts[LegalAct] if row.guarantor_id == guarantor_id]
    for case in parts[Litigation]:
        if case.guarantor_id == guarantor_id:
            acts += [Interruption(day, Act.LAWSUIT) for day in (case.filed_on, case.closed_on) if day is not None]
    return acts


def _pending(cases: list[Any], guarantor_id: int | None) -> bool:
    return any(case.guarantor_id == guarantor_id and case.state is not LitigationState.CLOSED for case in cases)
