"""Does syncd hold back where the fence alone would have it react, and never the other way round?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.bulk_events import PART_OF_ONE, MassEdits
from syncd.core.fence_model import Window
from syncd.core.fights import (
    CAME_BACK,
    MACHINE_WINS,
    PARKED,
    YIELDED,
    Fight,
    blocked,
    boomerang,
    fought_over,
    is_blocked,
    parking,
    yielding,
)
from syncd.core.sparing import CALM, Surroundings, rule_key
from syncd.core.values import Actor, ActorKind, Change, Judgement, Outcome, OutcomeKind, Rule, Verdict
from syncd.core.vendors import PRODUCTS, Product, product_of, steps
from tests.core.samples import LEAD, NOON, actor, change, intent, user_id

RULE = Rule("status.Working", "fences.toml", 12)
MARKETO = change("Working", "Nurture", "marketo")
MIA = change("Working", "Nurture", "mia")
FLOW = change("Working", "Nurture", "autoproc")
MASS = MassEdits({(user_id("marketo"), "Lead", "Status"): ((NOON, NOON),)})
STOPPED = Surroundings(stopped={"fences.toml status.Working": "people edit it again"})
LEFT = Surroundings(yielded=frozenset({yielding(actor("marketo"), "Lead", "Status")}))
FOUGHT = Surroundings(parked=frozenset({parking(LEAD, "Status")}))
BACK = Fight(user_id("marketo"), "Nurture", (NOON,))
TWICE = Fight(user_id("mia"), "Nurture", (NOON, NOON))


@pytest.mark.parametrize(
    ("around", "one", "fight", "expected"),
    [
        (CALM, MARKETO, Fight(), None),
        (Surroundings(mass_edits=MASS), MARKETO, Fight(), (Verdict.NOTE, PART_OF_ONE)),
        (Surroundings(mass_edits=MASS), MIA, Fight(), None),
        (STOPPED, MIA, Fight(), (Verdict.NOTE, "the rule only observes now: people edit it again")),
        (
            Surroundings(stopped={"fences.toml Lead.Status": "a Flow"}),
            MIA,
            Fight(),
            (Verdict.NOTE, "the rule only observes now: a Flow"),
        ),
        (Surroundings(stopped={"fences.toml Lead.OwnerId": "a Flow"}), MIA, Fight(), None),
        (LEFT, MARKETO, Fight(), (Verdict.WARN, YIELDED)),
        (LEFT, MIA, Fight(), None),
        (
            Surroundings(yielded=frozenset({yielding(actor("autoproc"), "Lead", "Status")})),
            FLOW,
            Fight(),
            (Verdict.WARN, YIELDED),
        ),
        (LEFT, MARKETO, BACK, (Verdict.WARN, YIELDED)),
        (CALM, MARKETO, BACK, (Verdict.WARN, CAME_BACK)),
        (CALM, MIA, BACK, None),
        (CALM, MIA, TWICE, (Verdict.WARN, PARKED)),
        (FOUGHT, MIA, Fight(), (Verdict.WARN, PARKED)),
        (FOUGHT, MARKETO, Fight(), (Verdict.WARN, PARKED)),
    ],
)
@pytest.mark.parametrize("verdict", [Verdict.ASK, Verdict.REVERT])
def test_what_keeps_a_change_from_being_put_back(
    around: Surroundings, one: Change, fight: Fight, expected: tuple[Verdict, str] | None, verdict: Verdict
) -> None:
    spared = around.spared(one, verdict, RULE, fight, NOON)
    assert (None if spared is None else (spared.verdict, spared.reason)) == expected


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("around", [CALM, Surroundings(mass_edits=MASS), STOPPED, LEFT, FOUGHT])
def test_nothing_is_ever_made_harder(around: Surroundings, verdict: Verdict) -> None:
    order = list(Verdict)
    spared = around.spared(MARKETO, verdict, RULE, BACK, NOON)
    assert spared is None or order.index(spared.verdict) < order.index(verdict)


def test_a_warning_is_silenced_only_by_a_mass_edit_or_by_a_rule_that_stopped() -> None:
    def left(around: Surroundings) -> bool:
        return around.spared(MARKETO, Verdict.WARN, RULE, BACK, NOON) is None

    assert left(LEFT)
    assert left(FOUGHT)
    assert not left(STOPPED)
    assert not left(Surroundings(mass_edits=MASS))


def test_an_announced_change_is_lawful_here_too() -> None:
    window = Window(user_id("marketo"), frozenset(), NOON, NOON + timedelta(hours=1), "a cleanup", "dana@host")
    assert Surroundings((window,)).lawful(MARKETO) == "announced by dana@host until 2026-11-02 13:00 UTC: a cleanup"
    assert CALM.lawful(MARKETO) is None


def test_a_rule_stays_the_same_rule_when_lines_are_added_above_it() -> None:
    assert rule_key(RULE) == rule_key(Rule(RULE.name, RULE.file, 99))
    assert rule_key(RULE) != rule_key(Rule(RULE.name, "other.toml", 12))


def test_the_card_of_a_machine_that_wins_names_the_clicks_for_its_vendor_and_in_salesforce() -> None:
    told = boomerang(Judgement(MARKETO, Verdict.WARN, CAME_BACK, fence="status", rule=RULE))
    assert told.kind == MACHINE_WINS
    assert told.subject == f"{user_id('marketo')}:Lead.Status"
    assert "syncd leaves its Status alone now, on every Lead." in told.text
    assert told.remedy.startswith("In Marketo: Admin > Field Management > Status > Field Actions > Block Field Updates")
    assert "Object Settings > Lead > Status: Read only" in told.remedy
    assert told.remedy.endswith("syncd inbox resolve")


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_each_product_is_known_by_each_of_its_names_and_says_what_to_do_with_the_field(product: Product) -> None:
    for word in product.words:
        assert product_of(Actor("005", f"The {word.upper()} sync", ActorKind.TOOL)) is product
        assert product_of(Actor("005", "Integration", ActorKind.TOOL, why=f"{word}: user sync@acme.example")) is product
    assert "{field}" in product.steps


@pytest.mark.parametrize(
    ("who", "begins"),
    [("routing", "Block updates of Status in that tool's own field settings"), ("autoproc", "In Salesforce: Setup > Flows")],
)
def test_a_machine_that_nobody_knows_is_still_told_where_to_stop(who: str, begins: str) -> None:
    assert steps(actor(who), "Lead", "Status").startswith(begins)


def test_the_card_names_the_product_only_where_the_login_does_not() -> None:
    def told(name: str, why: str) -> str:
        machine = Actor("005", name, ActorKind.TOOL, "marketing", why)
        return boomerang(Judgement(replace(MARKETO, actor=machine), Verdict.WARN, CAME_BACK)).text

    assert told("Integration", "marketo: user sync@acme.example").startswith("Integration (Marketo) brings values of Status back")
    assert told("MARKETO Sync", "").startswith("MARKETO Sync brings values of Status back")
    assert told("Integration", "tool: user sync@acme.example").startswith("Integration brings values of Status back")


def test_a_fight_is_about_one_login_and_one_value_alone() -> None:
    assert BACK.is_about(MARKETO)
    assert not BACK.is_about(MIA)
    assert not BACK.is_about(change("Working", "Inquiry", "marketo"))
    assert " " not in BACK.text()


def test_a_person_is_never_left_alone_as_a_machine_is() -> None:
    around = Surroundings(yielded=frozenset({yielding(actor("mia"), "Lead", "Status")}))
    assert around.spared(MIA, Verdict.REVERT, RULE, Fight(), NOON) is None


@pytest.mark.parametrize(
    ("part", "code", "expected"),
    [
        ("fence", "FIELD_CUSTOM_VALIDATION_EXCEPTION", True),
        ("fence", "FIELD_FILTER_VALIDATION_EXCEPTION", True),
        ("fence", "CANNOT_EXECUTE_FLOW_TRIGGER", True),
        ("fence", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", True),
        ("fence", "REQUIRED_FIELD_MISSING", True),
        ("fence", "DUPLICATES_DETECTED", True),
        ("fence", "INSUFFICIENT_ACCESS_OR_READONLY", False),
        ("map", "FIELD_CUSTOM_VALIDATION_EXCEPTION", False),
    ],
)
def test_only_a_rule_of_the_org_against_a_fence_is_two_protections(part: str, code: str, expected: bool) -> None:
    outcome = Outcome(OutcomeKind.REJECTED, "", code)
    assert is_blocked(replace(intent(), part=part), outcome) is expected


def test_the_item_of_two_protections_names_both_and_the_way_out() -> None:
    one = intent(after="Working")
    told = blocked(one, Outcome(OutcomeKind.REJECTED, "", "DUPLICATES_DETECTED"))
    assert (told.kind, told.subject) == ("protections-blocked", parking(one.record_id, "Status"))
    assert (
        "syncd's status fence (fences.toml:40) puts 'Working' back; a rule of the org refuses just that: DUPLICATES_DETECTED."
        in told.text
    )
    assert "Validation Rules" in told.remedy
    assert told.remedy.endswith("syncd inbox resolve")
    assert told.detail == "no gate"


def test_what_is_not_known_of_a_fight_is_left_out_of_its_item() -> None:
    stranger = replace(MIA, actor=Actor("005", "Zoe", ActorKind.PERSON))
    told = fought_over(Judgement(stranger, Verdict.WARN, f"no gate; {PARKED}"), ()).text
    assert told.startswith("Zoe set Status from 'Working' to 'Nurture' again. The other side: no gate. It stands")
