"""Do individuals and consents of the org's data privacy keep people out, as long as they say so and ever after?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from syncd.cli.story import story_of
from syncd.cli.wire import load_policies
from syncd.core.clearing import KIND
from syncd.core.values import Flag, FlagFact
from syncd.engine.backfill import open_backfills
from syncd.engine.cycle import run_cycle
from tests.engine.scene import Scene
from tests.engine.small_org import campaign, contact, lead
from tests.engine.test_backfill import NO_TIME, begun
from tests.engine.test_consent_live import DAY_S, convert, excluded
from tests.engine.test_consent_live import consent as stored_consent
from tests.engine.test_merges_live import SLOW_S, merge
from tests.engine.test_nurture_live import EARLY, LATE, before_the_push
from tests.engine.test_opt_out_boxes_live import BOTH, deal_of_5, enrolled

ALL = EARLY | LATE
OFFERS = ALL - {BOTH[0]}
"""Everybody but contact 5 in the campaign whose mail is about offers."""
OUT = ALL - {*BOTH}
"""Everybody but contact 5."""
NAMED = """
[opt_out.Individual]
"HasOptedOutProfiling" = "topic:offers"

[opt_out.ContactPointTypeConsent]
"Special Offers" = "topic:offers"

[opt_out.ContactPointConsent]
"""
CAPTURED = {"Name": "c", "CaptureContactPointType": "Web", "CaptureDate": "2026-03-01T00:00:00Z", "CaptureSource": "form"}


@pytest.fixture
def private(scene: Scene) -> Scene:
    """Let data privacy be on, and its records count; nobody is enrolled yet, and nobody is an individual."""
    scene.settings(data_privacy=True)
    scene.nurture("observe")
    scene.rewrite("nurture.toml", r'(stages = \["Discovery", "Evaluation"\])', r'\1, topic = "offers"')
    path = scene.home / "mappings" / "nurture.toml"
    path.write_text(path.read_text(encoding="utf-8") + NAMED, encoding="utf-8")
    scene.cycle(SLOW_S)
    return scene


def made(scene: Scene, object: str, **fields: str | bool) -> str:
    """Let the admin create a record, and return its id."""
    return str(scene.do("admin", "create", object, **fields)["id"])


def changed(scene: Scene, object: str, id: str, op: str = "update", **fields: str | bool | None) -> None:
    """Let Marketo's login change or delete a data privacy record."""
    edits = [{"op": op, "object": object, "id": id, "fields": fields}]
    [result] = scene.served.org.edit(edits, user="marketo.sync@sandbox.example")
    assert result["success"], result


def individual(scene: Scene, *ids: str, **fields: bool) -> str:
    """Make an individual to whom these records point."""
    id = made(scene, "Individual", LastName="Tact", **fields)
    for one in ids:
        scene.edit("mia", one, IndividualId=id)
    return id


def consent(scene: Scene, party: str, status: str = "OptOut", **fields: str) -> str:
    """Make a consent by kind of contact point."""
    given = {"PartyId": party, "ContactPointType": "Email", "PrivacyConsentStatus": status, **CAPTURED, **fields}
    return made(scene, "ContactPointTypeConsent", **given)


def later(scene: Scene, days: float) -> str:
    """Return a time so many days from now."""
    with scene.served.org.lock:
        now: datetime = scene.served.org.clock.now()
    return f"{now + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def facts(scene: Scene, id: str) -> list[FlagFact]:
    """Return what is latched of a person."""
    with scene.store() as store:
        return [fact for fact in store.flags([id], ()) if fact.flag is Flag.OPTED_OUT]


@pytest.mark.parametrize("box", ["HasOptedOutSolicit", pytest.param("ShouldForget", marks=pytest.mark.sweep)])
def test_whoever_points_to_an_individual_that_opted_out_gets_no_mail(private: Scene, box: str) -> None:
    scene = private
    id = individual(scene, contact(5), **{box: True})
    assert enrolled(scene) == OUT
    assert excluded(scene, 5) == [f"opted out (Individual {id} {box})"]
    [entry] = [one for one in scene.ledger(contact(5), kind="flag") if one.object == "Contact"]
    assert (entry.after, entry.reason) == ("opted_out", f"Individual {id} {box}")
    with scene.store() as store:
        story = story_of(store, "Contact", contact(5), load_policies(scene.home / "mappings"))
    assert story is not None
    assert list(story.says) == [f"opted out (Individual {id} {box})"]
    assert not [write for write in scene.writes() if write.path.startswith(("Individual", "ContactPoint"))]
    assert scene.is_at_rest()


