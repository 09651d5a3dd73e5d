"""What does an opt-out cover, and what may open it again?"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from syncd.core.values import GLOBAL

KINDS = ("brand", "topic")


@dataclass(frozen=True, slots=True)
class Consent:
    """Stored evidence that a person wants mail: where it was given, when, and the words that were agreed to.

    `person_id` names a lead or contact, `address` what the person is known by; one of them at least. `by` is who stored it:
    a command's user, or the place in a file.
    """

    person_id: str | None
    address: str | None
    scope: str
    given_at: datetime
    source: str
    wording: str
    by: str
    noted_at: datetime


def scope_of(text: str) -> str | None:
    """Return a scope as it is compared, or None when the text is none: global, brand:NAME or topic:NAME."""
    written = unicodedata.normalize("NFC", " ".join(text.split()).casefold())
    if written == GLOBAL:
        return GLOBAL
    kind, colon, name = (part.strip() for part in written.partition(":"))
    return f"{kind}:{name}" if colon and kind in KINDS and name else None


def opted_out_of(scope: str) -> str:
    """Say what an opt-out covers, in words."""
    kind, _, name = scope.partition(":")
    return "opted out" if scope == GLOBAL else f"opted out of {kind} {name}"
