"""What is an export held against, laid out in files while the export itself is read?"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TypeVar

from syncd.ports.sifting import Background, PeopleBlock

LaidOut = Sequence[tuple[PeopleBlock, Path]]
_T = TypeVar("_T")


class Beside:
    """Lays out what the store knows, in one thread: a reading of the store is begun and ended by the same one.

    Shapes: people are laid out unasked where the source named nobody yet and the export `is_large`: then all are needed.
    Errors: what goes wrong in the thread (OSError: no room) is raised when its file is asked for.
    """

    def __init__(self, folder: Path, background: Background, *, is_large: bool) -> None:
        self.folder, self.background, self.is_large = folder, background, is_large
        self._is_left = Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="syncd-beside")
        given = {"known": background.known, "told": background.told, "flagged": background.flagged}
        self._written = {name: self._pool.submit(self._write, name, blocks) for name, blocks in given.items()}
        self._people = self._pool.submit(self._people_unasked)

    def __enter__(self) -> Beside:
        """Go on until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop at once, whatever is not read yet."""
        self._is_left.set()
        self._pool.shutdown(cancel_futures=True)

    def file(self, name: str) -> Path:
        """Return the file of lines `known`, `told` or `flagged` as soon as it is there."""
        return self._written[name].result()

    def people(self) -> LaidOut:
        """Return the files of people, one for each run of those whose fields stand in one order."""
        unasked = self._people.result()
        return self._pool.submit(self._lay_out).result() if unasked is None else unasked

    def _write(self, name: str, blocks: Iterable[str]) -> Path:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(self._until_left(blocks))
        return path

    def _people_unasked(self) -> LaidOut | None:
        is_first = self.file("known").stat().st_size == 0
        return self._lay_out() if is_first and self.is_large else None

    def _lay_out(self) -> LaidOut:
        found: list[tuple[PeopleBlock, Path]] = []
        for shape, lines in _by_shape(self._until_left(self.background.people)):
            path = self.folder / f"people{len(found)}"
            with path.open("w", encoding="utf-8", newline="\n") as out:
                out.writelines(lines)
            found.append((shape, path))
        return found

    def _until_left(self, blocks: Iterable[_T]) -> Iterator[_T]:
        """Give blocks until nobody waits for them, and end the reading: one that was begun keeps its transaction."""
        try:
            for block in blocks:
                if self._is_left.is_set():
                    return
                yield block
        finally:
            if isinstance(blocks, Generator):
                blocks.close()


def _by_shape(blocks: Iterable[PeopleBlock]) -> Iterator[tuple[PeopleBlock, Iterator[str]]]:
    """Give runs of blocks whose people have their fields in one order."""
    waiting = iter(blocks)
    first = next(waiting, None)
    while first is not None:
        following: list[PeopleBlock] = []

        def run(begin: PeopleBlock, following: list[PeopleBlock] = following) -> Iterator[str]:
            yield begin.lines
            for block in waiting:
                if (block.object, block.names) != (begin.object, begin.names):
                    following.append(block)
                    return
                yield block.lines

        yield first, run(first)
        first = following[0] if following else None
