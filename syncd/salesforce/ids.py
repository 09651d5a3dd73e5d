"""Are two Salesforce ids the same record? Ids inside syncd have 18 characters."""

from __future__ import annotations

import re

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")


def to_18(record_id: str) -> str:
    """Give the 18-character form of a 15- or 18-character id.

    Errors: ValueError when it is not an id.
    Source: each of the three last characters tells which of five characters are capitals, lowest bit first.
    """
    if not _ID.fullmatch(record_id):
        raise ValueError(f"{record_id!r} is not a Salesforce id (15 or 18 letters and digits)")
    base = record_id[:15]
    suffix = "".join(
        _ALPHABET[sum(1 << bit for bit, char in enumerate(base[start : start + 5]) if "A" <= char <= "Z")] for start in (0, 5, 10)
    )
    return base + suffix
