"""Is an export taken in once more when somebody asks, by the rules that every export is taken in by?"""

from __future__ import annotations

import csv
import io
import os
import shlex
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.main import main
from syncd.core.consent import Consent
from syncd.core.values import Intent, Outcome, OutcomeKind, Rule
from syncd.engine.intake_again import all_again
from syncd.engine.requests import take_up
from syncd.engine.taking_again import AGAIN
from tests.engine.scene import HEADER, SECRET, Scene, export_line
from tests.engine.small_org import lead
from tests.engine.test_requests import Died, asked, carried_out, done, writer

LEA = lead("Inquiry")
MARCH = "2026-03-01T10:00:00Z"


def taken(scene: Scene) -> list[Any]:
    with scene.store() as store:
        return list(store.taken_files(100, "marketo"))


def again(scene: Scene, name: str = "", **more: str) -> Mapping[str, Any]:
    """Ask for the last file, or the last one of a name."""
    file = next(one for one in taken(scene) if name in ("", one.name))
    return done(scene, AGAIN, {"source": file.source, "name": file.name, "sha256": file.sha256, **more})


def refused(answer: Mapping[str, Any]) -> str:
    return str(answer["error"]["text"]) if "error" in answer else ""


def told(scene: Scene) -> set[tuple[str, str]]:
    return {(item.kind, item.where) for item in scene.inbox()}


def score(scene: Scene, id: str) -> float:
    return float(scene.row(id)["Lead_Score__c"])


@pytest.fixture
def ready(scene: Scene) -> Scene:
    scene.limits(canary='"off"')
    return scene


def dropped(scene: Scene, name: str, key: str = "Inquiry-0", **cells: str) -> None:
    scene.drop(name, export_line(key, **{"leadScore": "70", "updatedAt": MARCH, **cells}))
    scene.cycle()


def put(scene: Scene, name: str, content: bytes) -> None:
    """Drop these bytes, as of a minute ago."""
    path = scene.home / "exports" / "marketo" / name
    path.write_bytes(content)
    os.utime(path, (path.stat().st_mtime - 60,) * 2)


def test_a_file_that_was_observed_is_written_once_its_mapping_writes_and_it_is_asked_for(ready: Scene) -> None:
    scene = ready
    dropped(scene, "a.csv")
    scene.mapping("write")
    scene.cycle()
    assert score(scene, LEA) == 10
    assert again(scene, reason="the mapping was still observing") == {"source": "marketo", "name": "a.csv", "waiting": "a.csv"}
    record = scene.cycle()
    assert (record.counts["export files"], score(scene, LEA)) == (1, 70)
    [told] = scene.ledger(kind="asked")
    assert (told.reason or "").endswith("is taken in again, says dana@host: the mapping was still observing")
    assert "export marketo/a.csv, taken in at " in (told.reason or "")
    assert all(name.startswith("done/") for name in scene.files())
    with scene.store() as store:
        assert all_again(store) == {}
    assert scene.is_at_rest()


@pytest.mark.sweep
def test_what_was_written_before_and_changed_since_is_written_again(ready: Scene) -> None:
    scene = ready
    scene.mapping("write")
    dropped(scene, "a.csv")
    scene.edit("admin", LEA, Lead_Score__c=20)
    scene.cycle()
    again(scene)
    scene.cycle()
    assert score(scene, LEA) == 70


@pytest.mark.sweep
def test_an_older_file_never_overwrites_what_a_newer_one_said(ready: Scene) -> None:
    scene = ready
    scene.mapping("write")
    dropped(scene, "a.csv")
    dropped(scene, "b.csv", leadScore="80", updatedAt="2026-03-02T10:00:00Z")
    again(scene, "a.csv")
    scene.cycle()
    assert score(scene, LEA) == 80
    assert [item.where for item in scene.inbox("export-older")] == ["a.csv:2"]


@pytest.mark.sweep
def test_without_a_stamp_in_its_rows_only_the_last_file_is_taken_again_and_none_before_one_that_waits(ready: Scene) -> None:
    scene = ready
    scene.mapping("write")
    scene.rewrite("fields/marketo.toml", r"(?m)^newest.*\n", "")
    dropped(scene, "a.csv")
    dropped(scene, "b.csv", leadScore="80")
    assert refused(again(scene, "a.csv")).startswith("b.csv is newer than a.csv, and nothing in their rows says so")
    scene.drop("c.csv", export_line("Inquiry-0", leadScore="90"))
    assert refused(again(scene)).startswith("c.csv is newer than b.csv")
    scene.cycle()
    scene.edit("admin", LEA, Lead_Score__c=20)
    assert again(scene)["waiting"] == "c.csv"
    scene.cycle()
    assert score(scene, LEA) == 90


