"""What was known of one lead at noon, and what is new about it since, for tests of what follows?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from syncd.core.judging import Bench, Subject
from syncd.core.values import OrgRecord, Scalar
from tests.core.samples import LEAD, NOON, NURTURE_QUEUE, STRICT, fences, people

POLICY = STRICT.replace("[teams]", '[lifecycle]\nreason = "Status_Reason__c"\n[teams]', 1)
ASKING = POLICY.replace('person = "revert"', 'person = "ask"')
CREATED = {"CreatedDate": "2026-10-01T00:00:00+00:00"}
HELD = {"Status": "Inquiry", "OwnerId": NURTURE_QUEUE, "Status_Reason__c": None, **CREATED}


def held(minutes: int, fields: Mapping[str, Scalar], *, is_deleted: bool = False) -> OrgRecord:
    """Return the lead as it was some minutes after noon."""
    return OrgRecord("Lead", LEAD, NOON + timedelta(minutes=minutes), dict(fields), is_deleted)


def bench(text: str = POLICY, **more: Any) -> Bench:
    """Return what a cycle at an hour after noon judges by."""
    return Bench(fences(text), people(), "cycle-1", NOON + timedelta(hours=1), **more)


def subject(
    rows: Sequence[OrgRecord] = (),
    *,
    known: Mapping[str, Scalar] | None = HELD,
    staged: Mapping[str, Scalar] | None = None,
    minutes: int = 5,
    **more: Any,
) -> Subject:
    """Return the lead as it was known at noon, and what is new about it since."""
    was = None if known is None else held(0, known)
    now = None if staged is None else held(minutes, {**(known or {}), **staged})
    return Subject("Lead", LEAD, now, was, rows, **more)
