"""Does an opt-out follow the person through everything that happens in the org, and open only by evidence?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from syncd.cli.main import main
from syncd.core.clearing import KIND
from syncd.core.values import Flag
from syncd.engine.merging import LOST_OPT_OUT
from syncd.engine.requests import take_up
from syncd.errors import SyncdError
from tests.engine.scene import SECRET, Scene, export_line
from tests.engine.small_org import campaign, contact, lead
from tests.engine.test_merges_live import SLOW_S, flagged

EARLY = (campaign("early"), contact(1))
DAY_S = 86_400
ADDRESS = "contact.1@example.com"


pytestmark = pytest.mark.sweep


@pytest.fixture
def enrolling(scene: Scene) -> Scene:
    scene.nurture("enroll")
    return scene


def excluded(scene: Scene, number: int = 1) -> list[str]:
    """Return the latest reasons for which a contact was kept out."""
    found = [str(one.reason) for one in scene.ledger(contact(number), kind="decision") if one.verdict == "exclude"]
    return found[-1].split("; ") if found else []


def consent(scene: Scene, who: str, *, ago: timedelta = timedelta(), given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Have a consent stored as the command does."""
    with scene.world() as (world, org):
        at = (world.org.now() - ago).isoformat()
        payload = {
            "who": who,
            "source": "web form",
            "at": at,
            "wording": "Yes, send me mail.",
            "scope": "global",
            **(given or {}),
        }
        number = world.store.ask("consent", payload, "dana@host", scene.clock.now())
        take_up(world, org)
        request = world.store.request(number)
        assert request is not None
        assert request.result is not None
        return dict(request.result)


def history_of_opt_outs(scene: Scene) -> None:
    scene.settings(history_tracking={"Lead": ["Status", "Owner", "HasOptedOutOfEmail"], "Contact": ["HasOptedOutOfEmail"]})


# --- followed through what happens to the record -------------------------------------------------------------------------


def test_an_opt_out_of_a_duplicate_with_the_same_address_counts(enrolling: Scene) -> None:
    scene = enrolling
    scene.edit("mia", lead("Working", 1), Email=ADDRESS, HasOptedOutOfEmail=True)
    scene.cycle(SLOW_S)
    assert excluded(scene) == ["opted out (Lead HasOptedOutOfEmail)"]
    assert EARLY not in scene.members()


def test_an_opt_out_stays_with_the_person_when_an_address_ties_them_no_more(enrolling: Scene) -> None:
    scene = enrolling
    scene.edit("mia", lead("Working", 1), Email=ADDRESS)
    scene.cycle(SLOW_S)
    scene.edit("mia", contact(2), HasOptedOutOfEmail=True)  # nurture is judged once a day: nobody of today is looked at again
    scene.edit("mia", contact(1), Email="new@example.com")
    scene.cycle(SLOW_S)
    scene.drop("day.csv", export_line("Working-1", email=ADDRESS, unsubscribed="true"))
    scene.cycle(DAY_S)
    with scene.world() as (world, _):
        from syncd.engine.consent import reasons_by
        from syncd.engine.cycle import begin

        found = reasons_by(world, begin(world), world.store.get("Contact", [contact(1)]))
    assert [reason.text for reason in found[contact(1)]] == ["opted out (marketo, day.csv:2)"]


def test_the_opt_out_of_a_deleted_lead_is_kept_for_its_address(enrolling: Scene) -> None:
    scene = enrolling
    gone = lead("Working", 1)
    scene.edit("mia", gone, Email="contact.3@example.com", HasOptedOutOfEmail=True)
    scene.nurture("observe")
    scene.cycle(SLOW_S)
    scene.do("mia", "delete", gone)
    scene.nurture("enroll")
    scene.cycle(DAY_S)
    assert any("was opted out when it was deleted" in reason for reason in excluded(scene, 3))
    assert contact(3) not in {person for _, person in scene.members()}
    assert scene.is_at_rest()


