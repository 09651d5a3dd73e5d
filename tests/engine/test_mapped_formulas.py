"""Do formulas of a mapping come through an intake whole: from columns that nothing else reads to intents, and to the inbox?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.core.mapping import SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.policies.documents import read_table
from syncd.policies.mapping_formulas import compile_formula
from tests.engine.test_intake import STARTER, Scene, lead, lead_id, line, settled

COMPUTED = """
[computed."Company"]
objects  = ["Lead"]
formula  = 'firstName & " " & UPPER(lastName) & IF($Record.Lead_Score__c > 50, "!", "")'
side     = "marketing"
conflict = "overwrite"
when     = 'leadScore <> $Record.Lead_Score__c'
"""


def mapping_with(tmp_path: Path, formula: str) -> SourceMapping:
    text = STARTER.read_text(encoding="utf-8").replace('mode    = "observe"', 'mode    = "write"')
    before, _, after = text.partition('[column."company"]')
    path = tmp_path / "marketo.toml"
    path.write_text(before + after[after.index('[column."leadSource"]') :] + formula, encoding="utf-8")
    table, problems = read_table(path)
    assert table is not None, problems
    mapping, problems = parse_mapping("marketo", table, compile_formula)
    assert mapping is not None, list(map(str, problems))
    return mapping


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    made.mapping = mapping_with(tmp_path, COMPUTED)
    made.mirror(lead(2, Lead_Score__c=60.0))
    yield made
    made.store.dispose()


def test_a_computed_field_becomes_an_intent_with_the_line_of_its_formula(scene: Scene) -> None:
    scene.drop("a.csv", line(1, firstName="Ann", lastName="Lee", leadScore="20"), line(2, leadScore="75"), line(3))
    assert settled(scene.run()) == {"applied": 2, "unchanged": 1}
    assert {(one.record_id, one.field, one.after) for one in scene.intents()} == {
        (lead_id(1), "Lead_Score__c", 20.0),
        (lead_id(1), "Company", "Ann LEE"),
        (lead_id(2), "Lead_Score__c", 75.0),
        (lead_id(2), "Company", "P NULL!"),
    }
    [rule] = {one.rule for one in scene.intents() if one.field == "Company"}
    assert (rule.name, rule.line) == ("Company", scene.mapping.computed[0].rule.line)


def test_a_row_whose_formula_has_no_value_waits_in_the_inbox_and_the_others_go_on(tmp_path: Path, scene: Scene) -> None:
    scene.mapping = mapping_with(tmp_path, COMPUTED.replace("firstName &", "TEXT(100 / VALUE(firstName)) &"))
    scene.drop("a.csv", line(1, firstName="0", leadScore="20"), line(2, firstName="4", leadScore="75"))
    assert settled(scene.run()) == {"applied": 1, "quarantined": 1}
    assert {one.record_id for one in scene.intents()} == {lead_id(2)}
    [item] = [item for _, item, _ in scene.store.inbox() if item.kind == "export-row"]
    assert (item.where, "the formula has no value" in item.text) == ("a.csv:2", True)


def test_a_file_without_a_column_that_only_a_formula_names_is_refused(tmp_path: Path, scene: Scene) -> None:
    scene.mapping = mapping_with(tmp_path, COMPUTED.replace("firstName", "forename"))
    scene.drop("a.csv", line(1))
    scene.run()
    [item] = [item for _, item, _ in scene.store.inbox() if item.kind == "export-file"]
    assert "The header lacks 'forename'" in item.text
