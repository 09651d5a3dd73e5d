"""Do the people of stalled deals join their campaign once, and those who must not, never?"""

from __future__ import annotations

from contextlib import suppress

import pytest

from syncd.core.values import Entry
from syncd.errors import FieldHidden
from tests.engine.scene import Scene, export_line
from tests.engine.small_org import campaign, contact, deal

EARLY = {(campaign("early"), contact(number)) for number in (1, 2, 3, 5)}
LATE = {(campaign("late"), contact(number)) for number in (5, 6, 7, 8)}
DAY_S = 86_400


@pytest.fixture
def enrolling(scene: Scene) -> Scene:
    scene.nurture("enroll")
    return scene


def excluded(scene: Scene, number: int) -> list[str]:
    """Return why a contact was kept out, of each track."""
    return [str(entry.reason) for entry in scene.ledger(contact(number), kind="decision") if entry.verdict == "exclude"]


def before_the_push(scene: Scene, act: object) -> None:
    """Do something once the enrolments are decided and nothing of them was looked at or sent."""

    def hook(n: int, method: str, path: str) -> None:
        if scene.ledger(kind="intent"):
            scene.hook()
            assert callable(act)
            act()

    scene.hook(hook)


def test_the_people_of_stalled_deals_become_members_with_the_tracks_status(enrolling: Scene) -> None:
    scene = enrolling
    record = scene.cycle()
    assert scene.members() == EARLY | LATE
    assert {row["Status"] for row in scene.rows("CampaignMember")} == {"Sent"}
    assert (record.counts["stalled"], record.counts["enrolled"], record.counts["kept out"]) == (2, 8, 1)
    assert scene.is_at_rest()


def test_an_enrolment_is_told_from_the_deal_to_the_outcome(enrolling: Scene) -> None:
    scene = enrolling
    scene.cycle()
    kinds = [(entry.kind, entry.verdict or entry.outcome) for entry in scene.ledger(contact(1))]
    assert kinds == [("decision", "enroll"), ("intent", None), ("outcome", "confirmed")]
    recycle = [entry for entry in scene.ledger(deal("stalled-early")) if entry.verdict == "recycle"]
    assert [entry.reason for entry in recycle] == [
        "90 days in Discovery, limit 45; 90 days without activity, limit 21: track stalled early"
    ]
    assert {entry.record_id for entry in scene.ledger(kind="decision") if entry.verdict == "recycle"} == {
        deal("stalled-early"),
        deal("stalled-late"),
    }


def test_no_opportunity_is_ever_written(enrolling: Scene) -> None:
    scene = enrolling
    before = scene.rows("Opportunity")
    scene.cycle()
    scene.cycle()
    assert scene.rows("Opportunity") == before
    assert not [write for write in scene.writes() if "Opportunity" in write.path]


@pytest.mark.parametrize("after_s", [60, DAY_S])
def test_a_second_run_adds_nobody_and_sends_nothing(enrolling: Scene, after_s: float) -> None:
    scene = enrolling
    scene.cycle()
    sent, rows = len(scene.writes()), len(scene.ledger())
    scene.cycle(after_s)
    scene.cycle()
    assert scene.members() == EARLY | LATE
    assert len(scene.writes()) == sent
    assert len(scene.ledger()) == rows


@pytest.mark.parametrize(("days", "is_enrolled"), [(18, False), (19, True)])
def test_a_deal_stalls_on_the_day_after_its_limit_is_reached(enrolling: Scene, days: int, is_enrolled: bool) -> None:
    """Its last task was done 3 days ago; 21 quiet days are allowed."""
    scene = enrolling
    scene.cycle()
    scene.cycle(days * DAY_S)
    assert ((campaign("early"), contact(10)) in scene.members()) == is_enrolled


# --- who never gets in -------------------------------------------------------------------------------------------------


def test_whoever_is_on_another_deal_that_runs_is_kept_out(enrolling: Scene) -> None:
    scene = enrolling
    scene.cycle()
    assert excluded(scene, 4) == ["on an active opportunity: fresh"]
    assert contact(4) not in {person for _, person in scene.members()}


def test_whoever_opted_out_in_the_org_is_kept_out(enrolling: Scene) -> None:
    scene = enrolling
    scene.edit("mia", contact(1), HasOptedOutOfEmail=True)
    scene.cycle(after_s=3600)
    assert excluded(scene, 1) == ["opted out (Contact HasOptedOutOfEmail)"]
    assert scene.members() == (EARLY | LATE) - {(campaign("early"), contact(1))}