def convert(scene: Scene, lead_id: str, contact_id: str) -> None:
    account = scene.row(contact_id)["AccountId"]
    scene.do("sue", "convert", lead_id, contactId=contact_id, accountId=account)


@pytest.mark.parametrize("mode", ["write", "observe"])
def test_a_conversion_latches_the_contact_in_the_same_cycle_and_says_so_in_the_org(scene: Scene, mode: str) -> None:
    scene.mapping(mode)
    born = lead("Qualified", 1)
    scene.edit("mia", born, HasOptedOutOfEmail=True)
    scene.cycle()
    convert(scene, born, contact(9))
    scene.cycle()
    assert flagged(scene, contact(9)) == [(Flag.OPTED_OUT, f"Lead {born} was opted out and converted into it")]
    assert scene.row(contact(9))["HasOptedOutOfEmail"] is (mode == "write")
    assert [item.subject for item in scene.inbox(LOST_OPT_OUT)] == ([] if mode == "write" else [contact(9)])
    scene.cycle()
    assert scene.is_at_rest()


# --- cleared by others ---------------------------------------------------------------------------------------------------


def test_what_a_machine_clears_stays_latched_is_not_fought_and_is_asked_about_once(enrolling: Scene) -> None:
    scene = enrolling
    history_of_opt_outs(scene)
    for number in (1, 2):
        scene.edit("mia", contact(number), HasOptedOutOfEmail=True)
    scene.nurture("observe")
    scene.cycle(SLOW_S)
    for number in (1, 2):
        scene.edit("marketo", contact(number), HasOptedOutOfEmail=False)
    scene.nurture("enroll")
    scene.cycle(DAY_S)
    [card] = scene.inbox(KIND)
    assert card.text.startswith("2 opt-outs were cleared in Salesforce by Marketo Sync, as its history tells.")
    assert {contact(1), contact(2)} == {where.partition(" ")[2] for where in card.detail.split(", ")}
    assert all("was cleared by Marketo Sync" in excluded(scene, number)[0] for number in (1, 2))
    assert not [write for write in scene.writes() if "HasOptedOutOfEmail" in write.values]
    scene.edit("mia", contact(1), HasOptedOutOfEmail=True)
    scene.cycle(SLOW_S)
    assert len(scene.inbox(KIND)) == 1
    consent(scene, contact(2))
    scene.cycle(SLOW_S)
    assert scene.inbox(KIND) == []


@pytest.mark.parametrize("id", [lead("Working", 1), contact(1)])
@pytest.mark.parametrize("who", ["marketo", "sam"])
def test_what_was_ticked_and_cleared_between_two_looks_counts_unless_a_person_cleared_it(scene: Scene, id: str, who: str) -> None:
    history_of_opt_outs(scene)
    scene.tick(5)
    scene.edit("mia", id, HasOptedOutOfEmail=True)
    scene.tick(5)
    scene.edit(who, id, HasOptedOutOfEmail=False)
    scene.cycle(SLOW_S)
    assert [flag for flag, _ in flagged(scene, id)] == ([Flag.OPTED_OUT] if who == "marketo" else [])
    assert len(scene.inbox(KIND)) == (1 if who == "marketo" else 0)


def test_what_nothing_proves_a_person_to_have_cleared_stays_latched(scene: Scene) -> None:
    scene.edit("mia", contact(1), HasOptedOutOfEmail=True)
    scene.cycle(SLOW_S)
    scene.edit("mia", contact(1), HasOptedOutOfEmail=False)
    scene.cycle(SLOW_S)
    [card] = scene.inbox(KIND)
    assert "by Mia Market, who saved it last; history does not tell who cleared it" in card.text
    assert [flag for flag, _ in flagged(scene, contact(1))] == [Flag.OPTED_OUT]


