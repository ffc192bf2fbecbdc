"""The sums of 10,000 real loans that the ledger is compared with after their import (tests/test_main_job.py)."""

from fractions import Fraction

import pytest

from tests.portal.metrics.lendingclub import by_state, figures, read

FILE = "lendingclub_openintro/loans_full_schema.csv"


@pytest.mark.shared
def test_the_file_amounts_to_the_ground_truths(shared_data):
    found = figures(read(shared_data / FILE))
    assert found["disbursed_amount"] == 163_619_225_00
    assert found["loan_balance"] == 144_589_166_10
    assert found["collected_principal"] == 18_944_484_66
    assert found["collected_interest"] == 5_996_667_81
    assert found["collected_fees"] == 1_195_16
    assert found["collected_amount"] == 24_942_347_63
    assert found["written_off"] == 85_574_24
    assert found["loan_count"] == 9_545
    shares = {key: round(Fraction(found[key]) * 100, 4) for key in ("average_rate", "par_1", "par_30")}
    assert shares == {
        "average_rate": Fraction("12.6604"),
        "par_1": Fraction("2.0746"),
        "par_30": Fraction("0.8403"),
    }


@pytest.mark.shared
def test_the_states_of_the_file_add_up_to_all_of_it(shared_data):
    loans = read(shared_data / FILE)
    states = by_state(loans)
    assert len(states) == 50
    for key in ("loan_balance", "loan_count", "collected_amount", "written_off", "overdue_loan_balance"):
        assert sum(found[key] for found in states.values()) == figures(loans)[key]
