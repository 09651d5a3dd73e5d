"""Does kill -9 lose nothing and double nothing, wherever in a cycle it strikes?

One cycle that holds everything is killed before and after each of its requests and each of its commits, in a real process,
started again until a cycle ends cleanly, and compared with the same cycle left alone: the org, the applied writes, the ledger,
the inbox, the drop folder. Then once more with a second kill while it recovers, and with each answer lost in turn after the
org had done what it was asked.

Three stages: as an admin sets it up; with writes as collections and Bulk loads and reads as Bulk jobs; on PostgreSQL.
"""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from syncd.ports import LedgerQuery
from syncd.sandbox.deeds import deeds_since
from syncd.sandbox.local import RunningOrg, running
from syncd.sandbox.org import Snapshot
from syncd.store.sql import open_store
from tests.checker.watch import WATCH, audit
from tests.engine.scene import Scene, export_line, write_home
from tests.engine.small_org import DELETED_LATER, contact, lead, owner, write_small_org
from tests.postgres import Server, copy_to_sqlite

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
REVERTS = [lead("Working", 0), lead("Working", 1), lead("MQL", 0), lead("Meeting Set", 2)]
OBJECTS = ("Lead", "LeadHistory", "Contact", "Opportunity", "Task", "Campaign", "CampaignMember", "User")
AUDIT = ("SystemModstamp", "LastModifiedDate", "LastViewedDate", "LastReferencedDate", "CreatedDate")
RESTARTS_MAX = 4
PAIRS, PAIRS_BESIDE = 65, 25  # on the usual stage, and on the others


@dataclass(frozen=True, slots=True)
class Stage:
    """What differs from the usual set-up: the pace of a cycle, the database, whether a mapped field is syncd's alone."""

    name: str
    pace: Mapping[str, int | None] = field(default_factory=dict)
    is_on_postgresql: bool = False
    is_exclusive: bool = False


USUAL = Stage("usual")
STAGES = (
    USUAL,
    Stage("in bulk", {"load_rows_min": 3, "bulk_rows_min": 4, "canary": None}, is_exclusive=True),
    Stage("postgresql", is_on_postgresql=True),
)


class Zygote:
    """A process that imported syncd once and forks a child for each cycle."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.sweep.driver"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = 0

    def run(self, home: Path, pace: Mapping[str, int | None], *, before_commit: int = 0, after_commit: int = 0) -> int:
        """Run one cycle to its end or death, and return the child's exit code."""
        command = {"home": str(home), "before_commit": before_commit, "after_commit": after_commit, "pace": dict(pace)}
        self._tell(json.dumps(command))
        self.pid = int(self._hear())
        self._tell("go")
        return int(self._hear())

    def warm_up(self, home: Path) -> None:
        """Run a cycle in the process itself, so that no child has to import anything."""
        self._tell(json.dumps({"warm": str(home)}))
        assert self._hear() == "warm\n"

    def close(self) -> None:
        """End the process."""
        _pipe(self.process.stdin).close()
        self.process.wait(10)
        _pipe(self.process.stdout).close()

    def _tell(self, line: str) -> None:
        stdin = _pipe(self.process.stdin)
        stdin.write(line + "\n")
        stdin.flush()

    def _hear(self) -> str:
        return _pipe(self.process.stdout).readline()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


class Dead(Exception):
    """The client of this request was killed, or never hears its answer."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where to kill: `side` "before" or "after" the `number`-th "request" or "commit"; or which "answer" gets lost."""

    what: str
    side: str
    number: int


@dataclass(frozen=True, slots=True)
class End:
    """All that counts when a cycle and one more are over."""

    org: dict[str, Counter[str]]
    writes: Counter[str]
    ledger: Counter[str]
    inbox: frozenset[tuple[str, str]]
    files: frozenset[str]


