"""What may stand in fences.toml and nurture.toml, as JSON Schemas made from the keys that their parsers know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.core import nurture
from syncd.core.fence_file.bindings import BOUND_KEYS, FENCE_KEYS, LADDER_KEYS, LIFECYCLE_KEYS
from syncd.core.fence_file.gates import GATE_KEYS, NEVER_TO, OWNER_KEYS, REASONS
from syncd.core.fence_file.holdings import CONVERSION, PART_KEYS
from syncd.core.fence_file.holdings import KEYS as HOLDING_KEYS
from syncd.core.fence_file.ladders import BULK_KEYS, MODES, NEVER_ENFORCED, QUIET_KEYS, QUIET_OF
from syncd.core.fence_file.sides import KEYS as SIDE_KEYS
from syncd.core.fence_file.teams import KINDS, MEMBERS, TEAM_KEYS
from syncd.core.fence_model import Sharing
from syncd.core.mapping_file.schema import DRAFT, TEXT, TEXTS, TRUTH, WHOLE, mapping_schema, one_of, table_of, tables_of
from syncd.core.nurture_conditions import NEVER_OBJECTS
from syncd.core.nurture_consent import SOURCES
from syncd.core.policy import PARTS

_LIST = {**TEXTS, "minItems": 1}
_LADDER = {
    "mode": {
        "type": "object",
        "properties": {
            **dict.fromkeys(KINDS, one_of(tuple(MODES))),
            **dict.fromkeys(NEVER_ENFORCED, one_of(("observe",))),
        },
        "additionalProperties": False,
    },
    "since": {},  # TOML's own date or time: a validator may see either as a text
    "grace_minutes": WHOLE,
    "tell": TEXT,
}


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each kind of policy file: "fields" (mappings of exports), "fences" and "nurture"."""
    return {"fields": mapping_schema(), "fences": _fences(), "nurture": _nurture()}


def _keyed(keys: Sequence[str], given: Mapping[str, Any], *, needed: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of a table with the parser's keys; one that is not described here takes any value."""
    return table_of({key: given.get(key, {}) for key in keys}, needed=needed)


def _fences() -> dict[str, Any]:
    bound = {"anyOf": [TEXT, _keyed(BOUND_KEYS, {"field": TEXT, "record_type": _LIST}, needed=["field"])]}
    fields = {"fields": {"type": "array", "items": bound, "minItems": 1}, "reason": TEXT}
    gate = {"by": _LIST, REASONS: {"anyOf": [TEXT, _LIST]}, "needs": _LIST, "when": TEXT, "owner": TEXT}
    part = _keyed(PART_KEYS, {"team": TEXT, "when": TEXT}, needed=["team"])
    holding = {
        "team": TEXT,
        "shared": {"type": "array", "items": part, "minItems": 1},
        "by_record_type": tables_of(TEXT),
        "queue": TEXT,
        "end": TRUTH,
        "legacy": TRUTH,
        "set_by": one_of((CONVERSION,)),
    }
    status, gates = tables_of(_keyed(HOLDING_KEYS, holding)), tables_of(_keyed(GATE_KEYS, gate, needed=["by"]))
    team = {**dict.fromkeys(MEMBERS, _LIST), "kind": one_of(tuple(KINDS)), "where": TEXT, "acts_for": TEXT}
    side = {"team": TEXT, "follows": TEXT, "shared": one_of([each.value for each in Sharing])}
    ladder = {key: _LADDER.get(key, {}) for key in LADDER_KEYS}
    owner = tables_of(_keyed(OWNER_KEYS, gate, needed=["by"]))
    crossing = {"type": "object", "properties": ladder, "additionalProperties": table_of(ladder)}
    parts = {
        "version": TEXT,
        "approvers": tables_of(TEXT),
        "lifecycle": _keyed(LIFECYCLE_KEYS, fields),
        "teams": tables_of(_keyed(TEAM_KEYS, team)),
        "status": status,
        "gate": gates,
        REASONS: tables_of(_LIST),
        "owner": {**owner, "properties": {NEVER_TO: _LIST}},
        "fence": tables_of(_keyed(FENCE_KEYS, {**fields, "status": status, "gate": gates}, needed=["fields"])),
        "fields": tables_of(_keyed(SIDE_KEYS, side)),
        "crossing": crossing,
        "quiet": _keyed(QUIET_KEYS, {"last_business_days": WHOLE, "of": one_of(tuple(QUIET_OF))}),
        "bulk": _keyed(BULK_KEYS, {"records": WHOLE, "minutes": WHOLE}),
    }
    schema = _keyed(PARTS, parts, needed=["version", "teams", "status"])
    return {"$schema": DRAFT, "title": "syncd: who may set which status, stage and owner", **schema}


def _nurture() -> dict[str, Any]:
    activity = {"by": _LIST, "ignore": {"anyOf": [TEXT, _LIST]}, "booked_days_max": WHOLE}
    stall = _keyed(nurture.STALL_KEYS, dict.fromkeys(nurture.STALL_KEYS, WHOLE), needed=["in_stage_days"])
    track = {**dict.fromkeys(nurture.TRACK_KEYS, TEXT), "stages": _LIST}
    parts = {
        "version": TEXT,
        "mode": one_of(nurture.MODES),
        "scope": TEXT,
        "activity": _keyed(nurture.ACTIVITY_KEYS, activity),
        "hold": table_of(dict.fromkeys(nurture.HOLD_OBJECTS, TEXT)),
        "never": table_of(dict.fromkeys(NEVER_OBJECTS, tables_of(TEXT))),
        "opt_out": table_of(dict.fromkeys(SOURCES, tables_of(TEXT))),
        "stall": tables_of(stall),
        "track": tables_of(_keyed(nurture.TRACK_KEYS, track, needed=["stages", "campaign"])),
    }
    schema = _keyed(nurture.PARTS, parts, needed=["version", "stall", "track"])
    return {"$schema": DRAFT, "title": "syncd: which stalled deals go to which nurture campaign", **schema}
