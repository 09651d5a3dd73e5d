"""What do an org's data privacy records say against mailing a person: individuals, and consents by kind or point of contact?

Leads and contacts point to an individual. A consent by kind of contact point is about an individual, one by contact point about
an e-mail address, which belongs to an individual.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.consent import opted_out_of
from syncd.core.flags import Reason
from syncd.core.values import GLOBAL, OrgRecord

INDIVIDUAL = "Individual"
BY_TYPE = "ContactPointTypeConsent"
BY_POINT = "ContactPointConsent"
POINT = "ContactPointEmail"
PURPOSE = "DataUsePurpose"
CONSENTS = (BY_TYPE, BY_POINT)
LINK = "IndividualId"
ALWAYS = ("HasOptedOutSolicit", "HasOptedOutProcessing", "ShouldForget")
"""The boxes of an individual that count for all mail wherever individuals count: don't market, don't process, forget."""
STATUS, BEGINS, ENDS = "PrivacyConsentStatus", "EffectiveFrom", "EffectiveTo"
_OUT, _NOT_OUT = "OptOut", frozenset({"OptIn", "NotSeen", "Seen"})
_TERMS = (STATUS, BEGINS, ENDS, "DataUsePurposeId")


@dataclass(frozen=True, slots=True)
class PrivacySources:
    """Which of these records count: `boxes` has the scope of each checkbox of individuals, none where individuals do not count;
    `purposes` has by consent object the scope of what is asked for a purpose, by its name as it is compared."""

    boxes: Mapping[str, str] = field(default_factory=dict)
    purposes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether any of them count."""
        return bool(self.boxes) or bool(self.purposes)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that such a record says: its words, what it covers, since when at least it was said, and whether it is certain.

    `source` is the record's object."""

    words: str
    scope: str
    source: str
    at: datetime
    is_unreadable: bool = False

    @property
    def reason(self) -> Reason:
        """Return it as a reason not to mail."""
        if self.is_unreadable:
            return Reason(f"opt-out can't be read ({self.words})", is_the_orgs=True)
        return Reason(f"{opted_out_of(self.scope)} ({self.words})", self.scope, is_the_orgs=True)


def asked_of(sources: PrivacySources) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return by object the fields that are read, and those of them by which rows are looked up."""
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    if any(sources.purposes.values()):  # comes first: what a consent covers is known when the consent is decided
        found[PURPOSE] = (("Name",), ())
    if sources.boxes:
        found[INDIVIDUAL] = (tuple(sources.boxes), ())
    if BY_TYPE in sources.purposes:
        found[BY_TYPE] = (("PartyId", "ContactPointType", *_TERMS), ("PartyId", BEGINS, ENDS))
    if BY_POINT in sources.purposes:
        found[POINT] = (("ParentId", "EmailAddress"), ("ParentId", "EmailAddress"))
        found[BY_POINT] = (("ContactPointId", *_TERMS), ("ContactPointId", BEGINS, ENDS))
    return found


def as_compared(name: str) -> str:
    """Return the name of a purpose as it is compared: without case and outer blanks."""
    return unicodedata.normalize("NFC", " ".join(name.split()).casefold())


def said_by_individual(row: OrgRecord, sources: PrivacySources) -> Iterator[Said]:
    """Give what an individual's boxes say; one that is not there at all is told of as hidden, for everybody."""
    for name, scope in sources.boxes.items():
        words = f"{INDIVIDUAL} {row.id} {name}"
        value = row.fields.get(name)
        if value is True:
            yield Said(words, scope, INDIVIDUAL, row.modified_at)
        elif value is not False and name in row.fields:
            wrong = f"{words} is {'empty' if value is None else 'no checkbox'}"
            yield Said(wrong, GLOBAL, INDIVIDUAL, row.modified_at, is_unreadable=True)


def said_by_consent(row: OrgRecord, sources: PrivacySources, purposes: Mapping[str, str], at: datetime) -> Said | None:
    """Return what a consent record says at a moment; None when it says nothing against mail, or is not in force then.

    Shapes: `purposes` has the names of data use purposes by id; one that is not known, or not mapped, covers everything.
    """
    is_about_mail = row.object == BY_POINT or row.fields.get("ContactPointType") in ("Email", None)
    status, begins, ends = row.text(STATUS), row.moment(BEGINS), row.moment(ENDS)
    is_in_force = (begins is None or begins <= at) and (ends is None or at < ends)
    if not is_about_mail or not is_in_force or status in _NOT_OUT:
        return None
    if status != _OUT:
        words = f"{row.object} {row.id} {STATUS} is {'empty' if status is None else repr(status)}"
        return Said(words, GLOBAL, row.object, row.modified_at, is_unreadable=True)
    purpose = purposes.get(row.text("DataUsePurposeId") or "")
    scope = sources.purposes.get(row.object, {}).get(as_compared(purpose), GLOBAL) if purpose else GLOBAL
    return Said(f"{row.object} {row.id}", scope, row.object, max(row.modified_at, begins or row.modified_at))
