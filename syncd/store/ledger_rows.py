"""How does an entry become a row, a leaf and its commitments, and how does it come back?

A leaf is the RFC 6962 hash over the canonical JSON of the row: its columns that hold something, sorted by name, without
blanks, `leaf` itself left out. Columns added later therefore leave older leaves as they are. What is personal (before,
after, the actor's name) is in the row only as SHA-256(salt ‖ JSON of the value).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from syncd.core.proof import Frontier
from syncd.core.values import Entry, Intent, Outcome, Rule, Scalar
from syncd.ports import LedgerRow, OpenIntent
from syncd.store.encoding import (
    from_json,
    to_json,
    to_moment,
    to_moment_or_none,
    to_text_or_none,
    without_nul,
    without_nulls,
)
from syncd.store.tables import ledger

PEOPLE = frozenset({"Lead", "Contact"})
SALT_BYTES = 32
PARTS = ("before", "after", "actor")
LEAF_COLUMNS = tuple(sorted(str(column.name) for column in ledger.columns if column.name != "leaf"))
ROW_COLUMNS = (*LEAF_COLUMNS, "leaf")
VALUE_COLUMNS = ("org", "seq", "part", "salt", "value")


def leaf_of(values: Iterable[object]) -> bytes:
    """Return the leaf hash of a row given as the values of `LEAF_COLUMNS`, or of `ROW_COLUMNS`."""
    filled = {name: value for name, value in zip(LEAF_COLUMNS, values, strict=False) if value is not None}
    return sha256(b"\x00" + orjson.dumps(filled, default=repr)).digest()  # repr: what only a forger puts there


def commitment(salt: str, value: str) -> str:
    """Return the commitment to a value's JSON text under a salt in hex."""
    return sha256(bytes.fromhex(salt) + value.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Rows:
    """Entries as the tables hold them: values of `ROW_COLUMNS`, values of `VALUE_COLUMNS`, and the leaf hashes."""

    rows: list[tuple[str | int | None, ...]]
    values: list[tuple[str | int, ...]]
    leaves: list[bytes]


def rows_of(org: str, first_seq: int, entries: Sequence[Entry], salts: Callable[[int], bytes]) -> Rows:
    """Return the ledger rows of entries that get sequence numbers from `first_seq` on, leaves included."""
    found = Rows([], [], [])
    stock = salts(SALT_BYTES * len(PARTS) * len(entries))
    place = 0
    as_text = _Texts()
    for seq, entry in enumerate(entries, first_seq):
        hashes: list[str | None] = []
        for part, value in (("actor", entry.actor), ("after", entry.after), ("before", entry.before)):
            if value is None:
                hashes.append(None)
                continue
            salt, text = stock[place : place + SALT_BYTES], to_json(value)
            place += SALT_BYTES
            hashes.append(sha256(salt + text.encode()).hexdigest())
            found.values.append((org, seq, part, salt.hex(), text))
        columns = _columns(org, seq, entry, as_text, *hashes)
        leaf = leaf_of(columns)
        found.leaves.append(leaf)
        found.rows.append((*columns, leaf.hex()))
    return found


class _Texts(dict[datetime | None, str | None]):
    """Times as text: most entries of a batch share theirs."""

    def __missing__(self, moment: datetime | None) -> str | None:
        text = self[moment] = to_text_or_none(moment)
        return text


def _columns(
    org: str, seq: int, entry: Entry, as_text: _Texts, actor_hash: str | None, after_hash: str | None, before_hash: str | None
) -> tuple[str | int | None, ...]:
    """Return the values of `LEAF_COLUMNS`."""
    rule = entry.rule
    return (
        actor_hash,
        entry.actor_id,
        entry.actor_kind,
        after_hash,
        as_text[entry.at],
        before_hash,
        entry.cause_seq,
        as_text[entry.changed_at],
        entry.cycle,
        to_json(dict(entry.evidence)) if entry.evidence else None,
        entry.fence,
        entry.field,
        entry.key,
        entry.kind,
        entry.object,
        org,
        entry.outcome,
        entry.policy_hash,
        entry.proof,
        without_nul(entry.reason) if entry.reason else entry.reason,  # the one free text that stands in the leaf
        entry.record_id,
        entry.related_id,
        entry.request_id,
        None if rule is None else rule.file,
        None if rule is None else rule.line,
        None if rule is None else rule.name,
        seq,
        entry.team,
        entry.verdict,
    )


def ledger_row(row: Mapping[str, Any], values: Mapping[str, Scalar]) -> LedgerRow:
    """Return a stored row with its values by part; what was erased is None."""
    name, file, line = row["rule_name"], row["rule_file"], row["rule_line"]
    entry = Entry(
        kind=row["kind"],
        at=to_moment(row["at"]),
        cycle=row["cycle"],
        object=row["object"],
        record_id=row["record_id"],
        related_id=row["related_id"],
        field=row["field"],
        before=values.get("before"),
        after=values.get("after"),
        changed_at=to_moment_or_none(row["changed_at"]),
        actor_id=row["actor_id"],
        actor=_text(values.get("actor")),
        actor_kind=row["actor_kind"],
        proof=row["proof"],
        team=row["team"],
        verdict=row["verdict"],
        fence=row["fence"],
        rule=None if name is None else Rule(name, file, line),
        policy_hash=row["policy_hash"],
        reason=row["reason"],
        evidence={} if row["evidence"] is None else from_json(row["evidence"]),
        cause_seq=row["cause_seq"],
        key=row["key"],
        outcome=row["outcome"],
        request_id=row["request_id"],
    )
    return LedgerRow(row["seq"], entry, row["leaf"])


def _text(value: Scalar) -> str | None:
    return None if value is None else str(value)


def intent_entry(intent: Intent, cause_seq: int | None, at: Any, cycle: str) -> Entry:
    """Return the entry that says a write is about to be sent."""
    values = intent.values or {}
    created: dict[str, Scalar] = {f"values.{name}": value for name, value in values.items()}
    if intent.object in PEOPLE:  # what is said of a person stands in `after`, from where it could be erased
        created = {"creates": intent.object} if values else {}
    return Entry(
        kind="intent",
        at=at,
        cycle=cycle,
        object=intent.object,
        record_id=intent.record_id,
        related_id=intent.related_id,
        field=intent.field,
        before=intent.before,
        after=intent.after,
        actor_kind="syncd",
        rule=intent.rule,
        policy_hash=intent.policy_hash,
        reason=intent.reason,
        evidence={"cause": intent.cause, "part": intent.part, **created},
        cause_seq=cause_seq,
        key=intent.key,
    )


def outcome_entry(opened: OpenIntent, outcome: Outcome, at: Any, cycle: str) -> Entry:
    """Return the entry that says how an intent ended; it repeats what the intent was about."""
    intent = opened.intent
    return Entry(
        kind="outcome",
        at=at,
        cycle=cycle,
        object=intent.object,
        record_id=intent.record_id,
        related_id=intent.related_id,
        field=intent.field,
        before=intent.before,
        after=intent.after,
        actor_kind="syncd",
        rule=intent.rule,
        policy_hash=intent.policy_hash,
        reason=outcome.text or None,
        evidence=_scalars(without_nulls({"code": outcome.code or None, "created_id": outcome.created_id})),
        cause_seq=opened.seq,
        key=intent.key,
        outcome=outcome.kind.value,
        request_id=outcome.request_id or None,
    )


def _scalars(values: Mapping[str, object]) -> dict[str, Scalar]:
    return {name: value for name, value in values.items() if isinstance(value, str | int | float | bool)}


def intent_json(intent: Intent) -> str:
    """Return an intent as the outbox keeps it."""
    if intent.values is None:
        with suppress(TypeError):  # a value beyond orjson
            return orjson.dumps(intent, option=orjson.OPT_SORT_KEYS).decode()
    plain = {part.name: getattr(intent, part.name) for part in fields(intent)}
    rule = {part.name: getattr(intent.rule, part.name) for part in fields(Rule)}
    return to_json({**plain, "rule": rule, "values": None if intent.values is None else dict(intent.values)})


def intent_of(text: str) -> Intent:
    """Return the intent that `intent_json` wrote."""
    parts = from_json(text)
    parts["rule"] = Rule(**parts["rule"])
    return Intent(**parts)


def frontier_of(size: int, text: str) -> Frontier:
    """Return a stored frontier. Errors: ValueError when size and peaks do not fit."""
    peaks: Sequence[str] = text.split()
    return Frontier(size, tuple(bytes.fromhex(peak) for peak in peaks))


def frontier_text(frontier: Frontier) -> str:
    """Return the peaks as the head keeps them: hex, largest subtree first."""
    return " ".join(peak.hex() for peak in frontier.peaks)
