"""Does a revert wait for its time and for a person's word in real cycles, and does it leave its reason where reps look?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.main import main
from syncd.core.asking import ASK
from syncd.core.values import Entry, InboxItem
from syncd.engine.cycle import run_cycle
from syncd.engine.requests import RESOLVE, take_up
from syncd.engine.world import World
from syncd.ports import LedgerQuery, OrgWriter
from tests.engine.conftest import Stage
from tests.engine.scene import Scene, story
from tests.engine.small_org import lead

WORKING = lead("Working")
OTHER = lead("Meeting Set")
HALF_AN_HOUR = 30 * 60


def crossing(scene: Scene, *lines: str, **modes: str) -> Scene:
    """Set the modes of the status fence, and further lines for all fences."""
    scene.fences(modes)
    scene.rewrite("fences.toml", r"\[crossing\.status\]\n", "\\g<0>" + "".join(f"{line}\n" for line in lines))
    return scene


def verdicts(scene: Scene, id: str = WORKING) -> list[tuple[str, str | None]]:
    return [(entry.kind, entry.verdict) for entry in scene.ledger(id) if entry.kind in ("change", "decision")]


def question(scene: Scene) -> tuple[int, InboxItem]:
    with scene.store() as store:
        [(number, item)] = [(number, item) for number, item, _ in store.inbox() if item.kind == ASK]
    return number, item


def resolve(scene: Scene, *numbers: int, **payload: str) -> Mapping[str, Any]:
    with scene.world() as (world, org):
        number = world.store.ask(RESOLVE, {"numbers": list(numbers), **payload}, "dana@host", scene.clock.now())
        take_up(world, org)
        request = world.store.request(number)
    assert request is not None
    assert request.result is not None
    return request.result


# --- grace -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def patient(scene: Scene) -> Scene:
    """Give the scene with machines put back half an hour after what they did."""
    return crossing(scene, "grace_minutes = 30", tool="revert")


def test_a_revert_waits_for_its_grace_time_and_is_made_then(patient: Scene) -> None:
    scene = patient
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.cycle(HALF_AN_HOUR - 180)
    assert scene.writes() == []
    assert scene.is_at_rest()
    scene.cycle(180)
    assert [write.values for write in scene.writes()] == [{"Status": "Working"}]
    assert story(scene.ledger(WORKING)) == [
        ("change", "Status", "revert"),
        ("intent", "Status", None),
        ("outcome", "Status", "confirmed"),
    ]
    with scene.store() as store:
        change, intent, _ = store.ledger(LedgerQuery(record_id=WORKING))
        assert intent.entry.cause_seq == change.seq
        assert store.lawful("Lead", [WORKING]) == {}
    assert scene.row(WORKING)["Status"] == "Working"


@pytest.mark.parametrize("who", [pytest.param("sam", marks=pytest.mark.sweep), "marketo"])
def test_whoever_corrects_the_value_within_the_grace_time_spares_the_revert(patient: Scene, who: str) -> None:
    scene = patient
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.edit(who, WORKING, Status="Working")
    scene.cycle()
    scene.cycle(2 * HALF_AN_HOUR)
    assert scene.writes() == []
    assert verdicts(scene) == [("change", "revert"), ("change", "allow")]


@pytest.mark.sweep
def test_each_further_crossing_begins_the_grace_time_anew(patient: Scene) -> None:
    scene = patient
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.tick(HALF_AN_HOUR - 240)
    scene.edit("marketo", WORKING, Status="Nurture")
    scene.cycle()
    scene.cycle(240)
    assert scene.writes() == []
    scene.cycle(HALF_AN_HOUR)
    assert [write.values for write in scene.writes()] == [{"Status": "Working"}]


@pytest.mark.sweep
def test_a_save_of_other_fields_neither_hastens_nor_ends_the_wait(patient: Scene) -> None:
    scene = patient
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.edit("sue", WORKING, Company="Acme again")
    scene.cycle()
    assert scene.writes() == []
    scene.cycle(HALF_AN_HOUR)
    assert [(write.values, write.status) for write in scene.writes()] == [({"Status": "Working"}, 204)]


@pytest.mark.sweep
def test_what_is_read_when_its_grace_time_is_over_is_put_back_at_once(patient: Scene) -> None:
    scene = patient
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle(HALF_AN_HOUR)
    assert [write.values for write in scene.writes()] == [{"Status": "Working"}]


def test_a_file_that_no_longer_asks_for_it_lets_the_value_stand_and_the_ledger_tells(patient: Scene) -> None:
    scene = patient
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    scene.rewrite("fences.toml", 'tool = "revert"', 'tool = "warn"')
    scene.cycle(HALF_AN_HOUR)
    assert scene.writes() == []
    [entry] = scene.ledger(WORKING, kind="decision")
    assert (entry.verdict, entry.reason) == ("warn", "by now the file says warn for tool, so it stands")
    with scene.store() as store:
        assert store.lawful("Lead", [WORKING]) == {}


@pytest.mark.sweep
def test_a_plan_shows_what_is_due_by_then_and_leaves_the_wait_alone(patient: Scene) -> None:
    from syncd.engine.planning import preview

    scene = patient
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    for after_s, wanted in ((60, []), (HALF_AN_HOUR, ["Working"]), (60, ["Working"])):
        scene.tick(after_s)
        with scene.world(is_read_only=True) as (world, _):
            assert [intent.after for intent in preview(world).plan.intents] == wanted
    scene.cycle()
    assert [write.values for write in scene.writes()] == [{"Status": "Working"}]


@pytest.mark.sweep
def test_what_was_saved_together_goes_back_together_when_it_is_due_with_its_note(scene: Scene) -> None:
    scene.settings(history_tracking={"Lead": ["Status", "OwnerId", "Rating"]})
    crossing(scene, "grace_minutes = 30", 'tell = "field Description"', tool="revert")
    scene.rewrite("fences.toml", r"\[teams\]", '[lifecycle]\nreason = "Rating"\n\n[teams]')
    scene.cycle()
    before = scene.row(WORKING)
    scene.edit("marketo", WORKING, Status="Inquiry", Rating="Cold", Company="Acme anew")
    scene.cycle()
    assert scene.writes() == []
    scene.cycle(HALF_AN_HOUR)
    [write] = scene.writes()
    row = scene.row(WORKING)
    assert set(write.values) == {"Status", "Rating", "Description"}
    assert (row["Status"], row["Rating"], row["Company"]) == ("Working", before["Rating"], "Acme anew")
    assert "Rating from 'Cold' back to nothing" in row["Description"]
    assert [entry.outcome for entry in scene.ledger(WORKING, kind="outcome")] == ["confirmed"] * 3
    with scene.store() as store:
        assert store.lawful("Lead", [WORKING]) == {}


# --- asking ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(scene: Scene) -> Scene:
    """Give the scene with people's crossings asked about."""
    crossing(scene, tool="revert", person="ask").edit("max", WORKING, Status="Inquiry")
    scene.cycle()
    return scene


