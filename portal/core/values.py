"""Values between people and the database: one way to write each type as text, one way to read it.

Forms, lists, filters, imports, exports and REST share these, so that a value looks and parses the same everywhere.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape

from portal.core.db import label_of
from portal.core.fields import Field

LARGEST_MONEY = 10**15
"""Fen; ten trillion yuan. Anything above is a typing mistake, and sums must stay within 64 bits."""

UNITS = {"money": _("yuan"), "rate": "%"}


class ValueProblem(Exception):
    """The text is no such value; the message says what was expected."""


def as_text(field: Field, value: Any) -> str:
    """The value as exports, REST and form inputs write it: no thousands separators, dates in ISO form."""
    if value is None:
        return ""
    if field.words is not None:
        return field.words.of(value)
    match field.type:
        case "money":
            return money_text(value)
        case "rate":
            return rate_text(value)
        case "date":
            return value.isoformat()  # type: ignore[no-any-return]
        case "datetime":
            # Flask-AppBuilder keeps the machine's own time without a zone
            return (value if value.tzinfo else value.astimezone()).isoformat(timespec="seconds")  # type: ignore[no-any-return]
        case "bool":
            return "1" if value else "0"
        case "choice":
            return str(value.value)
        case _:
            return str(value)


def as_shown(field: Field, value: Any) -> str | Markup:
    """The value as a screen shows it: thousands separated, choices in words, statuses as chips."""
    if value is None or value == "":
        return ""
    if field.offered is not None:
        return escape(field.offered.of(value))
    match field.type:
        case "money":
            return money_text(value, thousands=True)
        case "rate":
            return rate_text(value)
        case "int":
            return f"{value:,}"
        case "bool":
            return str(_("Yes") if value else _("No"))
        case "choice":
            return Markup(f'<span class="chip chip-{escape(value.value)}">{escape(str(label_of(value)))}</span>')
        case "datetime":
            return value.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")  # type: ignore[no-any-return]
        case _:
            return escape(as_text(field, value))


CHINA = dt.timezone(dt.timedelta(hours=8), "UTC+8")


def money_text(fen: int, thousands: bool = False) -> str:
    """12345678 -> 123456.78 or 123,456.78."""
    yuan, rest = divmod(abs(fen), 100)
    sign = "-" if fen < 0 else ""
    return f"{sign}{yuan:,}.{rest:02d}" if thousands else f"{sign}{yuan}.{rest:02d}"


@lru_cache(1000)
def rate_text(ppm: int) -> str:
    """126100 -> 12.61; at least two decimals, more where the rate has them."""
    percent = Decimal(ppm) / 10_000
    text = f"{percent:.4f}".rstrip("0")
    whole, _dot, decimals = text.partition(".")
    return f"{whole}.{decimals:0<2}"


def parse(field: Field, text: str) -> Any:
    """Read what somebody typed or a file holds; None for nothing. Raises ValueProblem in the user's words.

    References are read as ids here; importers look them up by code.
    """
    text = tidy(text)
    if text == "":
        return None
    match field.type:
        case "money":
            return parse_money(text)
        case "rate":
            return parse_rate(text)
        case "int" | "ref":
            return parse_int(text)
        case "date":
            return parse_date(text)
        case "bool":
            return parse_bool(text)
        case "choice":
            return parse_choice(field, text)
        case "datetime":
            return parse_moment(text)
        case _:
            if field.max_length and len(text) > field.max_length and not field.sensitive:
                raise ValueProblem(
                    gettext("At most %(most)s characters; this has %(have)s.", most=field.max_length, have=len(text))
                )
            return text


def tidy(text: str) -> str:
    """Without surrounding blanks of any kind, control characters made blanks."""
    return (
        "".join(" " if unicodedata.category(c) == "Cc" and c != "\n" else c for c in text).strip().strip("\u3000\ufeff")
    )


def parse_number(text: str) -> Decimal:
    """A number as people write it: full-width digits, thousands separators, yuan and percent signs are read over."""
    plain = unicodedata.normalize("NFKC", text).replace(" ", "").replace("\u00a0", "").lstrip("¥").rstrip("元%")
    if not re.fullmatch(
        r"[+-]?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)?(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?", plain
    ) or not re.search(r"\d", plain):
        raise ValueProblem(gettext("“%(text)s” is not a number.", text=text[:40]))
    try:
        return Decimal(plain.replace(",", ""))
    except InvalidOperation:
        raise ValueProblem(gettext("“%(text)s” is not a number.", text=text[:40])) from None


def parse_money(text: str) -> int:
    """Yuan with at most two decimals -> fen."""
    fen = parse_number(text) * 100
    if fen != fen.to_integral_value():
        raise ValueProblem(gettext("An amount has at most two decimals."))
    if abs(fen) > LARGEST_MONEY:
        raise ValueProblem(gettext("This amount is too large."))
    return int(fen)


def parse_rate(text: str) -> int:
    """Percent a year with at most four decimals -> parts per million."""
    ppm = parse_number(text) * 10_000
    if ppm != ppm.to_integral_value():
        raise ValueProblem(gettext("A rate has at most four decimals."))
    if abs(ppm) > 10_000_000:
        raise ValueProblem(gettext("This rate is too large."))
    return int(ppm)


def is_whole(text: str) -> bool:
    """Plain digits, short enough for a key: what ids in addresses and forms must be."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def parse_int(text: str) -> int:
    number = parse_number(text)
    if number != number.to_integral_value():
        raise ValueProblem(gettext("This must be a whole number."))
    if abs(number) > 2**31 - 1:
        raise ValueProblem(gettext("This number is too large."))
    return int(number)


