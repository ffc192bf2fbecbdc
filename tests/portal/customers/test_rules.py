"""Resident IDs, credit codes, phones, cards: what passes, what is named as wrong, what is hidden."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.customers import rules
from seed import identity

TODAY = date(2026, 6, 30)

births = st.dates(date(1900, 1, 1), TODAY)
sexes = st.sampled_from(["male", "female"])
resident_ids = st.builds(identity.resident_id, births, sexes, st.integers(0, 499))
credit_codes = st.builds(
    identity.credit_code, st.sampled_from(["enterprise", "cooperative"]), st.integers(0, 31**6 - 1)
)
bank_cards = st.builds(identity.bank_card, st.integers(0, 10**12 - 1))


def with_another(text: str, position: int, characters: str, draw: int) -> str:
    """The text with one character exchanged for a different one."""
    others = [character for character in characters if character != text[position]]
    return text[:position] + others[draw % len(others)] + text[position + 1 :]


@given(births, sexes, st.integers(0, 499))
def test_a_resident_id_passes_and_tells_birth_and_sex(born, sex, serial):
    number = identity.resident_id(born, sex, serial)
    assert rules.resident_id_problem(number, on=TODAY) is None
    assert rules.birth_date_of(number) == born
    assert rules.sex_of(number) == sex


@given(resident_ids, st.integers(0, 16), st.integers(0, 8))
def test_one_mistyped_digit_of_a_resident_id_never_passes(number, position, draw):
    assert rules.resident_id_problem(with_another(number, position, "0123456789", draw), on=TODAY)


@given(resident_ids, st.integers(0, 9))
def test_a_wrong_check_digit_of_a_resident_id_never_passes(number, draw):
    assert rules.resident_id_problem(with_another(number, 17, "0123456789X", draw), on=TODAY)


# 11010519491231002X is the worked example of GB 11643-1999.
@pytest.mark.parametrize(
    "typed",
    [
        "11010519491231002X",
        "11010519491231002x",
        " 110105 19491231 002X ",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105-19491231-002X",
    ],
)
def test_the_example_of_the_standard_passes_however_it_is_typed(typed):
    assert rules.resident_id_problem(typed, on=TODAY) is None
    assert rules.normalise_resident_id(typed) == "11010519491231002X"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("", "18 characters"),
        ("110105491231002", "18 characters"),
        ("1101051949123100X2", "17 digits"),
        ("１１０１０５19491231002Y", "17 digits"),
        ("٣١٠١٠٥١٩٤٩١٢٣١٠٠٢X", "17 digits"),
        ("110105194902300021", "does not exist"),
        ("110105000001010021", "does not exist"),
        ("110105189912310025", "before 1900"),
        (identity.resident_id(date(2026, 7, 1), "male", 0), "in the future"),
        ("110105194912310021", "check digit"),
    ],
)
def test_what_is_wrong_with_a_resident_id_is_named(number, says):
    assert says in (rules.resident_id_problem(number, on=TODAY) or "")


def test_somebody_born_on_the_day_itself_passes():
    assert rules.resident_id_problem(identity.resident_id(TODAY, "female", 3), on=TODAY) is None


@pytest.mark.shared
def test_two_hundred_real_credit_codes_pass(shared_data):
    codes = (shared_data / "cn_ids" / "uscc_valid.txt").read_text(encoding="utf-8").split()
    assert len(codes) == 200
    assert [code for code in codes if rules.uscc_problem(code)] == []


@given(credit_codes, st.integers(0, 17), st.integers(0, 29))
def test_a_credit_code_passes_until_one_character_is_mistyped(code, position, draw):
    assert rules.uscc_problem(code) is None
    assert rules.uscc_problem(with_another(code, position, "0123456789ABCDEFGHJKLMNPQRTUWXY", draw))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("91110000600037341", "18 characters"),
        ("A1110000600037341L", "begins with 8 digits"),
        ("91110000600037341I", "begins with 8 digits"),
        ("91110000600037342L", "check character"),
    ],
)
def test_what_is_wrong_with_a_credit_code_is_named(code, says):
    assert says in (rules.uscc_problem(code) or "")


def test_a_credit_code_is_stored_in_upper_case_without_separators():
    assert rules.normalise_uscc(" 9111 0000 6000-3734１l") == "91110000600037341L"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("17912345678", "17912345678"),
        ("179 1234 5678", "17912345678"),
        ("+86 179-1234-5678", "17912345678"),
        ("008617912345678", "17912345678"),
        ("１７９１２３４５６７８", "17912345678"),
        ("一七九一二三四五六七八", "17912345678"),
        ("（０５３５）２２２２２２２", "0535-2222222"),
        ("0535 222 2222", "0535-2222222"),
        ("01022222222", "010-22222222"),
        ("+86 0535 2222222", "0535-2222222"),
    ],
)
def test_a_phone_passes_however_it_is_typed(typed, stored):
    assert rules.phone_problem(typed) is None
    assert rules.normalise_phone(typed) == stored
    assert rules.normalise_phone(stored) == stored


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "digits only"),
        ("179-1234-567a", "digits only"),
        ("12912345678", "begins with 13"),
        ("1791234567", "begins with 13"),
        ("179123456789", "begins with 13"),
        ("2222222", "area code"),
        ("0535-1222222", "area code"),
        ("0535-222222", "area code"),
    ],
)
def test_what_is_wrong_with_a_phone_is_named(typed, says):
    assert says in (rules.phone_problem(typed) or "")


@given(bank_cards, st.integers(0, 18), st.integers(0, 8))
def test_a_bank_card_passes_until_one_digit_is_mistyped(card, position, draw):
    assert rules.bank_card_problem(card) is None
    assert rules.bank_card_problem(with_another(card, position, "0123456789", draw))


@pytest.mark.parametrize("typed", ["123456789012345", "12345678901234567890", "6222o20000000000000"])
def test_a_bank_card_of_another_length_or_with_letters_is_refused(typed):
    assert "16 to 19 digits" in (rules.bank_card_problem(typed) or "")


def test_a_bank_card_is_stored_without_its_groups():
    card = identity.bank_card(7)
    assert rules.normalise_bank_card(f" {card[:4]} {card[4:8]}-{card[8:]} ") == card


def test_masks_keep_what_tells_people_apart_and_hide_the_rest():
    assert rules.mask_resident_id("11010519491231002X") == "110105********002X"
    assert rules.mask_phone("17912345678") == "179****5678"
    assert rules.mask_phone("0535-2222234") == "0535-*****34"
    assert rules.mask_bank_account("9999001234567890123") == "***************0123"
    assert rules.mask_name("王小明") == "王**"
    assert rules.mask_name("王明") == "王*"


@given(st.text(max_size=30))
def test_a_mask_keeps_the_length_and_never_shows_a_short_text(text):
    for mask in (rules.mask_resident_id, rules.mask_bank_account, rules.mask_name):
        masked = mask(text)
        assert len(masked) == len(text)
        assert masked.count("*") >= min(4, (len(text) + 1) // 2)


@given(st.text(max_size=30))
def test_no_input_makes_a_check_fail_instead_of_answering(text):
    rules.resident_id_problem(text, on=TODAY)
    rules.uscc_problem(text)
    rules.phone_problem(text)
    rules.bank_card_problem(text)