def test_a_question_waits_in_the_inbox_and_names_no_person(asking: Scene) -> None:
    scene = asking
    _, item = question(scene)
    assert verdicts(scene) == [("change", "ask")]
    assert (item.where, item.subject) == (f"Lead {WORKING}", WORKING)
    assert item.text.startswith("Status was moved from 'Working' to 'Inquiry' at 2026-03-0")
    assert "'Working' belongs to sdr; marketing moved it to 'Inquiry'. Shall it be put back?" in item.text
    assert "Max" not in item.text
    assert scene.writes() == []
    scene.cycle()
    assert scene.writes() == []


def test_the_answer_to_put_it_back_is_carried_out_at_once_and_stands_in_the_ledger(asking: Scene) -> None:
    scene = asking
    number, _ = question(scene)
    result = resolve(scene, number, answer="revert", reason="agreed with Mia")
    assert (result["resolved"], result["put_back"], result["reverts"]) == ([number], [number], 1)
    assert scene.row(WORKING)["Status"] == "Working"
    assert scene.inbox() == []
    with scene.store() as store:
        rows = list(store.ledger(LedgerQuery(record_id=WORKING)))
    assert story([row.entry for row in rows]) == [
        ("change", "Status", "ask"),
        ("decision", "Status", "revert"),
        ("intent", "Status", None),
        ("outcome", "Status", "confirmed"),
    ]
    assert rows[1].entry.reason == "put back by dana@host: agreed with Mia"
    assert [row.entry.cause_seq for row in rows[1:3]] == [rows[0].seq, rows[1].seq]
    assert scene.is_at_rest()


