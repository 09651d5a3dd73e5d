"""What becomes of records that are merged, brought back or converted, and of whom an opt-out was about?"""

from __future__ import annotations

import pytest

from syncd.core.values import Flag, OrgRecord
from syncd.engine.consent import holds_by, people_by
from syncd.engine.cycle import begin
from syncd.engine.merging import LOST_OPT_OUT, MERGED, winners_of
from syncd.exports.sieve import sifted, sifting
from tests.engine.scene import OBJECTS, Scene, export_line
from tests.engine.small_org import contact, lead

LOSER, WINNER = lead("Working", 1), lead("Working", 2)
SLOW_S = 330


def merge(scene: Scene, winner: str, loser: str) -> None:
    edit = {"op": "merge", "object": OBJECTS[winner[:3]], "id": winner, "fields": {"loser": loser}}
    [result] = scene.served.org.edit([edit])
    assert result["success"], result


def flagged(scene: Scene, id: str) -> list[tuple[Flag, str]]:
    with scene.store() as store:
        return [(fact.flag, fact.evidence) for fact in store.flags([id], ()) if fact.person_id == id]


def in_mirror(scene: Scene, id: str) -> OrgRecord:
    with scene.store() as store:
        found: OrgRecord = store.get(OBJECTS[id[:3]], [id])[id]
    return found


@pytest.mark.parametrize(("loser", "winner", "after_s"), [(LOSER, WINNER, 60), (contact(9), contact(10), SLOW_S)])
def test_an_opt_out_of_the_org_goes_over_to_the_record_that_is_left_in_the_same_cycle(
    scene: Scene, loser: str, winner: str, after_s: float
) -> None:
    scene.edit("mia", loser, HasOptedOutOfEmail=True)
    scene.cycle(after_s)
    merge(scene, winner, loser)
    record = scene.cycle(after_s)
    assert record.counts["merged"] == 1
    assert in_mirror(scene, loser).is_deleted
    [(flag, evidence)] = flagged(scene, winner)
    assert flag is Flag.OPTED_OUT
    assert loser in evidence
    with scene.store() as store:
        assert store.verdicts(MERGED, [loser]) == {loser: winner}
    [item] = scene.inbox(LOST_OPT_OUT)
    assert item.subject == winner
    assert [entry.related_id for entry in scene.ledger(loser, kind="merged")] == [winner]
    assert scene.is_at_rest()
    scene.edit("mia", winner, HasOptedOutOfEmail=True)
    scene.cycle(SLOW_S)
    scene.cycle(SLOW_S)
    assert scene.inbox(LOST_OPT_OUT) == []


@pytest.mark.parametrize(("loser", "winner", "after_s"), [(LOSER, WINNER, 60), (contact(9), contact(10), SLOW_S)])
def test_an_opt_out_that_was_ticked_just_before_the_merge_goes_over_too(
    scene: Scene, loser: str, winner: str, after_s: float
) -> None:
    scene.cycle(after_s)
    scene.edit("mia", loser, HasOptedOutOfEmail=True)
    merge(scene, winner, loser)
    scene.cycle(after_s)
    assert [flag for flag, _ in flagged(scene, winner)] == [Flag.OPTED_OUT]
    assert [item.subject for item in scene.inbox(LOST_OPT_OUT)] == [winner]
    assert scene.is_at_rest()


def test_an_opt_out_that_was_ticked_just_before_the_record_was_deleted_is_kept(scene: Scene) -> None:
    scene.cycle()
    scene.edit("mia", LOSER, HasOptedOutOfEmail=True)
    scene.do("mia", "delete", LOSER)
    scene.cycle()
    [(flag, evidence)] = flagged(scene, LOSER)
    assert (flag, evidence) == (Flag.OPTED_OUT, f"Lead {LOSER} was opted out when it was deleted")
    assert [entry.after for entry in scene.ledger(LOSER, kind="flag")] == ["opted_out"]
    assert scene.is_at_rest()


def test_an_opt_out_of_an_export_goes_over_and_is_written_where_a_mapping_may(scene: Scene) -> None:
    scene.mapping("write")
    scene.drop("a.csv", export_line("Working-1", unsubscribed="true"))
    scene.cycle()
    assert scene.row(LOSER)["HasOptedOutOfEmail"] is True
    merge(scene, WINNER, LOSER)
    scene.cycle()
    flags = flagged(scene, WINNER)
    assert {flag for flag, _ in flags} == {Flag.OPTED_OUT}
    assert any(evidence.startswith("a.csv:2, of Lead") for _, evidence in flags)
    assert scene.row(WINNER)["HasOptedOutOfEmail"] is True
    assert scene.inbox(LOST_OPT_OUT) == []
    scene.cycle()
    assert scene.outcomes(WINNER) == ["confirmed"]
    assert scene.is_at_rest()


def test_a_chain_of_merges_ends_at_the_one_that_is_left(scene: Scene) -> None:
    third = lead("Working", 3)
    scene.edit("mia", LOSER, HasOptedOutOfEmail=True)
    scene.cycle()
    merge(scene, WINNER, LOSER)
    merge(scene, third, WINNER)
    scene.cycle()
    assert [flag for flag, _ in flagged(scene, third)] == [Flag.OPTED_OUT]


