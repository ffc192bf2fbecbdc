"""What secures the loans of the demo company: a contract for every loan that is not unsecured, with who or what."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from sqlalchemy import select

from portal.core.db import db
from portal.core.scope import unscoped
from portal.guarantees.clocks import refresh_all
from portal.guarantees.models import CollateralItem, GuaranteeContract, GuaranteeKind, Guarantor, LegalAct
from portal.guarantees.rules import Act, Liability
from portal.loans.models import Guarantee, Loan, LoanStatus
from portal.loans.state import LoanState
from seed import names
from seed.company import BUSINESS_DATE

APPRAISER = "公司信贷部"
THINGS = {
    Guarantee.MORTGAGE: ("住房一套", "商铺一间", "冷库一座", "厂房一处"),
    Guarantee.PLEDGE: ("仓单一批", "应收账款", "定期存单"),
}
KINDS = {
    Guarantee.MORTGAGE: GuaranteeKind.MORTGAGE,
    Guarantee.PLEDGE: GuaranteeKind.PLEDGE,
    Guarantee.GUARANTOR: GuaranteeKind.GUARANTOR,
}
A_YEAR, LATEST = timedelta(days=365), timedelta(days=10)
LATE = 30
"""Days past due from which the demo company has sent a demand."""


def load_guarantees() -> None:
    """Write the contracts of all loans that say they are secured, within a unit of work; then the clocks."""
    rng = Random("demo company: guarantees")
    with unscoped("the demo company is loaded"):
        loans = db.session.scalars(select(Loan).where(Loan.guarantee != Guarantee.CREDIT).order_by(Loan.id)).all()
        rows = db.session.execute(select(LoanState.loan_id, LoanState.days_past_due))
        late = {row.loan_id: row.days_past_due for row in rows}
    contracts = {loan.id: _contract(loan) for loan in loans}
    db.session.add_all(contracts.values())
    db.session.flush()
    for loan in loans:
        contract_id = contracts[loan.id].id
        if loan.guarantee is Guarantee.GUARANTOR:
            guarantor = Guarantor(loan_id=loan.id, contract_id=contract_id, name=_name(rng))
            db.session.add(guarantor)
            if loan.matures_on < BUSINESS_DATE and loan.id in late:
                db.session.flush()
                sent = min(loan.matures_on + timedelta(days=rng.randrange(20, 60)), BUSINESS_DATE)
                db.session.add(_demand(loan, sent, guarantor.id))
        else:
            db.session.add(_thing(loan, contract_id, rng))
        if late.get(loan.id, 0) > LATE:
            sent = BUSINESS_DATE - timedelta(days=rng.randrange(1, LATE))
            db.session.add(_demand(loan, sent))
    db.session.flush()
    refresh_all()


def _demand(loan: Loan, sent: date, guarantor_id: int | None = None) -> LegalAct:
    evidence = f"催收函 {loan.code}"
    return LegalAct(loan_id=loan.id, act=Act.DEMAND, done_on=sent, evidence=evidence, guarantor_id=guarantor_id)


def _contract(loan: Loan) -> GuaranteeContract:
    kind = KINDS[loan.guarantee]
    return GuaranteeContract(
        code=f"DB-{loan.code}",
        loan_id=loan.id,
        kind=kind,
        secured=loan.principal * 13 // 10,
        signed_on=loan.disbursed_on,
        liability=Liability.JOINT if kind is GuaranteeKind.GUARANTOR else None,
        released_on=loan.closed_on if loan.status is LoanStatus.SETTLED else None,
    )


def _thing(loan: Loan, contract_id: int, rng: Random) -> CollateralItem:
    on = loan.disbursed_on - timedelta(days=rng.randrange(3, 20))
    while loan.closed_on is None and on + A_YEAR < BUSINESS_DATE - LATEST:
        on += A_YEAR  # appraised again each year, a few a little late
    return CollateralItem(
        loan_id=loan.id,
        contract_id=contract_id,
        thing=rng.choice(THINGS[loan.guarantee]),
        appraised_value=loan.principal * rng.randrange(150, 240) // 100,
        appraiser=APPRAISER,
        appraised_on=on,
        reappraise_on=on + A_YEAR,
        registration=f"DJ-{loan.code}",
        registered_on=loan.disbursed_on,
    )


def _name(rng: Random) -> str:
    return names.person(rng, rng.choice(("male", "female")), 1975)
