"""Which mail does a track send, and where else does the org keep an opt-out?

Boxes of leads, contacts and individuals are named by field, consents by the name of their data use purpose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from syncd.core.consent import KINDS, scope_of
from syncd.core.flags import OptOutFields
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.privacy import ALWAYS, CONSENTS, INDIVIDUAL, PrivacySources, as_compared
from syncd.core.reading import Reader
from syncd.core.values import GLOBAL

OBJECTS = ("Lead", "Contact")
SOURCES = (*OBJECTS, INDIVIDUAL, *CONSENTS)
_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def track_scopes(read: Reader, path: tuple[str, ...]) -> frozenset[str]:
    """Read what the mail of a track is about: whoever opted out of its brand or its topic is not in it."""
    found = set()
    for kind in KINDS:
        name = read.text((*path, kind))
        if name is not None and (scope := scope_of(f"{kind}:{name}")) is not None:
            found.add(scope)
    return frozenset(found)


def opt_outs(read: Reader) -> OptOutFields:
    """Read [opt_out]: by object the checkboxes that mean an opt-out when they are ticked, and what each covers."""
    read.known_keys(("opt_out",), SOURCES)
    found = {object: _boxes(read, object, (OPT_OUT,)) for object in OBJECTS}
    return {object: boxes for object, boxes in found.items() if boxes}


def privacy_sources(read: Reader) -> PrivacySources:
    """Read which data privacy records count; a table without a line names its object too."""
    named = {object for object in (INDIVIDUAL, *CONSENTS) if read.value(("opt_out", object)) is not None}
    boxes = {**dict.fromkeys(ALWAYS, GLOBAL), **_boxes(read, INDIVIDUAL, ALWAYS)} if INDIVIDUAL in named else {}
    purposes = {object: _purposes(read, object) for object in CONSENTS if object in named}
    return PrivacySources(boxes, purposes)


def _boxes(read: Reader, object: str, always: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in read.table(("opt_out", object)):
        path = ("opt_out", object, name)
        scope = _scope(read, path)
        same = next((one for one in always if one.casefold() == name.casefold()), None)
        if not _API_NAME.fullmatch(name):
            read.refuse(path, "MAP-062", f"{name!r} is no field name.", "Use the API name, such as No_Newsletter__c.")
        elif same is not None:
            read.refuse(path, "MAP-062", f"{same} always counts, for all mail.", "Remove the line.")
        elif scope is not None:
            found[name] = scope
    return found


def _purposes(read: Reader, object: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in read.table(("opt_out", object)):
        path = ("opt_out", object, name)
        read.plain_text(path, name)
        scope = _scope(read, path)
        if as_compared(name) in found:
            read.refuse(path, "MAP-062", f"purpose {name!r} is named twice.", "Remove one of the lines.")
        elif scope is not None:
            found[as_compared(name)] = scope
    return found


def _scope(read: Reader, path: tuple[str, ...]) -> str | None:
    written = read.text(path, required=True)
    scope = None if written is None else scope_of(written)
    if written is not None and scope is None:
        text = f"{written!r} does not say what the opt-out covers."
        read.refuse(path, "MAP-062", text, 'Write "global", "brand:NAME" or "topic:NAME".')
    return scope
