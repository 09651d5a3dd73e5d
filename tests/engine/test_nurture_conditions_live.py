"""Do formulas of nurture.toml keep deals and people out of campaigns, in a cycle against an org?"""

from __future__ import annotations

import pytest

from syncd.cli.main import main
from tests.engine.scene import SECRET, Scene
from tests.engine.small_org import campaign, contact, deal

EARLY = {(campaign("early"), contact(number)) for number in (1, 2, 3, 5)}
LATE = {(campaign("late"), contact(number)) for number in (5, 6, 7, 8)}


def enrolling(scene: Scene, formulas: str, scope: str = "") -> Scene:
    scene.nurture("enroll")
    scene.rewrite("nurture.toml", r'(mode    = "enroll".*\n)', rf"\g<1>{scope}")
    path = scene.home / "mappings" / "nurture.toml"
    path.write_text(path.read_text(encoding="utf-8") + formulas, encoding="utf-8")
    return scene


def kept_out(scene: Scene) -> dict[str, int]:
    with scene.store() as store:
        found: dict[str, int] = store.setting("nurture kept out")["counts"]
        return found


def test_deals_out_of_scope_and_named_exclusions_are_left_out_and_counted(scene: Scene) -> None:
    formulas = '\n[never.contact]\n"number one" = \'Email = "contact.1@example.com"\'\n'
    enrolling(scene, formulas, "scope = 'NOT(ISPICKVAL(StageName, \"Proposal\"))'\n")
    record = scene.cycle()
    assert scene.members() == EARLY - {(campaign("early"), contact(1))}
    assert (record.counts["stalled"], record.counts["deals out of scope"]) == (1, 1)
    assert kept_out(scene) == {"deals out of scope": 1, "never contact number one": 1}
    [entry] = scene.ledger(contact(1), kind="decision")
    assert entry.reason is not None
    assert entry.reason.startswith("never 'number one' (mappings/nurture.toml:")


@pytest.mark.sweep
def test_nobody_of_a_deal_that_is_excluded_is_enrolled_and_the_ledger_says_by_which_line(scene: Scene) -> None:
    enrolling(scene, '\n[never.opportunity]\n"late ones" = \'ISPICKVAL(StageName, "Proposal")\'\n')
    scene.cycle()
    scene.cycle()
    assert scene.members() == EARLY
    [entry] = scene.ledger(deal("stalled-late"), kind="decision")
    assert entry.verdict == "exclude"
    assert entry.reason is not None
    assert "never 'late ones' (mappings/nurture.toml:" in entry.reason
    assert kept_out(scene) == {"never opportunity late ones": 1}


@pytest.mark.sweep
def test_while_a_field_of_a_formula_is_hidden_nobody_is_enrolled_and_the_inbox_names_it(scene: Scene) -> None:
    scene.settings(hidden_fields={"Contact": ["Contact_Status__c"]})
    enrolling(scene, '\n[never.contact]\n"odd" = \'ISPICKVAL(Contact_Status__c, "MQL")\'\n')
    scene.cycle()
    assert scene.members() == set()
    [item] = scene.inbox("hidden-field")
    assert item.subject == "Contact.Contact_Status__c"
    assert "(named by mappings/nurture.toml:" in item.text
    scene.settings(hidden_fields={})
    scene.cycle()
    assert scene.members() == set()
    for _ in range(10):
        scene.cycle()
    assert scene.inbox("hidden-field") == []
    assert scene.members() == (EARLY | LATE) - {(campaign("early"), contact(3))}


@pytest.mark.sweep
def test_status_and_plan_tell_how_many_each_exclusion_keeps_out(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*next(iter(SECRET.items())))
    enrolling(scene, '\n[never.contact]\n"number one" = \'Email = "contact.1@example.com"\'\n')
    scene.cycle()
    told = []
    for words in (["plan", "--only", "nurture"], ["status"]):
        with pytest.raises(SystemExit):
            main([*words, "--config", str(scene.home)])
        told.append(capsys.readouterr().out)
    assert "kept out of nurture: never contact number one 1" in told[0]
    assert "kept out on 2026-03-02: never contact number one 1" in told[1]