@pytest.mark.sweep
def test_a_box_of_an_individual_may_be_about_a_topic_alone(private: Scene) -> None:
    scene = private
    id = individual(scene, contact(5), HasOptedOutProfiling=True)
    assert enrolled(scene) == OFFERS
    assert excluded(scene, 5) == [f"opted out of topic offers (Individual {id} HasOptedOutProfiling)"]


@pytest.mark.sweep
def test_an_individual_of_one_record_of_a_person_speaks_for_all_of_them(private: Scene) -> None:
    scene = private
    scene.edit("mia", lead("Working", 1), Email="contact.5@example.com")
    individual(scene, lead("Working", 1), HasOptedOutSolicit=True)
    assert enrolled(scene) == OUT


@pytest.mark.sweep
def test_what_an_individual_said_follows_the_lead_into_its_contact(private: Scene) -> None:
    scene = private
    born = lead("Qualified", 1)
    individual(scene, born, HasOptedOutSolicit=True)
    scene.cycle(SLOW_S)
    convert(scene, born, contact(9))
    scene.do("sue", "create", "OpportunityContactRole", OpportunityId=deal_of_5(scene), ContactId=contact(9), Role="Other")
    assert (campaign("early"), contact(9)) not in enrolled(scene)


@pytest.mark.sweep
def test_what_an_individual_said_goes_over_to_the_record_that_is_left_of_a_merge(private: Scene) -> None:
    scene = private
    individual(scene, contact(12), HasOptedOutSolicit=True)
    scene.cycle(SLOW_S)
    merge(scene, contact(5), contact(12))
    assert scene.row(contact(5))["IndividualId"] is None
    assert enrolled(scene) == OUT


@pytest.mark.parametrize(
    ("fields", "members"),
    [
        pytest.param({}, OUT, marks=pytest.mark.sweep),
        pytest.param({"purpose": "Special  offers"}, OFFERS, marks=pytest.mark.sweep),
        pytest.param({"purpose": "Surveys"}, OUT, marks=pytest.mark.sweep),
        pytest.param({"ContactPointType": "Phone"}, ALL, marks=pytest.mark.sweep),
        pytest.param({"status": "OptIn"}, ALL, marks=pytest.mark.sweep),
        pytest.param({"status": ""}, OUT, marks=pytest.mark.sweep),
        pytest.param({"ends": "-1"}, ALL, marks=pytest.mark.sweep),
        pytest.param({"ends": "30"}, OUT, marks=pytest.mark.sweep),
        pytest.param({"begins": "30"}, ALL, marks=pytest.mark.sweep),
    ],
)
def test_a_consent_by_kind_of_contact_point_keeps_out_for_mail_of_its_purpose_while_it_is_in_force(
    private: Scene, fields: dict[str, str], members: set[tuple[str, str]]
) -> None:
    scene = private
    dates = {"ends": "EffectiveTo", "begins": "EffectiveFrom"}
    given = {dates.get(name, name): later(scene, float(value)) if name in dates else value for name, value in fields.items()}
    if name := given.pop("purpose", ""):
        given["DataUsePurposeId"] = made(scene, "DataUsePurpose", Name=name)
    id = consent(scene, individual(scene, contact(5)), **given)
    if given.get("status") == "":  # an empty one gets the default when it is created
        changed(scene, "ContactPointTypeConsent", id, PrivacyConsentStatus=None)
    assert enrolled(scene) == members
    assert (members == ALL) == (not [one for one in excluded(scene, 5) if id in one])


def test_a_consent_about_an_address_keeps_out_who_has_it_and_whose_individual_it_is(private: Scene) -> None:
    scene = private
    party = individual(scene, contact(6))
    point = made(scene, "ContactPointEmail", EmailAddress="Contact.5@example.com", ParentId=party)
    made(scene, "ContactPointConsent", ContactPointId=point, PrivacyConsentStatus="OptOut", **CAPTURED)
    assert enrolled(scene) == OUT - {(campaign("late"), contact(6))}
    assert scene.is_at_rest()