def test_whoever_is_on_hold_is_kept_out_until_that_day_is_over(enrolling: Scene) -> None:
    scene = enrolling
    scene.edit("ada", contact(2), Nurture_Hold_Until__c="2026-03-03")
    scene.cycle(after_s=3600)
    assert excluded(scene, 2) == ["on hold by sales until 2026-03-03"]
    scene.cycle(after_s=DAY_S)
    assert contact(2) not in {person for _, person in scene.members()}
    scene.cycle(after_s=DAY_S)
    assert (campaign("early"), contact(2)) in scene.members()


def test_whom_the_export_calls_opted_out_or_unreachable_is_kept_out_and_the_file_named(enrolling: Scene) -> None:
    scene = enrolling
    unsubscribed = export_line("c3", email="contact.3@example.com", unsubscribed="true")
    bounced = export_line("c6", email="contact.6@example.com", emailInvalid="true")
    unreadable = export_line("c7", email="contact.7@example.com", unsubscribed="perhaps")
    scene.drop("day.csv", unsubscribed, bounced, unreadable)
    scene.cycle()
    assert excluded(scene, 3) == ["opted out (marketo, day.csv:2)"]
    assert excluded(scene, 6) == ["unreachable (marketo, day.csv:3)"]
    assert excluded(scene, 7) == ["opt-out can't be read (marketo, day.csv:4)"]
    assert scene.members() == (EARLY | LATE) - {(campaign("early"), contact(3))} - {
        (campaign("late"), contact(6)),
        (campaign("late"), contact(7)),
    }


@pytest.mark.parametrize("later_s", [60, DAY_S])
def test_a_hidden_opt_out_field_keeps_everybody_out(enrolling: Scene, later_s: float) -> None:
    """Also in the middle of the day, although the schema is asked for once a day."""
    scene = enrolling
    scene.settings(hidden_fields={"Contact": ["HasOptedOutOfEmail"]})
    with suppress(FieldHidden):
        scene.cycle(later_s)
    scene.cycle()
    assert scene.members() == set()
    assert excluded(scene, 1) == ["opt-out can't be read (HasOptedOutOfEmail is not visible)"]
    assert len({entry.record_id for entry in scene.ledger(kind="decision") if entry.verdict == "exclude"}) == 8


def test_a_converted_leads_opt_out_counts_for_its_contact(enrolling: Scene) -> None:
    scene = enrolling
    row = next(row for row in scene.rows("Lead") if row["IsConverted"])
    assert row["ConvertedContactId"] == contact(12)
    scene.drop("day.csv", export_line("Became", email="contact.1@example.com", unsubscribed="true"))
    scene.cycle()
    assert any("opted out" in reason for reason in excluded(scene, 1))


# --- between decision and push -----------------------------------------------------------------------------------------


def test_an_opt_out_between_decision_and_push_is_not_sent(enrolling: Scene) -> None:
    scene = enrolling
    before_the_push(scene, lambda: scene.edit("mia", contact(1), HasOptedOutOfEmail=True))
    scene.cycle(after_s=3600)
    [outcome] = [entry for entry in scene.ledger(contact(1)) if entry.kind == "outcome"]
    assert (outcome.outcome, outcome.reason) == ("not_sent", "opted out (Contact HasOptedOutOfEmail)")
    assert scene.members() == (EARLY | LATE) - {(campaign("early"), contact(1))}
    scene.cycle(after_s=DAY_S)
    assert contact(1) not in {person for _, person in scene.members()}
    assert excluded(scene, 1) == ["opted out (Contact HasOptedOutOfEmail)"]


def test_whoever_opts_out_and_in_again_is_enrolled_on_a_later_day(enrolling: Scene) -> None:
    scene = enrolling
    before_the_push(scene, lambda: scene.edit("mia", contact(1), HasOptedOutOfEmail=True))
    scene.cycle(after_s=3600)
    scene.edit("mia", contact(1), HasOptedOutOfEmail=False)
    scene.cycle(after_s=DAY_S)
    assert (campaign("early"), contact(1)) in scene.members()


def test_a_contact_deleted_between_decision_and_push_is_not_sent(enrolling: Scene) -> None:
    scene = enrolling
    before_the_push(scene, lambda: scene.do("ada", "delete", contact(1)))
    scene.cycle()
    assert [entry.outcome for entry in scene.ledger(contact(1)) if entry.kind == "outcome"] == ["not_sent"]
    assert scene.is_at_rest()