def test_an_export_that_names_a_merged_record_means_the_one_that_is_left(scene: Scene) -> None:
    scene.rewrite("fields/marketo.toml", r'external = \{ column = "id".*', 'id = "id"')
    scene.cycle()
    merge(scene, WINNER, LOSER)
    scene.cycle()
    scene.drop("a.csv", export_line(LOSER, email="nobody@example.com", unsubscribed="true"))
    scene.cycle()
    assert [flag for flag, _ in flagged(scene, WINNER)] == [Flag.OPTED_OUT]


@pytest.mark.parametrize("key", [{"MA_Person_Id__c": "77"}, {"Email": "old@example.com"}])
def test_an_export_that_names_the_external_id_or_address_of_a_merged_record_means_the_one_that_is_left(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, key: dict[str, str]
) -> None:
    monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", 0)
    monkeypatch.setattr(sifted, "FEW", -1)
    scene.mapping("write")
    scene.edit("admin", LOSER, **key)
    scene.cycle()
    merge(scene, WINNER, LOSER)
    scene.cycle()
    id, email = key.get("MA_Person_Id__c", "78"), key.get("Email", "other@example.com")
    scene.drop("a.csv", export_line(id, email=email, leadScore="41", unsubscribed="true", updatedAt="2026-03-01T09:00:00Z"))
    assert scene.cycle().counts["export applied"] == 1
    assert [flag for flag, _ in flagged(scene, WINNER)] == [Flag.OPTED_OUT]
    assert scene.row(WINNER)["Lead_Score__c"] == 41
    assert scene.row(WINNER)["HasOptedOutOfEmail"] is True
    later = export_line(id, email=email, leadScore="43", updatedAt="2026-03-01T11:00:00Z")
    scene.drop("b.csv", export_line("Working-2", leadScore="42"), later)
    assert scene.cycle().counts["export superseded"] == 1
    assert scene.row(WINNER)["Lead_Score__c"] == 42


def test_a_merge_that_opts_nobody_out_costs_one_call_and_flags_nobody(scene: Scene) -> None:
    scene.cycle()
    merge(scene, WINNER, LOSER)
    record = scene.cycle()
    assert record.counts["API calls"] <= 3
    assert flagged(scene, WINNER) == []
    assert scene.inbox() == []
    again = scene.cycle()
    assert again.counts["API calls"] == 1


def test_a_debt_is_taken_over_only_with_the_very_value_that_may_not_stand(scene: Scene) -> None:
    scene.fences({"tool": "revert"})
    scene.settings(read_only_fields={"Lead": ["Status"]})
    scene.cycle()
    merge(scene, WINNER, LOSER)
    scene.cycle()
    with scene.store() as store:
        assert store.lawful("Lead", [WINNER, LOSER]) == {}


def test_a_record_that_comes_back_from_the_bin_is_in_the_mirror_again(scene: Scene) -> None:
    scene.cycle()
    scene.do("admin", "delete", LOSER)
    scene.cycle()
    assert in_mirror(scene, LOSER).is_deleted
    scene.do("admin", "undelete", LOSER)
    scene.cycle()
    assert not in_mirror(scene, LOSER).is_deleted


def test_a_merged_record_that_comes_back_is_itself_again(scene: Scene) -> None:
    scene.rewrite("fields/marketo.toml", r'external = \{ column = "id".*', 'id = "id"')
    scene.cycle()
    merge(scene, WINNER, LOSER)
    scene.cycle()
    scene.do("admin", "undelete", LOSER)
    scene.cycle()
    scene.drop("a.csv", export_line(LOSER, email="nobody@example.com", unsubscribed="true"))
    scene.cycle()
    assert [flag for flag, _ in flagged(scene, LOSER)] == [Flag.OPTED_OUT]
    assert flagged(scene, WINNER) == []


def test_the_opt_out_of_a_merged_record_that_came_back_is_kept_when_it_is_deleted(scene: Scene) -> None:
    scene.cycle()
    merge(scene, WINNER, LOSER)
    scene.cycle()
    scene.do("admin", "undelete", LOSER)
    scene.cycle()
    with scene.store() as store:
        assert winners_of(store, [LOSER]) == {}
    scene.edit("mia", LOSER, HasOptedOutOfEmail=True)
    scene.cycle()
    scene.do("mia", "delete", LOSER)
    scene.cycle()
    assert flagged(scene, LOSER) == [(Flag.OPTED_OUT, f"Lead {LOSER} was opted out when it was deleted")]


def test_a_converted_lead_and_its_contact_are_both_in_the_mirror(scene: Scene) -> None:
    person = lead("Qualified", 1)
    scene.edit("mia", person, HasOptedOutOfEmail=True)
    scene.cycle()
    result = scene.do("ada", "convert", person)
    scene.cycle(SLOW_S)
    found = in_mirror(scene, person)
    assert found.fields["IsConverted"] is True
    contact_id = found.text("ConvertedContactId")
    assert contact_id is not None, result
    assert not in_mirror(scene, contact_id).is_deleted


