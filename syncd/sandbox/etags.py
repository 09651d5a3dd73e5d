"""Does the caller still have the account it read? Entity tags exist for Account records alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.sandbox.call import Answer, Call
from syncd.sandbox.clock import stamped
from syncd.sandbox.schema import SObject


def etag_of(sobject: SObject, row: Mapping[str, Any]) -> str | None:
    """Return a record's entity tag; None for every object but Account."""
    if sobject.name != "Account":
        return None
    return f'"{row["Id"][:15]}-{int(stamped(row["SystemModstamp"]).timestamp()):x}"'


def tag_refusal(call: Call, tag: str) -> Answer | None:
    """Compare the record's tag with If-Match and If-None-Match: 412, 304, or None to go on."""
    wanted, unwanted = (_tags(call.headers.get(name, "")) for name in ("if-match", "if-none-match"))
    if wanted and not _holds(wanted, tag):
        return Answer(412)
    if unwanted and _holds(unwanted, tag):
        return Answer(304, headers={"ETag": tag}) if call.method in ("GET", "HEAD") else Answer(412)
    return None


def _tags(header: str) -> list[str]:
    return [each.strip().removeprefix("W/") for each in header.split(",") if each.strip()]


def _holds(tags: list[str], tag: str) -> bool:
    return "*" in tags or tag in tags