def test_a_member_whom_somebody_else_adds_first_ends_superseded(enrolling: Scene) -> None:
    scene = enrolling

    def add() -> None:
        scene.do("mia", "create", "CampaignMember", CampaignId=campaign("early"), ContactId=contact(1))

    before_the_push(scene, add)
    scene.cycle()
    [outcome] = [entry for entry in scene.ledger(contact(1)) if entry.kind == "outcome"]
    assert outcome.outcome == "superseded"
    assert len([row for row in scene.rows("CampaignMember") if row["ContactId"] == contact(1)]) == 1
    assert scene.members() == EARLY | LATE


def test_a_member_whom_somebody_adds_while_the_push_is_on_its_way_is_settled_next_cycle(enrolling: Scene) -> None:
    scene = enrolling

    def hook(n: int, method: str, path: str) -> None:
        if path.endswith("/composite/sobjects"):
            scene.hook()
            scene.do("mia", "create", "CampaignMember", CampaignId=campaign("early"), ContactId=contact(1))

    scene.hook(hook)
    scene.cycle()
    scene.cycle()
    assert [entry.outcome for entry in scene.ledger(contact(1)) if entry.kind == "outcome"] == ["superseded"]
    assert len([row for row in scene.rows("CampaignMember") if row["ContactId"] == contact(1)]) == 1
    assert scene.is_at_rest()


# --- campaigns and modes -----------------------------------------------------------------------------------------------


def test_a_missing_campaign_goes_to_the_inbox_and_its_card_clears_when_it_is_there(enrolling: Scene) -> None:
    scene = enrolling
    scene.edit("mia", campaign("late"), Name="Renamed")
    scene.cycle(after_s=3600)
    assert scene.members() == EARLY
    [card] = scene.inbox()
    assert (card.kind, card.subject, card.where.partition(":")[0]) == ("no-campaign", "stalled late", "mappings/nurture.toml")
    assert card.text == "0 active campaigns are named 'SYNCD Stalled Late', not exactly one. Nobody is enrolled in this track."
    scene.edit("mia", campaign("late"), Name="SYNCD Stalled Late")
    scene.cycle(after_s=DAY_S)
    assert scene.inbox() == []
    assert scene.members() == EARLY | LATE


def test_an_inactive_campaign_enrolls_nobody(enrolling: Scene) -> None:
    scene = enrolling
    scene.edit("mia", campaign("late"), IsActive=False)
    scene.cycle(after_s=3600)
    assert scene.members() == EARLY
    assert [card.kind for card in scene.inbox()] == ["no-campaign"]


def decisions(scene: Scene) -> list[Entry]:
    return [entry for entry in scene.ledger(kind="decision") if entry.object == "Contact"]


def test_observing_decides_and_records_and_sends_nothing(scene: Scene) -> None:
    scene.nurture("observe")
    scene.cycle()
    scene.cycle(after_s=DAY_S)
    assert scene.members() == set()
    assert scene.writes() == []
    assert sorted(str(entry.verdict) for entry in decisions(scene)) == ["enroll"] * 8 + ["exclude"]


def test_asking_writes_a_plan_once_and_waits(scene: Scene) -> None:
    scene.nurture("ask")
    scene.cycle()
    plans = list((scene.home / "plans").iterdir())
    assert len(plans) == 1
    assert [card.kind for card in scene.inbox()] == ["plan-waiting"]
    scene.cycle(after_s=DAY_S)
    assert scene.members() == set()
    assert scene.writes() == []
    assert list((scene.home / "plans").iterdir()) == plans
    assert scene.is_at_rest()


def test_from_observing_to_enrolling_everybody_who_was_named_joins(scene: Scene) -> None:
    scene.nurture("observe")
    scene.cycle()
    scene.nurture("enroll")
    scene.cycle()
    assert scene.members() == EARLY | LATE


def test_work_on_the_deal_ends_the_stall(enrolling: Scene) -> None:
    scene = enrolling
    task = {"WhatId": deal("stalled-early"), "Status": "Completed", "ActivityDate": "2026-03-02"}
    scene.do("ada", "create", "Task", Subject="Called", **task)
    scene.cycle()
    assert scene.members() == LATE - {(campaign("late"), contact(5))}  # who is on both deals
    assert excluded(scene, 5) == ["on an active opportunity: stalled-early"]


def test_a_mail_that_the_tool_logged_is_no_work_on_the_deal(enrolling: Scene) -> None:
    scene = enrolling
    task = {"WhatId": deal("stalled-early"), "Status": "Completed", "ActivityDate": "2026-03-02"}
    scene.do("ada", "create", "Task", Subject="Marketo: sent an email", **task)
    scene.do("marketo", "create", "Task", Subject="Email: hello", **task)
    scene.cycle()
    assert scene.members() == EARLY | LATE