@pytest.mark.sweep
def test_consent_that_was_given_since_still_stands_when_an_opt_out_is_read_again(ready: Scene) -> None:
    scene = ready
    scene.mapping("write")
    dropped(scene, "a.csv", unsubscribed="true")
    later = taken(scene)[0].finished_at + timedelta(minutes=1)
    with scene.world() as (world, _), world.store.begin() as tx:
        tx.add_consents([Consent(LEA, None, "global", later, "form", "Yes, mail me.", "dana@host", later)])
    before = len(scene.ledger(LEA, kind="flag"))
    scene.tick(300)
    again(scene)
    scene.cycle()
    with scene.store() as store:
        assert max(fact.last_said for fact in store.flags([LEA], [])) < later
    assert len(scene.ledger(LEA, kind="flag")) == before


@pytest.mark.sweep
def test_an_opt_out_that_a_mapping_reads_only_now_is_kept_as_of_when_the_file_was_taken_first(ready: Scene) -> None:
    scene = ready
    scene.rewrite("fields/marketo.toml", r'true  = \["true"\]', 'true  = ["yes"]')
    scene.rewrite("fields/marketo.toml", r'false = \["false"\]', 'false = ["false", "true"]')
    dropped(scene, "a.csv", unsubscribed="true")
    first = taken(scene)[0].finished_at
    scene.rewrite("fields/marketo.toml", r'true  = \["yes"\]', 'true  = ["true"]')
    scene.rewrite("fields/marketo.toml", r', "true"\]', "]")
    scene.tick(600)
    again(scene)
    scene.cycle()
    with scene.store() as store:
        assert {fact.seen_at for fact in store.flags([LEA], []) if fact.flag.value == "opted_out"} == {first}


@pytest.mark.sweep
def test_what_the_inbox_told_of_its_rows_is_told_anew_or_gone(ready: Scene) -> None:
    scene = ready
    nobody = export_line("", email="nobody@example.com")
    scene.drop("a.csv", nobody, export_line("Inquiry-0", leadScore="null"), export_line("", leadScore="1"), nobody)
    scene.cycle()
    assert told(scene) == {("export-row", "a.csv:4"), ("export-unmatched", "a.csv:2")}
    first = taken(scene)[0]
    scene.drop("a.csv", *[export_line("Inquiry-0")] * 5, export_line("", leadScore="2"))
    scene.cycle()
    done(scene, AGAIN, {"source": "marketo", "name": "a.csv", "sha256": first.sha256})
    assert told(scene) == {("export-row", "a.csv:7")}, "what a later file of that name said stays"
    scene.cycle()
    assert told(scene) == {("export-row", "a.csv:4"), ("export-row", "a.csv:7"), ("export-unmatched", "a.csv:2")}


@pytest.mark.sweep
def test_what_was_never_taken_or_is_under_way_is_refused_and_nothing_is_changed(ready: Scene) -> None:
    scene = ready
    scene.mapping("write")
    assert "is no file of marketo that was taken in" in refused(done(scene, AGAIN, {"source": "marketo", "name": "x.csv"}))
    assert "No mapping has the name 'other'" in refused(done(scene, AGAIN, {"source": "other", "name": "x.csv"}))
    dropped(scene, "a.csv")
    [file] = taken(scene)
    number = asked(scene, AGAIN, {"source": "marketo", "name": "a.csv", "sha256": file.sha256})
    with writer(scene) as (world, org):
        rule = Rule("map", world.policies.sources[0].file, 1)
        intent = Intent("k", "Lead", LEA, "Title", None, "CEO", "map", rule, "why", "0" * 64, f"{file.sha256}:2")
        with world.store.begin() as tx:
            tx.open([(intent, None)], world.org.now(), "c")
        take_up(world, org)
        request = world.store.request(number)
        opened = list(world.store.open_intents())
        with world.store.begin() as tx:
            tx.close([(one, Outcome(OutcomeKind.NOT_APPLIED, "gone")) for one in opened], world.org.now(), "c")
    assert request is not None
    assert refused(request.result or {}).startswith("1 values of marketo are under way to Salesforce.")
    assert scene.ledger(kind="asked") == []
    assert len(taken(scene)) == 1


@pytest.mark.sweep
def test_without_its_original_a_file_is_taken_when_it_is_dropped_once_more(ready: Scene) -> None:
    scene = ready
    dropped(scene, "a.csv")
    [original] = (scene.home / "exports" / "marketo" / "done").iterdir()
    content = original.read_bytes()
    original.unlink()
    assert again(scene)["waiting"] is None
    put(scene, "copy.csv", content)
    assert scene.cycle().counts["export files"] == 1


