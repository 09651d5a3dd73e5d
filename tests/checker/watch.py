"""Which orgs and databases did a test bring together, and what does the checker say of them when it is over?

Whoever opens a world in this process is noticed by itself; a test whose cycles run in other processes says which org and which
database belong together (`together`). From then on the newest committed ledger row is noted at every request.
"""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.checker.book import read_book, size_of
from tests.checker.join import Evidence, problems_of
from tests.checker.wire import read_wire

USER = "syncd@sandbox.example"
_WRITES = ("/composite", "/sobjects/", "/jobs/ingest")


@dataclass(slots=True)
class Pair:
    """An org and a database that belong together since a moment."""

    served: Any
    path: Path
    since_n: int
    since_seq: int
    since_deed: int
    seen: dict[int, int] = field(default_factory=dict)
    is_over: bool = False

    def note(self, number: int, method: str, path: str) -> None:
        """Note what is committed while a writing request comes in."""
        if method != "GET" and any(part in path for part in _WRITES):
            try:
                self.seen[number] = size_of(self.path)
            except sqlite3.Error:
                return  # another file than the one that the test began with: the times of the rows have to do

    def problems(self) -> list[str]:
        """Hold the org against the database."""
        self.is_over = True
        requests = self.served.requests(self.since_n)
        return audit(requests, self.path, self.served.org, self.seen, since_seq=self.since_seq, since_deed=self.since_deed)


def audit(
    requests: Sequence[Mapping[str, Any]],
    path: Path,
    org: Any = None,
    seen: Mapping[int, int] | None = None,
    *,
    since_seq: int = 0,
    since_deed: int = 0,
) -> list[str]:
    """Hold a request log against a database file. `org` gives its deeds too, when it is at hand."""
    deeds = [] if org is None else _deeds(org, since_deed)
    return problems_of(Evidence(read_wire(requests, USER), read_book(path), seen or {}, since_seq, deeds, USER))


def audit_over_http(url: str, path: Path) -> list[str]:
    """Hold the log of an org in another process against a database; nothing may write meanwhile."""
    answers = {}
    for name in ("requests", "deeds"):
        with urllib.request.urlopen(f"{url}/_sandbox/{name}", timeout=60) as answer:  # the sandbox's own address
            answers[name] = json.load(answer)
    return problems_of(Evidence(read_wire(answers["requests"], USER), read_book(path), {}, 0, answers["deeds"], USER))


def _deeds(org: Any, since: int) -> list[dict[str, Any]]:
    from syncd.sandbox.deeds import deeds_since

    with org.lock:
        return deeds_since(org, since)


class Watch:
    """What one test has brought together."""

    def __init__(self) -> None:
        self.orgs: dict[str, Any] = {}
        self.pairs: dict[tuple[str, Path], Pair] = {}
        self.found: list[str] = []

    def begin(self) -> None:
        """Forget what earlier tests did."""
        for pair in self.pairs.values():
            pair.is_over = True
        self.pairs, self.found = {}, []

    def end(self) -> list[str]:
        """Say what is wrong with what this test did."""
        self._close(list(self.pairs.values()))
        return self.found

    def together(self, url: str, path: Path) -> None:
        """Say that an org and a database belong together, from now on."""
        served, key = self.orgs.get(url), (url, path.absolute())
        if served is None or key in self.pairs:
            return
        since_n = max((one["n"] for one in served.requests()), default=0)
        deeds = _deeds(served.org, 0)
        pair = Pair(served, key[1], since_n, size_of(key[1]), deeds[-1]["n"] if deeds else 0)
        self.pairs[key] = pair

    def arrive(self, served: Any) -> None:
        """Begin to watch an org."""
        self.orgs[served.url] = served
        served.watch(lambda number, method, path: self._note(served, number, method, path))

    def leave(self, served: Any) -> None:
        """Check what belongs to an org that is about to end."""
        self.settle(served.org)
        self.orgs.pop(served.url, None)

    def settle(self, org: Any) -> None:
        """Check what belongs to an org that is about to be put back to an earlier state; whoever meets it then begins anew."""
        mine = {key: pair for key, pair in self.pairs.items() if pair.served.org is org}
        self._close(list(mine.values()))
        for key in mine:
            del self.pairs[key]

    def check(self, org: Any) -> list[str]:
        """Say what is wrong between an org and what belongs to it so far, and begin anew."""
        kept, self.found = self.found, []
        self.settle(org)
        found, self.found = self.found, kept
        return found

    def _note(self, served: Any, number: int, method: str, path: str) -> None:
        for pair in list(self.pairs.values()):
            if pair.served is served and not pair.is_over:
                pair.note(number, method, path)

    def _close(self, pairs: Sequence[Pair]) -> None:
        """Check pairs. A row that was sent to an org with several databases needs its intent in one of them."""
        told = {id(pair): pair.problems() for pair in pairs if not pair.is_over}
        for pair in pairs:
            others = [one for one in pairs if one is not pair and one.served is pair.served and id(one) in told]
            for problem in told.get(id(pair), ()):
                if not any(_is_explained(problem, one, told[id(one)]) for one in others):
                    self.found.append(f"{pair.path.name}: {problem}")


def _is_explained(problem: str, other: Pair, told: Sequence[str]) -> bool:
    """Tell whether another database of the same org, one that was there by then, has the intent of a row."""
    found = re.match(r"request (\d+) ", problem)
    if found is None or int(found[1]) <= other.since_n:
        return False
    row = problem.partition(": ")[0]
    return not any(one.startswith(f"{row}: ") for one in told)


WATCH = Watch()


def install() -> None:
    """Notice every org that is served and every world that is opened in this process. Has to run before tests import them."""
    from syncd.cli import wire
    from syncd.sandbox import local
    from syncd.sandbox.org import Org

    restore = Org.restore

    def noticed_restore(self: Org, snapshot: Any) -> None:
        WATCH.settle(self)
        restore(self, snapshot)

    local.running = _noticed_org(local.running)  # type: ignore[assignment]
    wire.open_world = _noticed_world(wire.open_world)  # type: ignore[assignment]
    Org.restore = noticed_restore  # type: ignore[method-assign]


def _noticed_org(original: Callable[..., AbstractContextManager[Any]]) -> Callable[..., AbstractContextManager[Any]]:
    @contextmanager
    def running(**wanted: Any) -> Iterator[Any]:
        with original(**wanted) as served:
            WATCH.arrive(served)
            try:
                yield served
            finally:
                WATCH.leave(served)

    return running


def _noticed_world(original: Callable[..., AbstractContextManager[Any]]) -> Callable[..., AbstractContextManager[Any]]:
    @contextmanager
    def open_world(config: Any, **wanted: Any) -> Iterator[Any]:
        if config.store_url.startswith("sqlite:///"):
            WATCH.together(config.org.login_url, Path(config.store_url.removeprefix("sqlite:///")))
        with original(config, **wanted) as opened:
            yield opened

    return open_world
