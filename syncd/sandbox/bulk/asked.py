"""What does a client ask of a new bulk job?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.sandbox.bulk.files import DELIMITERS, LINE_ENDINGS, Style
from syncd.sandbox.errors import SalesforceError

QUERY_WORDS = ("query", "queryAll")
INGEST_WORDS = ("insert", "update", "upsert", "delete", "hardDelete")
_KNOWN = frozenset(
    {
        "assignmentRuleId",
        "columnDelimiter",
        "concurrencyMode",
        "contentType",
        "externalIdFieldName",
        "lineEnding",
        "object",
        "operation",
        "query",
        "state",
    }
)


def read_asked(body: Mapping[str, Any], operations: tuple[str, ...]) -> dict[str, Any]:
    """Read the body that makes a job; properties that are null count as not given. The CSV style comes as `style`.

    Errors: JSON_PARSER_ERROR for a property that no job has, API_ERROR for a value of the wrong kind, INVALIDJOB for
    an operation or format the job cannot have.
    """
    unknown = sorted(set(body) - _KNOWN)
    if unknown:
        raise SalesforceError("JSON_PARSER_ERROR", f'Unrecognized field "{unknown[0]}" at [line:1, column:2]')
    given = {name: value for name, value in body.items() if value is not None}
    if not all(isinstance(value, str) for value in given.values()):
        raise mismatch()
    if given.get("operation") not in operations:
        if given.get("operation") in QUERY_WORDS + INGEST_WORDS:
            raise SalesforceError("INVALIDJOB", f"InvalidJob : Operation not allowed here: {given['operation']}")
        raise mismatch()
    if given.get("contentType", "CSV") != "CSV":
        raise SalesforceError("INVALIDJOB", f"InvalidJob : Invalid content type: {given['contentType']}")
    delimiter, ending = given.get("columnDelimiter", "COMMA"), given.get("lineEnding", "LF")
    if delimiter not in DELIMITERS or ending not in LINE_ENDINGS:
        raise mismatch()
    return given | {"style": Style(delimiter, ending)}


def mismatch() -> SalesforceError:
    """Say that a JSON value is not what the property takes."""
    return SalesforceError("API_ERROR", "Value does not match expected type at [line:1, column:2]")


def wanted_state(body: Mapping[str, Any], allowed: tuple[str, ...]) -> str:
    """Read the body that moves a job to another state.

    Errors: API_ERROR for no state, or a word that is none; INVALIDJOBSTATE for one that clients cannot set.
    """
    state = body.get("state")
    if not isinstance(state, str) or set(body) != {"state"}:
        raise mismatch()
    if state not in allowed:
        raise SalesforceError("INVALIDJOBSTATE", f"InvalidJobState : Job state cannot be set to {state}")
    return state
