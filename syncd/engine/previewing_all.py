"""What would a whole export do, by kind of effect, and what does another mapping do otherwise?

The intake itself runs on a private layer over the store; what it left there is read and thrown away.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.core.mapped import UNREAD
from syncd.core.mapping import SourceMapping
from syncd.core.values import Entry, InboxItem, Intent, Problem, Scalar, digest
from syncd.engine.intake import take_in
from syncd.engine.intake_context import IntakeContext
from syncd.ports import Background, ExportFile, Exports, LedgerQuery, Sieve
from syncd.ports.exports import Item

ITEMS_MAX = 100_000
ENTRIES_MAX = 10**9
_LINE = re.compile(r":(\d+)\b")
_CODE = re.compile(r"\[([A-Z]+-\d+)\]")
NOT_TAKEN = ("export-file", "export-paused", "export-mapping")


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a row comes to. `key` is the same under another mapping for the same thing; `line` 0: none is known.

    `count`: of so many rows, what is told of them all together.
    """

    kind: str
    key: str
    who: str
    line: int
    before: Scalar
    after: Scalar
    why: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Decided:
    """What a whole file comes to: the intake's counts, every effect, and why the file is not taken, if it is not."""

    counts: Mapping[str, int]
    effects: Sequence[Effect]
    refused: Sequence[str] = ()

    def kinds(self) -> dict[str, int]:
        """Count the effects of each kind."""
        found: Counter[str] = Counter()
        for one in self.effects:
            found[one.kind] += one.count
        return dict(sorted(found.items()))

    @property
    def is_unread(self) -> bool:
        """Tell whether rows are set aside only because a field that the mapping names was not read yet."""
        return any(one.kind == f"set aside {UNREAD}" for one in self.effects)


@dataclass(frozen=True, slots=True)
class Differences:
    """What another mapping does otherwise: how many people it concerns, counts by what, and each case."""

    people: int
    counts: Mapping[str, int]
    examples: Sequence[Effect] = field(default_factory=list)


class OneFile:
    """A drop folder in which one file lies, for the first time."""

    def __init__(self, folder: Exports, file: ExportFile) -> None:
        self._folder, self._file = folder, file
        self._seen_as = replace(file, sha256=digest("preview", file.sha256))

    def waiting(self, mapping: SourceMapping) -> tuple[list[ExportFile], list[Problem]]:
        """Return the file."""
        return [self._seen_as], []

    def rows(self, file: ExportFile, mapping: SourceMapping, now_at: datetime | None = None) -> Iterator[Item]:
        """Read the file."""
        return self._folder.rows(self._file, mapping, now_at)

    def sift(
        self, file: ExportFile, mapping: SourceMapping, now_at: datetime, background: Background
    ) -> AbstractContextManager[Sieve | None]:
        """Hold the file against what is known, when it is large."""
        return self._folder.sift(self._file, mapping, now_at, background)

    def done(self, file: ExportFile) -> None:
        """Leave the file where it is."""

    def refused(self, file: ExportFile) -> None:
        """Leave the file where it is."""

    def bring_back(self, is_known: Callable[[str], bool]) -> list[str]:
        """Bring nothing back."""
        return []


def decide_all(context: IntakeContext, folder: Exports, mapping: SourceMapping, file: ExportFile) -> Decided:
    """Take a file in as if it were dropped now and the mapping wrote. `context.store` is a private layer."""
    context = replace(context, items_max=ITEMS_MAX)
    store = context.store
    size = store.ledger_size()
    known = {item.seq for item in store.open_intents()}
    inbox = {(item.kind, item.subject): times for _, item, times in store.inbox()}
    counts = take_in(OneFile(folder, file), [replace(mapping, mode="write")], context)
    told = [item for _, item, times in store.inbox() if inbox.get((item.kind, item.subject)) != times]
    effects = [*_writes(context, known), *_flags(context, size), *set_aside(told)]
    return Decided(counts, effects, [f"{one.where}: {one.text} {one.remedy}" for one in told if one.kind in NOT_TAKEN])


def _writes(context: IntakeContext, known: set[int]) -> Iterator[Effect]:
    return (write_of(item.intent) for item in context.store.open_intents() if item.seq not in known)


