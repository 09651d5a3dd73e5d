"""What does an answer of Salesforce that is not a success mean for the reader?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from syncd.errors import BudgetSpent, FieldHidden, LoginRefused, OrgRefused, OrgUnreachable, SyncdError

BUSY_STATUSES = frozenset({406, 420, 429, 500, 502, 503, 504})
TOO_BIG_CODES = frozenset({"QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "QUERY_TOO_COMPLICATED"})
_NO_COLUMN = re.compile(r"No such column '([^']+)' on entity '([^']+)'")


@dataclass(frozen=True, slots=True)
class Fault:
    """One error as Salesforce words it. Plain REST says `errorCode`, collections say `statusCode`."""

    code: str
    text: str
    fields: tuple[str, ...] = ()


class NotThere(FieldHidden):
    """HTTP 404: the org has no such resource, or has forgotten it."""


class NotSalesforce(ValueError):
    """A body that is not the JSON that Salesforce documents."""


def parse(content: bytes) -> Any:
    """Read a JSON body; an empty one is None. Errors: NotSalesforce, quoting how the body begins."""
    if not content.strip():
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as cause:
        start = " ".join(content[:200].decode("utf-8", "replace").split())[:80]
        raise NotSalesforce(f"a page that begins {start!r} instead of JSON") from cause


def faults(body: object) -> tuple[Fault, ...]:
    """Read the errors out of a body: an array of them, a single object, or a collection row's `errors`."""
    if isinstance(body, Mapping):
        nested = body.get("errors")
        body = nested if isinstance(nested, list) else [body]
    if not isinstance(body, list):
        return ()
    return tuple(
        Fault(
            str(item.get("errorCode") or item.get("statusCode") or item.get("error") or ""),
            str(item.get("message") or item.get("error_description") or ""),
            tuple(str(field) for field in item.get("fields") or ()),
        )
        for item in body
        if isinstance(item, Mapping)
    )


def refusal(what: str, status: int, body: object, api_version: str) -> SyncdError:
    """Translate an answer with an error status into the error to raise. `what` names the request, as in "query Lead"."""
    found = faults(body) or (Fault("", ""),)
    codes = {fault.code for fault in found}
    said = "; ".join(f"{fault.code} {' '.join(fault.text.split())}".strip() for fault in found)
    where = f"Salesforce answered {status} to {what}" + (f": {said}" if said else "")
    if "REQUEST_LIMIT_EXCEEDED" in codes and "concurrent" in said.lower():
        return OrgUnreachable(f"{where}. Too many long requests run in the org at the same time; nothing was written.")
    if "REQUEST_LIMIT_EXCEEDED" in codes:
        return BudgetSpent(f"{where}. The org's API requests are used up; nothing was written.")
    if codes & TOO_BIG_CODES:
        return OrgUnreachable(
            f"{where}. The question took the org too long; it is asked again in the next cycle.",
            hint="If this lasts, ask your Salesforce admin about slow triggers or missing indexes on that object.",
        )
    if status in BUSY_STATUSES or "SERVER_UNAVAILABLE" in codes:
        return OrgUnreachable(f"{where}. The org is busy or in maintenance.")
    if status == 401:
        return _session_refused(where)
    if status == 410 or "UNSUPPORTED_API_VERSION" in codes:
        return OrgRefused(
            f"{where}. API version {api_version} is retired or unknown there.",
            hint='Set api_version = "62.0" (or newer) under [org] in config.toml, then run: syncd check',
        )
    if status == 404:
        return NotThere(
            f"{where}. The org has no API version {api_version}, or syncd's user may not see the object.",
            hint='Set api_version = "62.0" (or newer) under [org] in config.toml, then run: syncd check',
        )
    return _wrong_schema(where, found) or OrgRefused(f"{where}.")


def _session_refused(where: str) -> SyncdError:
    return LoginRefused(
        f"{where}. A session that was just opened is not accepted.",
        hint="Check that the integration user is active, may use the API, and may log in from this address.",
    )


def _wrong_schema(where: str, found: tuple[Fault, ...]) -> SyncdError | None:
    for fault in found:
        if fault.code == "INVALID_FIELD":
            column = _NO_COLUMN.search(fault.text)
            name = f"{column[2]}.{column[1]}" if column else "a field"
            return FieldHidden(f"{where}. {name} does not exist, or field-level security hides it from syncd's user.")
        if fault.code == "INVALID_TYPE":
            return FieldHidden(
                f"{where}. The object does not exist, or syncd's user may not read it.",
                hint="Give the integration user's permission set read access to the object, then run: syncd check",
            )
        if fault.code in {"INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS", "API_DISABLED_FOR_ORG"}:
            return OrgRefused(f"{where}. syncd's user lacks a permission.")
    return None
