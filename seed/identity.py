"""Numbers that look right, pass the checks of `portal.customers.rules`, and belong to nobody.

Each number is a function of a serial, so that one serial gives one number and different serials give different ones,
without keeping what was given before. What makes each of them nobody's:

- Resident IDs and credit codes carry the county code 370660. No county, city or district of Shandong was ever given it
  (GB/T 2260 and its history: Yantai's counties ran from 370620 to 370634, its cities from 370681 to 370687).
- Mobiles begin with 179. The ministry's list of prefixes assigned to mobile networks (工业和信息化部,
  我国公众移动通信网网号及H0分配情况, as of March 2023) leaves it out: 179xx are access codes for IP telephony.
- Cards begin with 9999. Under ISO/IEC 7812 a leading 9 is followed by the ISO 3166 number of a country, and 999 is left
  to private use there: no issuer can have it. The bank cards of the mainland begin with 62.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from stdnum import luhn
from stdnum.cn import ric, uscc

from portal.customers.rules import Sex

NO_COUNTY = "370660"
NO_NETWORK = "179"
NO_ISSUER = "999900"

Registration = Literal["enterprise", "cooperative"]
# Registered by the market regulator (9) as an enterprise (1) or a farmers' cooperative (3).
_REGISTRATION = {"enterprise": "91", "cooperative": "93"}

# Serials are spread over their range by a multiplier prime to it, so that neighbours do not look alike.
_SPREAD = 618_033_988_749


def resident_id(born: date, sex: Sex, serial: int) -> str:
    """The resident ID of the serial-th man or woman (0 to 499) born on a day."""
    if not 0 <= serial < 500:
        raise ValueError(f"500 people of one sex share a birthday, not {serial + 1}")
    sequence = 2 * ((serial * 83 + born.toordinal() * 37) % 500) + (sex == "male")
    body = f"{NO_COUNTY}{born:%Y%m%d}{sequence:03d}"
    return body + ric.calc_check_digit(body + "0")


def credit_code(registration: Registration, serial: int) -> str:
    """A unified social credit code. The nine characters of the organisation inside carry their own check (GB 11714)."""
    organisation = "MA" + _in_base_31(serial * _SPREAD % 31**6, width=6)
    body = f"{_REGISTRATION[registration]}{NO_COUNTY}{organisation}{_organisation_check(organisation)}"
    return body + uscc.calc_check_digit(body)


def mobile(serial: int) -> str:
    """A mobile number of eleven digits."""
    return f"{NO_NETWORK}{serial * _SPREAD % 10**8:08d}"


def bank_card(serial: int) -> str:
    """A bank card number of nineteen digits."""
    body = f"{NO_ISSUER}{serial * _SPREAD % 10**12:012d}"
    return body + luhn.calc_check_digit(body)


def _in_base_31(number: int, width: int) -> str:
    characters = ""
    for _ in range(width):
        number, digit = divmod(number, 31)
        characters = "0123456789ABCDEFGHJKLMNPQRTUWXY"[digit] + characters
    return characters


def _organisation_check(organisation: str) -> str:
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(character, 36) * weight for character, weight in zip(organisation, weights, strict=True))
    return "0123456789X"[-total % 11]