def test_what_a_person_cleared_as_history_proves_is_the_orgs_word(enrolling: Scene) -> None:
    scene = enrolling
    history_of_opt_outs(scene)
    scene.edit("mia", contact(1), HasOptedOutOfEmail=True)
    scene.cycle(SLOW_S)
    scene.edit("mia", contact(1), HasOptedOutOfEmail=False)
    scene.cycle(DAY_S)
    assert (scene.inbox(KIND), flagged(scene, contact(1))) == ([], [])
    assert EARLY in scene.members()


def test_what_a_person_clears_against_syncds_own_latch_is_asked_about(enrolling: Scene) -> None:
    scene = enrolling
    history_of_opt_outs(scene)
    scene.mapping("write")
    scene.drop("day.csv", export_line("c1", email=ADDRESS, unsubscribed="true"))
    scene.cycle(SLOW_S)
    assert scene.row(contact(1))["HasOptedOutOfEmail"] is True
    scene.cycle(SLOW_S)
    scene.edit("mia", contact(1), HasOptedOutOfEmail=False)
    since = scene.last_request()
    scene.cycle(DAY_S)
    assert [item.where for item in scene.inbox(KIND)] == [f"Contact {contact(1)}"]
    assert excluded(scene) == ["opted out (marketo, day.csv:2)"]
    assert not [write for write in scene.writes(since) if "HasOptedOutOfEmail" in write.values]


# --- consent -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def opted_out(enrolling: Scene) -> Scene:
    """Leave contact 1 opted out by an export, and by nothing else."""
    enrolling.drop("day.csv", export_line("c1", email=ADDRESS, unsubscribed="true"))
    enrolling.cycle()
    assert excluded(enrolling) == ["opted out (marketo, day.csv:2)"]
    return enrolling


def test_newer_consent_opens_the_latch_once_and_stands_in_the_ledger(opted_out: Scene) -> None:
    scene = opted_out
    scene.tick(60)
    answer = consent(scene, ADDRESS.upper())
    assert (answer["person"], answer["is_new"], answer["still"]) == (contact(1), True, [])
    [entry] = scene.ledger(contact(1), kind="consent")
    assert (entry.after, entry.evidence["source"], entry.evidence["scope"]) == ("Yes, send me mail.", "web form", "global")
    assert "dana@host" in str(entry.reason)
    scene.cycle(DAY_S)
    assert EARLY in scene.members()
    assert scene.is_at_rest()


def test_older_consent_and_consent_without_a_part_open_nothing(opted_out: Scene) -> None:
    scene = opted_out
    answer = consent(scene, contact(1), ago=timedelta(hours=1))
    assert answer["still"] == ["opted out (marketo, day.csv:2)"]
    assert "error" in consent(scene, "nobody")
    for name, value in (("wording", " "), ("source", ""), ("scope", "brands"), ("at", "2099-01-01T00:00:00+00:00")):
        assert "error" in consent(scene, contact(1), given={name: value})
    scene.cycle(DAY_S)
    assert EARLY not in scene.members()


def test_an_opt_out_that_is_said_again_after_consent_holds_again(opted_out: Scene) -> None:
    scene = opted_out
    scene.tick(60)
    consent(scene, contact(1))
    scene.tick(60)
    scene.drop("later.csv", export_line("c1", email=ADDRESS, unsubscribed="true", leadScore="11"))
    scene.cycle()
    scene.cycle(DAY_S)
    assert EARLY not in scene.members()
    assert any("after consent to it" in str(entry.reason) for entry in scene.ledger(contact(1), kind="flag"))
    assert scene.is_at_rest()


def test_consent_never_goes_over_the_orgs_own_opt_out(opted_out: Scene) -> None:
    scene = opted_out
    scene.edit("mia", contact(1), HasOptedOutOfEmail=True)
    scene.cycle(SLOW_S)
    assert consent(scene, contact(1))["still"] == ["opted out (Contact HasOptedOutOfEmail)"]
    assert scene.row(contact(1))["HasOptedOutOfEmail"] is True


