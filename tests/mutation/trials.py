"""Which tests notice a mutant?

The tests are collected and run once, to see which functions each of them enters. Then a child is forked for each mutant; it
swaps the code and runs the tests that enter the function, the quickest first, until one fails. Dear tests are left out: what
only they notice is noticed too late.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import multiprocessing
import os
import resource
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from tests.mutation.mutants import Mutant
from tests.mutation.swapping import put_in_place, source_of

ARGUMENTS = [
    "-q",
    "--assert=plain",
    "--noconftest",
    "-p",
    "no:randomly",
    "-p",
    "no:cacheprovider",
    "-m",
    "not sweep and not soak and not compat",
]
SURVIVED, BROKEN, NOT_SWAPPED, KILLED = range(4)
"""How a child ends; 1 is how Python ends when something was not expected."""
CPU_SECONDS_MORE = 10
DEAR_S = 1.0
FORK = multiprocessing.get_context("fork")


@dataclass(slots=True)
class Trials:
    """A plugin of pytest that tries mutants instead of running tests. `survivors` and `tried` are what came of it.

    `only`: a mutant that is already in the imported code; then all tests but the `dear` ones run until one fails.
    """

    sources: Mapping[Path, str]
    mutants: Sequence[Mutant]
    workers: int
    only: Mutant | None = None
    dear: frozenset[str] = frozenset()
    survivors: list[Mutant] = field(default_factory=list)
    not_swapped: list[Mutant] = field(default_factory=list)
    is_red: bool = False
    _entered: dict[tuple[str, str], list[tuple[float, pytest.Item]]] = field(default_factory=dict)

    def pytest_sessionstart(self) -> None:
        """Let Hypothesis try the same examples each time, and not look for the smallest."""
        phases = [Phase.explicit, Phase.generate]
        settings.register_profile("mutants", settings.default, deadline=None, derandomize=True, database=None, phases=phases)
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all mutants in place of running the tests."""
        if self.only is not None:
            quick = (item for item in session.items if item.nodeid not in self.dear)
            self.survivors = [] if any(not _passes(item) for item in quick) else [self.only]
            return True
        began = time.process_time()
        for item in session.items:
            if not self._watch(item):
                self.is_red = True
                return True
        limit = int(time.process_time() - began) + CPU_SECONDS_MORE
        gc.freeze()  # what a child does not touch is not copied for it
        codes = forked(self.mutants, lambda mutant: self._try(mutant, limit), self.workers)
        self.survivors = [mutant for mutant, code in zip(self.mutants, codes, strict=True) if code == SURVIVED]
        self.not_swapped = [mutant for mutant, code in zip(self.mutants, codes, strict=True) if code == NOT_SWAPPED]
        return True

    def _watch(self, item: pytest.Item) -> bool:
        """Run a test on the code as it is, and remember which functions of the files it enters."""
        files = {str(file) for file in self.sources}
        seen: set[types.CodeType] = set()

        def enter(frame: types.FrameType, event: str, _: object) -> None:
            if event == "call":
                seen.add(frame.f_code)

        began = time.process_time()
        sys.setprofile(enter)
        try:
            is_green = _passes(item)
        finally:
            sys.setprofile(None)
        took = time.process_time() - began
        entered = {(code.co_filename, _outermost(code.co_qualname)) for code in seen if code.co_filename in files}
        self.dear |= {item.nodeid} if took > DEAR_S else frozenset()
        for place in entered if took <= DEAR_S else ():
            self._entered.setdefault(place, []).append((took, item))
        return is_green

    def _try(self, mutant: Mutant, limit: int) -> int:
        file = Path(mutant.file)
        if not put_in_place(importlib.import_module(_module(file)), self.sources[file], mutant):
            return NOT_SWAPPED
        tests = sorted(self._entered.get((mutant.file, mutant.function), ()), key=lambda test: test[0])
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        return SURVIVED if all(_passes(item) for _, item in tests) else KILLED


def _passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _outermost(qualname: str) -> str:
    return qualname.split(".<locals>", 1)[0]


def _module(file: Path) -> str:
    return ".".join(file.relative_to(Path.cwd()).with_suffix("").parts)


def forked(mutants: Sequence[Mutant], attempt: Callable[[Mutant], int], workers: int) -> list[int]:
    """Try each mutant in a child of its own, some at a time, and return the exit codes in the order of the mutants.

    A child that dies, by its limit of CPU time or otherwise, has noticed the mutant too.
    """
    codes: dict[int, int] = {}
    running: dict[int, ForkProcess] = {}
    waiting = dict(enumerate(mutants))
    while waiting or running:
        while waiting and len(running) < workers:
            index = next(iter(waiting))
            running[index] = FORK.Process(target=_in_child, args=(waiting.pop(index), attempt))
            running[index].start()
        wait([process.sentinel for process in running.values()])
        for index, process in list(running.items()):
            if process.exitcode is not None:
                assert process.exitcode != BROKEN, f"trying a mutant failed, apart from what it did: {mutants[index]}"
                codes[index] = process.exitcode if process.exitcode in (SURVIVED, NOT_SWAPPED) else KILLED
                if codes[index] == SURVIVED:
                    sys.stderr.write(f"{index + 1} of {len(mutants)} lives: {Path(mutants[index].file).name} {mutants[index]}\n")
                running.pop(index).close()
    return [codes[index] for index in range(len(mutants))]


def _in_child(mutant: Mutant, attempt: Callable[[Mutant], int]) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.exit(attempt(mutant))


def in_place(sources: Mapping[Path, str], mutants: Sequence[Mutant], workers: int, tests: Sequence[str]) -> Trials:
    """Try mutants inside functions in a child, so that this process imports nothing of what is mutated."""
    there, here = FORK.Pipe(duplex=False)

    def attempt() -> None:
        trials = Trials(sources, mutants, workers)
        pytest.main([*ARGUMENTS, *tests], plugins=[trials])
        numbers = {id(mutant): number for number, mutant in enumerate(mutants)}
        living, stuck = ([numbers[id(mutant)] for mutant in found] for found in (trials.survivors, trials.not_swapped))
        here.send((living, stuck, trials.is_red, trials.dear))

    process = FORK.Process(target=attempt)
    process.start()
    here.close()
    living, stuck, is_red, dear = there.recv()
    process.join()
    survivors, not_swapped = ([mutants[number] for number in numbers] for numbers in (living, stuck))
    return Trials(sources, mutants, workers, survivors=survivors, not_swapped=not_swapped, is_red=is_red, dear=dear)


def try_anew(mutant: Mutant, source: str, tests: Sequence[str], dear: frozenset[str] = frozenset()) -> int:
    """Import everything with a mutant in place and run the tests until one fails. To be called in a child that has not yet
    imported what is mutated."""
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    trials = Trials({}, (), 1, only=mutant, dear=dear)
    with _imported_as(Path(mutant.file), source_of(mutant, source)):
        code = pytest.main([*ARGUMENTS, *tests], plugins=[trials])
    return SURVIVED if code == pytest.ExitCode.OK and trials.survivors else KILLED


@contextmanager
def _imported_as(file: Path, text: str) -> Iterator[None]:
    name = _module(file)

    class Loader(importlib.abc.InspectLoader):
        def get_source(self, fullname: str) -> str:
            return text

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(
            self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
        ) -> importlib.machinery.ModuleSpec | None:
            if fullname != name:
                return None
            return importlib.machinery.ModuleSpec(fullname, Loader(), origin=str(file))

    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