_DATE = re.compile(r"(\d{4})\s*(?:[-/.年])\s*(\d{1,2})\s*(?:[-/.月])\s*(\d{1,2})\s*日?(?:[ T]00:00(?::00(?:\.0+)?)?)?")


def parse_date(text: str) -> dt.date:
    """2026-06-30, 2026/6/30, 2026.6.30, 2026年6月30日 or 20260630."""
    plain = unicodedata.normalize("NFKC", text)
    found = _DATE.fullmatch(plain) or re.fullmatch(r"(\d{4})(\d{2})(\d{2})", plain)
    if found is None:
        raise ValueProblem(gettext("“%(text)s” is not a date; write it like 2026-06-30.", text=text[:40]))
    try:
        return dt.date(*(int(part) for part in found.groups()))
    except ValueError:
        raise ValueProblem(gettext("“%(text)s” is not a day of the calendar.", text=text[:40])) from None


def parse_moment(text: str) -> dt.datetime:
    """2026-06-30T09:30, in China's time unless it names another; a date alone is its beginning."""
    try:
        moment = dt.datetime.fromisoformat(unicodedata.normalize("NFKC", text))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=CHINA)
        moment.astimezone(dt.UTC)  # the first and last days of the calendar have none
    except (ValueError, OverflowError):
        raise ValueProblem(
            gettext("“%(text)s” is not a time; write it like 2026-06-30 09:30.", text=text[:40])
        ) from None
    return moment


_TRUE = {"1", "true", "yes", "y", "on", "是", "对"}
_FALSE = {"0", "false", "no", "n", "off", "否", "错"}


def parse_bool(text: str) -> bool:
    plain = text.strip().lower()
    if plain in _TRUE:
        return True
    if plain in _FALSE:
        return False
    raise ValueProblem(gettext("“%(text)s” is neither yes nor no.", text=text[:40]))


def parse_choice(field: Field, text: str) -> Any:
    """By value or by its words in the present language."""
    assert field.choices is not None
    for choice in field.choices:
        if text in (choice.value, choice.name, str(label_of(choice))):
            return choice
    known = gettext(", ").join(str(label_of(choice)) for choice in field.choices)
    raise ValueProblem(gettext("“%(text)s” is none of: %(known)s.", text=text[:40], known=known))
