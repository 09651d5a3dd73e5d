"""The stage of the engine's tests: one emulated org, put back to the same state before each test."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncd.cli import wire
from syncd.cli.wire import open_world
from syncd.config import Config, load_config
from syncd.engine.cycle import run_cycle
from syncd.errors import SyncdError
from syncd.exports.sieve import sifted, sifting
from syncd.ports import Sifted
from syncd.salesforce.org import SalesforceOrg
from syncd.sandbox.local import RunningOrg, running
from syncd.sandbox.org import Snapshot
from tests.checker.twice import second_run
from tests.engine.scene import SECRET, Scene, write_home
from tests.engine.small_org import write_small_org

PASSED = pytest.StashKey[bool]()


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the client's pauses between attempts pass at once, and its server's complaints be."""

    def open_org(config: Config) -> closing[SalesforceOrg]:
        return closing(SalesforceOrg(config.org, sleep=lambda seconds: None))

    monkeypatch.setattr(wire, "open_org", open_org)
    logger = logging.getLogger("aiohttp.server")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@pytest.fixture
def ticking(tmp_path: Path) -> Iterator[RunningOrg]:
    """Serve the small org with a clock that runs."""
    folder = tmp_path / "load"
    folder.mkdir()
    with running(load=write_small_org(folder), frozen=False) as served:
        yield served


@dataclass(frozen=True, slots=True)
class Stage:
    """A served org, its state after syncd's first cycle, and syncd's database then."""

    served: RunningOrg
    after_baseline: Snapshot
    database: Path

    def scene(self, home: Path) -> Scene:
        """Set the stage anew."""
        self.served.hook()
        self.served.org.restore(self.after_baseline)
        write_home(home, self.served.url)
        shutil.copy(self.database, home / "syncd.db")
        return Scene(self.served, home)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = write_small_org(tmp_path_factory.mktemp("small-org"))
    home = tmp_path_factory.mktemp("first-home")
    with running(load=folder) as served:
        write_home(home, served.url)
        with open_world(load_config(home / "config.toml", SECRET)) as (world, org):
            run_cycle(world, org)
        yield Stage(served, served.org.snapshot(), home / "syncd.db")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether a test passed, for what looks at its scene afterwards."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture
def scene(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> Iterator[Scene]:
    set_up = stage.scene(tmp_path)
    yield set_up
    stage.served.hook()
    if request.node.stash.get(PASSED, False):
        settles(set_up)


def settles(scene: Scene) -> None:
    """Fail a test whose scene never comes to rest. One that leaves syncd unable to run is let be."""
    scene.served.org.faults.replace(())
    try:
        sent = second_run(scene.cycle, scene.served.requests)
    except SyncdError:
        return
    assert sent == [], "a second run with nothing new wrote: " + "; ".join(map(str, sent))


@pytest.fixture
def let_through(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Have every row held against the mirror, and count those that needed no look, by why."""
    found: Counter[str] = Counter()
    count = sifted.SiftedFile.sifted

    def counting(self: sifted.SiftedFile) -> Sifted:
        for table in ("hit", "equal", "nobody", "rest"):
            found[table] += self._number(f"SELECT count(*) FROM {table}")  # noqa: S608  our own names
        return count(self)

    monkeypatch.setattr(sifted.SiftedFile, "sifted", counting)
    monkeypatch.setattr(sifted, "FEW", -1)
    monkeypatch.setattr(sifting, "LARGE_BYTES", 0)
    return found
