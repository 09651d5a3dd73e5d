"""What does each column of an export probably mean, all of them together?"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.suggestions.fields import fields
from syncd.core.suggestions.flags import flags
from syncd.core.suggestions.keys import keys
from syncd.core.suggestions.suggesting import Evidence, Proposal

_ORDER = ("opted_out", "unreachable", "email", "id", "external", "newest", "field", "none")


def proposals(found: Evidence, refused: Mapping[str, str]) -> list[Proposal]:
    """Propose something for each column of an export, exactly one proposal for each: opt-outs first, then in the file's order.

    Shapes: `refused` says by field why no export may write it.
    """
    by_column: dict[str, Proposal] = {}
    for one in (*flags(found), *keys(found)):
        # What may be an opt-out is never anything else.
        by_column.setdefault(one.column, one)
    taken = {name for name, one in by_column.items() if one.role != "external" or one.is_sure}
    for one in fields(found, taken, refused):
        by_column.setdefault(one.column, one)
    for name in found.sample.header:
        empty = found.looks[name].filled == 0
        why = "it is empty in all rows looked at" if empty else "neither its name nor its cells say what it is"
        by_column.setdefault(name, Proposal(name, "none", 0.0, (why,)))
    places = {name: place for place, name in enumerate(found.sample.header)}
    return sorted(by_column.values(), key=lambda one: (_ORDER.index(one.role), places[one.column]))
