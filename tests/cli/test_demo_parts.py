"""The demo's folder, its settings, its calendar and its comparison with the truth, part by part."""

from __future__ import annotations

import importlib
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from syncd.cli import wire
from syncd.cli.demo import first_monday, next_steps
from syncd.cli.demo_days import Course, Seen
from syncd.cli.demo_folder import MARKER, make_afresh, note_processes, switched_on, write_settings
from syncd.cli.demo_org import need
from syncd.cli.demo_report import Figures, report
from syncd.cli.demo_truth import Compared, compare
from syncd.cli.init import starters
from syncd.core.values import ActorKind, Entry, InboxItem, Verdict
from syncd.errors import SyncdError
from syncd.ports import CycleRecord, LedgerRow, Verification
from syncd.sandbox.play import Moment, Truth

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LEAD, OTHER = "00Q5e00000A1b2cEAB", "00Q5e00000A1b2dEAB"
TOOL = "0055e000001AbcdAAC"


def test_a_folder_that_the_demo_did_not_make_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("dear")
    with pytest.raises(SyncdError, match="was not made by syncd demo; nothing was deleted"):
        make_afresh(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "dear"


def test_a_file_in_the_folders_place_is_never_touched(tmp_path: Path) -> None:
    path = tmp_path / "syncd-demo"
    path.write_text("dear")
    with pytest.raises(SyncdError, match="was not made by syncd demo"):
        make_afresh(path)
    assert path.read_text() == "dear"


def test_an_earlier_demos_folder_is_emptied_and_links_out_of_it_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "syncd-demo"
    outside.mkdir()
    (outside / "mine.txt").write_text("dear")
    make_afresh(folder)
    (folder / "plans").mkdir()
    (folder / "plans" / "plan.json").write_text("{}")
    (folder / "link").symlink_to(outside)
    make_afresh(folder)
    assert [path.name for path in folder.iterdir()] == [MARKER]
    assert (outside / "mine.txt").read_text() == "dear"


@pytest.mark.parametrize("marker", ["", "[]", '{"processes": ["x"]}', '{"processes": [-1, 0, 4194304000]}'])
def test_a_damaged_marker_names_no_running_process(tmp_path: Path, marker: str) -> None:
    (tmp_path / MARKER).write_text(marker)
    make_afresh(tmp_path)
    assert json.loads((tmp_path / MARKER).read_text())["processes"] == []


def test_a_process_number_that_belongs_to_another_program_by_now_is_none_of_ours(tmp_path: Path) -> None:
    make_afresh(tmp_path)
    note_processes(tmp_path, [os.getppid()])
    if b"syncd" in Path(f"/proc/{os.getppid()}/cmdline").read_bytes():
        pytest.skip("the parent of this test has syncd in its command line")
    make_afresh(tmp_path)


def test_the_starters_are_switched_on_and_stay_valid(tmp_path: Path) -> None:
    write_settings(tmp_path, {"url": "http://127.0.0.1:9", "client_id": "c", "client_secret": "s" * 8}, interval="1 min")
    policies = wire.load_policies(tmp_path / "mappings")
    for fence in (policies.fences.status, policies.fences.owner):
        assert fence.ladder.mode[ActorKind.TOOL] is Verdict.REVERT
        assert fence.ladder.mode[ActorKind.PERSON] is Verdict.WARN
        assert fence.ladder.mode[ActorKind.AUTOMATION] is Verdict.NOTE
    assert policies.nurture is not None
    assert policies.nurture.mode == "enroll"
    assert [source.mode for source in policies.sources] == ["write"]


@pytest.mark.parametrize(
    ("name", "source"), [pair for pair in starters() if pair[0].startswith("mappings/") and "examples" not in pair[0]]
)
def test_nothing_but_the_modes_of_a_starter_is_changed(name: str, source: Path) -> None:
    before, after = source.read_text().splitlines(), switched_on(name, source.read_text()).splitlines()
    changed = [line for line, other in zip(before, after, strict=True) if line != other]
    assert changed
    assert all(line.startswith(("mode", "grace_minutes")) for line in changed)


@pytest.mark.parametrize(
    ("now", "days", "monday"),
    [
        (datetime(2026, 11, 22, 1, 0, tzinfo=UTC), 5, 16),  # a Sunday: the week that just ended
        (datetime(2026, 11, 20, 23, 0, tzinfo=UTC), 5, 9),  # a Friday is not over yet
        (datetime(2026, 11, 17, 12, 0, tzinfo=UTC), 1, 16),
        (datetime(2026, 11, 16, 12, 0, tzinfo=UTC), 1, 9),
        (datetime(2026, 11, 22, 1, 0, tzinfo=UTC), 6, 9),
        (datetime(2026, 11, 22, 1, 0, tzinfo=UTC), 10, 9),
    ],
)
def test_the_days_played_are_the_latest_that_are_over(now: datetime, days: int, monday: int) -> None:
    assert first_monday(now, days) == datetime(2026, 11, monday, 8, 0, tzinfo=UTC)


def test_a_missing_extra_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {name!r}", name="aiohttp")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(SyncdError, match="needs aiohttp for its emulated org") as refusal:
        need("syncd.sandbox.cli")
    assert "syncd[sandbox]" in refusal.value.hint


def a_move(minutes: int, record: str, after: str, *, lawful: bool = False) -> Moment:
    fact = Truth(record, "Status", "Working", after, "tool@acme.example", lawful)
    return Moment(AT + timedelta(minutes=minutes), "a move", truth=(fact,))


def a_crossing(minutes: int, record: str, after: str) -> LedgerRow:
    at = AT + timedelta(minutes=minutes)
    entry = Entry(
        kind="change", at=at, cycle="c", object="Lead", record_id=record, field="Status", before="Working", after=after,
        changed_at=at, actor_id=TOOL, proof="history", verdict="revert", fence="status",
    )  # fmt: skip
    return LedgerRow(1, entry, "")


def put_back(minutes: int, record: str) -> LedgerRow:
    at = AT + timedelta(minutes=minutes)
    entry = Entry(kind="outcome", at=at, cycle="c", object="Lead", record_id=record, field="Status", outcome="confirmed")
    return LedgerRow(1, entry, "")


@pytest.mark.parametrize(
    ("moments", "rows", "expected"),
    [
        ([a_move(1, LEAD, "MQL")], [a_crossing(1, LEAD, "MQL")], Compared(1, 1, 0, 0, 0, 0)),
        ([a_move(1, LEAD, "MQL")], [], Compared(1, 0, 1, 0, 0, 0)),
        ([a_move(1, LEAD, "MQL", lawful=True)], [a_crossing(1, LEAD, "MQL")], Compared(0, 1, 0, 0, 0, 1)),
        ([a_move(1, LEAD, "MQL")], [a_crossing(1, OTHER, "MQL")], Compared(1, 1, 1, 0, 0, 1)),
        ([], [a_crossing(-1, LEAD, "MQL")], Compared(0, 0, 0, 0, 0, 0)),
        ([a_move(9, LEAD, "MQL")], [put_back(5, LEAD)], Compared(1, 0, 0, 1, 0, 0)),
        ([a_move(3, LEAD, "MQL")], [put_back(5, LEAD)], Compared(1, 0, 1, 0, 0, 0)),
        (
            [a_move(1, LEAD, "MQL")],
            [a_crossing(1, LEAD, "MQL"), put_back(5, LEAD), a_crossing(9, LEAD, "MQL")],
            Compared(1, 2, 0, 0, 1, 0),
        ),
    ],
    ids=["found", "missed", "wrong", "other record", "before the first cycle", "moot", "missed before it", "again"],
)
def test_differences_between_truth_and_ledger_are_counted_by_their_cause(
    moments: list[Moment], rows: list[LedgerRow], expected: Compared
) -> None:
    assert compare(moments, rows, {"tool@acme.example": TOOL}, AT) == expected


def test_a_plan_after_the_org_has_gone_begins_with_a_demo_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = next_steps(Path("a demo"), [a_crossing(1, LEAD, "MQL"), put_back(5, LEAD)], keep=False)
    assert lines[1].endswith(f" --config 'a demo' explain {LEAD}")
    assert " demo --keep --folder 'a demo' && " in lines[3]
    assert lines[3].endswith(" --config 'a demo' plan")
    assert "the org" in lines[4]


@pytest.mark.parametrize("many", [1, 1_438, 1_234_567])
def test_the_report_wraps_at_100_columns_whatever_the_numbers(many: int) -> None:
    names = ("rows read", "API calls", "export files", "export rows", "export applied", "export unchanged", "export quarantined")
    cycle = CycleRecord("c", AT - timedelta(hours=1), AT, dict.fromkeys((*names, "crossings"), many))
    item = InboxItem("machine-wins", f"{TOOL}:Status", "", "", "Block updates of Status in that tool's own field settings; so.")
    rows = [a_crossing(1, LEAD, "MQL") for _ in range(1_438)]
    figures = Figures(rows, [cycle], [(item, many)], {"any": many}, many, many, Verification(many, "ab" * 32, many, ()))
    course = Course(bulk=[Seen("a mass edit of very many leads by somebody with a long name", many, cycle)], refused=many)
    lines = report(figures, course, Compared(*[many] * 6), 5, float(many))
    assert max(map(len, lines)) <= 100
    assert "1,438" in "\n".join(lines)
    assert not re.search(r"\b\d{4,}\b", "\n".join(lines))