def test_an_address_of_several_people_consents_for_nobody(opted_out: Scene) -> None:
    scene = opted_out
    scene.edit("mia", contact(2), Email=ADDRESS)
    scene.cycle(SLOW_S)
    refused = consent(scene, ADDRESS)["error"]
    assert refused["kind"] == SyncdError.__name__
    assert refused["text"].startswith(f"2 records have the address {ADDRESS}")


def test_an_address_consents_for_who_has_it_in_another_spelling(enrolling: Scene) -> None:
    scene = enrolling
    scene.edit("mia", contact(2), Email="ana@xn--mller-kva.de")
    scene.cycle(SLOW_S)
    assert consent(scene, "Ana@müller.de")["person"] == contact(2)


def test_an_address_that_nobody_has_may_consent_before_it_comes_into_the_org(scene: Scene) -> None:
    answer = consent(scene, "new@example.com")
    assert (answer["person"], answer["address"]) == (None, "new@example.com")
    assert answer["is_new"]


# --- in rows that are set aside ----------------------------------------------------------------------------------------


def test_a_line_that_is_no_csv_keeps_its_person_out_until_it_can_be_read(enrolling: Scene) -> None:
    scene = enrolling
    scene.mapping("write")
    line = export_line("c1", email=ADDRESS, firstName='"Lea"x', unsubscribed="true")
    scene.drop("day.csv", line, export_line("c2", email="contact.2@example.com"))
    scene.cycle()
    assert excluded(scene) == ["opt-out can't be read (marketo, day.csv:2)"]
    assert ["ROW-007" in item.text for item in scene.inbox("export-row")] == [True]
    assert scene.row(contact(1))["HasOptedOutOfEmail"] is False
    scene.drop("later.csv", export_line("c1", email=ADDRESS))
    scene.cycle()
    scene.cycle(DAY_S)
    assert EARLY in scene.members()


def test_an_opt_out_whose_id_a_spreadsheet_spoilt_is_kept_for_its_address_and_written_nowhere(enrolling: Scene) -> None:
    scene = enrolling
    scene.mapping("write")
    column = '[column."email"]\nfield = "Email"\ntype = "email"\nside = "sales"\nconflict = "fill"\n'
    scene.rewrite("fields/marketo.toml", r'\nemail    = "email".*', f"\n{column}")
    scene.drop("day.csv", export_line("1.23E+17", email=ADDRESS, unsubscribed="true"))
    scene.cycle()
    assert excluded(scene) == ["opted out (marketo, day.csv:2)"]
    assert ["ROW-006" in item.text for item in scene.inbox("export-row")] == [True]
    assert scene.row(contact(1))["HasOptedOutOfEmail"] is False


# --- what an export takes back ------------------------------------------------------------------------------------------


def test_what_was_unreadable_of_a_lead_ends_when_its_contact_is_readable(enrolling: Scene) -> None:
    scene = enrolling
    born = lead("Qualified", 1)
    scene.drop("day.csv", export_line("Qualified-1", unsubscribed="perhaps"))
    scene.cycle()
    convert(scene, born, contact(1))
    scene.cycle(SLOW_S)
    scene.drop("later.csv", export_line("Qualified-1"))
    scene.cycle()
    assert (flagged(scene, born), flagged(scene, contact(1))) == ([], [])


def test_what_was_said_of_nobody_ends_when_it_is_said_no_more_of_who_came_to_have_the_address(scene: Scene) -> None:
    scene.drop("day.csv", export_line("c90", email="new@example.com", unsubscribed="?", emailInvalid="true"))
    scene.cycle()
    with scene.store() as store:
        assert {fact.flag for fact in store.flags((), ["new@example.com"])} == {Flag.OPT_OUT_UNREADABLE, Flag.UNREACHABLE}
    scene.edit("mia", contact(9), Email="new@example.com")
    scene.cycle(SLOW_S)
    scene.drop("later.csv", export_line("c90", email="new@example.com"))
    scene.cycle()
    with scene.store() as store:
        assert store.flags([contact(9)], ["new@example.com"]) == []


