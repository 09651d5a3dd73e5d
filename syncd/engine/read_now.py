"""How does a preview see people as they are this minute, though the mirror is a cycle old?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from syncd.core.values import OrgRecord
from syncd.ports import StoreReader


class AsReadNow:
    """A store in which some records are as the org gave them just now. It is only read."""

    def __init__(self, store: StoreReader, now: Mapping[str, OrgRecord]) -> None:
        self._store, self._now = store, now

    def get(self, object: str, ids: Iterable[str]) -> dict[str, OrgRecord]:
        """Return mirrored records by id."""
        return {id: self._fresh(one) for id, one in self._store.get(object, ids).items()}

    def by_key(self, object: str, field: str, values: Sequence[str]) -> list[OrgRecord]:
        """Return mirrored records by a key field, as the mirror knows them by it."""
        return [self._fresh(one) for one in self._store.by_key(object, field, values)]

    def begin(self) -> NoReturn:
        """Refuse to write."""
        raise AssertionError("a preview writes nothing")

    def _fresh(self, record: OrgRecord) -> OrgRecord:
        now = self._now.get(record.id)
        return record if now is None else replace(now, fields={**record.fields, **now.fields})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