@pytest.mark.parametrize("step", ["_open_again", "brought_back"])
@pytest.mark.sweep
def test_a_request_that_the_writer_died_over_is_carried_out_once_by_the_next(
    ready: Scene, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    scene = ready
    dropped(scene, "a.csv")
    [file] = taken(scene)
    number = asked(scene, AGAIN, {"source": "marketo", "name": "a.csv", "sha256": file.sha256})

    def dying(*_: object) -> None:
        raise Died

    place = "syncd.engine.taking_again._open_again" if step == "_open_again" else "syncd.exports.archive.brought_back"
    with monkeypatch.context() as patched, writer(scene) as (world, org):
        patched.setattr(place, dying)
        with pytest.raises(Died):
            take_up(world, org)
    assert carried_out(scene)[number]["waiting"] == "a.csv"
    assert len(scene.ledger(kind="asked")) == 1
    assert scene.cycle().counts["export files"] == 1


@pytest.mark.sweep
def test_an_original_that_cannot_be_moved_is_named_and_a_copy_of_it_is_taken(
    ready: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = ready
    dropped(scene, "a.csv")
    folder = scene.home / "exports" / "marketo"

    def held(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("syncd.exports.archive.brought_back", held)
        answer = again(scene)
    assert "cannot be moved: Permission denied" in refused(answer)
    assert f"Put a copy of it into {folder}" in answer["error"]["hint"]
    [original] = (folder / "done").iterdir()
    put(scene, "copy.csv", original.read_bytes())
    assert scene.cycle().counts["export files"] == 1


Said = Callable[..., str]


@pytest.fixture
def said(ready: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """Give a function that runs `syncd exports` and returns what it says."""
    monkeypatch.setenv(*next(iter(SECRET.items())))

    def run(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["exports", *words, "--config", str(ready.home)])
        assert not ended.value.code
        told = capsys.readouterr()
        return told.out + told.err

    return run


@pytest.mark.sweep
def test_the_command_shows_what_would_come_of_it_and_then_does_it(
    ready: Scene, said: Said, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = ready
    dropped(scene, "a.csv")
    scene.mapping("write")
    files, size = scene.files(), len(scene.ledger())
    shown = said("again")
    assert "write Lead.Lead_Score__c" in shown
    assert f"To take it in again: syncd --config {scene.home} exports again a.csv --source marketo --write" in shown
    assert (scene.files(), len(scene.ledger())) == (files, size)
    assert said("again", "--write") == "a.csv of marketo is taken in again with the next cycle\n"
    with pytest.raises(AssertionError):
        said("again")
    assert "waits to be taken in again" in capsys.readouterr().err
    scene.cycle()
    assert score(scene, LEA) == 70
    assert "in done/" in said("list")


@pytest.mark.sweep
def test_every_row_that_comes_to_nothing_can_be_had_with_its_reason_as_it_stands_in_the_file(ready: Scene, said: Said) -> None:
    scene = ready
    strangers = [export_line("", email=f"p{n}@nowhere.example", firstName="=A1", company='"A, ""B"""') for n in range(30)]
    scene.drop("all of them.csv", *strangers, export_line("Inquiry-0", leadScore="many"), "torn", export_line("Nurture-0"))
    scene.cycle()
    [item] = scene.inbox("export-unmatched")
    command = item.remedy.partition("All of them: syncd ")[2]
    state = (scene.files(), len(scene.ledger()), told(scene))
    text = said(*shlex.split(command)[1:])
    assert text.endswith("all of them.csv: 30 rows to look at\n")
    header, *rows = csv.reader(io.StringIO(text.partition("all of them.csv: ")[0]))
    assert header == ["syncd line", "syncd kind", "syncd why", *HEADER.split(",")]
    assert [int(row[0]) for row in rows] == list(range(2, 32))
    assert {(row[1], row[2]) for row in rows} == {("export-unmatched", "fits nobody in Salesforce; nobody was created.")}
    assert rows[7][4:8] == ["p7@nowhere.example", "'=A1", rows[7][6], 'A, "B"']
    out = scene.home / "rows.csv"
    assert said("rows", "--out", str(out)) == f"all of them.csv: 32 rows to look at, in {out}\n"
    with out.open(encoding="utf-8-sig", newline="") as found:
        *_, unread, torn = csv.reader(found)
    assert (unread[0], unread[1], torn[0], torn[3:]) == ("32", "export-row", "33", ["torn"])
    assert unread[2].startswith("[ROW-004] Column 'leadScore': 'many' is no number. Export plain numbers")
    assert (scene.files(), len(scene.ledger()), told(scene)) == state
