"""Do the request log and the ledger tell the same story, both ways?

Every value on the wire has an intent that was committed before the request came in and had not ended by then; every intent
confirmed has its request; no intent was carried out twice, or carried out and said to be unsent; by the org's own record of
deeds, nothing else was written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.checker.book import Book, Promise
from tests.checker.wire import Sent, Wire

_NEVER_APPLIED = frozenset({"not_sent", "not_applied", "rejected"})
_ALWAYS_SENT = frozenset({"confirmed", "rejected"})
_Target = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is held against each other.

    `seen`: by request, the newest ledger row that was committed when it came in. `since_seq`: the ledger as it was when the log
    begins. `deeds`: the org's own account of what changed.
    """

    wire: Wire
    book: Book
    seen: Mapping[int, int] = field(default_factory=dict)
    since_seq: int = 0
    deeds: Sequence[Mapping[str, Any]] = ()
    user: str = "syncd@sandbox.example"


def problems_of(found: Evidence) -> list[str]:
    """List all that does not fit; empty when all is well."""
    carried: dict[int, list[Sent]] = defaultdict(list)
    problems = [*found.wire.unread, *found.book.problems]
    by_target = _by_target(found.book)
    for sent in found.wire.sent:
        for what, candidates in _wanted(sent, by_target):
            promise, problem = _fitting(sent, what, candidates, found)
            if promise is not None:
                carried[promise.seq].append(sent)
            if problem:
                problems.append(problem)
    problems += _unkept(found, carried)
    problems += _undeclared(found)
    return problems


def _by_target(book: Book) -> dict[_Target, list[Promise]]:
    """Index intents by what a request for them looks like."""
    index: dict[_Target, list[Promise]] = defaultdict(list)
    for promise in book.promises.values():
        if promise.values is None:
            index[promise.object, promise.record_id[:15], promise.field, plain(promise.after)].append(promise)
        else:
            index[promise.object, "", "", _row(promise.values)].append(promise)
    return index


def _wanted(sent: Sent, index: Mapping[_Target, list[Promise]]) -> Iterator[tuple[str, list[Promise]]]:
    """Give each thing that was sent, in words, with the intents that ask for exactly that."""
    if sent.op == "create":
        yield f"{sent} {dict(sent.fields)}", index.get((sent.object, "", "", _row(sent.fields)), [])
    elif sent.op == "update":
        for name, value in sent.fields.items():
            target = (sent.object, sent.id[:15], name, plain(value))
            yield f"{sent} {name} = {value!r}", index.get(target, [])
        if not sent.fields:
            yield f"{sent} without a value", []
    else:
        yield f"{sent}", []


def _fitting(sent: Sent, what: str, candidates: Sequence[Promise], found: Evidence) -> tuple[Promise | None, str]:
    """Find the intent that a value was sent for: committed before, not ended before."""
    if not candidates:
        return None, f"{what}: no intent asks for that"
    before = [one for one in candidates if _is_before(one, sent, found)]
    if not before:
        return candidates[0], f"{what}: sent before {candidates[0]} was committed"
    alive = [one for one in before if not _had_ended(one, sent, found)]
    if not alive:
        return before[-1], f"{what}: sent after {before[-1]} had ended as {found.book.ends[before[-1].seq].outcome}"
    return alive[-1], ""


def _is_before(promise: Promise, sent: Sent, found: Evidence) -> bool:
    seen = found.seen.get(sent.n)
    return promise.seq <= seen if seen is not None else _moment(promise.at) <= _moment(sent.at)


def _had_ended(promise: Promise, sent: Sent, found: Evidence) -> bool:
    end, seen = found.book.ends.get(promise.seq), found.seen.get(sent.n)
    return end is not None and seen is not None and end.seq <= seen


def _unkept(found: Evidence, carried: Mapping[int, Sequence[Sent]]) -> Iterator[str]:
    """Name the intents whose end does not fit what was sent for them."""
    for seq, promise in found.book.promises.items():
        sends = carried.get(seq, ())
        taken = [one for one in sends if one.applied]
        if len(taken) > 1:
            yield f"{promise} was carried out {len(taken)} times: {', '.join(str(one) for one in taken)}"
        end = found.book.ends.get(seq)
        if end is None or end.seq <= found.since_seq:
            continue
        if end.outcome in _ALWAYS_SENT and not sends and promise.seq > found.since_seq:
            yield f"{promise} ended as {end.outcome}, and was never sent"
        if end.outcome == "confirmed" and sends and all(one.applied is False for one in sends):
            yield f"{promise} ended as confirmed, and the org took none of {', '.join(str(one) for one in sends)}"
        if end.outcome in _NEVER_APPLIED and taken:
            yield f"{promise} ended as {end.outcome}, and the org took {taken[0]}"


def _undeclared(found: Evidence) -> Iterator[str]:
    """Name what the org says that syncd changed, and no request explains; and owners that a rule chose and nobody put back."""
    told = {(one.object, one.id[:15], name) for one in found.wire.sent for name in one.fields}
    deeds = [deed for deed in found.deeds if deed["username"] == found.user]
    made = {deed["id"] for deed in deeds if deed["field"] == "Id" and deed["before"] is None}
    creates = sum(one.op == "create" and one.applied is not False for one in found.wire.sent)
    for deed in deeds:
        words = f"deed {deed['n']}: {deed['object']} {deed['id']} {deed['field']} = {deed['after']!r} via {deed['via']}"
        if deed["via"] == "assignment rule":
            later = [one for one in found.deeds if (one["id"], one["field"]) == (deed["id"], "OwnerId") and one["n"] > deed["n"]]
            if not later:
                yield f"{words}: syncd set off the org's assignment rule, and the owner was never put back"
        elif deed["via"] == "api" and deed["id"] not in made and (deed["object"], deed["id"][:15], deed["field"]) not in told:
            yield f"{words}: no request of syncd's says so"
    if len(made) > creates:
        yield f"syncd created {len(made)} records, and the log knows of {creates}"


def plain(value: Any) -> str:
    """Write a value so that JSON and CSV forms of the same one are equal."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    try:
        return repr(float(text)) if text[:1] in "-.0123456789" and len(text) < 16 else _moment(text).isoformat()
    except ValueError:
        return text


def _row(fields: Mapping[str, Any]) -> str:
    return str(sorted((name, plain(value)) for name, value in fields.items() if plain(value)))


def _moment(text: str) -> datetime:
    """Read a time; whatever is none raises ValueError."""
    if len(text) < 11 or text[10] not in "T ":
        raise ValueError(text)
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
