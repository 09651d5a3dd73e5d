"""What does one cell of an export say, once its column's type is known?

Every function returns a JSON scalar or raises `Unreadable` with words for marketing ops; dates and times come back as text
in Salesforce's own form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Protocol
from zoneinfo import ZoneInfo

from syncd.core.cell_times import read_clock, read_day, read_time
from syncd.core.dialect import plain_number
from syncd.core.mapping import Column
from syncd.core.unreadable import Unreadable, short
from syncd.core.values import Scalar

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_MANGLED = re.compile(r"\d([.,]\d+)?[eE]\+\d+")
_ADDRESS = re.compile(r"[^@\s,;:<>\"]+@[^@\s,;:<>\"]+\.[^@\s,;:<>\"]*[^@\s,;:<>\".]")
_UNSEEN = re.compile("[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""What nobody sees, and pasted addresses and ids bring: soft hyphens, blanks without width, marks of the direction of writing."""
_ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
_EXTENSION = re.compile(r"(;?ext(ension)?[.:=]?|x|#)(?=\s*\d)")
_DIGITS_MAX = 18


class ContactPoints(Protocol):
    """What is known of e-mail addresses and phone numbers. It is asked about values that changed only: see `core.mapped`.

    Errors: Unreadable for what is neither. `region` is a country by its two letters or its name; empty when none is known.
    """

    def email(self, text: str) -> str:
        """Return an address as it is stored; its capitals stay."""
        ...

    def phone(self, text: str, region: str) -> str:
        """Return a number as it is stored."""
        ...

    def is_same_phone(self, here: str, there: str, region: str) -> bool:
        """Tell whether two spellings are one number; equal digits always are."""
        ...


class AsWritten:
    """The `ContactPoints` of somebody without libraries: everything is taken as it was written."""

    def email(self, text: str) -> str:
        """Return an address as it is stored."""
        return text.strip()

    def phone(self, text: str, region: str) -> str:
        """Return a number as it is stored."""
        return text.strip()

    def is_same_phone(self, here: str, there: str, region: str) -> bool:
        """Tell whether two spellings have the same digits."""
        return digits_of(here) == digits_of(there)


AS_WRITTEN = AsWritten()


def digits_of(number: str) -> str:
    """Return what two spellings of one phone number have in common: its digits, and x before those of an extension.

    Shapes: a number with words in it, such as 1-800-FLOWERS, has nothing in common with other spellings.
    """
    plain = _EXTENSION.sub("#", number.strip().casefold())
    if any(char.isalpha() for char in plain):
        return plain
    return "".join("x" if char == "#" else str(int(char)) for char in plain if char == "#" or char.isdecimal())


