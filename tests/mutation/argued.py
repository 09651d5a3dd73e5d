"""Which surviving mutants were looked at, and why may they live?

The table in docs/mutation.md says so, for people; it is read from there, so that it cannot say anything else than what holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant

PAGE = Path("docs/mutation.md")
ROW = re.compile(r"^\| `(?P<file>[^`]+)` \| `(?P<words>(?:[^`])+)` \| (?P<why>[^|]+) \|$")


@dataclass(frozen=True, slots=True)
class Argued:
    """One row: a mutant, and why no test can or should notice it."""

    file: str
    words: str
    why: str


def argued(text: str) -> list[Argued]:
    """Read the rows of the page's table."""
    found = (ROW.match(line) for line in text.splitlines())
    return [Argued(row["file"], row["words"].replace(r"\|", "|"), row["why"]) for row in found if row]


def row_of(file: str, mutant: Mutant, why: str) -> str:
    """Write a row of the table."""
    words = str(mutant).replace("|", r"\|")
    return f"| `{file}` | `{words}` | {why} |"


def compared(
    survivors: Iterable[tuple[str, Mutant]], rows: Iterable[Argued], files: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Return the survivors that nobody argued for, and the rows of these files whose mutant is dead or gone, as rows."""
    living = {(file, str(mutant)): mutant for file, mutant in survivors}
    known = {(row.file, row.words): row for row in rows if row.file in set(files)}
    new = [row_of(file, mutant, "?") for (file, words), mutant in living.items() if (file, words) not in known]
    old = [f"{row.file}: {row.words}" for key, row in known.items() if key not in living]
    return new, old