class Theatre:
    """The org and the store at the moment before the cycle that holds everything, to be played again and again."""

    def __init__(self, served: RunningOrg, home: Path, zygote: Zygote, stage: Stage, database: Database) -> None:
        self.served, self.home, self.zygote, self.stage, self.database = served, home, zygote, stage, database
        self.scene = Scene(served, home)
        self.original = home.with_name(f"{home.name}-original")
        self.image: Snapshot
        self.requests = 0

    def set_up(self) -> None:
        """Bring the org and syncd to where the cycle begins."""
        scene = self.scene
        scene.fences({"tool": "revert", "person": "warn"}, {"tool": "revert", "person": "warn"})
        scene.settings(page_size_max=5)
        self.zygote.warm_up(self.home)
        scene.edit("marketo", lead("Working", 3), Status="Inquiry")
        scene.cycle()
        scene.nurture("enroll")
        scene.mapping("write")
        if self.stage.is_exclusive:
            scene.rewrite("fields/marketo.toml", r'(\[column\."leadScore"\]\n)', r"\g<1>exclusive = true\n")
        for id in (*REVERTS[:2], lead("Working", 3)):  # the last one was put back before: it ends in the inbox
            scene.edit("marketo", id, Status="Inquiry")
        scene.edit("routing", REVERTS[2], OwnerId=owner("ada"))
        scene.edit("marketo", REVERTS[3], Status="Nurture", OwnerId=owner("mia"))
        for number in range(4):
            scene.edit("max", lead("Inquiry", number), Status="MQL", OwnerId=owner("MQL_EMEA"))
        scene.edit("max", lead("Disqualified", 1), Status="Nurture")
        scene.do("sam", "delete", DELETED_LATER)
        scene.do("max", "create", "Lead", LastName="Fresh", Company="Acme", Status="Inquiry", OwnerId=owner("mia"))
        scene.edit("mia", contact(8), HasOptedOutOfEmail=True)
        scene.do("mia", "create", "CampaignMember", CampaignId=scene.rows("Campaign")[0]["Id"], ContactId=contact(2))
        scene.drop("monday.csv", *self._export())
        scene.tick(60)
        self.image = self.served.org.snapshot()
        shutil.copytree(self.home, self.original)
        self.database.keep()

    def _export(self) -> list[str]:
        scored = [export_line(f"{status}-{n}", leadScore="77") for status in ("MQL", "Qualified") for n in (0, 1)]
        return [
            *scored,
            export_line("Working-0", leadScore="55", unsubscribed="true"),  # a lead that a fence puts back as well
            export_line("Nurture-1", unsubscribed="true"),
            export_line("c3", email="contact.3@example.com", unsubscribed="true"),
            export_line("c6", email="contact.6@example.com", emailInvalid="true"),
            export_line("Nurture-2", leadScore="many"),
            export_line("stranger", email="nobody@elsewhere.example"),
            export_line("Nurture-3"),
            export_line("Nurture-3", updatedAt="2026-02-01T10:00:00Z", leadScore="1"),
        ]

    def begin_anew(self) -> int:
        """Bring everything back to the moment before the cycle; return the last request until then."""
        self.served.hook()
        self.served.org.restore(self.image)
        shutil.rmtree(self.home)
        shutil.copytree(self.original, self.home)
        self.database.put_back()
        self.database.watch(self.served, self.home)
        return self._last_request()

    def play(self, *kills: Point) -> tuple[End, int, int]:
        """Play the cycle, killed at each point in turn; return its end and the first process's requests and commits."""
        first = self.begin_anew()
        seen: tuple[int, int] = (0, 0)
        for number, kill in enumerate([*kills, *[None] * RESTARTS_MAX]):
            code, requests, commits = self._run(kill)
            seen = (requests, commits) if number == 0 else seen
            if code == 0:
                break
            assert kill is not None, f"a cycle died by itself: {code}"
            self.scene.tick(2)
        self.scene.tick(60)
        code, *_ = self._run(None)
        assert code == 0
        return self._end(first), *seen

    def _run(self, kill: Point | None) -> tuple[int, int, int]:
        """Run one cycle in a process of its own, killed at a point; an error inside the cycle fails the test."""
        start = self._last_request()
        (self.home / "result.json").unlink(missing_ok=True)

        def strike(n: int, side: str) -> None:
            if kill is None or (kill.side, kill.number) != (side, n - start) or kill.what == "commit":
                return
            if kill.what == "request":
                os.kill(self.zygote.pid, signal.SIGKILL)
            raise Dead

        self.served.hook(lambda n, method, path: strike(n, "before"), lambda n, method, path: strike(n, "after"))
        commits = {f"{kill.side}_commit": kill.number} if kill is not None and kill.what == "commit" else {}
        code = self.zygote.run(self.home, self.stage.pace, **commits)
        if code != 0:
            assert code == -signal.SIGKILL, f"the cycle ended with {code}"
            return code, 0, 0
        result = json.loads((self.home / "result.json").read_text(encoding="utf-8"))
        if result["error"] and kill is not None and kill.what == "answer":
            return 1, 0, 0
        assert result["error"] == "", result["error"]
        return 0, self._last_request() - start, result["commits"]

    def _last_request(self) -> int:
        known = self.served.requests(self.requests)
        self.requests = max((one["n"] for one in known), default=self.requests)
        return self.requests

    def _end(self, first_request: int) -> End:
        with self.scene.store() as store:
            assert store.count_open() == 0
            assert store.verify().problems == ()
            ledger = Counter(_told(row.entry) for row in store.ledger(LedgerQuery(limit=10**6)))
            inbox = frozenset((item.kind, item.subject) for _, item, _ in store.inbox())
        assert self.database.problems(self.served, self.home) == []
        dump = self.served.org.dump(OBJECTS)
        # Which Bulk jobs were made differs: an empty one is dropped. What they carried is held against the ledger, row by row.
        sent = [write for write in self.scene.writes(first_request) if "/jobs/" not in write.path]
        applied = [write for write in sent if 200 <= write.status < 300]
        return End(
            {name: Counter(_natural(name, row) for row in rows) for name, rows in dump.items()},
            Counter(f"{write.path} {sorted(write.values.items(), key=str)}" for write in applied),
            ledger,
            inbox,
            frozenset(self.scene.files()),
        )


