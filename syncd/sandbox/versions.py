"""Which API versions does the org still speak?"""

from __future__ import annotations

from syncd.sandbox.errors import NotThere, SalesforceError
from syncd.sandbox.settings import Settings

FIRST_EVER, OLDEST, NEWEST = 20, 31, 65
VERSIONS = tuple(f"{number}.0" for number in range(OLDEST, NEWEST + 1))
_SEASONS = ("Summer", "Winter", "Spring")


def season(number: int) -> str:
    """Name the release that brought a version: 62 is ``Winter '25``."""
    return f"{_SEASONS[(number - 58) % 3]} '{24 + (number - 59) // 3}"


def known_versions(settings: Settings) -> list[int]:
    """List the version numbers that are not retired, oldest first."""
    return [number for number in range(OLDEST, NEWEST + 1) if number > settings.retired_through]


def check_version(version: str, settings: Settings) -> None:
    """Refuse a version this org does not speak.

    Errors: 410 GONE for a retired one, 404 NOT_FOUND for one that never was.
    """
    whole, _, rest = version.partition(".")
    number = int(whole) if whole.isdigit() and rest == "0" else 0
    if FIRST_EVER <= number <= settings.retired_through:
        raise SalesforceError("GONE", f"The requested API version {version} has been retired.", status=410)
    if not OLDEST <= number <= NEWEST:
        raise NotThere()


def warning(version: str, settings: Settings) -> dict[str, str]:
    """Return the Warning header of a version that is deprecated, or nothing."""
    if int(float(version)) > settings.deprecated_through:
        return {}
    return {"Warning": f'299 - "This API is deprecated and will be removed in the future. (Version {version})"'}
