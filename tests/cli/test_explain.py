"""Does the story of a record say who did what, and how that is known?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.core.telling import TELL
from syncd.core.values import Entry, Flag, FlagFact, OrgRecord, Rule
from syncd.store.sql import SqlStore
from tests.cli.conftest import AT, CONTACT, LEAD, OTHER_LEAD, REP, Syncd, change, intent, person


def test_the_story_comes_in_order_from_salesforce_s_own_history_on(syncd: Syncd, told: SqlStore) -> None:
    said = syncd("explain", LEAD)
    assert said.code == 0
    told_in_order = [
        "Ada Abel",
        "Created in Salesforce",
        "Ines Rossi changed Status from 'MQL' to 'Working' (history row 0175e00000C1b2bAAB; from before syncd watched).",
        "Ines Rossi (person, team marketing) changed Status from 'Working' to 'Nurture'",
        "proved by history row 0175e00000C1b2cAAB.",
        "Verdict across the status fence: revert; 'Working' belongs to sdr",
        "(status Working, mappings/fences.toml:27)",
        "syncd set out to write Status = 'Working' (was 'Nurture')",
        "ended confirmed",
        "Nobody is named",
        "opted_out, from marketo: people.csv:12",
        "now    Status 'Working'",
    ]
    words = " ".join(said.out.split())
    places = [words.find(" ".join(part.split())) for part in told_in_order]
    assert -1 not in places
    assert places == sorted(places)


def test_a_judged_history_row_is_told_once(syncd: Syncd, told: SqlStore) -> None:
    assert syncd("explain", LEAD).out.count("0175e00000C1b2cAAB") == 1


@pytest.mark.parametrize("name", [LEAD[:15], LEAD, "ada@acme.example", "ADA@ACME.example"])
def test_a_record_is_found_by_its_15_or_18_characters_or_by_its_e_mail(syncd: Syncd, told: SqlStore, name: str) -> None:
    assert syncd("explain", name, "--json").json["record_id"] == LEAD


def test_nobody_is_named_where_the_proof_is_weaker_than_history(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        tx.mirror([person("Lead", LEAD, Name="Ada Abel"), person("User", REP, Name="Ines Rossi")])
        tx.append([change(proof="last-modified", evidence={"hint": "LastModifiedById"})])
    said = syncd("explain", LEAD)
    assert "Ines Rossi" not in said.out
    assert "Nobody is named" in said.out
    assert "Ines Rossi" not in syncd("audit", "query").out


def test_an_address_of_several_people_asks_for_an_id(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        tx.mirror([person("Lead", LEAD, Email="a@acme.example"), person("Contact", CONTACT, Email="a@acme.example")])
    said = syncd("explain", "a@acme.example")
    assert said.code == 1
    assert LEAD in said.err
    assert CONTACT in said.err


def test_an_address_in_another_spelling_is_the_same_and_what_was_said_of_it_is_told(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        tx.mirror([person("Lead", LEAD, Email="ana@xn--mller-kva.example")])
        tx.add_flags([FlagFact(Flag.OPTED_OUT, None, "ana@müller.example", "marketo", "a.csv:2", AT)])
    told = syncd("explain", "Ana@müller.example", "--json").json
    assert told["record_id"] == LEAD
    assert [fact["evidence"] for fact in told["flags"]] == ["a.csv:2"]


def test_flags_of_all_records_and_addresses_of_the_person_are_told_each_with_whose_it_is(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        tx.mirror([person("Lead", LEAD, Email="a@acme.example"), person("Contact", CONTACT, Email="A@acme.example")])
        tx.add_former_handles([(CONTACT, "old@acme.example")])
        tx.add_flags(
            [
                FlagFact(Flag.OPTED_OUT, LEAD, None, "marketo", "a.csv:2", AT),
                FlagFact(Flag.OPTED_OUT, None, "old@acme.example", "marketo", "a.csv:3", AT),
                FlagFact(Flag.UNREACHABLE, None, "a@acme.example", "marketo", "a.csv:4", AT),
                FlagFact(Flag.OPTED_OUT, OTHER_LEAD, None, "marketo", "a.csv:5", AT),
            ]
        )
    out = syncd("explain", CONTACT).out
    assert f"opted_out of Lead {LEAD}, from marketo: a.csv:2" in out
    assert "opted_out of old@acme.example, from marketo: a.csv:3" in out
    assert "unreachable, from marketo: a.csv:4" in out
    assert "a.csv:5" not in out
    assert f"same   Lead {LEAD}: one person" in out


def test_what_the_org_s_own_boxes_say_of_another_record_of_the_person_is_told(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        ticked = person("Lead", LEAD, Email="a@acme.example", HasOptedOutOfEmail=True)
        tx.mirror([ticked, person("Contact", CONTACT, Email="a@acme.example", HasOptedOutOfEmail=False)])
    said = syncd("explain", CONTACT, "--json").json
    assert (said["same"], said["says"]) == ([f"Lead {LEAD}"], ["opted out (Lead HasOptedOutOfEmail)"])


def test_a_converted_lead_and_its_contact_are_one_person(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        lead = person("Lead", LEAD, Email="a@acme.example", ConvertedContactId=CONTACT)
        tx.mirror([lead, person("Contact", CONTACT, Email="a@acme.example")])
    assert syncd("explain", "a@acme.example", "--json").json["record_id"] == CONTACT


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        (OTHER_LEAD, 1, "is not known"),
        ("nobody@acme.example", 1, "no lead or contact has the e-mail address"),
        ("Ada", 2, "is not a Salesforce id"),
        ("001000000000000AAA", 2, "is no lead, contact or opportunity"),
    ],
)
def test_a_record_that_is_not_known_is_said_to_be_so(syncd: Syncd, told: SqlStore, name: str, code: int, says: str) -> None:
    said = syncd("explain", name)
    assert (said.code, said.out) == (code, "")
    assert says in said.err
    assert "next:" in said.err


def test_a_nurture_decision_gives_its_reason_and_names_the_campaign(syncd: Syncd, store: SqlStore) -> None:
    campaign, deal = "7015e00000D1b2cAAB", "0065e00000E1b2cAAB"
    rule = Rule("track stalled early", "mappings/nurture.toml", 33)
    with store.begin() as tx:
        tx.mirror([person("Campaign", campaign, Name="SYNCD Stalled Early"), person("Contact", CONTACT, Name="Ben Costa")])
        decided = Entry(
            kind="decision",
            at=AT,
            cycle="c1",
            object="Contact",
            record_id=CONTACT,
            related_id=deal,
            verdict="exclude",
            rule=rule,
            reason="opted out",
            evidence={"campaign": campaign, "track": "stalled early"},
        )
        tx.append([decided])
        enrol = intent(
            object="CampaignMember",
            record_id=CONTACT,
            field="CampaignId",
            before=None,
            after=campaign,
            values={"CampaignId": campaign},
        )
        tx.open([(enrol, None)], AT, "c1")
    out = " ".join(syncd("explain", CONTACT).out.split())
    assert "Nurture decided exclude for campaign SYNCD Stalled Early: opted out." in out
    assert "(track stalled early, mappings/nurture.toml:33)" in out
    assert "syncd set out to add this person to campaign SYNCD Stalled Early" in out
    assert "Contact Ben Costa: Nurture decided exclude" in " ".join(syncd("explain", deal).out.split())


def test_what_became_of_a_revert_that_waited_is_told_and_so_is_what_tells_of_it(syncd: Syncd, store: SqlStore) -> None:
    moved = {"object": "Lead", "record_id": LEAD, "field": "Status", "before": "Working", "after": "Inquiry"}
    stands = Entry(kind="decision", at=AT, cycle="c1", verdict="warn", fence="status", reason="it is quiet", **moved)  # type: ignore[arg-type]
    task = intent(object="Task", field="Subject", before=None, part=TELL, values={"WhoId": LEAD}, reason="tells why it moved")
    with store.begin() as tx:
        tx.mirror([person("Lead", LEAD, Name="Ann Lee")])
        tx.append([stands])
        tx.open([(task, None)], AT, "c1")
    out = " ".join(syncd("explain", LEAD).out.split())
    assert "What became of Status from 'Working' to 'Inquiry': warn; it is quiet." in out
    assert "syncd set out to leave a task on the record that tells why it moved." in out


def test_an_owner_move_is_told_by_names_and_only_once(syncd: Syncd, store: SqlStore) -> None:
    queue, at = "00G5e000001QueueAA", AT - timedelta(days=3)
    twins = [("0175e00000C1b2dAAB", "Inquiries", "Ines Rossi"), ("0175e00000C1b2eAAB", queue, REP)]
    with store.begin() as tx:
        tx.mirror(
            [
                person("Lead", LEAD, Name="Ada Abel"),
                person("User", REP, Name="Ines Rossi"),
                person("Group", queue, Name="Inquiries"),
            ]
        )
        for id, before, after in twins:
            row = {"LeadId": LEAD, "Field": "Owner", "OldValue": before, "NewValue": after, "CreatedById": REP}
            tx.mirror([OrgRecord("LeadHistory", id, at, row)])
    said = syncd("explain", LEAD)
    assert said.out.count("changed OwnerId from Inquiries to Ines Rossi") == 1


def test_a_name_from_a_record_cannot_move_the_cursor(syncd: Syncd, store: SqlStore) -> None:
    with store.begin() as tx:
        tx.mirror([person("Lead", LEAD, Name="Ada\x1b[2J\nverified")])
    said = syncd("explain", LEAD)
    assert "\x1b" not in said.out
    assert "Ada\\u001b[2J\\u000averified" in said.out


def test_the_creation_is_told_once_and_by_whom(syncd: Syncd, store: SqlStore) -> None:
    created = {"LeadId": LEAD, "Field": "created", "OldValue": None, "NewValue": None, "CreatedById": REP}
    with store.begin() as tx:
        lead = person("Lead", LEAD, Name="Ada Abel", CreatedDate=AT.isoformat())
        tx.mirror([lead, person("User", REP, Name="Ines Rossi"), OrgRecord("LeadHistory", "0175e00000C1b2dAAB", AT, created)])
    told = syncd("explain", LEAD).out
    assert told.count("2026-03-02T09:00:00Z") == 1
    assert "Ines Rossi created it (history row 0175e00000C1b2dAAB" in told


def test_a_sentence_ends_with_one_full_stop(syncd: Syncd, told: SqlStore) -> None:
    with told.begin() as tx:
        tx.append([change(verdict="warn", reason="Salesforce said: the row is locked.")])
    said = " ".join(syncd("explain", LEAD).out.split())
    assert "Salesforce said: the row is locked. (" in said
