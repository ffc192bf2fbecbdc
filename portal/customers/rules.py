"""What makes a resident ID, a credit code, a phone or a bank card plausible, and how each is shown masked.

Every `…_problem` takes what somebody typed and returns the English message id of the first thing that is wrong with it,
or None. The caller translates. Every `normalise_…` returns the form to store; it never fails and leaves what it cannot
read to the check.

Sources: resident ID GB 11643-1999, unified social credit code GB 32100-2015, cards ISO/IEC 7812-1 (Luhn).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

from stdnum import luhn
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidChecksum, InvalidFormat, InvalidLength

Sex = Literal["male", "female"]

TAIL = 4
"""Characters of a number that people remember and ask for: "the last four"."""
LONGEST_ADDRESS = 400

EARLIEST_BIRTH = date(1900, 1, 1)

# Full-width forms of ASCII, the ideographic space, and digits written as Chinese numerals (plain and capital).
_TYPED = str.maketrans(
    "".join(map(chr, range(0xFF01, 0xFF5F))) + "\u3000" + "零一二三四五六七八九" + "〇壹贰叁肆伍陆柒捌玖",
    "".join(map(chr, range(0x21, 0x7F))) + " " + "0123456789" + "0123456789",
)
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—·.()]+")

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
# 010 and 02x are the three-digit area codes; local numbers never begin with 0, 1 or 9.
_LANDLINE = re.compile(r"(010|02[0-9]|0[3-9][0-9]{2})([2-8][0-9]{6,7})")


def N_(msgid: str) -> str:  # noqa: N802 - the name by which the extractor of messages knows it
    """Mark a message id for translation without translating it here."""
    return msgid


def _compact(text: str) -> str:
    if text.isascii() and text.isalnum():  # most are typed plainly
        return text.upper()
    return _SEPARATORS.sub("", text.translate(_TYPED)).upper()


# --- resident ID ------------------------------------------------------------------------------------------------------


def normalise_resident_id(text: str) -> str:
    """Eighteen characters without separators, the X in upper case."""
    return _compact(text)


def resident_id_problem(text: str, on: date = date.max) -> str | None:
    """What is wrong with a resident ID whose holder must be born between 1900 and a day: pass the business date.

    Without it a birth in the future passes. The six-digit county code is not looked up: lists of codes are incomplete
    for older births and reject good numbers.
    """
    number = normalise_resident_id(text)
    if len(number) != 18:
        return N_("A resident ID has 18 characters.")
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        return N_("A resident ID has 17 digits and then a digit or X.")
    try:
        born = birth_date_of(number)
    except ValueError:
        return N_("The birth date in the resident ID does not exist.")
    if not EARLIEST_BIRTH <= born <= on:
        return N_("The birth date in the resident ID lies before 1900 or in the future.")
    if number[-1] != ric.calc_check_digit(number):
        return N_("The check digit of the resident ID does not match: a digit is mistyped.")
    return None


def birth_date_of(resident_id: str) -> date:
    """The birth date inside a normalised resident ID. ValueError where there is none."""
    return date(int(resident_id[6:10]), int(resident_id[10:12]), int(resident_id[12:14]))


def sex_of(resident_id: str) -> Sex:
    """The sex inside a normalised resident ID: the seventeenth digit is odd for men."""
    return "male" if int(resident_id[16]) % 2 else "female"


def mask_resident_id(resident_id: str) -> str:
    """County and last four characters; the birth date stays hidden: 370660********0014."""
    return _mask(resident_id, head=6, tail=4)


# --- unified social credit code ---------------------------------------------------------------------------------------


def normalise_uscc(text: str) -> str:
    """Eighteen characters without separators, letters in upper case."""
    return _compact(text)


def uscc_problem(text: str) -> str | None:
    """What is wrong with a unified social credit code."""
    try:
        uscc.validate(normalise_uscc(text))
    except InvalidLength:
        return N_("A unified social credit code has 18 characters.")
    except InvalidFormat:
        return N_("A unified social credit code begins with 8 digits and has no I, O, S, V or Z.")
    except InvalidChecksum:
        return N_("The check character of the unified social credit code does not match: a character is mistyped.")
    return None


# --- phone ------------------------------------------------------------------------------------------------------------


def normalise_phone(text: str) -> str:
    """A mobile as 11 digits, a landline as area code, hyphen, number; the country code 86 is dropped."""
    if _MOBILE.fullmatch(text):
        return text
    digits = re.sub(r"^(\+|00)86", "", _compact(text))
    if landline := _LANDLINE.fullmatch(digits):
        return "-".join(landline.groups())
    return digits


def phone_problem(text: str) -> str | None:
    """What is wrong with a phone number of the mainland."""
    number = normalise_phone(text)
    if _MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number.replace("-", "")):
        return None
    if not re.fullmatch(r"[0-9\-]+", number):
        return N_("A phone number has digits only.")
    if number.startswith("1"):
        return N_("A mobile number has 11 digits and begins with 13 to 19.")
    return N_("A landline is written with its area code and has 10 to 12 digits.")


def mask_phone(phone: str) -> str:
    """The middle of a mobile, or all but the area code and the last two digits of a landline, is hidden."""
    if "-" in phone:
        area, number = phone.split("-", 1)
        return f"{area}-{_mask(number, head=0, tail=2)}"
    return _mask(phone, head=3, tail=4)


# --- bank card --------------------------------------------------------------------------------------------------------


def normalise_bank_card(text: str) -> str:
    """The digits without separators."""
    return _compact(text)


def bank_card_problem(text: str) -> str | None:
    """What is wrong with a personal bank card number."""
    number = normalise_bank_card(text)
    if not re.fullmatch(r"[0-9]{16,19}", number):
        return N_("A bank card number has 16 to 19 digits.")
    if not luhn.is_valid(number):
        return N_("The check digit of the bank card number does not match: a digit is mistyped.")
    return None


def mask_bank_account(account: str) -> str:
    """The last four digits."""
    return _mask(account, head=0, tail=4)


# --- address ----------------------------------------------------------------------------------------------------------


def address_problem(text: str) -> str | None:
    """What is wrong with an address."""
    return N_("An address has at most 400 characters.") if len(text) > LONGEST_ADDRESS else None


LONGEST_CONTENT = 2_000


def content_problem(text: str) -> str | None:
    """What is wrong with the content of a fact or a request."""
    return N_("This has at most 2,000 characters.") if len(text) > LONGEST_CONTENT else None


def mask_address(address: str) -> str:
    """The province and city or county stay, the rest is hidden: 山东省栖霞市******."""
    return _mask(address, head=min(6, len(address) // 2), tail=0)


# --- figures ----------------------------------------------------------------------------------------------------------


RATIO_STEPS, RATIO_STEP = 10_000, 100
"""A debt ratio is told to hundredths of a percent: so many of them make one, each of so many parts per million."""


def debt_ratio(liabilities: int, assets: int) -> int | None:
    """Liabilities as a share of assets, in parts per million, rounded down to hundredths of a percent; None without
    assets. Above 1,000,000: more is owed than owned."""
    return liabilities * RATIO_STEPS // assets * RATIO_STEP if assets > 0 else None


# --- names ------------------------------------------------------------------------------------------------------------


def mask_name(name: str) -> str:
    """The first character of a person's name: 王**."""
    return _mask(name, head=1, tail=0)


def _mask(text: str, head: int, tail: int) -> str:
    """Stars between head and tail. A text too short to hide four characters, or half of it, is hidden whole."""
    hidden = len(text) - head - tail
    if hidden < min(4, (len(text) + 1) // 2):
        return "*" * len(text)
    return text[:head] + "*" * hidden + text[len(text) - tail :]