@pytest.mark.sweep
def test_an_address_that_goes_to_another_individual_does_not_take_the_opt_out_away(private: Scene) -> None:
    scene = private
    point = made(scene, "ContactPointEmail", EmailAddress="other@example.com", ParentId=individual(scene, contact(5)))
    made(scene, "ContactPointConsent", ContactPointId=point, PrivacyConsentStatus="OptOut", **CAPTURED)
    scene.cycle(SLOW_S)
    changed(scene, "ContactPointEmail", point, ParentId=individual(scene, contact(6)))
    assert enrolled(scene) == OUT - {(campaign("late"), contact(6))}


@pytest.mark.sweep
@pytest.mark.parametrize("how", ["cleared", "deleted", "unlinked"])
def test_what_the_org_takes_away_stays_latched_and_is_asked_about_until_it_is_said_again(private: Scene, how: str) -> None:
    scene = private
    id = individual(scene, contact(5), HasOptedOutSolicit=True)
    scene.cycle(SLOW_S)
    if how == "unlinked":
        scene.edit("marketo", contact(5), IndividualId=None)
    else:
        changed(
            scene,
            "Individual",
            id,
            "delete" if how == "deleted" else "update",
            **({} if how == "deleted" else {"HasOptedOutSolicit": False}),
        )
    assert enrolled(scene) == OUT
    assert excluded(scene, 5) == [f"opted out (Individual, Individual {id} HasOptedOutSolicit)"]
    [card] = scene.inbox(KIND)
    assert card.where.startswith(f"Contact {contact(5)} ")
    assert how == "deleted" or "Marketo Sync" in card.text
    scene.cycle(SLOW_S)
    assert len(scene.inbox(KIND)) == 1
    individual(scene, contact(5), HasOptedOutSolicit=True)
    scene.cycle(SLOW_S)
    assert scene.inbox(KIND) == []


@pytest.mark.sweep
def test_stored_consent_opens_what_the_org_has_taken_back_and_nothing_that_it_still_says(private: Scene) -> None:
    scene = private
    id = individual(scene, contact(5), HasOptedOutSolicit=True)
    scene.cycle(SLOW_S)
    said = f"opted out (Individual {id} HasOptedOutSolicit)"
    assert stored_consent(scene, contact(5))["still"] == [said]
    changed(scene, "Individual", id, HasOptedOutSolicit=False)
    scene.cycle(SLOW_S)
    assert stored_consent(scene, contact(5))["still"] == []
    assert enrolled(scene) == ALL
    assert scene.inbox(KIND) == []


@pytest.mark.sweep
def test_a_box_that_cannot_be_read_any_more_is_kept_and_nobody_is_said_to_have_cleared_it(private: Scene) -> None:
    scene = private
    id = individual(scene, contact(5), HasOptedOutSolicit=True)
    scene.cycle(SLOW_S)
    scene.settings(hidden_fields={"Individual": ["HasOptedOutSolicit"]})
    scene.cycle(SLOW_S)
    changed(scene, "Individual", id, HasOptedOutSolicit=False)
    scene.cycle(SLOW_S)
    assert scene.inbox(KIND) == []
    scene.settings(hidden_fields={})
    for _ in range(10):
        scene.cycle()
    assert enrolled(scene, DAY_S) == OUT


@pytest.mark.sweep
def test_nobody_is_enrolled_while_consents_are_loaded_for_the_first_time(scene: Scene) -> None:
    scene.settings(data_privacy=True)
    for number in range(1, 13):
        consent(scene, individual(scene, contact(number)), "OptOut" if number == 5 else "OptIn")
    scene.nurture("enroll")
    path = scene.home / "mappings" / "nurture.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n[opt_out.ContactPointTypeConsent]\n", encoding="utf-8")
    scene.tick(SLOW_S)
    with begun(scene, rows_min=4, slice=NO_TIME) as (world, org):
        run_cycle(world, org)
    with scene.store() as store:
        assert [one.object for one in open_backfills(store) if one.is_first] == ["ContactPointTypeConsent"]
    assert scene.members() == set()
    scene.cycle(SLOW_S)
    scene.cycle(DAY_S)
    assert scene.members() == OUT


