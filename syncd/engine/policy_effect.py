"""What would edited policy files do to what waits now? Decided under both, on private layers, and nothing is sent.

Fences judge what happens from now on, so an edit of them moves nothing by itself: what they would have made of the last days is
told. Exports that wait and deals that have stalled are decided anew under edited mappings and nurture rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.guard import too_many
from syncd.core.mapping import SourceMapping
from syncd.core.policies import Policies
from syncd.core.values import Intent, Problem
from syncd.engine.cycle import begin, take_exports
from syncd.engine.fence_effect import FenceEffect, fence_effect
from syncd.engine.recycling import recycle
from syncd.engine.world import World
from syncd.ports import Background, ExportFile, Exports, Sieve
from syncd.ports.exports import Item

NURTURE = "nurture.toml"
FENCES = "fences.toml"
FIELDS = "fields/"


class Untouched:
    """A drop folder of which every file stays where it is."""

    def __init__(self, folder: Exports) -> None:
        self._folder = folder

    def waiting(self, mapping: SourceMapping) -> tuple[list[ExportFile], list[Problem]]:
        """Return the files of a source that may be read now."""
        return self._folder.waiting(mapping)

    def rows(self, file: ExportFile, mapping: SourceMapping, now_at: datetime | None = None) -> Iterator[Item]:
        """Read a file."""
        return self._folder.rows(file, mapping, now_at)

    def sift(
        self, file: ExportFile, mapping: SourceMapping, now_at: datetime, background: Background
    ) -> AbstractContextManager[Sieve | None]:
        """Hold a large file against what is known."""
        return self._folder.sift(file, mapping, now_at, background)

    def done(self, file: ExportFile) -> None:
        """Leave a file where it is."""

    def refused(self, file: ExportFile) -> None:
        """Leave a file where it is."""

    def bring_back(self, is_known: Callable[[str], bool]) -> list[str]:
        """Bring nothing back."""
        return []


@dataclass(frozen=True, slots=True)
class Effect:
    """Which limit of a cycle is broken by what the new files would write and the ones in force leave alone, if any, and how many
    values of which field, in words; `examples` name people."""

    broken: str = ""
    told: Sequence[str] = ()
    examples: Sequence[str] = ()


def effect_of(world: World, new: Policies) -> Effect:
    """Compare what is decided now under the policies in force and under new ones.

    Units:  memory holds two numbers for each value that would be written, not the value.
    Errors: SyncdError when the org has to be asked for fields that nobody named before, and does not answer.
    """
    changed = {name for name in {*world.policies.hashes, *new.hashes} if _hash(world.policies, name) != _hash(new, name)}
    sources = [source for source in new.sources if f"{FIELDS}{source.name}.toml" in changed]
    has_files = any(world.exports.waiting(source)[0] for source in sources)
    has_nurture = NURTURE in changed and new.nurture is not None
    judged = fence_effect(world.store, world.policies.fences, new) if FENCES in changed else FenceEffect()
    if not has_files and not has_nurture:
        return Effect("", judged.told, judged.examples)
    with _decided(world, world.policies, exports=has_files, nurture=has_nurture) as intents:
        before = {_write(one): _field(one) for one in intents}
    came: Counter[str] = Counter()
    people = world.store.count("Lead") + world.store.count("Contact")
    with _decided(world, new, exports=has_files, nurture=has_nurture) as intents:
        broken = too_many(_fresh(intents, before, came), world.limits, people)
    return Effect(broken or "", [*judged.told, *_told(came, Counter(before.values()))], judged.examples)


def _hash(policies: Policies, name: str) -> str | None:
    return policies.hashes.get(name)


def _told(came: Counter[str], went: Counter[str]) -> list[str]:
    return [f"{name}: {came[name]:,} more, {went[name]:,} fewer values would be written" for name in sorted({*came, *went})]


def _fresh(intents: Iterable[Intent], before: dict[int, str], came: Counter[str]) -> Iterator[Intent]:
    """Give what was not decided `before`, of which nothing is left but what is decided no more."""
    seen: set[int] = set()
    for one in intents:
        key = _write(one)
        if key not in seen and before.pop(key, None) is None:
            came[_field(one)] += 1
            yield one
        seen.add(key)


def _write(one: Intent) -> int:
    return hash((one.object, one.record_id, one.field, str(one.after)))


def _field(one: Intent) -> str:
    return f"{one.object}.{one.field}"


@contextmanager
def _decided(world: World, policies: Policies, *, exports: bool, nurture: bool) -> Iterator[Iterator[Intent]]:
    """Decide on a private layer, and give what would be written."""
    with world.store.scratch() as layer:
        inner = replace(world, store=layer, policies=policies, exports=Untouched(world.exports))
        last = layer.ledger_size()
        cycle = begin(inner)
        if exports:
            take_exports(inner, cycle)
        if nurture:
            recycle(inner, cycle, retell=True)
        yield (item.intent for item in inner.store.open_intents(last))
