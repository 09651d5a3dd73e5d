"""What the org shows is held against fences.toml both ways, and each difference names its line and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from syncd.cli import fence_findings
from syncd.cli.finding import Finding, Level
from syncd.core.fence_model import Fences
from syncd.core.policy import parse_fences
from syncd.policies.conditions import compile_condition
from syncd.ports import FieldSchema, ObjectSchema, RecordType
from tests.core.samples import TEAMS, table

LIFECYCLE = """
version = "v"
[lifecycle]
fields = ["Lead.Status", { field = "Contact.Status__c", record_type = ["Prospect"] }]
reason = "Reason__c"
[status]
"New" = { team = "marketing", queue = "Inquiries" }
"Working" = { team = "sdr" }
"Partner" = { by_record_type = { Partner_Lead = "sales" } }
"Old" = { legacy = true }
[gate]
"New -> Working" = { by = ["marketing"], reasons = ["Asked"], when = 'Discount__c > 0.5' }
"Working, Partner -> New" = { by = ["sdr"] }
[fence.stage]
fields = ["Opportunity.StageName"]
[fence.stage.status]
"Open" = { team = "sales" }
"""


def policy(text: str = LIFECYCLE) -> Fences:
    found, problems = parse_fences(table(text + TEAMS), compile_condition)
    assert found is not None, [str(problem) for problem in problems]
    return found


def field(name: str, *picklist: str, type: str = "picklist") -> FieldSchema:
    return FieldSchema(name, type, 255, True, True, False, picklist)


def schema(**objects: Sequence[FieldSchema]) -> dict[str, ObjectSchema]:
    return {name: ObjectSchema(name, {one.name: one for one in fields}, True, True) for name, fields in objects.items()}


STATUSES = ("New", "Working", "Partner")
RIGHT = schema(
    Lead=[field("Status", *STATUSES), field("Reason__c", "Asked"), field("Discount__c", type="percent")],
    Contact=[field("Status__c", *STATUSES), field("Reason__c", "Asked"), field("Discount__c", type="percent")],
    Opportunity=[field("StageName", "Open")],
)


def texts(found: Iterator[Finding], level: Level = Level.FINDING) -> list[str]:
    return [f"{each.text} {each.remedy}".strip() for each in found if each.level is level]


def owned(shown: dict[str, ObjectSchema], counts: dict[str, int] | None = None) -> list[str]:
    rows = {one: (counts or {}).get(one.value, 0) for one in fence_findings.unowned_values(policy(), shown)}
    return texts(fence_findings.values_owned(policy(), shown, rows))


def test_an_org_that_fits_has_nothing_to_find() -> None:
    assert owned(RIGHT) == []
    assert texts(fence_findings.reasons_known(policy(), RIGHT)) == []
    assert texts(fence_findings.conditions_fit(policy(), RIGHT)) == []
    assert texts(fence_findings.values_owned(policy(), RIGHT, {}), Level.OK) == [
        "all 3 values of Lead Status are owned",
        "all 3 values of Contact Status__c are owned",
        "all 1 values of Opportunity StageName are owned",
    ]


def test_a_value_that_one_field_of_a_lifecycle_has_is_enough() -> None:
    shown = RIGHT | schema(Contact=[field("Status__c", "New")])
    assert owned(shown) == []


def test_a_value_of_the_file_that_no_field_has_is_named_once() -> None:
    shown = RIGHT | schema(Lead=[field("Status", "New", "Workin")], Contact=[field("Status__c", "New", "Partner")])
    assert owned(shown, {"Workin": 7}) == [
        "fences.toml:1 'Working' is not a Lead Status of this org. Did you mean 'Workin'?",
        "no team owns Lead Status 'Workin'; 7 leads have it, and their changes are only noted. "
        'Add a line under [status] in fences.toml: "Workin" = { team = "…" }',
    ]


def test_a_legacy_value_may_be_gone_from_the_picklist() -> None:
    gone = policy(LIFECYCLE.replace("{ legacy = true }", '{ team = "sdr" }'))
    assert texts(fence_findings.values_owned(gone, RIGHT, {})) == [
        "fences.toml:1 'Old' is not a Lead Status of this org. Correct the name, or create it in Salesforce."
    ]


def test_an_unowned_value_is_named_with_its_own_fence_and_count() -> None:
    shown = RIGHT | schema(Opportunity=[field("StageName", "Open", "Won")])
    [said] = owned(shown, {"Won": 1200})
    assert said.startswith("no team owns Opportunity StageName 'Won'; 1,200 Opportunity records have it")
    assert said.endswith('Add a line under [fence.stage.status] in fences.toml: "Won" = { team = "…" }')


def test_a_fence_on_what_is_no_picklist_is_refused() -> None:
    shown = RIGHT | schema(Contact=[field("Status__c", type="string")])
    [said] = owned(shown)
    assert "Contact.Status__c is a string, not a picklist" in said


@pytest.mark.parametrize(
    ("crossing", "locked", "said"),
    [
        (
            'mode = { tool = "revert" }',
            "Status",
            ["fences.toml:1 the status fence reverts, but syncd's user may not edit Lead.Status."],
        ),
        (
            'mode = { tool = "ask" }',
            "Reason__c",
            ["fences.toml:1 the status fence reverts, but syncd's user may not edit Lead.Reason__c."],
        ),
        ('mode = { tool = "warn" }', "Status", []),
        ('mode = { tool = "revert" }', "Rating", []),
        (
            'mode = { tool = "revert" }\ntell = "field Note__c"',
            "Note__c",
            ["fences.toml:1 the status fence reverts, but syncd's user may not edit Lead.Note__c."],
        ),
    ],
)
def test_what_a_revert_writes_may_be_written(crossing: str, locked: str, said: list[str]) -> None:
    fields = {name: field(name) for name in ("Status", "Reason__c", "Rating", "Note__c")}
    fields[locked] = replace(fields[locked], is_updateable=False)
    text = LIFECYCLE + f"[crossing.status]\n{crossing}\n"
    found = fence_findings.fences_writable(policy(text), schema(Lead=list(fields.values())))
    assert [each.text for each in found] == said


def fits(*types: RecordType) -> list[str]:
    by_object: dict[str, list[RecordType]] = {}
    for one in types:
        by_object.setdefault(one.object, []).append(one)
    return texts(fence_findings.record_types_fit(policy(), by_object))


def test_a_value_exists_in_every_record_type_that_it_applies_to_or_is_scoped() -> None:
    inbound = RecordType("Lead", "Inbound", {"Status": ("New", "Working")})
    partner = RecordType("Lead", "Partner_Lead", {"Status": ("New", "Working", "Partner")})
    prospect = RecordType("Contact", "Prospect", {"Status__c": ("New", "Working")})
    assert fits(inbound, partner, prospect) == []
    assert fits(inbound, RecordType("Lead", "Partner_Lead", {"Status": ("New", "Partner")}), prospect) == [
        "fences.toml:1 Lead records of type 'Partner_Lead' can't have Lead Status 'Working'. Add the value to the record type, "
        'or name the types that it is for in place of team: by_record_type = { Other_Type = "…" }'
    ]


def test_a_value_that_nobody_owns_in_one_record_type_is_named() -> None:
    inbound = RecordType("Lead", "Inbound", {"Status": ("New", "Working", "Partner")})
    assert fits(inbound) == [
        "fences.toml:1 no team owns Lead Status 'Partner' for record type 'Inbound'. "
        'Add it to the value: by_record_type = { Inbound = "…" }'
    ]


def test_record_types_that_a_fence_is_not_bound_to_are_left_alone_and_missing_ones_named() -> None:
    assert fits(RecordType("Contact", "Customer", {"Status__c": ("Active",)})) == [
        "fences.toml:1 Contact has no active record type 'Prospect'. Correct the name, or create it in Salesforce."
    ]


def test_a_reason_that_nobody_could_give_is_named() -> None:
    shown = RIGHT | schema(Lead=[field("Status", *STATUSES), field("Reason__c", "Askd")])
    [said] = texts(fence_findings.reasons_known(policy(), shown))
    assert said == "fences.toml:1 'Asked' is no value of Lead.Reason__c: nobody could give that reason. Did you mean 'Askd'?"


def test_a_condition_is_checked_with_what_the_org_says_its_fields_hold() -> None:
    shown = RIGHT | schema(Contact=[field("Discount__c", type="string")])
    [said] = texts(fence_findings.conditions_fit(policy(), shown))
    assert said.startswith("fences.toml:1 [FML-013] when of New -> Working, on Contact: > ")


def test_a_holding_queue_that_is_not_there_is_named() -> None:
    found = fence_findings.queues_known(policy(), ["Inquires", "MQL_EMEA"])
    assert texts(found) == ["fences.toml:1 there is no queue 'Inquiries' to keep 'New'. Did you mean 'Inquires'?"]
    assert texts(fence_findings.queues_known(policy(), ["INQUIRIES"])) == []


def test_unreachable_values_and_rounds_of_machines_are_warned_of() -> None:
    rounds = LIFECYCLE.replace('{ by = ["sdr"] }', '{ by = ["flows", "sdr"] }').replace(
        'by = ["marketing"],', 'by = ["routing"],'
    )
    said = texts(fence_findings.lifecycle_sound(policy(rounds)), Level.WARNING)
    assert [text.partition(" ")[2].partition(".")[0] for text in said] == [
        "no lawful way leads to 'Partner' from 'New'",
        "machines alone can go round: marketing → sdr → marketing",
    ]


@pytest.mark.parametrize(("names", "level"), [(("Status__c",), Level.OK), (("Phone",), Level.FINDING), ((), Level.WARNING)])
def test_every_fenced_field_has_to_be_tracked(names: tuple[str, ...], level: Level) -> None:
    shown = schema(ContactHistory=[field("Field", *names)])
    fields = [one for one in fence_findings.tracked_fields(policy()) if one.bound.object == "Contact"]
    assert [(one.history, one.name) for one in fields] == [("ContactHistory", "Status__c")]
    [found] = fence_findings.history_tracked(fields, shown, {}, {"Contact": 0})
    assert found.level is level


def test_an_object_whose_history_is_hidden_is_named_once() -> None:
    fields = fence_findings.tracked_fields(policy())
    said = texts(fence_findings.history_tracked(fields, {}, {}, {}))
    assert [text.partition(":")[0] for text in said] == [
        "LeadHistory is not visible",
        "ContactHistory is not visible",
        "OpportunityFieldHistory is not visible",
    ]
