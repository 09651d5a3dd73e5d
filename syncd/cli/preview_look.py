"""How is an export decided without a cycle: all of it, some rows of it, or what an edit of its mapping may concern?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from syncd.cli import output, preview_some
from syncd.cli.preview_context import context_on
from syncd.cli.preview_some import rows_on, some_of
from syncd.cli.preview_targets import Target, hashed

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.engine.previewing_all import Decided
    from syncd.exports.folder import DropFolder
    from syncd.ports import Store, StoreReader


@dataclass(frozen=True, slots=True)
class Look:
    """Looks at exports as the store stands. What is to be known about it goes to stderr."""

    config: Config
    store: StoreReader

    def at_all(self, target: Target) -> Decided:
        """Take a whole file in on a private copy of the store."""
        from syncd.cli.mapping_files import tell_of_long
        from syncd.engine.previewing_all import decide_all

        target = hashed(target)
        tell_of_long(output.visible(target.file.name), target.file.size_bytes)
        with cast("Store", self.store).scratch() as layer:
            decided = decide_all(context_on(self.config, self.store, layer), self._folder(), target.mapping, target.file)
        _tell_unread(target, decided)
        return decided

    def at_some(self, target: Target) -> tuple[Decided, Mapping[str, int]]:
        """Decide on some rows of a large file, and tell how many they are of how many lines."""
        from syncd.engine.previewing_all import Decided
        from syncd.engine.previewing_some import decide_some

        context = context_on(self.config, self.store)
        some = some_of(target, context.now_at)
        if some.refused is not None:
            problem = some.refused.problem
            text = f"{problem.file}:{problem.line} [{problem.code}] {problem.text} {problem.remedy}"
            return Decided({}, [], [text]), {"rows": 0, "lines": some.lines}
        decided = decide_some(context, target.mapping, target.file, some.items)
        _tell_unread(target, decided)
        return decided, {"rows": len(some.items), "lines": some.lines}

    def under_both(self, old: Target, new: Target) -> tuple[Decided, Decided]:
        """Decide under two mappings: on the rows of a large file that the edit may concern, or else on all."""
        return self._concerned(old, new) or (self.at_all(old), self.at_all(new))

    def _concerned(self, old: Target, new: Target) -> tuple[Decided, Decided] | None:
        from syncd.engine.previewing_edit import lines_concerned
        from syncd.engine.previewing_some import decide_some

        if new.file.size_bytes < preview_some.LARGE_BYTES:
            return None
        context = context_on(self.config, self.store)
        lines = lines_concerned(context, self._folder(), old.mapping, new.mapping, hashed(new).file)
        found: list[Decided] = []
        for one in (old, new) if lines is not None else ():
            rows = rows_on(one, lines or (), context.now_at)
            if rows is not None:
                found.append(_of_these(decide_some(context, one.mapping, one.file, rows)))
        if len(found) != 2 or any(one.refused for one in found):
            return None
        _tell_unread(new, found[1])
        return found[0], found[1]

    def _folder(self) -> DropFolder:
        from syncd.engine.host_clock import HostClock
        from syncd.exports.folder import DropFolder

        return DropFolder(self.config.exports, HostClock(), is_read_only=True)


def _of_these(decided: Decided) -> Decided:
    """Say of what is told of many rows together that it is told of some of them only."""
    effects = [
        replace(one, after=f"{one.count:,} of the rows that the edit may concern") if one.kind.startswith("export-") else one
        for one in decided.effects
    ]
    return replace(decided, effects=effects)


def _tell_unread(target: Target, decided: Decided) -> None:
    if decided.is_unread:
        text = "some of its fields were not read yet, and rows that need them are shown as set aside (ROW-023)"
        output.message(f"{target.mapping.file}: {text}: a preview is whole after the first cycle under this mapping.")
