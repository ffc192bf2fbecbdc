"""The dated parameters of assessments: from which scores on a risk has each level, and how often it is assessed."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _

from portal.parameters.known import HOUSE, Known, declare
from portal.parameters.services import parameters
from portal.risk.assessment_words import RiskKind
from portal.risk.levels import Cutoffs

MEDIUM, HIGH, VERY_HIGH = (f"risk_level.{name}" for name in ("medium", "high", "very_high"))

for _key, _label, _score in (
    (MEDIUM, _("Likelihood × impact from which a risk is medium"), "4"),
    (HIGH, _("Likelihood × impact from which a risk is high"), "9"),
    (VERY_HIGH, _("Likelihood × impact from which a risk is very high"), "15"),
):
    declare(Known(_key, _label, "number", _score, HOUSE, confirmed=True))


def _months_key(kind: RiskKind) -> str:
    return f"risk_assessment.months.{kind.value}"


for _kind, _label in (
    (RiskKind.CREDIT, _("Months between assessments of credit risk (0: not regularly)")),
    (RiskKind.MARKET, _("Months between assessments of market risk (0: not regularly)")),
    (RiskKind.OPERATIONAL, _("Months between assessments of operational risk (0: not regularly)")),
    (RiskKind.COMPLIANCE, _("Months between assessments of compliance risk (0: not regularly)")),
    (RiskKind.LIQUIDITY, _("Months between assessments of liquidity risk (0: not regularly)")),
    (RiskKind.LEGAL, _("Months between assessments of legal risk (0: not regularly)")),
):
    declare(Known(_months_key(_kind), _label, "number", "3", HOUSE, confirmed=True))


def cutoffs(day: date) -> Cutoffs:
    """The scores in force on a day."""
    found = parameters((MEDIUM, HIGH, VERY_HIGH), day)
    return Cutoffs(*(int(found[key].value) for key in (MEDIUM, HIGH, VERY_HIGH)))


def months_between(day: date) -> dict[RiskKind, int]:
    """How often each kind of risk is assessed, as in force on a day."""
    found = parameters([_months_key(kind) for kind in RiskKind], day)
    return {kind: int(found[_months_key(kind)].value) for kind in RiskKind}