def test_an_address_is_unreachable_until_that_very_address_is_said_to_be_reachable(enrolling: Scene) -> None:
    scene = enrolling
    scene.drop("day.csv", export_line("c1", email=ADDRESS, emailInvalid="true"))
    scene.cycle()
    scene.drop("later.csv", export_line("c1", email="elsewhere@example.com", updatedAt="2026-03-01T11:00:00Z"))
    scene.cycle(DAY_S)
    assert excluded(scene) == ["unreachable (marketo, day.csv:2)"]
    assert EARLY not in scene.members()
    scene.drop("last.csv", export_line("c1", email=ADDRESS, updatedAt="2026-03-01T12:00:00Z"))
    scene.cycle(DAY_S)
    assert EARLY in scene.members()


def test_an_opt_out_that_is_said_again_is_news_only_where_that_very_person_consented(opted_out: Scene) -> None:
    scene = opted_out
    scene.drop("two.csv", export_line("c2", email="contact.2@example.com", unsubscribed="true"))
    scene.cycle()
    consent(scene, contact(1))
    scene.tick(60)
    lines = (
        export_line("c1", email=ADDRESS, unsubscribed="true", leadScore="11"),
        export_line("c2", email="contact.2@example.com", unsubscribed="true", leadScore="11"),
    )
    scene.drop("later.csv", *lines)
    scene.cycle()
    said = {number: [entry.before for entry in scene.ledger(contact(number), kind="flag")] for number in (1, 2)}
    assert said == {1: [None, "opted_out"], 2: [None]}


# --- what the mail is about ----------------------------------------------------------------------------------------------


def test_an_opt_out_of_a_topic_keeps_out_of_tracks_of_that_topic_alone(enrolling: Scene) -> None:
    scene = enrolling
    scene.rewrite("fields/marketo.toml", r'flag  = "opted_out"\nfield = .*', 'flag  = "opted_out"\nscope = "topic:Offers"')
    scene.rewrite("nurture.toml", r'(stages = \["Discovery", "Evaluation"\])', r'\1, topic = "offers"')
    scene.drop("day.csv", export_line("c5", email="contact.5@example.com", unsubscribed="true"))
    scene.cycle()
    members = scene.members()
    assert (campaign("early"), contact(5)) not in members
    assert (campaign("late"), contact(5)) in members
    assert "opted out of topic offers (marketo, day.csv:2)" in {str(one.reason) for one in scene.ledger(contact(5))}
    assert scene.row(contact(5))["HasOptedOutOfEmail"] is False


# --- a hold is about the person too --------------------------------------------------------------------------------------


def test_a_hold_on_any_record_of_a_person_keeps_out_until_its_day_is_over(scene: Scene) -> None:
    scene.edit("ada", contact(2), Email=ADDRESS, Nurture_Hold_Until__c="2026-03-03")
    scene.edit("sue", lead("Qualified", 1), Nurture_Hold_Until__c="2026-03-03")
    convert(scene, lead("Qualified", 1), contact(3))
    scene.nurture("enroll")
    scene.rewrite("nurture.toml", "# Lead      = ", "Lead      = ")
    scene.cycle(SLOW_S)
    held = "on hold by sales until 2026-03-03"
    assert excluded(scene, 1) == [f"{held} (Contact {contact(2)})"]
    assert excluded(scene, 2) == [held]
    assert excluded(scene, 3)[0] == f"{held} (Lead {lead('Qualified', 1)})"  # and on the deal of the conversion
    scene.cycle(DAY_S)
    assert not {contact(1), contact(2)} & {person for _, person in scene.members()}
    scene.cycle(DAY_S)
    assert {contact(1), contact(2)} <= {person for _, person in scene.members()}


