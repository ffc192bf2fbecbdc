"""The parts a claim on a borrower is made of."""

from enum import StrEnum


class Component(StrEnum):
    """What a fen owed, paid or accrued stands for."""

    PRINCIPAL = "principal"
    INTEREST = "interest"
    FEE = "fee"
    PENALTY = "penalty"
    """Penalty interest on what is overdue (罚息)."""
    COST = "cost"
    """Costs of enforcing the claim (实现债权的费用) that the lender paid for the borrower."""