def test_the_answer_to_keep_it_makes_the_value_lawful(asking: Scene) -> None:
    scene = asking
    number, _ = question(scene)
    assert resolve(scene, number, answer="keep")["resolved"] == [number]
    assert scene.inbox() == []
    scene.edit("mia", WORKING, Status="Nurture")
    scene.cycle()
    assert scene.writes() == []
    assert verdicts(scene) == [("change", "ask"), ("decision", "allow"), ("change", "allow")]


def test_a_question_is_not_closed_without_an_answer(asking: Scene) -> None:
    scene = asking
    number, _ = question(scene)
    error = resolve(scene, number, reason="seen")["error"]
    assert error["text"].startswith(f"Inbox item {number} asks whether something is put back")
    assert f"syncd inbox resolve {number} --revert" in error["hint"]
    assert question(scene)[0] == number


def test_what_asks_nothing_is_not_answered(asking: Scene) -> None:
    scene = asking
    with scene.world() as (world, _), world.store.begin() as tx:
        tx.put_inbox([InboxItem("odd", "x", "x", "x", "x")], world.org.now())
    with scene.store() as store:
        odd = next(number for number, item, _ in store.inbox() if item.kind == "odd")
    number, _ = question(scene)
    error = resolve(scene, number, odd, answer="keep")["error"]
    assert error["text"] == f"Inbox item {odd} (odd) asks nothing that --keep could answer. Nothing was changed."
    assert question(scene)[0] == number


@pytest.mark.sweep
def test_somebody_who_puts_it_right_answers_the_question(asking: Scene) -> None:
    scene = asking
    scene.edit("sam", WORKING, Status="Meeting Set")
    scene.cycle()
    assert scene.inbox() == []
    assert scene.row(WORKING)["Status"] == "Meeting Set"


def test_what_a_machine_adds_to_an_open_question_is_asked_about_too_and_the_answer_restores_the_lawful_value(
    asking: Scene,
) -> None:
    scene = asking
    scene.edit("marketo", WORKING, Status="Nurture")
    scene.cycle()
    assert scene.writes() == []
    number, item = question(scene)
    assert "from 'Working' to 'Nurture'" in item.text
    resolve(scene, number, answer="revert")
    assert scene.row(WORKING)["Status"] == "Working"


def test_an_answer_that_comes_after_the_value_moved_writes_nothing(asking: Scene) -> None:
    scene = asking
    number, _ = question(scene)
    scene.edit("sam", WORKING, Status="Meeting Set")
    result = resolve(scene, number, answer="revert")
    assert (result["resolved"], result["reverts"]) == ([number], 0)
    assert scene.row(WORKING)["Status"] == "Meeting Set"
    assert scene.inbox() == []


@pytest.mark.sweep
def test_a_question_waits_for_the_grace_time_as_well(scene: Scene) -> None:
    crossing(scene, "grace_minutes = 30", tool="ask").edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    assert scene.inbox() == []
    scene.cycle(HALF_AN_HOUR)
    assert question(scene)[1].subject == WORKING
    assert scene.writes() == []


@pytest.mark.sweep
def test_a_deleted_record_takes_its_question_along(asking: Scene) -> None:
    scene = asking
    scene.do("admin", "delete", WORKING)
    scene.cycle()
    assert scene.inbox() == []