def test_a_hold_of_the_address_that_somebody_got_between_decision_and_push_is_kept(enrolling: Scene) -> None:
    scene = enrolling
    scene.edit("ada", contact(9), Nurture_Hold_Until__c="2026-06-30")

    def hook(n: int, method: str, path: str) -> None:
        if scene.ledger(contact(1), kind="intent"):
            scene.hook()
            scene.edit("mia", contact(1), Email="contact.9@example.com")

    scene.hook(hook)
    scene.cycle(SLOW_S)
    [outcome] = [entry for entry in scene.ledger(contact(1)) if entry.kind == "outcome"]
    assert (outcome.outcome, outcome.reason) == ("not_sent", f"on hold by sales until 2026-06-30 (Contact {contact(9)})")
    assert EARLY not in scene.members()


# --- right before the push -----------------------------------------------------------------------------------------------


def test_a_hold_that_sales_sets_between_decision_and_push_is_kept(enrolling: Scene) -> None:
    scene = enrolling

    def hook(n: int, method: str, path: str) -> None:
        if scene.ledger(kind="intent"):
            scene.hook()
            scene.edit("ada", contact(1), Nurture_Hold_Until__c="2026-06-30")

    scene.hook(hook)
    scene.cycle(after_s=3600)
    [outcome] = [entry for entry in scene.ledger(contact(1)) if entry.kind == "outcome"]
    assert (outcome.outcome, outcome.reason) == ("not_sent", "on hold by sales until 2026-06-30")
    assert EARLY not in scene.members()


def test_an_opt_out_of_the_address_that_somebody_got_between_decision_and_push_is_kept(enrolling: Scene) -> None:
    scene = enrolling
    scene.nurture("observe")
    scene.drop("day.csv", export_line("nobody", email="new@example.com", unsubscribed="true"))
    scene.cycle()
    scene.nurture("enroll")

    def hook(n: int, method: str, path: str) -> None:
        if scene.ledger(contact(1), kind="intent"):
            scene.hook()
            scene.edit("mia", contact(1), Email="New@example.com")

    scene.hook(hook)
    scene.cycle(DAY_S)
    [outcome] = [entry for entry in scene.ledger(contact(1)) if entry.kind == "outcome"]
    assert (outcome.outcome, outcome.reason) == ("not_sent", "opted out (marketo, day.csv:2)")
    assert EARLY not in scene.members()


@pytest.mark.parametrize("place", range(9))
def test_an_opt_out_at_any_request_before_the_members_leave_stops_them(enrolling: Scene, place: int) -> None:
    scene = enrolling
    steps: list[str] = []

    def hook(n: int, method: str, path: str) -> None:
        steps.append(f"{method} {path}")
        if len(steps) == place + 1:
            scene.edit("mia", contact(1), HasOptedOutOfEmail=True)

    scene.hook(hook)
    scene.cycle(after_s=3600)
    assert EARLY not in scene.members()


def test_the_command_stores_consent_where_no_daemon_runs_and_says_what_still_stands(
    opted_out: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = opted_out
    monkeypatch.setenv("SYNCD_CLIENT_SECRET", SECRET["SYNCD_CLIENT_SECRET"])
    given = ("--source", "form", "--wording", "Yes", "--config", str(scene.home / "config.toml"))
    for at, told in (("2026-01-01", "still without mail: opted out (marketo, day.csv:2)"), ("2026-03-02T23:00Z", "is stored")):
        scene.tick(DAY_S)
        with pytest.raises(SystemExit) as ended:
            main(["consent", "add", contact(1), "--at", at, *given])
        said = capsys.readouterr()
        assert (ended.value.code or 0, said.err) == (0, "")
        assert f"consent of {contact(1)} (global) is stored" in said.out
        assert told in said.out
    assert "still without mail" not in said.out
