"""A disk that is full at any commit of a cycle: nothing lost, nothing done twice, and it goes on by itself."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.engine.cycle import run_cycle
from syncd.errors import StoreUnusable
from tests.engine.conftest import Stage
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import contact, lead

LEADS = [lead("Working", number) for number in range(3)]


def set_up(stage: Stage, home: Path) -> Scene:
    home.mkdir()
    scene = stage.scene(home)
    scene.fences({"tool": "revert"}, {"tool": "revert"})
    scene.mapping("write")
    scene.nurture("enroll")
    for id in LEADS:
        scene.edit("marketo", id, Status="Inquiry")
    scene.drop("a.csv", export_line(contact(1), unsubscribed="true"), export_line(lead("Nurture"), leadScore="91"))
    return scene


def run(scene: Scene, before_commit: Callable[[], None]) -> None:
    scene.tick()
    with scene.world() as (world, org):
        world.store._around = replace(world.store._around, before_commit=before_commit)  # type: ignore[attr-defined]
        try:
            run_cycle(world, org)
        finally:
            assert world.store.verify().problems == (), "what was committed stays readable"


def outcome(scene: Scene) -> tuple[object, ...]:
    """Return what came of it in the org and in the store."""
    with scene.store() as store:
        flags = store.flag_counts()
    outcomes = sorted((str(entry.record_id), str(entry.field), str(entry.outcome)) for entry in scene.ledger(kind="outcome"))
    return [scene.row(id)["Status"] for id in LEADS], sorted(scene.members()), flags, outcomes


@contextmanager
def full_disk() -> Iterator[Callable[[Path], None]]:
    """Give a function from which on no file grows beyond the size that a file has now; until the block ends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda path: resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, tuple[object, ...]]:
    """Return how many commits the cycle has, and what comes of it on a disk with room."""
    scene = set_up(stage, tmp_path_factory.mktemp("undisturbed") / "home")
    commits: list[None] = []
    run(scene, lambda: commits.append(None))
    scene.cycle()
    assert scene.is_at_rest()
    return len(commits), outcome(scene)


def fill_at(stage: Stage, home: Path, number: int) -> Scene:
    """Fill the disk at one commit of the cycle, make room again, and run on."""
    scene = set_up(stage, home)
    commits = 0

    with full_disk() as fill:

        def count() -> None:
            nonlocal commits
            commits += 1
            if commits == number:
                fill(home / "syncd.db-wal")

        with pytest.raises(StoreUnusable, match=r"cannot be opened or written|disk is full") as caught:
            run(scene, count)
        assert not caught.value.permanent
    for _ in range(3):
        scene.cycle()
    assert scene.is_at_rest()
    return scene


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 1.0])
def test_a_disk_that_is_full_in_the_midst_of_a_cycle_changes_nothing_of_its_outcome(
    stage: Stage, tmp_path: Path, undisturbed: tuple[int, tuple[object, ...]], part: float
) -> None:
    commits, expected = undisturbed
    assert commits > 10
    assert outcome(fill_at(stage, tmp_path / "home", 1 + round(part * (commits - 1)))) == expected


@pytest.mark.sweep
def test_a_disk_that_is_full_at_any_commit_changes_nothing_of_the_outcome(
    stage: Stage, tmp_path: Path, undisturbed: tuple[int, tuple[object, ...]]
) -> None:
    commits, expected = undisturbed
    for number in range(1, commits + 1):
        assert outcome(fill_at(stage, tmp_path / str(number), number)) == expected, number