def _natural(object: str, row: dict[str, Any]) -> str:
    """Shorten a row of the org to what does not depend on when and in which order it was written."""
    minted = ("Id",) if object in ("LeadHistory", "CampaignMember") else ()
    return str({name: value for name, value in row.items() if name not in (*AUDIT, *minted)})


def _told(entry: Any) -> str:
    """Shorten a ledger row to what it says: not when, in which cycle and request."""
    told = (entry.kind, entry.object, entry.record_id, entry.related_id, entry.field, entry.before, entry.after)
    return str((*told, entry.actor, entry.verdict, entry.fence, entry.rule, entry.policy_hash, entry.outcome))


class Database:
    """A file in syncd's own folder: it is copied with the folder."""

    config = ""

    def keep(self) -> None:
        """Remember what it holds."""

    def put_back(self) -> None:
        """Bring back what it held."""

    def watch(self, served: RunningOrg, home: Path) -> None:
        """From now on the org's log is held against it."""
        WATCH.together(served.url, home / "syncd.db")

    def problems(self, served: RunningOrg, home: Path) -> list[str]:
        """Say what the org's log and the ledger disagree about since then."""
        return WATCH.check(served.org)


class OnServer(Database):
    """A database on a server: kept as a template."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.new_database()
        self.name = self.url.split("@/", 1)[1].split("?", 1)[0]
        self.config = f'[store]\nurl = "{self.url}"\n'
        self.since = (0, 0, 0)

    def keep(self) -> None:
        self.server.run(f"CREATE DATABASE {self.name}_kept TEMPLATE {self.name} STRATEGY file_copy")

    def put_back(self) -> None:
        self.server.drop(self.url)
        self.server.run(f"CREATE DATABASE {self.name} TEMPLATE {self.name}_kept STRATEGY file_copy")

    def watch(self, served: RunningOrg, home: Path) -> None:
        WATCH.pairs.pop((served.url, (home / "syncd.db").absolute()), None)
        store = open_store(self.url, None, read_only=True)
        with served.org.lock:
            deeds = deeds_since(served.org, 0)
        last = max((one["n"] for one in served.requests()), default=0)
        self.since = (last, store.ledger_size(), deeds[-1]["n"] if deeds else 0)
        store.dispose()

    def problems(self, served: RunningOrg, home: Path) -> list[str]:
        path = home / "copied.db"
        path.unlink(missing_ok=True)
        copy_to_sqlite(self.url, path)
        request, seq, deed = self.since
        return audit(served.requests(request), path, served.org, since_seq=seq, since_deed=deed)


@pytest.fixture(scope="module", params=STAGES, ids=lambda stage: stage.name.replace(" ", "-"))
def theatre(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    stage: Stage = request.param
    folder = write_small_org(tmp_path_factory.mktemp("sweep-org"))
    home = tmp_path_factory.mktemp("sweep") / "home"
    database = OnServer(request.getfixturevalue("postgres_server")) if stage.is_on_postgresql else Database()
    zygote = Zygote()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it tells of each request whose client we killed
    try:
        with running(load=folder) as served:
            home.mkdir()
            made = Theatre(served, write_home(home, served.url, config=database.config), zygote, stage, database)
            made.set_up()
            yield made
    finally:
        zygote.close()


def differences(wanted: End, found: End) -> list[str]:
    """List what is missing and what is too much."""
    told: list[str] = []
    pairs = [*((name, wanted.org[name], found.org[name]) for name in wanted.org), ("write", wanted.writes, found.writes)]
    for name, left, right in (*pairs, ("ledger", wanted.ledger, found.ledger)):
        told += [f"{name} lost: {one}" for one in (left - right).elements()]
        told += [f"{name} too much: {one}" for one in (right - left).elements()]
    if wanted.inbox != found.inbox:
        told.append(f"inbox: {sorted(wanted.inbox ^ found.inbox)}")
    if wanted.files != found.files:
        told.append(f"files: {sorted(wanted.files ^ found.files)}")
    return told


def points_of(requests: int, commits: int) -> list[Point]:
    """Name every point of a cycle."""
    numbers = {"request": requests, "commit": commits}
    return [Point(what, side, n) for what, count in numbers.items() for n in range(1, count + 1) for side in ("before", "after")]


def swept(theatre: Theatre, calm: End, histories: Sequence[tuple[Point, ...]], capsys: pytest.CaptureFixture[str]) -> None:
    """Play each history and compare; tell how many there were and how long it took."""
    began = time.monotonic()
    wrong = {}
    for kills in histories:
        end, *_ = theatre.play(*kills)
        found = differences(calm, end)
        if found:
            wrong[kills] = found
    with capsys.disabled():
        sys.stdout.write(f"\nkill -9 at {len(histories)} points: {len(wrong)} wrong, {time.monotonic() - began:.0f} s\n")
    assert not wrong, "\n".join(f"{kills}:\n    " + "\n    ".join(found[:6]) for kills, found in list(wrong.items())[:8])


def test_the_undisturbed_cycle_holds_everything(theatre: Theatre) -> None:
    calm, requests, commits = theatre.play()
    again, *_ = theatre.play()
    assert differences(calm, again) == []
    outcomes = Counter(row.split("'")[-2] for row in calm.ledger.elements() if row.startswith("('outcome'"))
    assert outcomes["confirmed"] >= 17, outcomes
    ways = {request["path"].rpartition("/")[2] for request in theatre.served.requests() if request["method"] == "POST"}
    assert theatre.stage is not STAGES[1] or {"ingest", "query", "sobjects"} <= ways, ways
    assert requests >= 20
    assert commits >= 20
    assert {kind for kind, _ in calm.inbox} >= {"machine-wins", "export-row", "export-unmatched"}
    [file] = calm.files
    assert file.startswith("done/")
    assert file.endswith("-monday.csv")


def test_kill_9_at_every_request_and_commit_loses_and_doubles_nothing(
    theatre: Theatre, capsys: pytest.CaptureFixture[str]
) -> None:
    calm, requests, commits = theatre.play()
    swept(theatre, calm, [(point,) for point in points_of(requests, commits)], capsys)


def test_an_answer_lost_after_the_org_had_acted_loses_and_doubles_nothing(
    theatre: Theatre, capsys: pytest.CaptureFixture[str]
) -> None:
    calm, requests, _ = theatre.play()
    swept(theatre, calm, [(Point("answer", "after", number),) for number in range(1, requests + 1)], capsys)


def test_a_second_kill_while_it_recovers_loses_and_doubles_nothing(theatre: Theatre, capsys: pytest.CaptureFixture[str]) -> None:
    """Pairs spread over both cycles: any point of the first process with some point of the one that recovers."""
    calm, requests, commits = theatre.play()
    points = points_of(requests, commits)
    stride = next(step for step in range(37, len(points)) if math.gcd(step, len(points)) == 1)
    pairs = [(point, points[number * stride % len(points)]) for number, point in enumerate(points)]
    wanted = PAIRS if theatre.stage is USUAL else PAIRS_BESIDE
    swept(theatre, calm, pairs[:: max(1, len(pairs) // wanted)], capsys)
