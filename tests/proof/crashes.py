"""What becomes of a cycle that dies anywhere, and dies again while it recovers? Explored in process, state by state.

What survives a death is the database, the drop folder and the org, nothing else: deaths that leave the same of these have the
same future. So each such moment is played on only once, and the histories that lead through it are counted, not repeated.
Left out of the comparison of two moments is in which order, when and in which cycle something was written, and how many API
calls were made. A moment is taken before and after every call and every commit of a real cycle on a real database.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncd.engine.world import Pace
from syncd.errors import AnswerLost, OrgUnreachable, StoreUnusable, SyncdError
from syncd.testing import OrgModel
from tests.checker.book import read_book
from tests.checker.join import Evidence, plain, problems_of
from tests.checker.watch import USER
from tests.checker.wire import read_wire
from tests.proof.stage import OBJECTS, Play

_CYCLE_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_APART = frozenset({"cycles", "lease", "ledger_head", "alembic_version", "sqlite_sequence"})
_DROPPED = frozenset(
    {"leaf", "salt", "request_id", "before_hash", "after_hash", "actor_hash", "times", "epoch", "evidence", "seq", "cause_seq"}
)
_COUNTS = ("api calls", "last cycle by the host's clock")
_COLUMNS: dict[str, str] = {}
_STAMPS = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp"})
_SAID = """
SELECT l.kind, l.object, l.record_id, l.related_id, l.field, l.actor_id, l.verdict, l.fence, l.rule_name, l.outcome,
  (SELECT v.value FROM ledger_values v WHERE v.org = l.org AND v.seq = l.seq AND v.part = 'before'),
  (SELECT v.value FROM ledger_values v WHERE v.org = l.org AND v.seq = l.seq AND v.part = 'after')
FROM ledger l
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """All that a death leaves: the org, the files, and what was sent until then. Equal keys, equal futures."""

    model: OrgModel
    files: Mapping[str, bytes]
    log: Sequence[dict[str, Any]]
    seen: Mapping[int, int]
    key: str
    pace: Pace

    @classmethod
    def of(cls, play: Play) -> Moment:
        """Take down what would be left if the process died now."""
        files = {str(path.relative_to(play.home)): path.read_bytes() for path in play.home.rglob("*") if path.is_file()}
        files = {name: content for name, content in files.items() if not name.endswith("-shm")}
        log = [entry for entry in play.log if entry["method"] != "GET"]
        return cls(play.model.snapshot(), files, log, dict(play.seen), _key(play, files, log), play.pace)

    def play(self, home: Path) -> Play:
        """Begin again from here, as a new process does."""
        for path in sorted(home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        for name, content in self.files.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (1_700_000_000, 1_700_000_000))
        return Play(home, self.model.snapshot(), log=list(self.log), seen=dict(self.seen), pace=self.pace)


def _key(play: Play, files: Mapping[str, bytes], log: Sequence[Mapping[str, Any]]) -> str:
    folder = sorted(_unstamped(name) for name in files if not name.startswith("syncd.db"))
    tables = [(name, sorted(map(repr, table.items()))) for name, table in play.model.tables.items() if table]
    loads = sorted(map(str, play.model.loads.values()))
    sent = sorted(f"{one.op} {one.object} {one.id} {dict(one.fields)} {one.applied}" for one in read_wire(log, USER).sent)
    parts = [_rows(play.database), folder, tables, loads, sent, play.model.clock.at, sorted(play.model.locks.items())]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _unstamped(name: str) -> str:
    return re.sub(r"\d{8}T\d{6}(\.\d+)?Z?-", "", name)


def _rows(path: Path) -> str:
    """Write down what is committed, without what differs from one run to the next."""
    found: list[str] = []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        for table, columns in _columns(database).items():
            rows = sorted(map(repr, database.execute(f'SELECT {columns} FROM "{table}"')))  # noqa: S608
            if table == "settings":
                rows = [row for row in rows if not any(name in row for name in _COUNTS)]
            found += [table, *rows]
    return _CYCLE_ID.sub("C", "\n".join(found))


