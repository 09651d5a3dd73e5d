"""What is kept of an export that is to be taken in once more, until that is done?

Its values are intents of their own, or else one that was written before would be known and never sent again. What it says of
opt-outs it said when it was taken first: consent that was given since still stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from syncd.ports import StoreReader, StoreWriter

_KEPT = "exports taken again"


@dataclass(frozen=True, slots=True)
class Again:
    """That a file is taken in once more: by whose request, when it was taken first, and which one it is."""

    request: str
    said_at: datetime
    source: str
    name: str


def all_again(store: StoreReader) -> Mapping[str, Again]:
    """Return by hash which files are to be taken in once more."""
    kept = store.setting(_KEPT)
    found = kept if isinstance(kept, dict) else {}
    return {sha256: Again(**{**one, "said_at": datetime.fromisoformat(one["said_at"])}) for sha256, one in found.items()}


def keep_again(tx: StoreWriter, store: StoreReader, hashes: Iterable[str], again: Again) -> None:
    """Keep that files with these hashes are to be taken in once more."""
    _put(tx, {**all_again(store), **dict.fromkeys(hashes, again)})


def end_again(tx: StoreWriter, store: StoreReader, sha256: str) -> None:
    """Forget it of a file that was taken in to its end."""
    known = all_again(store)
    if sha256 in known:
        _put(tx, {other: one for other, one in known.items() if other != sha256})


def _put(tx: StoreWriter, known: Mapping[str, Again]) -> None:
    tx.put_setting(_KEPT, {sha: {**asdict(one), "said_at": one.said_at.isoformat()} for sha, one in known.items()})
