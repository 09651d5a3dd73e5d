"""What does the engine ask of the places that exports come from, and of the drop folder that they are fetched into?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from syncd.core.fetching import Original


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies at a source now: the files in name order, and the names of what is no plain file that could be fetched."""

    originals: tuple[Original, ...]
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """An original as it is at the source now, with the hash of its bytes where the source tells one (else empty)."""

    original: Original
    md5: str = ""
    sha256: str = ""


class Session(Protocol):
    """An open connection to one source. Errors: SourceRefused, SourceUnreachable."""

    def listing(self) -> Listing:
        """Return what lies at the source now."""
        ...

    def read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from an offset on, fewer at the end of the file."""
        ...

    def look(self, original: Original) -> Proof | None:
        """Return the original as it is now, whatever it was; None when it is gone."""
        ...

    def put_away(self, original: Original, sha256: str) -> bool:
        """Delete or move an original as the source's `after` says; False when other bytes have taken its place."""
        ...

    def may_put_away(self) -> None:
        """Try whether `put_away` would be allowed, on nothing that is anybody's. Errors: SourceRefused when it is not."""
        ...


class Source(Protocol):
    """A place that exports of one source come from. `address` holds no secret; `after` is "leave", "delete" or "move"."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def after(self) -> str: ...

    def opened(self) -> AbstractContextManager[Session]:
        """Connect for a `with` block."""
        ...


class Part(Protocol):
    """A file that is being fetched, under a name that the drop folder does not read. It outlives the process."""

    @property
    def size_bytes(self) -> int:
        """Return how much of it is here."""
        ...

    def add(self, data: bytes) -> None:
        """Write more of it."""
        ...

    def hashes(self) -> tuple[str, str]:
        """Return its (SHA-256, MD5)."""
        ...

    def take(self, modified_at: datetime | None) -> None:
        """Give it its own name in the drop folder, durably."""
        ...

    def drop(self) -> None:
        """Remove it."""
        ...


class Incoming(Protocol):
    """The drop folder as the end of a fetch. Errors: SourceRefused when it cannot be written."""

    def part(self, source: str, original: Original) -> AbstractContextManager[Part]:
        """Begin to fetch a file, or go on where it was left."""
        ...

    def sweep(self, source: str, wanted: tuple[Original, ...]) -> None:
        """Remove the parts of originals that nobody waits for any more."""
        ...

    def waits(self, source: str, name: str) -> bool:
        """Tell whether a file of this name lies in the drop folder."""
        ...

    def sha256(self, source: str, name: str) -> str:
        """Return the hash of a file of the drop folder; empty when there is none."""
        ...

    def done(self, source: str, name: str, sha256: str, members: str) -> Sequence[str]:
        """Return the hashes that the store knows a finished file by; none when it is not in done/.

        Shapes: of an archive of several files, those of the files that fit `members`.
        """
        ...

    def set_aside(self, source: str, name: str) -> None:
        """Move a file of the drop folder to refused/, where it is kept."""
        ...


class Archive(Protocol):
    """The files in done/ and refused/ of every source."""

    def remove(
        self,
        before: datetime,
        is_kept: Callable[[str, str, Sequence[str]], bool],
        members: Mapping[str, str],
        is_enough: Callable[[], bool],
    ) -> int:
        """Remove the files that were put away before a moment and that nobody needs, until it is enough; return how many.

        Shapes: `is_kept` answers for (`source/done` or `source/refused`, original name, the hashes that the store knows
        such a file by); `members` are by source the patterns of the files in its archives.
        """
        ...

    def original(self, source: str, name: str, sha256: str, members: str) -> tuple[Path, Sequence[str]] | None:
        """Return a finished file as it lies in done/, and the hashes that the store knows it by; None when it is not there.

        Shapes: a file of an archive is `archive.zip/file.csv`; its original is the archive, with the hashes of all in it.
        """
        ...

    def bring_back(self, original: Path) -> str:
        """Put a finished file back where it came from, to be taken once more, and return its name. Raises OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Fetching:
    """Where exports are fetched from and how often, and for how long originals are kept (None: for ever)."""

    sources: tuple[Source, ...] = ()
    incoming: Incoming | None = None
    archive: Archive | None = None
    every: timedelta = field(default=timedelta(minutes=5))
    keep: timedelta | None = None
