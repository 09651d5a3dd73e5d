"""Change the modules that judge in small ways, and see whether a test notices each.

usage: python -m tests.mutation [--only FILE]... [--workers N] [--match TEXT]

Prints the share of mutants that were noticed for each file and each survivor that docs/mutation.md does not argue for. Exits 1
when a file falls below 95 %, a survivor is not argued for, or a row of that page is out of date.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mutation.argued import PAGE, argued, compared
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.trials import SURVIVED, forked, in_place, try_anew

JUDGING = (
    "actors",
    "changes",
    "directory",
    "fence_model",
    "fences",
    "fights",
    "fiscal",
    "followers",
    "judging",
    "ladder",
    "law",
    "past",
    "replay",
    "sides",
    "sparing",
    "transactions",
    "unowned",
)
SHARE_MIN = 95.0


def tests() -> list[str]:
    """Name the tests of the core that import any of the modules that judge."""
    wanted = re.compile(
        rf"^from syncd\.core\.({'|'.join(JUDGING)}) import|^from tests\.core\.(second_judge|one_field)", re.MULTILINE
    )
    files = sorted(Path("tests/core").glob("test_*.py"))
    return [str(file) for file in files if wanted.search(file.read_text(encoding="utf-8"))]


def survivors_of(sources: dict[Path, str], mutants: Sequence[Mutant], workers: int) -> list[Mutant]:
    """Try mutants, and return those that no test noticed.

    What runs at import is tried in children that import it anew: this process has imported nothing of it.
    """
    trials = in_place(sources, [mutant for mutant in mutants if mutant.function], workers, tests())
    if trials.is_red or trials.not_swapped:
        names = ", ".join(str(mutant) for mutant in trials.not_swapped)
        sys.exit(f"the tests are red without any mutant, or code cannot be swapped: {names or 'see above'}")
    at_import = [mutant for mutant in mutants if not mutant.function]
    codes = forked(at_import, lambda mutant: try_anew(mutant, sources[Path(mutant.file)], tests(), trials.dear), workers)
    return trials.survivors + [mutant for mutant, code in zip(at_import, codes, strict=True) if code == SURVIVED]


def main() -> int:
    """Try the mutants of the modules that judge, tell what lived, and return the exit code."""
    options = argparse.ArgumentParser(prog="python -m tests.mutation")
    options.add_argument("--only", action="append", metavar="NAME", help="only this module of syncd.core", choices=JUDGING)
    options.add_argument("--match", default="", help="only mutants whose words contain this")
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = options.parse_args()
    files = {Path.cwd() / "syncd" / "core" / f"{name}.py": f"core/{name}.py" for name in chosen.only or JUDGING}
    sources = {file: file.read_text(encoding="utf-8") for file in files}
    mutants = [mutant for file in files for mutant in mutants_of(str(file), sources[file]) if chosen.match in str(mutant)]
    living = survivors_of(sources, mutants, chosen.workers)
    is_good = _tell_shares(files, mutants, living)
    named = [(files[Path(mutant.file)], mutant) for mutant in living]
    rows = argued(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else []
    new, old = compared(named, rows, files.values())
    old = [] if chosen.match else old
    for title, lines in (("survivors that docs/mutation.md does not argue for:", new), ("rows to drop there:", old)):
        if lines:
            sys.stdout.write("\n".join((title, *lines, "")))
    return 0 if is_good and not new and not old else 1


def _tell_shares(files: dict[Path, str], mutants: Sequence[Mutant], living: Sequence[Mutant]) -> bool:
    is_good = True
    for file, name in files.items():
        made = sum(mutant.file == str(file) for mutant in mutants)
        lived = sum(mutant.file == str(file) for mutant in living)
        share = 100 * (made - lived) / made if made else 100.0
        is_good = is_good and share >= SHARE_MIN
        sys.stdout.write(f"{name:24} {made:5} mutants {made - lived:5} noticed  {share:5.1f} %\n")
    return is_good


if __name__ == "__main__":
    sys.exit(main())
