"""What do the libraries know of an e-mail address or a phone number?

They are loaded with the first value that somebody changed, and asked once for each.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from syncd.core.cells import digits_of
from syncd.core.unreadable import Unreadable

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

KEPT_MAX = 50_000
_SHOWN_MAX = 40
_SHORT = {"usa": "US", "uk": "GB", "u.s.": "US", "u.k.": "GB", "england": "GB", "scotland": "GB", "wales": "GB"}


class ContactPoints:
    """The `core.cells.ContactPoints` that asks the libraries. No DNS: an address that is well formed is an address."""

    def email(self, text: str) -> str:
        """Return an address as it is stored; its capitals stay."""
        return _email(text.strip())

    def phone(self, text: str, region: str) -> str:
        """Return a number as +49301234567, with its extension as x12."""
        return _phone(text.strip(), region_of(region))

    def is_same_phone(self, here: str, there: str, region: str) -> bool:
        """Tell whether two spellings are one number; equal digits always are."""
        if digits_of(here) == digits_of(there):
            return True
        try:
            return self.phone(here, region) == self.phone(there, region)
        except Unreadable:
            return False


@lru_cache(maxsize=KEPT_MAX)
def _email(written: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        # Names such as .test and .invalid are addresses too: sandboxes are full of them.
        found = validate_email(written, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as problem:
        remedy = "Correct it in the source, or map the column as text."
        raise Unreadable(f"{_short(written)} is no e-mail address: {problem}", remedy) from problem
    return f"{found.local_part}@{found.ascii_domain or found.domain}"


@lru_cache(maxsize=KEPT_MAX)
def _phone(written: str, region: str | None) -> str:
    import phonenumbers

    try:
        number: PhoneNumber = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException as problem:
        if region is None and problem.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            text = f"{_short(written)} begins with no country's code, and no region says which country it is of."
            raise Unreadable(text, 'Name the country, such as region = "DE", or export numbers with +49.') from problem
        text = f"{_short(written)} is no phone number."
        raise Unreadable(text, "Correct it in the source, or map the column as text.") from problem
    if not phonenumbers.is_possible_number(number):
        where = region or f"the country of +{number.country_code}"
        text = f"{_short(written)} has too few or too many digits for a phone number of {where}."
        raise Unreadable(text, "Correct it in the source, or map the column as text.")
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain} x{number.extension}" if number.extension else plain


@lru_cache(maxsize=1024)
def region_of(country: str) -> str | None:
    """Return the two letters of a country from them or from its name in any language; None when it is none or not known."""
    import phonenumbers

    written = country.strip()
    if written.upper() in phonenumbers.SUPPORTED_REGIONS:
        return written.upper()
    return _names().get(written.casefold()) if written else None


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Return the regions by every name that the library has for them; a name of two regions is of none."""
    from phonenumbers.geodata.locale import LOCALE_DATA

    found: dict[str, str] = dict(_SHORT)
    twice: set[str] = set()
    for region, names in LOCALE_DATA.items():
        for name in {one.casefold() for one in names.values() if not one.startswith("*")}:
            if found.setdefault(name, region) != region:
                twice.add(name)
    return {name: region for name, region in found.items() if name not in twice}


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…")
