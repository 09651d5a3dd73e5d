"""How do writes leave so that no newer edit is overwritten, and what became of each row?"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from syncd.core.values import Scalar
from syncd.errors import AnswerLost
from syncd.ports import Overwrite, Update, WriteResult
from syncd.ports.writing import CREATES_MAX, OVERWRITES_MAX
from syncd.salesforce import composite, errors, soql
from syncd.salesforce.composite import Part, PartAnswer
from syncd.salesforce.connection import Connection
from syncd.salesforce.errors import Fault

NO_ASSIGNMENT_RULES = {"Sforce-Auto-Assign": "FALSE"}
_ASSIGNMENT_RULES = {"Sforce-Auto-Assign": "TRUE"}
_STALE = frozenset({"ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE"})
_GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND"})
_TRY_AGAIN = frozenset({"TOO_MANY_APEX_REQUESTS", "APEX_TRIGGER_COUPLING_LIMIT", "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"})


def update(connection: Connection, updates: Sequence[Update]) -> list[WriteResult]:
    """Send conditional updates in one call, each with the state it was decided on; the results are in the same order."""
    if not updates:
        return []
    call = uuid.uuid4().hex
    references = [f"{call}_{number}" for number in range(len(updates))]
    parts = [_patch(each) for each in updates]
    what = f"update of {len(updates)} records"
    body = connection.write(what, f"{connection.base}/composite", composite.envelope(connection.base, parts, references))
    found = composite.answers(body, references)
    if found is None:
        raise AnswerLost(f"The org answered for fewer records than the {what} had.")
    return [_updated(each, answer, reference) for each, answer, reference in zip(updates, found, references, strict=True)]


def overwrite(connection: Connection, object: str, rows: Sequence[Overwrite]) -> list[WriteResult]:
    """Send unconditional updates in one call, each by itself; the results are in the same order.

    Whether this call heeds the header against assignment rules is not said anywhere: who calls it for leads reads their
    owners back.
    Source: REST API Developer Guide, sObject Collections: 200 rows, one API call, never conditional.
    """
    if len(rows) > OVERWRITES_MAX:
        raise AssertionError(f"{len(rows)} rows in one update call")
    records = [{"attributes": {"type": soql.name(object)}, "id": record_id(row.id), **row.values} for row in rows]
    what = f"update of {len(rows)} {object} rows"
    results = _collection(connection, what, records, "PATCH") if rows else []
    return [missing_is_gone(replace(result, id=row.id)) for row, result in zip(rows, results, strict=True)]


def missing_is_gone(result: WriteResult) -> WriteResult:
    """Read the words in which collections and Bulk loads say that the updated record itself is not there."""
    is_missing = result.code == "INVALID_CROSS_REFERENCE_KEY" and result.text.strip().lower() == "invalid cross reference id"
    return replace(result, status="gone") if is_missing else result


def create(
    connection: Connection, object: str, new_rows: Sequence[Mapping[str, Scalar]], *, assign: bool = False
) -> list[WriteResult]:
    """Create rows in one call, each by itself; the results are in the same order."""
    if not new_rows:
        return []
    if len(new_rows) > CREATES_MAX:
        raise AssertionError(f"{len(new_rows)} rows in one create call")
    records = [{"attributes": {"type": soql.name(object)}, **row} for row in new_rows]
    headers = _ASSIGNMENT_RULES if assign else NO_ASSIGNMENT_RULES
    return _collection(connection, f"create of {len(new_rows)} {object} rows", records, "POST", headers)


def _collection(
    connection: Connection,
    what: str,
    records: Sequence[Mapping[str, Any]],
    method: str,
    headers: Mapping[str, str] = NO_ASSIGNMENT_RULES,
) -> list[WriteResult]:
    call = uuid.uuid4().hex
    path = f"{connection.base}/composite/sobjects"
    envelope = {"allOrNone": False, "records": records}
    body = connection.write(what, path, envelope, headers, method=method)
    if not isinstance(body, list) or len(body) != len(records):
        raise AnswerLost(f"The org answered for fewer rows than the {what} had.")
    return [_saved(row, what, f"{call}_{number}") for number, row in enumerate(body)]


def http_date(at: datetime) -> str:
    """Write a time for If-Unmodified-Since. Units: whole seconds, rounded down, so that a later edit is never let pass."""
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)


def _patch(each: Update) -> Part:
    headers = {"If-Unmodified-Since": http_date(each.unmodified_since), **NO_ASSIGNMENT_RULES}
    path = f"/sobjects/{soql.name(each.object)}/{record_id(each.id)}"
    return Part(f"update {each.object}", path, "PATCH", headers, each.values)


def record_id(text: str) -> str:
    """Return an id that may stand in a path or a file; anything else is our own mistake."""
    if not (text.isascii() and text.isalnum()):
        raise AssertionError(f"{text!r} is not a record id")
    return text


def _updated(each: Update, answer: PartAnswer, reference: str) -> WriteResult:
    if answer.is_done:
        return WriteResult("done", each.id, request_id=reference)
    found = errors.faults(answer.body)
    first = found[0] if found else Fault("", f"HTTP {answer.status}")
    if answer.status == 412:
        status = "stale"
    elif answer.status == 404:
        status = "gone"
    else:
        status = status_of(found)
    return WriteResult(status, each.id, first.code, first.text, reference)


def _saved(row: Any, what: str, reference: str) -> WriteResult:
    if not isinstance(row, Mapping):
        raise AnswerLost(f"The org answered the {what} in a form that syncd can't read.")
    created_id = str(row["id"]) if row.get("id") else None
    if row.get("success") is True:
        return WriteResult("done", created_id, request_id=reference)
    found = errors.faults(row)
    first = found[0] if found else Fault("", "no reason given")
    return WriteResult(status_of(found), created_id, first.code, first.text, reference)


def status_of(found: Sequence[Fault]) -> str:
    """Say what a refused row's errors come to, by all of them: a trigger's failure may hold a row lock in its text."""
    codes = {fault.code for fault in found}
    if codes & _TRY_AGAIN or any("UNABLE_TO_LOCK_ROW" in f"{fault.code} {fault.text}" for fault in found):
        return "locked"
    if codes & _STALE:
        return "stale"
    if codes & _GONE:
        return "gone"
    return "duplicate" if "DUPLICATE_VALUE" in codes else "refused"
