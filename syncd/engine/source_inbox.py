"""What does the inbox say of the places that exports are fetched from?"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.values import InboxItem
from syncd.engine.world import Cycle, World
from syncd.ports.sources import Source

KIND = "export-source"
SHOWN_MAX = 5


def nameless(source: Source) -> InboxItem:
    """Say that a source has no mapping."""
    text = f"[EXP-045] Nothing is fetched from {source.address}: no mapping says what the columns of {source.name} mean."
    remedy = f"Write mappings/fields/{source.name}.toml, or name the section of config.toml as the mapping is named."
    return InboxItem(KIND, source.name, f"config.toml [exports.{source.name}]", text, remedy)


def tell(world: World, cycle: Cycle, source: str, items: Sequence[InboxItem]) -> None:
    """Bring the inbox in step with a source; nothing is written while nothing has changed."""
    told = [item for _, item, _ in world.store.inbox(kind=KIND)]
    mine = {item.subject: item for item in told if item.subject.partition("/")[0] == source}
    gone = [subject for subject in mine if subject not in {item.subject for item in items}]
    new = [item for item in items if mine.get(item.subject) != item]
    if new or gone:
        with world.store.begin() as tx:
            tx.put_inbox(new, cycle.now)
            tx.resolve_inbox(KIND, gone, cycle.now)


def shown(names: Sequence[str]) -> str:
    """Name some of many files, so that each can be read on a terminal."""
    some = ", ".join(name if name.isprintable() else ascii(name) for name in names[:SHOWN_MAX])
    return some + (f" and {len(names) - SHOWN_MAX:,} more" if len(names) > SHOWN_MAX else "")