@pytest.mark.sweep
@pytest.mark.parametrize("is_watched", [True, False])
def test_an_opt_out_whose_term_begins_and_ends_without_a_change_in_the_org_stays(private: Scene, is_watched: bool) -> None:
    scene = private
    consent(scene, individual(scene, contact(5)), EffectiveFrom=later(scene, 1), EffectiveTo=later(scene, 3))
    scene.cycle(SLOW_S)
    assert facts(scene, contact(5)) == []
    if is_watched:
        scene.cycle(2 * DAY_S)
        assert len(facts(scene, contact(5))) == 1
        assert scene.inbox(KIND) == []
    assert enrolled(scene, 5 * DAY_S) == OUT
    [card] = scene.inbox(KIND)
    assert "the date on which they end" in card.text
    assert scene.is_at_rest()


@pytest.mark.sweep
def test_an_opt_out_that_comes_between_decision_and_push_counts(private: Scene) -> None:
    scene = private
    party = individual(scene, contact(5), contact(6))
    point = made(scene, "ContactPointEmail", EmailAddress="contact.7@example.com", ParentId=individual(scene))
    scene.cycle(SLOW_S)

    def people_speak() -> None:
        consent(scene, party)
        made(scene, "ContactPointConsent", ContactPointId=point, PrivacyConsentStatus="OptOut", **CAPTURED)

    before_the_push(scene, people_speak)
    assert enrolled(scene) == OUT - {(campaign("late"), contact(6)), (campaign("late"), contact(7))}


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("hidden", "told"),
    [
        ({"hidden_objects": ["Individual"]}, "Individual"),
        ({"hidden_fields": {"Individual": ["ShouldForget"]}}, "Individual.ShouldForget"),
        (
            {"hidden_fields": {"ContactPointTypeConsent": ["PrivacyConsentStatus"]}},
            "ContactPointTypeConsent.PrivacyConsentStatus",
        ),
        ({"hidden_fields": {"Contact": ["IndividualId"]}}, "Contact.IndividualId"),
    ],
)
def test_where_such_a_record_cannot_be_read_nobody_is_mailed(private: Scene, hidden: dict[str, object], told: str) -> None:
    scene = private
    scene.settings(**hidden)
    assert enrolled(scene) == set()
    assert excluded(scene, 1) == [f"opt-out can't be read ({told.replace('.', ' ')} is not visible)"]
    assert [item.subject for item in scene.inbox("hidden-field")] == [told]
    scene.settings(hidden_objects=[], hidden_fields={})
    for _ in range(10):
        scene.cycle()
    assert scene.inbox("hidden-field") == []
    scene.cycle(DAY_S)
    assert scene.members() == ALL


@pytest.mark.sweep
def test_an_individual_that_is_not_shared_keeps_out_whoever_points_to_it_and_nobody_else(private: Scene) -> None:
    scene = private
    id = individual(scene, contact(5))
    scene.settings(unshared=[id])
    assert enrolled(scene) == OUT
    assert excluded(scene, 5) == [f"opt-out can't be read (Individual {id} is not visible)"]


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("tables", "subject"),
    [
        ("[opt_out.ContactPointTypeConsent]\n", "ContactPointTypeConsent"),
        ("[opt_out.Individual]\n[opt_out.ContactPointConsent]\n", "objects"),
    ],
)
def test_an_org_without_data_privacy_mails_nobody_while_a_policy_names_it_and_everybody_else_goes_on(
    scene: Scene, tables: str, subject: str
) -> None:
    scene.nurture("observe")
    scene.cycle(SLOW_S)
    path = scene.home / "mappings" / "nurture.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + f"\n{tables}", encoding="utf-8")
    assert enrolled(scene) == set()
    cards = {item.subject: item for item in scene.inbox("hidden-field")}
    assert {*cards} == {subject, "Lead.IndividualId", "Contact.IndividualId"}
    assert all("Setup > Data Protection and Privacy" in card.remedy for card in cards.values())
    assert "opt-out that cannot be read counts as given" in cards[subject].text
    path.write_text(path.read_text(encoding="utf-8").partition("\n[opt_out")[0], encoding="utf-8")
    scene.cycle(DAY_S)
    assert scene.members() == ALL