def _columns(database: sqlite3.Connection) -> Mapping[str, str]:
    """Return the columns to compare, by table."""
    if not _COLUMNS:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
            names = [name for _, name, *_ in database.execute(f'PRAGMA table_info("{table}")')]
            if table not in _APART:
                _COLUMNS[table] = ", ".join(f'"{name}"' for name in names if name not in _DROPPED)
    return _COLUMNS


@dataclass(frozen=True, slots=True)
class End:
    """What counts when all is over: the org, what it took, what the ledger says, what waits for somebody, the files."""

    org: Counter[str]
    deeds: Counter[str]
    taken: Counter[str]
    ledger: Counter[str]
    inbox: frozenset[str]
    files: frozenset[str]

    @classmethod
    def of(cls, play: Play) -> End:
        """Take down how it ended."""
        taken = Counter(_carried(one) for one in read_wire(play.log, USER).sent if one.applied)
        with closing(sqlite3.connect(f"{play.database.as_uri()}?mode=ro", uri=True)) as database:
            ledger = Counter(map(str, database.execute(_SAID)))
            inbox = frozenset(str(row) for row in database.execute("SELECT kind, subject FROM inbox WHERE resolved_at IS NULL"))
        files = {_unstamped(str(path.relative_to(play.home))) for path in (play.home / "exports").rglob("*") if path.is_file()}
        rows = Counter(_natural(object, row) for object, row in play.model.rows_of(OBJECTS))
        deeds = Counter(_done(deed) for deed in play.model.deeds if deed["username"] == USER)
        return cls(rows, deeds, taken, ledger, inbox, frozenset(files))

    def differences(self, wanted: End) -> list[str]:
        """List what is lost and what is too much."""
        told: list[str] = []
        for name in ("org", "deeds", "taken", "ledger", "inbox", "files"):
            mine, theirs = Counter(getattr(self, name)), Counter(getattr(wanted, name))
            told += [f"{name} lost: {one}" for one in (theirs - mine).elements()]
            told += [f"{name} too much: {one}" for one in (mine - theirs).elements()]
        return told


def _carried(one: Any) -> str:
    fields = sorted((name, plain(value)) for name, value in one.fields.items())
    return f"{one.op} {one.object} {one.id} {fields}"


def _done(deed: Mapping[str, Any]) -> str:
    made = deed["field"] == "Id"
    return f"{deed['object']} {'new' if made else deed['id']} {deed['field']} = {'' if made else deed['after']}"


def _natural(object: str, row: Mapping[str, Any]) -> str:
    minted = ("Id",) if object in ("LeadHistory", "CampaignMember") else ()
    return str({name: value for name, value in row.items() if name not in _STAMPS and name not in minted})


