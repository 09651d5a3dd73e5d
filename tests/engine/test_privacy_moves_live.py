"""Is an opt-out of data privacy records ever late or lost when these records move, or are read late?"""

from __future__ import annotations

import pytest

from syncd.engine.cycle import run_cycle
from tests.engine.scene import Scene
from tests.engine.small_org import contact, lead
from tests.engine.test_backfill import NO_TIME, begun
from tests.engine.test_consent_live import DAY_S, excluded
from tests.engine.test_merges_live import SLOW_S
from tests.engine.test_nurture_live import before_the_push
from tests.engine.test_opt_out_boxes_live import enrolled
from tests.engine.test_privacy_live import (
    CAPTURED,
    OUT,
    changed,
    consent,
    facts,
    individual,
    later,
    made,
    private,
)

__all__ = ["private"]


def named(scene: Scene, table: str) -> None:
    """Let a policy name data privacy records."""
    path = scene.home / "mappings" / "nurture.toml"
    path.write_text(path.read_text(encoding="utf-8") + table, encoding="utf-8")


def test_a_consent_that_goes_to_another_individual_keeps_out_all_of_whom_it_was_said(private: Scene) -> None:
    scene = private
    nobody, party = individual(scene), individual(scene, contact(5))
    id = consent(scene, nobody)
    scene.cycle(SLOW_S)
    changed(scene, "ContactPointTypeConsent", id, PartyId=party)
    scene.cycle(SLOW_S)
    assert len(facts(scene, contact(5))) == 1
    changed(scene, "ContactPointTypeConsent", id, PartyId=nobody)
    assert enrolled(scene) == OUT


@pytest.mark.sweep
@pytest.mark.parametrize("how", ["update", "delete"])
def test_a_term_that_began_and_ended_before_its_consent_was_taken_back_counts(private: Scene, how: str) -> None:
    scene = private
    dates = {"EffectiveFrom": later(scene, 1), "EffectiveTo": later(scene, 2)}
    id = consent(scene, individual(scene, contact(5)), **dates)
    scene.cycle(SLOW_S)
    scene.tick(3 * DAY_S)
    changed(scene, "ContactPointTypeConsent", id, how, **({"PrivacyConsentStatus": "OptIn"} if how == "update" else {}))
    assert enrolled(scene) == OUT


@pytest.mark.sweep
def test_a_consent_about_an_address_with_an_equals_sign_counts_right_before_the_push(private: Scene) -> None:
    scene = private
    scene.edit("mia", contact(5), Email="contact=5@example.com")
    scene.cycle(SLOW_S)
    point = made(scene, "ContactPointEmail", EmailAddress="Contact=5@example.com", ParentId=individual(scene))
    scene.cycle(SLOW_S)
    before_the_push(
        scene,
        lambda: made(scene, "ContactPointConsent", ContactPointId=point, PrivacyConsentStatus="OptOut", **CAPTURED),
    )
    assert enrolled(scene) == OUT


@pytest.mark.sweep
def test_nobody_is_enrolled_on_the_word_of_records_whose_individual_was_not_read_yet(scene: Scene) -> None:
    scene.settings(data_privacy=True)
    scene.edit("mia", lead("Working", 1), Email="contact.5@example.com")
    individual(scene, lead("Working", 1), HasOptedOutSolicit=True)
    scene.nurture("enroll")
    named(scene, "\n[opt_out.Individual]\n")
    for _ in range(2):
        scene.tick(DAY_S)
        with begun(scene, rows_min=4, slice=NO_TIME) as (world, org):
            run_cycle(world, org)
    assert scene.members() <= OUT
    scene.cycle(SLOW_S)
    scene.cycle(DAY_S)
    assert scene.members() == OUT


@pytest.mark.sweep
def test_a_box_that_a_policy_names_later_counts_as_ticked_until_it_was_read(scene: Scene) -> None:
    scene.settings(data_privacy=True)
    for number in range(1, 13):
        individual(scene, contact(number), HasOptedOutTracking=number == 5)
    scene.nurture("observe")
    named(scene, "\n[opt_out.Individual]\n")
    scene.cycle(SLOW_S)
    scene.cycle(SLOW_S)  # far enough behind that none of them is read twice
    scene.rewrite("nurture.toml", r'mode    = "\w+"', 'mode    = "enroll"')
    named(scene, '"HasOptedOutTracking" = "global"\n')
    scene.tick(DAY_S)
    with begun(scene, rows_min=4, slice=NO_TIME) as (world, org):
        run_cycle(world, org)
    said = excluded(scene, 5)
    assert said, "left to the look right before the push"
    assert "HasOptedOutTracking is still to be read" in said[-1]
    assert scene.members() <= OUT
    scene.cycle(SLOW_S)
    scene.cycle(DAY_S)
    assert scene.members() == OUT


@pytest.mark.sweep
def test_who_pointed_to_an_individual_that_opted_out_stays_out_when_syncd_had_not_read_the_individual_yet(private: Scene) -> None:
    scene = private
    scene.edit("mia", lead("Working", 1), Email="contact.5@example.com")
    individual(scene, lead("Working", 1), HasOptedOutSolicit=True)
    scene.cycle()
    scene.edit("mia", lead("Working", 1), IndividualId=None)
    scene.cycle()
    assert enrolled(scene) == OUT


def test_an_address_that_moves_while_nobody_shows_which_consent_is_about_it_ends_no_cycle(private: Scene) -> None:
    scene = private
    point = made(scene, "ContactPointEmail", EmailAddress="contact5@example.com", ParentId=individual(scene))
    scene.cycle(SLOW_S)
    scene.settings(hidden_fields={"ContactPointConsent": ["ContactPointId"]})
    scene.cycle(SLOW_S)
    changed(scene, "ContactPointEmail", point, EmailAddress="other@example.com")
    scene.cycle(SLOW_S)
    assert [item.subject for item in scene.inbox("hidden-field")] == ["ContactPointConsent.ContactPointId"]
