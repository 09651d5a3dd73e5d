"""Which files of a source are to be fetched now, which wait, and which may be put away there?

A file is fetched when two looks, some time apart, found it the same; and once for each version of it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

APART = timedelta(seconds=10)
FAILURES_MAX = 3
"""So many looks in a row that failed, each tried three times, are trouble that somebody has to see to."""
NAME_BYTES_MAX = 200
_UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp")


@dataclass(frozen=True, slots=True)
class Original:
    """A file at a source. `mark` changes with its bytes: a stamp, an entity tag, a generation."""

    name: str
    size_bytes: int
    mark: str
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """An original that was not fetched yet: its size and mark, and when it was first seen so."""

    size_bytes: int
    mark: str
    since_at: datetime

    def fits(self, original: Original) -> bool:
        """Tell whether an original is still as it was."""
        return (self.size_bytes, self.mark) == (original.size_bytes, original.mark)


@dataclass(frozen=True, slots=True)
class Taken:
    """A version of an original that was fetched, and the hash of its bytes."""

    size_bytes: int
    mark: str
    sha256: str

    def fits(self, original: Original) -> bool:
        """Tell whether an original is this version."""
        return (self.size_bytes, self.mark) == (original.size_bytes, original.mark)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one source. Of files that are no longer there nothing is kept.

    `looked_at` is the last look that succeeded, `tried_at` the last one at all; `failing_at` since when looks have failed, and
    `failures` how many of them in a row.
    `in_hurry`: time ran out before everything that was ready was fetched.
    """

    address: str
    looked_at: datetime | None = None
    tried_at: datetime | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    taken: Mapping[str, Taken] = field(default_factory=dict)
    fetched_at: datetime | None = None
    failing_at: datetime | None = None
    reason: str = ""
    in_hurry: bool = False
    failures: int = 0

    @property
    def is_lastingly_failing(self) -> bool:
        """Tell whether nothing, or not all, has been fetched for longer than an outage that ends by itself."""
        return self.failures >= FAILURES_MAX


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a source comes to; every finished original is in one of the lists.

    `ready`: fetch these now. `young`: look again. `misfits`: names that the mapping's pattern leaves out.
    `unusable`: names that no file here can have. `had`: fetched before, with their hashes.
    """

    ready: tuple[Original, ...]
    young: tuple[Original, ...]
    misfits: tuple[str, ...]
    unusable: tuple[str, ...]
    had: tuple[tuple[Original, str], ...]
    known: Known

    @property
    def waiting(self) -> tuple[Original, ...]:
        """Return what is still to be fetched, in name order."""
        return tuple(sorted((*self.ready, *self.young), key=lambda each: each.name))


def is_due(known: Known, now: datetime, every: timedelta) -> bool:
    """Tell whether a source is to be looked at: at its interval, and sooner while something of it is half done."""
    if known.tried_at is None or known.in_hurry:
        return True
    rest = now - known.tried_at
    return rest >= every or (bool(known.seen) and not known.reason and rest >= APART)


def look(originals: Sequence[Original], pattern: str, known: Known, now: datetime) -> Look:
    """Judge a listing by what was seen and fetched before."""
    finished = [each for each in originals if not is_unfinished(each.name)]
    unusable = [each.name for each in finished if not _is_usable(each.name)]
    usable = sorted((each for each in finished if _is_usable(each.name)), key=lambda each: each.name)
    misfits = [each.name for each in usable if not fnmatch.fnmatchcase(each.name, pattern)]
    ready: list[Original] = []
    young: list[Original] = []
    had: list[tuple[Original, str]] = []
    seen: dict[str, Seen] = {}
    taken: dict[str, Taken] = {}
    for each in usable:
        before = known.taken.get(each.name)
        if before is not None:
            taken[each.name] = before  # also of a name that has new bytes: until these are fetched
        if before is not None and before.fits(each):
            had.append((each, before.sha256))
        elif fnmatch.fnmatchcase(each.name, pattern):
            last = known.seen.get(each.name)
            since = last.since_at if last is not None and last.fits(each) else now
            seen[each.name] = Seen(each.size_bytes, each.mark, since)
            (ready if now - since >= APART else young).append(each)
    after = Known(known.address, now, now, seen, taken, known.fetched_at)
    return Look(tuple(ready), tuple(young), tuple(misfits), tuple(unusable), tuple(had), after)


def is_unfinished(name: str) -> bool:
    """Tell by its name whether a file is hidden, or still being written by a program that names it so."""
    return name.startswith(".") or name.casefold().endswith(_UNFINISHED)


def _is_usable(name: str) -> bool:
    return name.isprintable() and "/" not in name and name not in ("", ".", "..") and len(name.encode()) <= NAME_BYTES_MAX


def fetched(known: Known, original: Original, sha256: str, now: datetime) -> Known:
    """Note that a version of an original was fetched."""
    seen = {name: one for name, one in known.seen.items() if name != original.name}
    taken = {**known.taken, original.name: Taken(original.size_bytes, original.mark, sha256)}
    return Known(known.address, known.looked_at, known.tried_at, seen, taken, now)


def failed(known: Known, reason: str, now: datetime, before: Known | None = None) -> Known:
    """Note that a source, or a file of it, could not be used, and since when that is so.

    Shapes: `before` is what was known when the look began; a listing that came tells nothing of the files in it.
    """
    earlier = before or known
    since, times = earlier.failing_at or now, earlier.failures + 1
    return Known(known.address, known.looked_at, now, known.seen, known.taken, known.fetched_at, since, reason, failures=times)


def hurried(known: Known) -> Known:
    """Note that there was no time to fetch everything that was ready: the next cycle goes on at once."""
    return replace(known, in_hurry=True)


def known_to_json(known: Known) -> dict[str, Any]:
    """Return what is known of a source as JSON values."""
    return {
        "address": known.address,
        "looked_at": _text(known.looked_at),
        "tried_at": _text(known.tried_at),
        "fetched_at": _text(known.fetched_at),
        "failing_at": _text(known.failing_at),
        "reason": known.reason,
        "in_hurry": known.in_hurry,
        "failures": known.failures,
        "seen": {name: [one.size_bytes, one.mark, one.since_at.isoformat()] for name, one in known.seen.items()},
        "taken": {name: [one.size_bytes, one.mark, one.sha256] for name, one in known.taken.items()},
    }


def known_from_json(value: object, address: str) -> Known:
    """Read what is known of a source back. At another address nothing is known."""
    if not isinstance(value, dict) or value.get("address") != address:
        return Known(address)
    return Known(
        address,
        _moment(value["looked_at"]),
        _moment(value["tried_at"]),
        {name: Seen(size, mark, datetime.fromisoformat(since)) for name, (size, mark, since) in value["seen"].items()},
        {name: Taken(size, mark, sha256) for name, (size, mark, sha256) in value["taken"].items()},
        _moment(value["fetched_at"]),
        _moment(value["failing_at"]),
        str(value["reason"]),
        bool(value["in_hurry"]),
        int(value.get("failures", 0)),  # an earlier version did not count them
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
