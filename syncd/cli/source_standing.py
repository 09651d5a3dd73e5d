"""How do the places that exports are fetched from stand? The lines of `syncd status` for that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.cli import output

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.fetching import Known
    from syncd.ports import StoreReader


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """One source as its last look left it."""

    name: str
    known: Known

    def told(self) -> str:
        """Say in one line when it was looked at, what waits there and what is wrong."""
        known = self.known
        if known.failing_at is not None:
            return f"{self.name}: failing since {output.when(known.failing_at)}: {known.reason}"
        if known.looked_at is None:
            return f"{self.name}: {known.address}, not looked at yet"
        waits = f"{output.many(len(known.seen), 'file')} to fetch" if known.seen else "nothing to fetch"
        last = f", the last one came {output.when(known.fetched_at)}" if known.fetched_at is not None else ""
        return f"{self.name}: {waits}{last}; looked at {output.when(known.looked_at)}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        known = self.known
        return {
            "name": self.name,
            "address": known.address,
            "is_failing": known.failing_at is not None,
            "reason": known.reason,
            "failures": known.failures,
            "failing_at": _text(known.failing_at),
            "looked_at": _text(known.looked_at),
            "fetched_at": _text(known.fetched_at),
            "waiting": sorted(known.seen),
        }


def read_sources_standing(store: StoreReader, config: Config) -> Sequence[SourceStanding]:
    """Read what the store knows of every source of the config."""
    from syncd.core.fetching import known_from_json
    from syncd.engine.fetching import setting_of

    return [SourceStanding(one.name, known_from_json(store.setting(setting_of(one.name)), one.address)) for one in config.sources]


def reason(sources: Sequence[SourceStanding]) -> str:
    """Say which source somebody has to see to, or return an empty text."""
    lasting = [one for one in sources if one.known.is_lastingly_failing]
    if not lasting:
        return ""
    first = lasting[0]
    since = f" since {output.when(first.known.failing_at)}" if first.known.failing_at is not None else ""
    others = f" (and {output.many(len(lasting) - 1, 'other source')})" if len(lasting) > 1 else ""
    return f"exports of {first.name} cannot be fetched{since}{others}: {first.known.reason}"


def told(sources: Sequence[SourceStanding]) -> Iterator[tuple[str, str]]:
    """Give the lines of a status as (name, text)."""
    for one in sources:
        yield "source", one.told()


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
