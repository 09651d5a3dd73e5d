"""How is one side measured in a process of its own, step by step, so that memory and CPU are its own?

The child reads one JSON line a step, `["task", {arguments}]`, and answers with one JSON line.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Task = Callable[..., dict[str, Any]]


@dataclass(slots=True)
class Spent:
    """What a stretch of work took. Units: seconds by the wall and of this process's own CPU."""

    seconds: float = 0.0
    cpu_s: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for an answer, with the most memory that the process ever held. Units: MiB."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"seconds": self.seconds, "cpu_s": self.cpu_s, "peak_mb": peak}


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure the block."""
    spent = Spent()
    wall, cpu = time.perf_counter(), time.process_time()
    yield spent
    spent.seconds, spent.cpu_s = time.perf_counter() - wall, time.process_time() - cpu


def serve(tasks: Mapping[str, Task]) -> None:
    """Carry out one task for each line of the standard input."""
    for line in sys.stdin:
        name, given = json.loads(line)
        sys.stdout.write(json.dumps(tasks[name](**given)) + "\n")
        sys.stdout.flush()


class Child:
    """The parent's side of one measured process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, task: str, **given: Any) -> dict[str, Any]:
        """Have one task done and return what it found. Raises RuntimeError when the child failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([task, given]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{task}: the measured process ended with code {self._process.wait()}")
        found: dict[str, Any] = json.loads(answer)
        return found


@contextmanager
def child(module: str, *arguments: str, **environ: str) -> Iterator[Child]:
    """Start `python -m module` and end it after the block."""
    command = [sys.executable, "-m", module, *arguments]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, **pipes) as process:
        assert process.stdin is not None
        try:
            yield Child(process)
            process.stdin.close()
            process.wait(60)
        finally:
            process.kill()