def write_of(intent: Intent) -> Effect:
    """Tell of a value that would be written."""
    name = f"{intent.object}.{intent.field}"
    last = intent.cause.rpartition(":")[2]
    line = int(last) if last.isdecimal() else 0
    kind = f"{'create' if intent.is_create else 'write'} {name}"
    rule = f"{intent.rule.file}:{intent.rule.line}"
    who = f"{intent.object} {intent.record_id}"
    return Effect(kind, f"{name} {intent.record_id}", who, line, intent.before, intent.after, rule)


def _flags(context: IntakeContext, size: int) -> Iterator[Effect]:
    rows = context.store.ledger(LedgerQuery(kind="flag", limit=ENTRIES_MAX))
    return (flag_of(row.entry) for row in rows if row.seq > size)


def flag_of(entry: Entry) -> Effect:
    """Tell of a flag that would be set, or would end."""
    who = f"{entry.object or ''} {entry.record_id or ''}".strip() or "somebody who is not in Salesforce"
    kind = f"flag {entry.after}" if entry.after else f"flag no longer {entry.before}"
    line = entry.evidence.get("line")
    return Effect(
        kind, f"{kind} {who} {entry.evidence.get('line') if not entry.record_id else ''}", who,
        line if isinstance(line, int) else 0, entry.before, entry.after, entry.reason or "",
    )  # fmt: skip


def set_aside(items: Iterable[InboxItem]) -> Iterator[Effect]:
    """Tell of rows that would go to the inbox, and of those that are told of all together."""
    for item in items:
        if item.kind in NOT_TAKEN:
            continue
        if item.detail and item.detail.startswith("lines "):
            first, count = int(re.findall(r"\d+", item.detail)[0]), int(item.text.split()[0])
            yield Effect(item.kind, item.kind, f"line {first}", first, None, f"{count:,} in all", item.text, count)
        else:
            found, code = _LINE.search(item.where), _CODE.search(item.text)
            line = int(found[1]) if found else 0
            kind = f"set aside {code[1]}" if code else f"set aside {item.kind}"
            yield Effect(kind, f"set aside {line} {item.subject}", f"line {line}", line, None, None, item.text)


def sampled(effects: Iterable[Effect], number: int) -> list[Effect]:
    """Choose effects on so many people, the same ones each time, so that each kind is seen before any is seen twice.

    Within a kind people are taken in an order that has nothing to do with the file's.
    """
    by_kind: dict[str, list[Effect]] = {}
    for one in effects:
        by_kind.setdefault(one.kind, []).append(one)
    queues = [sorted(found, key=lambda one: digest(one.who)) for _, found in sorted(by_kind.items())]
    chosen: dict[str, Effect] = {}
    people: set[str] = set()
    while queues and len(people) < number:
        for queue in queues:
            while queue and queue[0].who in people:
                one = queue.pop(0)
                if one.kind not in {other.kind for other in chosen.values()}:
                    chosen[f"{one.kind} {one.key}"] = one
                    break
            else:
                if queue and len(people) < number:
                    one = queue.pop(0)
                    people.add(one.who)
                    chosen[f"{one.kind} {one.key}"] = one
        queues = [queue for queue in queues if queue]
    return sorted(chosen.values(), key=lambda one: (one.kind, one.line, one.who))


def differences(old: Decided, new: Decided) -> Differences:
    """Compare what two mappings do with one file."""
    before, after = _by_key(old), _by_key(new)
    examples: list[Effect] = []
    counts: Counter[str] = Counter()
    for key in dict.fromkeys([*before, *after]):
        one, other = before.get(key), after.get(key)
        if one is not None and other is not None and (one.after, one.kind) == (other.after, other.kind):
            continue
        shown = other or one
        assert shown is not None, "a key stands in one of the two"
        what = "no longer" if other is None else "newly" if one is None else "another value"
        counts[f"{shown.kind}: {what}"] += 1
        examples.append(replace(shown, kind=f"{shown.kind}: {what}", before=_said(one), after=_said(other)))
    people = len({one.who for one in examples})
    return Differences(people, dict(sorted(counts.items())), sorted(examples, key=lambda one: (one.kind, one.line, one.who)))


def _said(effect: Effect | None) -> Scalar:
    """Return what an effect comes to, in the column of its mapping."""
    return "nothing" if effect is None else effect.after if effect.after is not None else effect.kind


def _by_key(decided: Decided) -> dict[str, Effect]:
    return {one.key: one for one in decided.effects}