def test_an_opt_out_that_the_record_that_is_left_has_too_is_no_second_one_in_the_ledger(scene: Scene) -> None:
    scene.edit("mia", LOSER, Email="both@example.com")
    scene.edit("mia", WINNER, Email="both@example.com")
    scene.drop("day.csv", export_line("Working-2", email="both@example.com", unsubscribed="true"))
    scene.cycle()
    scene.drop("later.csv", export_line("Working-1", email="both@example.com", unsubscribed="true"))
    scene.cycle()
    merge(scene, WINNER, LOSER)
    scene.cycle()
    told = [(entry.before, entry.after) for entry in scene.ledger(WINNER, kind="flag")]
    assert told == [(None, "opted_out"), ("opted_out", "opted_out")]
    assert scene.is_at_rest()


# --- a hold ends with its day, not with its record -----------------------------------------------------------------------

HELD, LATER = "2026-06-30", "2026-09-30"


@pytest.fixture
def nurturing(scene: Scene) -> Scene:
    nurture(scene, "observe")
    return scene


def nurture(scene: Scene, mode: str) -> None:
    scene.nurture(mode)
    scene.rewrite("nurture.toml", "# Lead      = ", "Lead      = ")


def hold(scene: Scene, number: int) -> str:
    """Return in words what keeps a contact out of campaigns for Sales."""
    with scene.world() as (world, _):
        cycle = begin(world)
        contacts = world.store.get("Contact", [contact(number)])
        found = holds_by(world, contacts, people_by(world, cycle, contacts)).get(contact(number))
    return "" if found is None else found.text


def test_a_hold_goes_over_to_the_record_that_is_left_in_the_same_cycle_until_sales_says_something_else(nurturing: Scene) -> None:
    scene = nurturing
    scene.edit("ada", contact(9), Nurture_Hold_Until__c=HELD)
    scene.cycle(SLOW_S)
    scene.edit("ada", contact(9), Nurture_Hold_Until__c=LATER)  # the mirror has not read it when the record is gone
    merge(scene, contact(10), contact(9))
    merge(scene, contact(1), contact(10))
    nurture(scene, "enroll")
    scene.cycle(SLOW_S)
    assert hold(scene, 1) == f"on hold by sales until {LATER} (Contact {contact(9)}, merged)"
    assert contact(1) not in {person for _, person in scene.members()}
    assert contact(2) in {person for _, person in scene.members()}
    assert scene.row(contact(1))["Nurture_Hold_Until__c"] is None
    [told] = scene.ledger(contact(9), kind="merged")
    assert told.reason == f"merged into {contact(1)}; goes over: on hold by sales until {LATER}"
    scene.edit("ada", contact(1), Nurture_Hold_Until__c="2026-01-01")
    scene.cycle(SLOW_S)
    assert hold(scene, 1) == "on hold by sales until 2026-01-01"


@pytest.mark.sweep
def test_a_hold_of_a_merged_lead_follows_through_its_conversion(nurturing: Scene) -> None:
    scene = nurturing
    scene.edit("sue", LOSER, Nurture_Hold_Until__c=HELD)
    scene.cycle()
    merge(scene, WINNER, LOSER)
    scene.cycle()
    scene.do("sue", "convert", WINNER, contactId=contact(3), accountId=scene.row(contact(3))["AccountId"])
    scene.cycle(SLOW_S)
    assert hold(scene, 3) == f"on hold by sales until {HELD} (Lead {LOSER}, merged)"


@pytest.mark.sweep
def test_a_hold_of_a_converted_lead_follows_when_its_contact_is_merged(nurturing: Scene) -> None:
    scene = nurturing
    scene.edit("sue", LOSER, Nurture_Hold_Until__c=HELD)
    scene.do("sue", "convert", LOSER, contactId=contact(3), accountId=scene.row(contact(3))["AccountId"])
    scene.cycle(SLOW_S)
    assert hold(scene, 3) == f"on hold by sales until {HELD} (Lead {LOSER})"
    merge(scene, contact(4), contact(3))
    scene.cycle(SLOW_S)
    assert hold(scene, 4) == f"on hold by sales until {HELD} (Lead {LOSER})"


@pytest.mark.sweep
def test_a_merged_record_that_comes_back_takes_its_hold_with_it(nurturing: Scene) -> None:
    scene = nurturing
    scene.edit("ada", contact(9), Nurture_Hold_Until__c=HELD)
    scene.cycle(SLOW_S)
    merge(scene, contact(10), contact(9))
    scene.cycle(SLOW_S)
    assert hold(scene, 10) == f"on hold by sales until {HELD} (Contact {contact(9)}, merged)"
    scene.do("admin", "undelete", contact(9))
    scene.cycle(SLOW_S)
    assert hold(scene, 9) == f"on hold by sales until {HELD}"
    assert hold(scene, 10) == f"on hold by sales until {HELD} (Contact {contact(9)})"  # it may be one person
    scene.edit("ada", contact(9), Nurture_Hold_Until__c=None)
    scene.cycle(SLOW_S)
    assert (hold(scene, 9), hold(scene, 10)) == ("", "")