def test_questions_are_answered_on_the_command_line(
    asking: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = asking
    monkeypatch.setenv("SYNCD_CLIENT_SECRET", "sandbox-secret")
    number, _ = question(scene)
    for words, code, says in (
        (("--revert", "--keep"), 2, "one of them"),
        ((), 1, f"syncd --config {scene.home / 'config.toml'} inbox resolve {number} --keep"),
        (("--revert", "--reason", "agreed"), 0, f"closed 1 inbox item: {number}\n1 value put back\n"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(scene.home / "config.toml"), "inbox", "resolve", str(number), *words])
        assert ended.value.code == code
        said = capsys.readouterr()
        assert says in (said.out if code == 0 else " ".join(said.err.replace("│", " ").split()))
    assert scene.row(WORKING)["Status"] == "Working"


# --- quiet periods -----------------------------------------------------------------------------------------------------


def quiet(scene: Scene, days: int, of: str = "fiscal quarter") -> None:
    scene.rewrite("fences.toml", r"\Z", f'\n[quiet]\nlast_business_days = {days}\nof = "{of}"\n')


@pytest.mark.parametrize(("days", "verdict"), [pytest.param(21, "revert", marks=pytest.mark.sweep), (22, "warn")])
def test_in_the_last_days_of_the_fiscal_quarter_nothing_is_put_back(scene: Scene, days: int, verdict: str) -> None:
    """The small org's Monday, 2 March 2026, is the 22nd last business day of the first quarter."""
    crossing(scene, tool="revert")
    quiet(scene, days)
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    assert verdicts(scene) == [("change", verdict)]
    assert bool(scene.writes()) == (verdict == "revert")


@pytest.mark.sweep
def test_what_falls_due_in_a_quiet_period_stands(patient: Scene) -> None:
    scene = patient
    scene.edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    quiet(scene, 30)
    scene.cycle(HALF_AN_HOUR)
    assert scene.writes() == []
    [entry] = scene.ledger(WORKING, kind="decision")
    assert (entry.verdict, "fiscal quarter" in str(entry.reason)) == ("warn", True)


@pytest.mark.sweep
def test_the_fiscal_year_is_asked_for_once_a_day_and_only_where_it_matters(scene: Scene) -> None:
    quiet(scene, 3)
    calls: list[int] = []
    for after_s in (60, 60, 24 * 3600, 60):
        scene.edit("sam", WORKING, Company=f"after {after_s} {len(calls)}")
        before = scene.last_request()
        scene.cycle(after_s)
        calls.append(sum("Organization" in str(one) for one in scene.served.requests(before)))
    assert calls == [1, 0, 1, 0]


# --- leaving the reason ------------------------------------------------------------------------------------------------


def told(entries: list[Entry]) -> list[tuple[str, str | None, str | None]]:
    return [(entry.kind, entry.object, entry.verdict or entry.outcome) for entry in entries]


def test_a_note_travels_with_the_value_in_one_save(scene: Scene) -> None:
    crossing(scene, 'tell = "field Description"', tool="revert").edit("marketo", WORKING, Status="Inquiry")
    scene.cycle()
    [write] = scene.writes()
    assert set(write.values) == {"Status", "Description"}
    row = scene.row(WORKING)
    assert row["Status"] == "Working"
    assert "syncd set Status from 'Inquiry' back to 'Working'. 'Working' belongs to sdr" in row["Description"]
    assert "mappings/fences.toml:" in row["Description"]


@pytest.mark.parametrize(
    ("tell", "object", "name"),
    [("task", "Task", "Description"), pytest.param("chatter", "FeedItem", "Body", marks=pytest.mark.sweep)],
)
def test_a_task_or_post_is_made_once_after_the_value_is_back(scene: Scene, tell: str, object: str, name: str) -> None:
    before = len(scene.rows(object))
    crossing(scene, f'tell = "{tell}"', tool="revert").edit("marketo", WORKING, Status="Inquiry")
    for _ in range(3):
        scene.cycle()
    made = [row for row in scene.rows(object) if WORKING in row.values()]
    assert len(scene.rows(object)) == before + 1
    assert "syncd set Status from 'Inquiry' back to 'Working'" in made[-1][name]
    assert told(scene.ledger(WORKING)) == [
        ("change", "Lead", "revert"),
        ("intent", "Lead", None),
        ("intent", object, None),
        ("outcome", "Lead", "confirmed"),
        ("outcome", object, "confirmed"),
    ]


def test_nothing_is_told_of_a_revert_that_was_not_made(scene: Scene) -> None:
    crossing(scene, 'tell = "task"', tool="revert").edit("marketo", WORKING, Status="Inquiry")
    before = len(scene.rows("Task"))

    def somebody_is_first(n: int, method: str, path: str) -> None:
        if path.endswith("/composite") and scene.ledger(WORKING, kind="intent"):
            scene.hook()
            scene.edit("sam", WORKING, Status="Meeting Set")

    scene.hook(before=somebody_is_first)
    scene.cycle()
    scene.cycle()
    assert len(scene.rows("Task")) == before
    assert scene.row(WORKING)["Status"] == "Meeting Set"
    assert scene.outcomes(WORKING) == ["superseded", "not_sent"]


# --- dying in between --------------------------------------------------------------------------------------------------


ANYWHERE = (1, 3, 5, 7, *range(9, 99, 4))
"""The commits to die at: a cycle makes about thirty, of which the later ones lie around its writes."""


class Died(BaseException):
    """The process was killed."""


def dying_at(scene: Scene, number: int, side: str, run: Callable[[World, OrgWriter], object]) -> bool:
    """Run something that dies before or after its `number`-th commit; tell whether it came that far."""
    seen = 0

    def strike(where: str) -> None:
        nonlocal seen
        seen += where == "before_commit"
        if (where, seen) == (side, number):
            raise Died

    with scene.world() as (world, org):
        around = world.store._around  # type: ignore[attr-defined]
        strikes = {each: partial(strike, each) for each in ("before_commit", "after_commit")}
        world.store._around = replace(around, **strikes)  # type: ignore[attr-defined]
        try:
            run(world, org)
        except Died:
            return True
        finally:
            world.store._around = around  # type: ignore[attr-defined]
    return False


@pytest.mark.sweep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
def test_dying_anywhere_makes_a_revert_that_was_due_and_its_task_exactly_once(stage: Stage, tmp_path: Path, side: str) -> None:
    for number in ANYWHERE:
        scene = stage.scene(tmp_path / f"{side}-{number}")
        crossing(scene, "grace_minutes = 30", 'tell = "task"', tool="revert").edit("marketo", WORKING, Status="Inquiry")
        scene.cycle()
        tasks = len(scene.rows("Task"))
        scene.tick(HALF_AN_HOUR)
        is_dead = dying_at(scene, number, side, run_cycle)
        scene.cycle()
        scene.cycle()
        assert scene.row(WORKING)["Status"] == "Working", number
        assert len(scene.rows("Task")) == tasks + 1, number
        assert [write.values for write in scene.writes() if write.path.startswith("Lead/")] == [{"Status": "Working"}], number
        assert scene.outcomes(WORKING) == ["confirmed", "confirmed"], number
        assert scene.is_at_rest(), number
        if not is_dead:
            break
    else:
        pytest.fail("the cycle never came to its end")


@pytest.mark.sweep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("word", ["revert", "keep"])
@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
def test_dying_anywhere_over_an_answer_carries_it_out_exactly_once(stage: Stage, tmp_path: Path, side: str, word: str) -> None:
    for number in ANYWHERE:
        scene = stage.scene(tmp_path / f"{side}-{number}")
        crossing(scene, person="ask").edit("max", WORKING, Status="Inquiry")
        scene.cycle()
        item, _ = question(scene)
        with scene.world() as (world, _):
            asked = world.store.ask(RESOLVE, {"numbers": [item], "answer": word}, "dana@host", scene.clock.now())
        is_dead = dying_at(scene, number, side, take_up)
        with scene.world() as (world, org):
            take_up(world, org)
            request = world.store.request(asked)
        assert request is not None
        assert request.result is not None
        assert request.result["resolved"] == [item], (number, request.result)
        scene.cycle()
        assert scene.inbox() == [], number
        assert scene.row(WORKING)["Status"] == {"revert": "Working", "keep": "Inquiry"}[word], number
        assert [entry.verdict for entry in scene.ledger(WORKING, kind="decision")] == [
            {"revert": "revert", "keep": "allow"}[word]
        ]
        assert len(scene.writes()) == (word == "revert"), number
        assert scene.is_at_rest(), number
        if not is_dead:
            break
    else:
        pytest.fail("the request never came to its end")
