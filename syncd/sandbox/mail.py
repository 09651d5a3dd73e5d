"""What does a mail that a person writes to a record's people leave in the org?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncd.sandbox import deeds
from syncd.sandbox.save import How, insert, live_row
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org


def log_mail(org: Org, sobject: SObject, record_id: str, subject: str, how: How) -> str:
    """Let a person mail the people of a record. The save leaves a completed task, or with activity capture nothing to query."""
    live_row(org, sobject, record_id)
    if org.settings.activity_capture:
        deeds.record_mail(org, sobject, record_id, subject, how)
        return record_id
    pointer = "WhoId" if sobject.name in ("Lead", "Contact") else "WhatId"
    task = {"Subject": f"Email: {subject}", "Status": "Completed", "TaskSubtype": "Email", pointer: record_id}
    return insert(org, org.schema.get("Task"), task | {"ActivityDate": how.at.date().isoformat()}, how)
