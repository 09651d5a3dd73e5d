"""Which mail does a track send, and where else does the org keep an opt-out?"""

from __future__ import annotations

import re

from syncd.core.consent import KINDS, scope_of
from syncd.core.flags import OptOutFields
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.reading import Reader

OBJECTS = ("Lead", "Contact")
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
    read.known_keys(("opt_out",), OBJECTS)
    found: dict[str, dict[str, str]] = {}
    for object in OBJECTS:
        for name in read.table(("opt_out", object)):
            path = ("opt_out", object, name)
            written = read.text(path, required=True)
            scope = None if written is None else scope_of(written)
            if not _API_NAME.fullmatch(name):
                read.refuse(path, "MAP-062", f"{name!r} is no field name.", "Use the API name, such as No_Newsletter__c.")
            elif name.casefold() == OPT_OUT.casefold():
                read.refuse(path, "MAP-062", f"{OPT_OUT} always counts, for all mail.", "Remove the line.")
            elif written is not None and scope is None:
                text = f"{written!r} does not say what the opt-out covers."
                read.refuse(path, "MAP-062", text, 'Write "global", "brand:NAME" or "topic:NAME".')
            elif scope is not None:
                found.setdefault(object, {})[name] = scope
    return found
