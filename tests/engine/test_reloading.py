"""Do edited policy files come into force between cycles, only as a whole and only when valid, and does status say so?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.main import main
from syncd.cli.policy_files import policy_files
from syncd.engine.cycle import run_cycle
from syncd.engine.policy_state import read_policy_state
from syncd.engine.reloading import AGAIN_S, INVALID, SETTLE_S, WAITING, Reloading
from syncd.engine.requests import RESOLVE
from syncd.engine.world import World
from syncd.errors import StoreUnusable
from tests.engine.scene import SECRET, Scene, export_line
from tests.engine.small_org import campaign, contact, lead
from tests.engine.test_choices import number_of
from tests.engine.test_daemon import syncd
from tests.engine.test_requests import done

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Running:
    """A daemon's policy files between its cycles; time passes as the test says."""

    scene: Scene
    world: World
    org: Any
    now_s: float = 100.0
    reloading: Reloading = field(init=False)

    def __post_init__(self) -> None:
        files = policy_files(self.scene.config())
        self.reloading = Reloading(files, lambda: self.now_s, lambda: NOON)
        self.reloading.begin(self.world)

    def look(self, after_s: float = SETTLE_S) -> int:
        """Look now, and again when what was saved has settled."""
        taken = self.reloading.look(self.world)
        self.now_s += after_s
        return taken + self.reloading.look(self.world)

    def cycle(self) -> dict[str, int]:
        self.scene.tick()
        return dict(run_cycle(self.reloading.under(self.world), self.org).counts)

    def in_force(self, name: str = "fences.toml") -> str:
        return self.reloading.under(self.world).policies.hashes.get(name, "")

    def said(self) -> Any:
        return read_policy_state(self.world.store)

    def rows(self) -> list[str]:
        return [str(entry.reason) for entry in self.scene.ledger(kind="policy")]


@contextmanager
def running(scene: Scene) -> Iterator[Running]:
    with scene.world() as (world, org):
        yield Running(scene, world, org)


def mappings(scene: Scene, name: str = "fences.toml") -> Path:
    return scene.home / "mappings" / name


def test_a_saved_edit_is_in_force_from_the_next_cycle_on_and_the_ledger_names_each_change(scene: Scene) -> None:
    with running(scene) as one:
        scene.edit("marketo", lead("Working"), Status="Inquiry")
        assert "reverts" not in one.cycle()
        scene.fences({"tool": "revert"})
        assert one.look() >= 1
        scene.edit("marketo", lead("Working", 1), Status="Inquiry")
        assert one.cycle()["reverts"] == 1
        assert scene.row(lead("Working", 1))["Status"] == "Working"
        [row] = one.rows()
        assert row.startswith("mappings/fences.toml: ")
        assert 'fences.toml [crossing] status mode tool: "observe" -> "revert"' in row
        reverted = [entry for entry in scene.ledger(lead("Working", 1)) if entry.kind == "intent"]
        assert {entry.policy_hash for entry in reverted} == {one.in_force()}


def test_an_edit_of_the_fences_tells_of_the_last_days_changes_that_it_would_have_judged_otherwise(scene: Scene) -> None:
    with running(scene) as one:
        scene.edit("marketo", lead("Working"), Status="Inquiry")
        scene.edit("marketo", lead("Working", 1), Status="Inquiry")
        scene.edit("mia", lead("Working", 2), Status="Inquiry")
        one.cycle()
        scene.fences({"tool": "revert"})
        assert one.look() >= 1
        [row] = one.rows()
        told = "Lead.Status: 2 of 3 changes of the last 7 days would be judged otherwise: 2 note -> revert"
        assert told in row
        assert "Marketo Sync" not in row  # the ledger keeps names where they can be erased
        assert told in one.said().changes
        found = sorted(one.said().examples)
        assert [text.partition(" by ")[0] for text in found] == [
            f"Lead {lead('Working')} Status 'Working' -> 'Inquiry'",
            f"Lead {lead('Working', 1)} Status 'Working' -> 'Inquiry'",
        ]
        assert "by Marketo Sync (marketo) at 2026-03-02 " in found[0]
        assert ": note -> revert, 'Working' belongs to sdr" in found[0]
        assert scene.row(lead("Working"))["Status"] == "Inquiry"
        assert "reverts" not in one.cycle()


