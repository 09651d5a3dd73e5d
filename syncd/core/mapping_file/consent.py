"""What does a mapping file say of the reach of an opt-out, and of columns that hold evidence of consent?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.core.consent import scope_of
from syncd.core.mapping_file.checks import Reading
from syncd.core.mapping_file.keys import CONSENT, names
from syncd.core.tables import Path
from syncd.core.values import GLOBAL

SHOWN = 'Write "global", "brand:NAME" or "topic:NAME".'


@dataclass(frozen=True, slots=True)
class ConsentColumns:
    """The columns with the source, the time and the wording of a consent, and what it covers. All three have to be filled."""

    source: str
    at: str
    wording: str
    scope: str = GLOBAL


@dataclass(frozen=True, slots=True)
class Given:
    """A consent as a row of an export tells it."""

    source: str
    at: datetime
    wording: str
    scope: str


def given_payload(given: Given) -> dict[str, str]:
    """Return the evidence of a row as JSON values."""
    return {"source": given.source, "at": given.at.isoformat(), "wording": given.wording, "scope": given.scope}


def given_from(payload: Mapping[str, str]) -> Given:
    """Make the evidence again that `given_payload` wrote."""
    return Given(payload["source"], datetime.fromisoformat(payload["at"]), payload["wording"], payload["scope"])


def read_scopes(reading: Reading, base: Path, values: Mapping[str, object], kind: str | None) -> tuple[str, dict[str, str]]:
    """Read what an opt-out column covers: one scope, or one for each value of a list.

    Shapes: (scope, {}) or ("global", scope by value); a value that is not named opts out of everything.
    """
    is_flag, has_field = values.get("flag") == "opted_out", "field" in values
    own = _scope(reading, (*base, "scope"), reading.text(base, values, "scope"))
    listed = reading.table_at(base, values, "scopes") or {}
    by_value = {
        value: _scope(reading, (*base, "scopes", value), reading.text((*base, "scopes"), listed, value)) for value in listed
    }
    for key in ("scope", "scopes"):
        if key in values and not is_flag and "opted_out_when" not in values:
            text = f"{key} says what an opt-out covers; this column tells of none."
            reading.say((*base, key), "MAP-129", text, 'Write flag = "opted_out", or remove the line.')
    if "scope" in values and "scopes" in values:
        reading.say((*base, "scope"), "MAP-129", "scope and scopes exclude each other.", "Keep one of the two.")
    if "scopes" in values and kind not in (None, "text"):
        text = f"scopes names what the values of a text mean; this is {kind}."
        reading.say((*base, "scopes"), "MAP-129", text, 'Write type = "text".')
    if has_field and (by_value or own != GLOBAL):
        text = "Only an opt-out of everything is written to Salesforce; this one stays in syncd."
        reading.say((*base, "field"), "MAP-129", text, "Remove field from this column.")
    return own, by_value


def _scope(reading: Reading, path: Path, written: str | None) -> str:
    found = GLOBAL if written is None else scope_of(written)
    if found is None:
        reading.say(path, "MAP-129", f"{written!r} does not say what the opt-out covers.", SHOWN)
    return found or GLOBAL


def read_consent(reading: Reading) -> ConsentColumns | None:
    """Read [consent]: the columns that together are evidence of consent."""
    values = reading.table_at((), reading.table.values, "consent")
    if values is None:
        return None
    base: Path = ("consent",)
    reading.keys(base, values, names(CONSENT))
    for key, column in (("source", "consentSource"), ("at", "consentTimestamp"), ("wording", "consentText")):
        if key not in values:
            text = f"[consent] has no {key}: consent counts only with its source, its time and its wording."
            reading.say(base, "MAP-103", text, f'Write the column, such as: {key} = "{column}"')
    found = {key: reading.text(base, values, key) or "" for key in ("source", "at", "wording")}
    return ConsentColumns(**found, scope=_scope(reading, (*base, "scope"), reading.text(base, values, "scope")))
