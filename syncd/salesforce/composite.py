"""How do several questions travel in one API call? POST /composite, in order, each with its own answer.

Source: REST API Developer Guide, Composite: 25 subrequests, 5 of them queries, one API call; without collation they run in
the order given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.errors import OrgUnreachable
from syncd.salesforce import errors
from syncd.salesforce.connection import Connection

SUBREQUESTS_MAX = 25
QUERIES_MAX = 5


@dataclass(frozen=True, slots=True)
class Part:
    """One subrequest. `path` is what follows the version, URL-encoded; `what` names it in messages."""

    what: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What one subrequest came to."""

    status: int
    body: Any

    @property
    def is_done(self) -> bool:
        """Tell whether it succeeded."""
        return 200 <= self.status < 300


def envelope(base: str, parts: Sequence[Part], references: Sequence[str]) -> dict[str, object]:
    """Write the body of the call."""
    if not 1 <= len(parts) <= SUBREQUESTS_MAX:
        raise AssertionError(f"{len(parts)} subrequests in one composite call")
    return {
        "allOrNone": False,
        "collateSubrequests": False,
        "compositeRequest": [_subrequest(base, part, reference) for part, reference in zip(parts, references, strict=True)],
    }


def _subrequest(base: str, part: Part, reference: str) -> dict[str, object]:
    written: dict[str, object] = {"method": part.method, "url": base + part.path, "referenceId": reference}
    if part.headers:
        written["httpHeaders"] = dict(part.headers)
    if part.body is not None:
        written["body"] = dict(part.body)
    return written


def answers(body: Any, references: Sequence[str]) -> list[PartAnswer] | None:
    """Read the answers in the order of the references, or None when one of them is missing."""
    items = body.get("compositeResponse") if isinstance(body, Mapping) else None
    if not isinstance(items, list):
        return None
    found = {
        item.get("referenceId"): PartAnswer(int(item["httpStatusCode"]), item.get("body"))
        for item in items
        if isinstance(item, Mapping) and isinstance(item.get("httpStatusCode"), int)
    }
    if not all(reference in found for reference in references):
        return None
    return [found[reference] for reference in references]


def ask(connection: Connection, what: str, parts: Sequence[Part]) -> list[PartAnswer]:
    """Ask up to 25 questions in one call; an answer may still be an error of its own: see `expect`."""
    references = [f"q{number}" for number in range(len(parts))]
    body = connection.read(what, "POST", f"{connection.base}/composite", envelope(connection.base, parts, references))
    found = answers(body, references)
    if found is None:
        raise OrgUnreachable(f"{connection.access.login_url} answered fewer questions than it was asked for {what}.")
    return found


def expect(connection: Connection, part: Part, answer: PartAnswer) -> Any:
    """Return the body of a successful answer, or raise what its refusal means."""
    if answer.is_done:
        return answer.body
    raise errors.refusal(part.what, answer.status, answer.body, connection.access.api_version)
