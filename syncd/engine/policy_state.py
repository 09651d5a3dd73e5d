"""Which policy files are in force, what did the last edit change, and which edit is not? Left by the daemon for `status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncd.core.policies import Policies
from syncd.ports import StoreReader, StoreWriter

POLICIES = "policies in force"
TEXTS = "policy texts in force"
"""What each file in force says, byte for byte, for a start while an edit of it waits for a word."""
CHANGES_MAX = 20


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What `syncd status` tells. `examples` name records that the last edit is about.

    `refused` and `waiting` are about files that are not in force; both empty: all of them are.
    """

    since_at: datetime | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    changes: Sequence[str] = ()
    refused: Sequence[str] = ()
    waiting: str = ""
    restart: bool = False
    examples: Sequence[str] = ()


def read_policy_state(store: StoreReader) -> PolicyState:
    """Read what the daemon left."""
    known = store.setting(POLICIES)
    if not isinstance(known, dict):
        return PolicyState()
    since = known.get("since_at")
    return PolicyState(**{**known, "since_at": datetime.fromisoformat(since) if since else None})


def versions_of(policies: Policies) -> dict[str, str]:
    """Return what each file calls its version."""
    found = {"fences.toml": policies.fences.version}
    if policies.nurture is not None:
        found["nurture.toml"] = policies.nurture.version
    return found | {f"fields/{source.name}.toml": source.version for source in policies.sources}


def state_of(policies: Policies, at: datetime, changes: Sequence[str], examples: Sequence[str] = ()) -> PolicyState:
    """Return what is in force from now on, after these changes."""
    shown = list(changes[:CHANGES_MAX])
    return PolicyState(at, dict(policies.hashes), versions_of(policies), shown, examples=list(examples))


def put_policy_state(tx: StoreWriter, state: PolicyState) -> None:
    """Keep it."""
    body: dict[str, Any] = {
        "since_at": None if state.since_at is None else state.since_at.isoformat(),
        "hashes": dict(state.hashes),
        "versions": dict(state.versions),
        "changes": list(state.changes),
        "refused": list(state.refused),
        "waiting": state.waiting,
        "restart": state.restart,
        "examples": list(state.examples),
    }
    tx.put_setting(POLICIES, body)