def test_what_an_edit_of_the_fences_would_have_judged_otherwise_is_shown_before_it_is_in_force(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCD_CLIENT_SECRET", SECRET["SYNCD_CLIENT_SECRET"])
    old = scene.home / "old.toml"
    old.write_text(mappings(scene).read_text(encoding="utf-8"), encoding="utf-8")
    scene.edit("marketo", lead("Working"), Status="Inquiry")
    scene.edit("mia", lead("Working", 2), Status="Inquiry")
    scene.cycle()

    def said(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(scene.home), "fence", "diff", *words])
        assert (ended.value.code or 0) == (2 if words == ("none.toml",) else 0)
        out, err = capsys.readouterr()
        return out or err

    assert said(str(old)) == "2 changes of the last 7 days: both files judge each of them alike.\n"
    requests = scene.last_request()
    scene.fences({"tool": "revert"})
    lines = said(str(old)).splitlines()
    assert lines[0] == "Lead.Status: 1 of 2 changes of the last 7 days would be judged otherwise: 1 note -> revert"
    record = f"Lead {lead('Working')} Lea Working 0"
    assert lines[4].startswith(f"{record}  Status  Working  Inquiry  Marketo Sync (marketo)  2026-03-02T09:0")
    assert "  note -> revert  'Working' belongs to sdr" in lines[4]
    [told] = json.loads(said(str(old), "--json"))["otherwise"]
    assert (told["record_id"], told["verdict_before"], told["verdict_after"]) == (lead("Working"), "note", "revert")
    assert "none.toml" in said("none.toml")
    assert scene.last_request() == requests
    old.write_text("version = 1\n[gates]\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["--config", str(scene.home), "fence", "diff", str(old)])
    assert "unknown key 'gates'" in capsys.readouterr().err


def test_a_file_that_is_still_being_saved_is_left_alone_until_it_rests(scene: Scene) -> None:
    with running(scene) as one:
        before, text = one.in_force(), mappings(scene).read_text(encoding="utf-8")
        for part in (text[:100], text[:500], text + "\n# done\n"):
            mappings(scene).write_text(part, encoding="utf-8")
            assert one.look(SETTLE_S / 2) == 0
            assert one.in_force() == before
        assert one.said().refused == []
        assert one.look() == 1
        assert one.in_force() != before
        assert "a comment or the order of lines" in one.rows()[0]


@pytest.mark.sweep
def test_an_editor_that_writes_by_rename_is_noticed(scene: Scene) -> None:
    with running(scene) as one:
        new = mappings(scene, "fences.toml.swp")
        new.write_text(mappings(scene).read_text(encoding="utf-8").replace('"2026-11"', '"2026-12"'), encoding="utf-8")
        new.rename(mappings(scene))
        assert one.look() == 1
        assert one.said().versions["fences.toml"] == "2026-12"


def test_invalid_files_leave_the_old_ones_in_force_with_every_problem_told_until_they_are_corrected(scene: Scene) -> None:
    with running(scene) as one:
        before, text = one.in_force(), mappings(scene).read_text(encoding="utf-8")
        mappings(scene).write_text(text.replace("[gate]", "[gates]").replace("version =", "versio ="), encoding="utf-8")
        assert one.look() == 0
        assert one.in_force() == before
        [item] = scene.inbox(INVALID)
        assert "unknown key 'gates'" in item.detail
        assert "unknown key 'versio'" in item.detail
        assert len(one.said().refused) == len(item.detail.splitlines())
        assert one.cycle()
        mappings(scene).write_text(text, encoding="utf-8")
        assert one.look() == 0
        assert scene.inbox(INVALID) == []
        assert one.said().refused == []
        assert one.rows() == []


@pytest.mark.sweep
def test_one_wrong_file_holds_back_the_others_that_were_edited_with_it(scene: Scene) -> None:
    with running(scene) as one:
        before = one.in_force("fields/marketo.toml")
        scene.mapping("write")
        scene.rewrite("fences.toml", r"version = .*", "version = 7")
        assert one.look() == 0
        assert one.in_force("fields/marketo.toml") == before
        scene.rewrite("fences.toml", r"version = .*", 'version = "7"')
        assert one.look() >= 2
        assert one.in_force("fields/marketo.toml") != before
        assert scene.inbox(INVALID) == []


@pytest.mark.sweep
def test_a_field_that_the_org_does_not_have_is_refused_before_it_is_in_force(scene: Scene) -> None:
    with running(scene) as one:
        before = one.in_force("fields/marketo.toml")
        scene.rewrite("fields/marketo.toml", "Lead_Score__c", "Leed_Score__c")
        assert one.look() == 0
        assert one.in_force("fields/marketo.toml") == before
        [item] = scene.inbox(INVALID)
        assert "Leed_Score__c" in item.text


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"Nurture"      = { team', '"Nurtur"      = { team', "[MAP-066] 'Nurtur' is no value of Lead.Status in this org."),
        ('"Nurture"      = { team = "marketing" }\n', "", "[MAP-067] 'Nurture' of Lead.Status is owned by no team."),
    ],
)
def test_a_status_that_the_org_does_not_have_and_one_that_nobody_owns_any_more_are_refused(
    scene: Scene, old: str, new: str, said: str
) -> None:
    with running(scene) as one:
        before, text = one.in_force(), mappings(scene).read_text(encoding="utf-8")
        gates = text.replace("Inquiry, Nurture ->", "Inquiry ->").replace("-> Nurture", "-> Inquiry")
        assert old in gates
        mappings(scene).write_text(gates.replace(old, new), encoding="utf-8")
        assert one.look() == 0
        assert one.in_force() == before
        [item] = scene.inbox(INVALID)
        assert said in item.detail


@pytest.mark.sweep
def test_without_fences_toml_the_fences_stay(scene: Scene) -> None:
    with running(scene) as one:
        scene.fences({"tool": "revert"})
        one.look()
        before = one.in_force()
        mappings(scene).unlink()
        assert one.look() == 0
        assert one.in_force() == before
        [item] = scene.inbox(INVALID)
        assert "[FILE-001]" in item.text
        scene.edit("marketo", lead("Working"), Status="Inquiry")
        assert one.cycle()["reverts"] == 1


def test_a_mapping_that_is_taken_away_counts_until_a_person_agrees(scene: Scene) -> None:
    with running(scene) as one:
        mappings(scene, "fields/marketo.toml").unlink()
        assert one.look() == 0
        assert one.in_force("fields/marketo.toml")
        [item] = scene.inbox(WAITING)
        assert "fields/marketo.toml is gone" in item.text
        done(scene, RESOLVE, {"numbers": [number_of(scene, WAITING)], "reason": "the tool is gone"})
        assert one.look() >= 1
        assert not one.in_force("fields/marketo.toml")
        assert scene.inbox(WAITING) == []
        assert one.said().waiting == ""


@pytest.mark.sweep
def test_a_word_counts_for_the_files_that_wait_and_not_once_they_are_put_back(scene: Scene) -> None:
    with running(scene) as one:
        path = mappings(scene, "fields/marketo.toml")
        text = path.read_text(encoding="utf-8")
        path.unlink()
        assert one.look() == 0
        done(scene, RESOLVE, {"numbers": [number_of(scene, WAITING)]})
        path.write_text(text, encoding="utf-8")
        assert one.look() == 0
        path.unlink()
        assert one.look() == 0
        assert one.in_force("fields/marketo.toml")
        assert len(scene.inbox(WAITING)) == 1


def test_an_edit_that_a_database_at_fault_kept_back_is_looked_at_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(scene) as one:
        path = mappings(scene)
        path.write_text(path.read_text(encoding="utf-8") + "# a comment\n", encoding="utf-8")
        with monkeypatch.context() as fault:
            fault.setattr(one.world.store, "begin", _unusable)
            with pytest.raises(StoreUnusable):
                one.look()
        assert one.look(AGAIN_S) == 1
        assert len(one.rows()) == 1


def _unusable() -> Any:
    raise StoreUnusable("The database is locked.")


def test_an_edit_that_would_write_more_records_than_a_cycle_may_waits_for_a_person(scene: Scene) -> None:
    scene.limits(records_max=5)
    scene.nurture("observe")
    with running(scene) as one:
        one.cycle()
        scene.nurture("enroll")
        assert one.look() == 0
        [item] = scene.inbox(WAITING)
        assert "not under those before them, 8 records would change, limit 5 a cycle." in item.text
        assert "CampaignMember.CampaignId: 8 more, 0 fewer values would be written" in item.detail
        one.look()
        assert len(scene.inbox(WAITING)) == 1
        one.cycle()
        assert scene.members() == set()
        scene.nurture("observe")
        assert one.look() == 0
        assert scene.inbox(WAITING) == []


@pytest.mark.sweep
def test_what_waits_in_the_drop_folder_is_counted_and_stays_there(scene: Scene) -> None:
    scene.limits(records_max=2)
    with running(scene) as one:
        scene.drop("day.csv", *[export_line(f"Working-{number}", leadScore="77") for number in range(3)])
        scene.mapping("write")
        assert one.look() == 0
        [item] = scene.inbox(WAITING)
        assert "Lead.Lead_Score__c: 3 more, 0 fewer values would be written" in item.detail
        assert scene.files() == {"day.csv"}
        assert scene.writes() == []


@pytest.mark.sweep
def test_a_small_effect_is_told_and_taken_at_once(scene: Scene) -> None:
    scene.nurture("observe")
    with running(scene) as one:
        one.cycle()
        scene.nurture("enroll")
        assert one.look() >= 1
        assert "CampaignMember.CampaignId: 8 more" in one.rows()[-1]
        one.cycle()
        assert (campaign("early"), contact(1)) in scene.members()


@pytest.mark.sweep
def test_identical_files_are_skipped_also_when_they_are_asked_for(scene: Scene) -> None:
    with running(scene) as one:
        text = mappings(scene).read_text(encoding="utf-8")
        mappings(scene).write_text(text, encoding="utf-8")
        assert one.look() == 0
        for _ in range(50):
            one.reloading.ask()
            assert one.look() == 0
        assert (one.rows(), scene.inbox()) == ([], [])


@pytest.mark.sweep
def test_an_edit_that_needs_the_org_while_it_does_not_answer_waits_and_is_tried_again(scene: Scene) -> None:
    scene.nurture("observe")
    with running(scene) as one:
        one.cycle()
        before = one.in_force()
        path = mappings(scene)
        fence = '\n[fence.stage]\nfields = ["Application__c.Stage__c"]\n[fence.stage.status]\n"Open" = { team = "sdr" }\n'
        path.write_text(path.read_text(encoding="utf-8") + fence, encoding="utf-8")
        scene.rewrite("nurture.toml", "in_stage_days = 45", "in_stage_days = 46")
        scene.settings(daily_api_requests=1)
        assert one.look() == 0
        assert one.in_force() == before
        scene.settings(daily_api_requests=100_000)
        assert one.look(AGAIN_S) >= 2
        assert one.in_force() != before


@pytest.mark.sweep
def test_an_edit_of_config_toml_is_named_as_needing_a_start(scene: Scene) -> None:
    with running(scene) as one:
        scene.limits(records_max=7)
        assert one.look() == 0
        assert one.said().restart
        scene.limits()
        path = scene.home / "config.toml"
        path.write_text(path.read_text(encoding="utf-8").replace("[limits]\n", ""), encoding="utf-8")
        one.look()
        assert not one.said().restart


@pytest.mark.sweep
def test_an_edit_made_while_no_daemon_ran_stands_in_the_ledger_at_the_next_start(scene: Scene) -> None:
    with running(scene):
        pass
    scene.fences({"tool": "revert"})
    with running(scene) as one:
        [row] = one.rows()
        assert row.startswith("mappings/fences.toml: fences.toml: edited while no daemon ran; fences.toml [")
        assert 'fences.toml [crossing] status mode tool: "observe" -> "revert"' in row


def test_an_edit_that_waits_for_a_word_is_not_taken_by_a_start_until_the_word_is_said(scene: Scene) -> None:
    with running(scene) as one:
        before = one.in_force("fields/marketo.toml")
        mappings(scene, "fields/marketo.toml").unlink()
        assert one.look() == 0
    scene.drop("day.csv", export_line("Working-1", unsubscribed="true"))
    with running(scene) as one:
        assert one.in_force("fields/marketo.toml") == before
        assert one.look() == 0
        assert "fields/marketo.toml is gone" in one.said().waiting
        assert len(scene.inbox(WAITING)) == 1
        assert one.cycle()["export rows"] == 1
        assert one.rows() == []
    done(scene, RESOLVE, {"numbers": [number_of(scene, WAITING)]})
    with running(scene) as one:
        assert not one.in_force("fields/marketo.toml")
        assert "fields/marketo.toml: edited while no daemon ran; fields/marketo.toml: removed" in one.rows()[0]
        assert one.said().waiting == ""


@pytest.mark.sweep
def test_a_start_that_cannot_read_what_was_kept_takes_the_files_as_they_lie_and_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(scene) as one:
        mappings(scene, "fields/marketo.toml").unlink()
        one.look()
    monkeypatch.setattr("tempfile.TemporaryDirectory", _no_room)
    with running(scene) as one:
        assert not one.in_force("fields/marketo.toml")
        assert "fields/marketo.toml: edited while no daemon ran" in one.rows()[0]
        assert one.said().waiting == ""
        assert scene.inbox(WAITING) == []


def _no_room() -> Any:
    raise OSError("No usable temporary directory found")


@pytest.mark.sweep
def test_another_edit_made_while_no_daemon_ran_beside_one_that_waits_is_looked_at_by_the_next_start(scene: Scene) -> None:
    path = mappings(scene, "fields/marketo.toml")
    text = path.read_text(encoding="utf-8")
    with running(scene) as one:
        before = dict(one.world.policies.hashes)
        path.unlink()
        one.look()
    scene.fences({"tool": "revert"})
    with running(scene) as one:
        assert one.look() == 0
        assert {name: one.in_force(name) for name in before} == before
        assert len(scene.inbox(WAITING)) == 1
    path.write_text(text, encoding="utf-8")
    with running(scene) as one:
        assert one.look() >= 1
        assert one.in_force() != before["fences.toml"]
        assert scene.inbox(WAITING) == []
        assert one.said().waiting == ""
    with running(scene) as one:
        assert one.look() == 0
        assert len(one.rows()) == 1


@pytest.mark.sweep
def test_a_command_without_a_daemon_goes_on_under_the_files_before_an_edit_that_waits(scene: Scene) -> None:
    with running(scene) as one:
        mappings(scene, "fields/marketo.toml").unlink()
        one.look()
    scene.drop("day.csv", export_line("Working-1", unsubscribed="true"))
    for words in (("plan",), ("run", "--once")):
        told = syncd(scene.home, *words)
        assert told.returncode == 0, told.stderr
        assert "those before them are in force" in told.stderr
    assert [name for name in scene.files() if not name.startswith("done/")] == []
