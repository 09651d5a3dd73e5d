"""Is a person's answer to an export's question carried out at once, remembered as long as it holds, and never stretched?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from syncd.core.values import Flag
from syncd.engine.requests import RESOLVE, take_up
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import contact, lead
from tests.engine.test_daemon import syncd
from tests.engine.test_merges_live import merge
from tests.engine.test_requests import asked, carried_out, done, writer

LEA, TWIN = lead("Inquiry"), lead("Nurture")
SHARED = "shared@example.com"


def a_doubt(scene: Scene) -> int:
    """Let two leads have one address, drop a row about it, and return the number of the question."""
    scene.mapping("write")
    scene.limits(canary='"off"')
    for id in (LEA, TWIN):
        scene.edit("admin", id, Email=SHARED)
    row(scene, "a.csv", leadScore="70", updatedAt="2026-03-01T10:00:00Z")
    scene.cycle()
    return number_of(scene)


def row(scene: Scene, name: str, **cells: str) -> None:
    scene.drop(name, export_line("", email=SHARED, **cells))


def number_of(scene: Scene, kind: str = "export-choice") -> int:
    with scene.store() as store:
        [number] = [number for number, item, _ in store.inbox() if item.kind == kind]
    return int(number)


def answered(scene: Scene, number: int, **given: Any) -> Mapping[str, Any]:
    return done(scene, RESOLVE, {"numbers": [number], **given})


def score(scene: Scene, id: str) -> float:
    return float(scene.row(id)["Lead_Score__c"])


def test_a_choice_between_people_is_carried_out_at_once_and_holds_for_rows_with_the_same_keys(scene: Scene) -> None:
    number = a_doubt(scene)
    [item] = scene.inbox("export-choice")
    assert item.where == "a.csv:2"
    for id, name in ((LEA, "Lea Inquiry 0"), (TWIN, "Lea Nurture 0")):
        assert f"Lead {id} ({name}, Acme, " in item.text
    assert "owner Inquiries" in item.text
    assert answered(scene, number, person=TWIN[:15]) == {"resolved": [number], "person": TWIN, "line": None, "applied": True}
    scene.cycle()
    assert (score(scene, LEA), score(scene, TWIN)) == (10, 70)
    row(scene, "b.csv", leadScore="80", updatedAt="2026-03-01T11:00:00Z")
    scene.cycle()
    assert (score(scene, LEA), score(scene, TWIN)) == (10, 80)
    assert scene.inbox("export-choice") == []
    [told] = scene.ledger(TWIN, kind="asked")
    assert "rows of marketo with the keys of a.csv:2 are this person, says dana@host" in (told.reason or "")
    assert SHARED not in (told.reason or "")


@pytest.mark.sweep
def test_a_choice_follows_a_merge_and_is_forgotten_when_asked_or_when_nobody_is_left(scene: Scene) -> None:
    number = a_doubt(scene)
    answered(scene, number, person=TWIN)
    third = lead("Working")
    scene.edit("admin", third, Email=SHARED)
    merge(scene, lead("MQL"), TWIN)
    row(scene, "b.csv", leadScore="80", updatedAt="2026-03-01T11:00:00Z")
    scene.cycle()
    assert score(scene, lead("MQL")) == 80
    assert answered(scene, number, forget=True)["forgotten"] == [number]
    assert "No choice is remembered" in answered(scene, number, forget=True)["error"]["text"]
    row(scene, "c.csv", leadScore="90", updatedAt="2026-03-01T12:00:00Z")
    scene.cycle()
    again = number_of(scene)
    answered(scene, again, person=LEA)
    scene.do("admin", "delete", LEA)
    scene.edit("admin", lead("Working", 1), Email=SHARED)
    row(scene, "d.csv", leadScore="95", updatedAt="2026-03-01T13:00:00Z")
    scene.cycle()
    assert [item.where for item in scene.inbox("export-choice")] == ["d.csv:2"]


@pytest.mark.sweep
def test_a_tie_is_settled_by_naming_the_line_that_counts(scene: Scene) -> None:
    scene.mapping("write")
    scene.limits(canary='"off"')
    scene.drop("a.csv", *(export_line("Inquiry-0", leadScore=value) for value in ("20", "30", "40")))
    scene.cycle()
    number = number_of(scene)
    assert "Line 9 is none of those that tie: 2, 3, 4." in answered(scene, number, line=9)["error"]["text"]
    assert "asks for a line" in answered(scene, number, person=LEA)["error"]["text"]
    assert answered(scene, number, line=3)["applied"] is True
    scene.cycle()
    assert score(scene, LEA) == 30


@pytest.mark.sweep
def test_the_line_that_counts_takes_nothing_back_that_another_line_of_the_file_left_unreadable(scene: Scene) -> None:
    older = export_line("Inquiry-0", unsubscribed="perhaps", updatedAt="2026-03-01T09:00:00Z")
    scene.drop("a.csv", older, *(export_line("Inquiry-0", leadScore=value) for value in ("20", "30")))
    scene.cycle()
    assert flags_of_lea(scene) == {Flag.OPT_OUT_UNREADABLE}
    assert answered(scene, number_of(scene), line=4)["applied"] is True
    assert flags_of_lea(scene) == {Flag.OPT_OUT_UNREADABLE}
    scene.drop("b.csv", export_line("Inquiry-0", updatedAt="2026-03-01T11:00:00Z"))
    scene.cycle()
    assert flags_of_lea(scene) == set()


def flags_of_lea(scene: Scene) -> set[Flag]:
    with scene.store() as store:
        return {fact.flag for fact in store.flags([LEA], [])}


@pytest.mark.sweep
def test_an_answer_that_was_not_offered_changes_nothing(scene: Scene) -> None:
    number = a_doubt(scene)
    strange: list[tuple[dict[str, Any], str]] = [
        ({"person": contact(1)}, "is none of the people whom the row fits"),
        ({"person": "nobody"}, "is no Salesforce id"),
        ({"line": 2}, "asks for a person, not for a line"),
    ]
    for given, words in strange:
        assert words in answered(scene, number, **given)["error"]["text"]
        assert number_of(scene) == number


@pytest.mark.sweep
def test_the_command_says_what_follows_from_an_answer(scene: Scene) -> None:
    number = str(a_doubt(scene))
    first = syncd(scene.home, "inbox", "resolve", number, "--person", TWIN)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"closed 1 inbox item: {number}\nremembered; its values leave with the next cycle\n"
    assert "are this person, says" in syncd(scene.home, "explain", TWIN).stdout.replace("\n", " ").replace("  ", "")
    assert syncd(scene.home, "inbox", "resolve", number, "--forget").stdout.startswith("forgotten: ")
    again = syncd(scene.home, "inbox", "resolve", number, "--forget")
    assert again.returncode != 0
    assert "No choice is remembered" in again.stderr


@pytest.mark.sweep
def test_an_answer_that_the_writer_died_over_is_carried_out_by_the_next(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    number = a_doubt(scene)
    request = asked(scene, RESOLVE, {"numbers": [number], "person": TWIN})
    with monkeypatch.context() as patched:
        patched.setattr("syncd.engine.choosing.decide_again", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            carried_out(scene)
    assert carried_out(scene)[request]["applied"] is True
    scene.cycle()
    assert score(scene, TWIN) == 70


@pytest.mark.sweep
@pytest.mark.parametrize("commit", range(1, 7))
@pytest.mark.parametrize("given", [{"person": TWIN}, {"line": 3}])
def test_an_answer_is_told_as_it_was_carried_out_wherever_the_writer_died(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, given: Mapping[str, Any], commit: int
) -> None:
    if "line" in given:
        scene.mapping("write")
        scene.drop("a.csv", *(export_line("Nurture-0", leadScore=value) for value in ("20", "70")))
        scene.cycle()
    number = number_of(scene) if "line" in given else a_doubt(scene)
    request = asked(scene, RESOLVE, {"numbers": [number], **given})
    with monkeypatch.context() as patched, writer(scene) as (world, org):
        begin, left = world.store.begin, iter(range(1, commit))
        patched.setattr(world.store, "begin", lambda: begin() if next(left, None) else _died())
        with pytest.raises(KeyboardInterrupt):
            take_up(world, org)
    told = carried_out(scene)[request]
    assert (told["applied"], told["line"], told["person"]) == (True, given.get("line"), given.get("person"))
    assert len(scene.ledger(kind="asked")) == 1
    scene.cycle()
    assert score(scene, TWIN) == 70


def _died() -> Any:
    raise KeyboardInterrupt