@dataclass(slots=True)
class Life:
    """One process: the moments at which it could die, each with how many of its points leave just that, and what went wrong.

    `known` has the moments of all lives by their keys: equal ones are kept once, since each holds a whole database.
    """

    known: dict[str, Moment]
    moments: list[tuple[Moment, int]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    commits: int = 0
    left: str = ""

    def at_call(self, play: Play, point: str, what: str) -> None:
        """Come to a call, or to its answer. Between the rows of one call nobody dies: the org goes on without us."""
        if point == "before":
            self.calls.append(what)
        if point != "row":
            self.at_point(play)

    def at_commit(self, play: Play) -> None:
        """Come to a commit that is made."""
        self.commits += 1
        self.at_point(play)

    def at_point(self, play: Play) -> None:
        """Take down what a death here would leave, when it is more than at the point before."""
        jobs = [(load.state, load.polls) for load in play.model.loads.values()]
        folder = sorted(str(path) for path in (play.home / "exports").rglob("*"))
        left = repr((self.commits, sum(entry["method"] != "GET" for entry in play.log), play.model.clock.at, jobs, folder))
        if left == self.left:
            self.moments[-1] = (self.moments[-1][0], self.moments[-1][1] + 1)
        else:
            self.left = left
            moment = Moment.of(play)
            self.moments.append((self.known.setdefault(moment.key, moment), 1))


@dataclass(slots=True)
class Explorer:
    """Plays lives from moments, and never the same moment twice. `started` is the undisturbed beginning."""

    home: Path
    started: Moment
    since_seq: int
    lives: dict[str, Life] = field(default_factory=dict)
    moments: dict[str, Moment] = field(default_factory=dict)
    calm: End | None = None
    ends: set[str] = field(default_factory=set)

    def life(self, moment: Moment) -> Life:
        """Play a life to its end, or remember it."""
        if moment.key not in self.lives:
            self.lives[moment.key] = self._live(moment)
        return self.lives[moment.key]

    def _live(self, moment: Moment) -> Life:
        life, play = Life(self.moments), moment.play(self.home)
        play.disturb = lambda point, what: life.at_call(play, point, what)
        play.before_commit = lambda: life.at_point(play)
        play.after_commit = lambda: life.at_commit(play)
        try:
            play.cycle(after_s=0)
        except SyncdError as problem:
            life.wrong.append(f"the cycle failed: {problem}")
        self._look_at(play, life)
        return life

    def _look_at(self, play: Play, life: Life) -> None:
        """Hold the end of a life against the undisturbed one. An end that was looked at before need not be again."""
        play.disturb, play.before_commit, play.after_commit = _nothing, _nothing, _nothing
        key = Moment.of(play).key
        if key in self.ends:
            return
        play.cycle()
        book = read_book(play.database)
        life.wrong += [f"stuck: {book.promises[seq]}" for seq in sorted(book.open)]
        sent = len(read_wire(play.log, USER).sent)
        play.cycle()
        if len(read_wire(play.log, USER).sent) != sent:
            life.wrong.append("a cycle with nothing new wrote something")
        evidence = Evidence(
            read_wire(play.log, USER), read_book(play.database), play.seen, self.since_seq, play.model.deeds, USER
        )
        life.wrong += problems_of(evidence)
        end = End.of(play)
        if self.calm is None:
            self.calm = end
        life.wrong += end.differences(self.calm)
        if not life.wrong:
            self.ends.add(key)

    def fault(self, moment: Moment, number: int, kind: str) -> Moment | None:
        """Let the n-th call or commit of a life fail, and give what that life leaves; None when there is no such point."""
        play = moment.play(self.home)
        fault = Fault(number, kind)
        play.disturb, play.before_commit = fault.at_call, fault.at_commit
        with suppress(SyncdError):
            play.cycle(after_s=0)
        play.disturb = play.before_commit = _nothing
        return Moment.of(play) if fault.struck else None


@dataclass(slots=True)
class Fault:
    """What fails: "away" a call never arrives, "lost" a write's answer never comes, "full" a commit finds no room."""

    number: int
    kind: str
    calls: int = 0
    commits: int = 0
    struck: bool = False

    def at_call(self, point: str, what: str) -> None:
        """Fail the n-th call before it is carried out, or after."""
        self.calls += point == "before"
        is_write = not what.startswith("GET") and "composite/sobjects/" not in what
        if self.struck or self.calls != self.number:
            return
        if self.kind == "away" and point == "before":
            self.struck = True
            raise OrgUnreachable("The connection was refused.")
        if self.kind == "lost" and point == "after" and is_write:
            self.struck = True
            raise AnswerLost("No answer came.")

    def at_commit(self) -> None:
        """Fail the n-th commit."""
        self.commits += 1
        if self.kind == "full" and self.commits == self.number and not self.struck:
            self.struck = True
            raise StoreUnusable("The disk is full.")


def _nothing(*_: Any) -> None:
    """Disturb nothing."""


def count_histories(explorer: Explorer, moment: Moment, deaths: int) -> int:
    """Count the histories with at most so many deaths that begin here, playing what was not played yet."""
    known: dict[tuple[str, int], int] = {}

    def count(here: Moment, left: int) -> int:
        place = (here.key, left)
        if place not in known:
            life = explorer.life(here)
            known[place] = 1 + sum(times * count(later, left - 1) for later, times in life.moments if left)
        return known[place]

    return count(moment, deaths)