def read_cell(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    """Read a cell by its column's type; None when it is one of the column's null spellings."""
    if cell in column.null:
        return None
    transform = _TRANSFORMS.get(column.transform or "")
    return _READERS[column.type](column, transform(cell) if transform else cell, zone)


def seen(text: str) -> str:
    """Return what people see of an address or id: no blanks around it, and nothing in it that has no width."""
    return (text if text.isascii() else _UNSEEN.sub("", text)).strip()


def normal_address(text: str) -> str:
    """Return an e-mail address as people are matched by it: without what is not seen, in one case and Unicode form.

    Salesforce takes a domain such as müller.de in its ASCII form only (xn--mller-kva.de); both are one address.
    """
    plain = unicodedata.normalize("NFC", seen(text)).casefold()
    return _shown(plain) if "xn--" in plain else plain


def spellings(address: str) -> tuple[str, ...]:
    """Return all forms of a normalised address under which a record may be found by it."""
    if address.isascii():
        return (address,)
    name, _, domain = address.rpartition("@")
    try:
        ascii_form = f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return (address,)
    return (address, ascii_form, unicodedata.normalize("NFD", address))


def _shown(address: str) -> str:
    name, _, domain = address.rpartition("@")
    try:
        return unicodedata.normalize("NFC", f"{name}@{domain.encode().decode('idna')}").casefold()
    except UnicodeError:
        return address


def long_id(text: str) -> str:
    """Return a lead's or contact's id with 18 characters, from 15 or 18.

    Source: the last three characters tell which of the first fifteen are capitals, five each, lowest bit first.
    """
    written = seen(text)
    if _MANGLED.fullmatch(written):
        raise Unreadable(f"{text!r} is an id that a spreadsheet turned into a number.", _EXPORT_AGAIN)
    if not _ID.fullmatch(written):
        raise Unreadable(f"{text!r} is no Salesforce id (15 or 18 letters and digits).", "Correct the id in the source.")
    whole = written[:15] + "".join(_check_letter(written[start : start + 5]) for start in (0, 5, 10))
    if len(written) == 18 and written.upper() != whole.upper():
        raise Unreadable(f"{text!r} is a damaged id: its capitals and its last three characters differ.", _EXPORT_AGAIN)
    if whole[:3] not in ("00Q", "003"):
        raise Unreadable(f"{text!r} is the id of neither a lead (00Q) nor a contact (003).", "Name another column under [match].")
    return whole


def external_id(text: str) -> str:
    """Return an external id as it is looked up; one that a spreadsheet rounded is unreadable."""
    written = seen(text)
    if _MANGLED.fullmatch(written):
        raise Unreadable(f"{text!r} is an id that a spreadsheet turned into a number.", _EXPORT_AGAIN)
    if len(written) > 255:
        raise Unreadable(f"An id of {len(written)} characters is longer than any external id (255).", "Name another column.")
    return written


_EXPORT_AGAIN = "Export the file again and do not save it from a spreadsheet."


def _check_letter(five: str) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[sum(1 << bit for bit, char in enumerate(five) if "A" <= char <= "Z")]


def _text(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    # Salesforce drops blanks around a text and stores a blank one as null.
    return cell if cell.strip() else None


def _address(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    written = seen(cell)
    if not _ADDRESS.fullmatch(written):
        raise Unreadable(f"{short(cell)} is not one e-mail address.", "Correct it in the source, or map the column as text.")
    return written


def _number(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    return float(_plain(column, cell))


def _plain(column: Column, cell: str) -> str:
    """Return a number with the signs that Python reads."""
    written = plain_number(cell.strip(), column.decimal, column.thousands)
    if written is None or not _NUMBER.fullmatch(written) or not written.isascii():
        shown = f"1117{column.decimal}5"
        remedy = (
            f"Export plain numbers such as {shown} without units; decimal and thousands under [file] say which signs they have."
        )
        raise Unreadable(f"{short(cell)} is no number.", remedy)
    if sum(char.isdigit() for char in re.split("[eE]", written)[0].strip("+-0")) > _DIGITS_MAX or abs(float(written)) >= 1e18:
        raise Unreadable(f"{short(cell)} has more than {_DIGITS_MAX} digits.", "Map the column as text.")
    return written


def _integer(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    written = cell.strip()
    if _MANGLED.fullmatch(written):
        raise Unreadable(f"{short(cell)} was rounded by a spreadsheet.", _EXPORT_AGAIN)
    plain = _plain(column, cell)
    whole, _, rest = plain.partition(".")
    if not float(plain).is_integer() or rest.strip("0") or "e" in plain.casefold():
        raise Unreadable(f"{short(cell)} is no whole number.", 'Write type = "number" when fractions are meant.')
    return int(whole) if whole.strip("+-") else 0


def _boolean(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    if cell in column.true:
        return True
    if cell in column.false:
        return False
    known = ", ".join(repr(one) for one in sorted(column.true | column.false | column.null))
    raise Unreadable(f"{short(cell)} is neither yes nor no; known are {known}.", "Add the spelling to true, false or null.")


def _phone(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    # What the number is worth is asked when it would be written: see ContactPoints.
    written = cell.strip()
    if not any(char.isdecimal() for char in written):
        raise Unreadable(f"{short(cell)} is no phone number.", "Correct it in the source, or map the column as text.")
    return written


def _values(column: Column, cell: str, zone: ZoneInfo) -> Scalar:
    values = dict.fromkeys(one.strip() for one in cell.split(column.split))
    mixed = next((one for one in values if ";" in one), None)
    if mixed is not None:
        remedy = "Correct split in the mapping."
        raise Unreadable(f"{short(mixed)} holds a semicolon: Salesforce would take it for several values.", remedy)
    return ";".join(one for one in values if one and one not in column.null) or None


_READERS: dict[str, Callable[[Column, str, ZoneInfo], Scalar]] = {
    "text": _text,
    "email": _address,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "date": read_day,
    "datetime": read_time,
    "time": read_clock,
    "phone": _phone,
    "multipicklist": _values,
}
_TRANSFORMS: dict[str, Callable[[str], str]] = {"trim": str.strip, "lower": str.lower, "upper": str.upper}
