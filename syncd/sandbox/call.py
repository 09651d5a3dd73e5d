"""What is one API call, and what is its answer?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from syncd.sandbox.clock import parse_http_date, stamped
from syncd.sandbox.deeds import API
from syncd.sandbox.duplicates import read_header
from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.save import How

if TYPE_CHECKING:
    from datetime import datetime

    from syncd.sandbox.org import Org


@dataclass(slots=True)
class Answer:
    """Status, JSON body (None: empty) and headers."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    api_calls: int = 1
    subrequests: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)  # what the journal keeps of each record written
    text: str | None = None  # instead of JSON, for the few answers that are plain text
    chunks: Iterator[bytes] | None = None  # instead of JSON: a body sent piece by piece


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a resource below ``/services/data/vXX.X/``. Header names are lower case."""

    org: Org
    method: str
    version: str
    parts: tuple[str, ...]
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    user_id: str
    instance_url: str = ""

    @property
    def base(self) -> str:
        """Return the path that record URLs start with."""
        return f"/services/data/v{self.version}"

    @property
    def how(self) -> How:
        """Say how this call saves: as its user, now, with assignment rules unless the header forbids them."""
        assigns = auto_assign(self.headers.get("sforce-auto-assign")) or self._is_deaf_to_header()
        duplicates, details = read_header(self.headers.get("sforce-duplicate-rule-header"))
        now = self.org.clock.now()
        return How(self.user_id, now, assigns, duplicates=duplicates, duplicate_details=details, via=API)

    def _is_deaf_to_header(self) -> bool:
        """Tell whether this is a collection, and the admin wants those to run assignment rules whatever the header says."""
        is_collection = tuple(part.lower() for part in self.parts[:2]) == ("composite", "sobjects")
        return is_collection and self.org.settings.collections_ignore_auto_assign

    def object_body(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Errors: JSON_PARSER_ERROR when there is none, or it is something else.
        """
        if isinstance(self.body, bytes):
            raise AssertionError("bodies are parsed before a call is made")
        if not isinstance(self.body, dict):
            raise SalesforceError("JSON_PARSER_ERROR", "The request body must be a JSON object at [line:1, column:1]")
        return self.body


def auto_assign(header: str | None) -> bool:
    """Read ``Sforce-Auto-Assign``. Absent means yes: that is the API's default, and its trap.

    Errors: INVALID_INPUT for a value that is neither a boolean nor an id.
    """
    if header is None or header.strip().upper() == "TRUE":
        return True
    if header.strip().upper() == "FALSE":
        return False
    if header.strip().startswith("01Q") and len(header.strip()) in (15, 18):
        return True
    raise SalesforceError("INVALID_INPUT", f"Sforce-Auto-Assign takes TRUE, FALSE or an assignment rule id, not {header!r}")


def parse_body(raw: bytes, content_type: str) -> Any:
    """Read a request body; an empty one is None.

    Errors: UNSUPPORTED_MEDIA_TYPE (415), JSON_PARSER_ERROR (400).
    """
    if not raw.strip():
        return None
    if "json" not in content_type.lower():
        raise SalesforceError(
            "UNSUPPORTED_MEDIA_TYPE", f"Content type '{content_type}' is not supported; send application/json", status=415
        )
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as problem:
        where = f"[line:{problem.lineno}, column:{problem.colno}]"
        raise SalesforceError("JSON_PARSER_ERROR", f"Unexpected character at {where}: {problem.msg}") from problem


def split_url(url: str) -> tuple[str, tuple[str, ...], dict[str, str]] | None:
    """Cut ``/services/data/v62.0/sobjects/Lead?x=y`` into version, parts and parameters; None when it is something else."""
    cut = urlsplit(url)
    pieces = cut.path.split("/")
    if len(pieces) < 4 or pieces[:3] != ["", "services", "data"] or not pieces[3].startswith("v"):
        return None
    parts = tuple(unquote(piece) for piece in pieces[4:])
    while parts and parts[-1] == "":
        parts = parts[:-1]
    return pieces[3][1:], parts, dict(parse_qsl(cut.query, keep_blank_values=True))


def conditional_date(call: Call, name: str) -> datetime | None:
    """Read a conditional header.

    Errors: 400 when a writing call has one that is no HTTP date; a reading call ignores such a header.
    """
    text = call.headers.get(name)
    moment = parse_http_date(text) if text else None
    if text and moment is None and call.method in ("PATCH", "POST"):
        raise SalesforceError(
            "INVALID_INPUT", f"Invalid date in the {name} header: {text!r}; write it as 'Fri, 02 Jan 2026 03:04:05 GMT'"
        )
    return moment


def precondition(call: Call, changed: str) -> Answer | None:
    """Compare a record's or describe's stamp with the call's conditional headers: 412, 304, or None to go on."""
    moment = conditional_date(call, "if-unmodified-since")
    if moment is not None and stamped(changed) > moment:
        return Answer(412)
    moment = conditional_date(call, "if-modified-since")
    if moment is not None and call.method in ("GET", "HEAD") and stamped(changed) <= moment:
        return Answer(304)
    return None
