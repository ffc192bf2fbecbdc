"""What can be done to loans: the verbs of this area, gathered. Each lives in the module of its noun.

Every verb is a unit of work of its own or joins the running one; none commits. Bulk verbs book what the verbs for one
loan would, for thousands; they do not check whether the actor may see the rows, their callers do.
"""

from portal.loans.backdating import repay_backdated
from portal.loans.booking import RowsRefused, post
from portal.loans.costs import charge_cost
from portal.loans.day_end import DayEnd, rebuild_snapshots, rebuild_states, run_day_end, run_nightly
from portal.loans.disbursement import NewLoan, bulk_disburse, disburse
from portal.loans.granting import approve, propose, refuse
from portal.loans.history import Life, bulk_history
from portal.loans.misuse import decide_misuse
from portal.loans.opening import OpeningPosition, bulk_open_positions, open_position
from portal.loans.ownership import hand_over
from portal.loans.prepayment import prepay
from portal.loans.quotes import Quote, quote
from portal.loans.reconciliation import Difference, reconcile
from portal.loans.repayments import Payment, bulk_repay, payoff, repay, settle_early
from portal.loans.reversals import reverse, undo_batch
from portal.loans.schedules import ScheduleLine, bulk_schedules
from portal.loans.suspense import Portion, clear, give_back, receive, reverse_receipt, take
from portal.loans.write_offs import recover, write_off

__all__ = [
    "DayEnd",
    "Difference",
    "Life",
    "NewLoan",
    "OpeningPosition",
    "Payment",
    "Portion",
    "Quote",
    "RowsRefused",
    "ScheduleLine",
    "approve",
    "bulk_disburse",
    "bulk_history",
    "bulk_open_positions",
    "bulk_repay",
    "bulk_schedules",
    "charge_cost",
    "clear",
    "decide_misuse",
    "disburse",
    "give_back",
    "hand_over",
    "open_position",
    "payoff",
    "post",
    "prepay",
    "propose",
    "quote",
    "rebuild_snapshots",
    "rebuild_states",
    "receive",
    "reconcile",
    "recover",
    "refuse",
    "repay",
    "repay_backdated",
    "reverse",
    "reverse_receipt",
    "run_day_end",
    "run_nightly",
    "settle_early",
    "take",
    "undo_batch",
    "write_off",
]
