"""How does the demo start and end the processes beside it: the emulated org, and the daemon that --keep leaves running?"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType

from syncd.errors import SyncdError

ORG_LOG = "org.log"
DAEMON_LOG = "syncd.log"
LOG_TAIL = 3
END_S = 10
DAEMON_STARTS_S = 30


@dataclass(slots=True)
class Running:
    """A process beside the demo. It is ended with the demo unless it is to be kept."""

    process: subprocess.Popen[str]
    keep: bool = False

    @property
    def pid(self) -> int:
        """Return the process's number."""
        return self.process.pid

    def end(self) -> None:
        """End the process unless it is to be kept."""
        if self.keep:
            self.process.returncode = 0  # it outlives us on purpose: nobody is to wait for it
        elif self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def need(module: str) -> ModuleType:
    """Import a module of the emulated org. Raises SyncdError naming what is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.partition(".")[0] == "syncd":
            raise
        raise SyncdError(
            f"the demo needs {missing.name} for its emulated org, and it is not installed.",
            hint="Install it with: pip install 'syncd[sandbox]'",
        ) from missing


@contextmanager
def org_running(folder: Path, company: Path, now: datetime, seed: int) -> Iterator[tuple[Running, dict[str, str]]]:
    """Start the emulated org with a load folder, and end it at the end of the block unless it is kept.

    Shapes: the process, and its ready line: url, client_id, client_secret.
    Errors: SyncdError with the end of the org's own log.
    """
    at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    command = ["-m", "syncd.sandbox", "--port", "0", "--seed", str(seed), "--now", at, "--load", str(company)]
    log = folder / ORG_LOG
    with _started(command, log, subprocess.PIPE) as org:
        assert org.process.stdout is not None
        with org.process.stdout as stdout:
            line = stdout.readline()
        if not line:
            raise _died("the emulated org", log)
        yield org, json.loads(line)


@contextmanager
def daemon_running(folder: Path) -> Iterator[Running]:
    """Start `syncd run` on the demo's folder, and end it at the end of the block unless it is kept."""
    log = folder / DAEMON_LOG
    with _started(["-m", "syncd.cli.main", "--config", str(folder), "run"], log, subprocess.DEVNULL) as daemon:
        deadline = time.monotonic() + DAEMON_STARTS_S
        while "started" not in log.read_text("utf-8"):
            if daemon.process.poll() is not None or time.monotonic() > deadline:
                raise _died("the daemon", log)
            time.sleep(0.05)
        yield daemon


@contextmanager
def _started(arguments: Sequence[str], log: Path, stdout: int) -> Iterator[Running]:
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is for the demo, which then ends its processes in order
        )
    running = Running(process)
    try:
        yield running
    finally:
        running.end()


def _died(what: str, log: Path) -> SyncdError:
    tail = "".join(f"\n  {line}" for line in log.read_text("utf-8", errors="replace").splitlines()[-LOG_TAIL:])
    return SyncdError(f"{what} did not start.{tail}", hint=f"Read {log}, then run the demo again.")
