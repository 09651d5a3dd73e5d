"""Are a mapping's examples run without an org, and is told where one comes out otherwise than somebody wrote down?"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from syncd.cli.mapping_examples import examples_of
from syncd.engine.schema import SCHEMA, schema_to_json
from syncd.ports import FieldSchema, ObjectSchema
from syncd.store.sql import SqlStore
from tests.cli.conftest import Syncd

STARTER = Path(__file__).parents[2] / "mappings" / "fields" / "marketo.toml"
EXAMPLES = """# what we agreed on
[[example]]
name = "a score overwrites"
cells = { leadScore = "42" }
now = { Lead_Score__c = 10 }
expect = { fields = { Lead_Score__c = 42 } }

[[example]]
name = "the first company stands"
cells = { company = "New" }
now = { Company = "Old" }
expect = { fields = {} }

# latches at once
[[example]]
name = "an opt-out is written although the score cannot be read"
cells = { unsubscribed = "true", leadScore = "many" }
expect = { fields = { HasOptedOutOfEmail = true }, flags = ["opted_out"], problems = ["ROW-004"] }

[[example]]
name = "a contact has no score"
object = "Contact"
cells = { leadScore = "7", leadSource = "Web" }
expect = { fields = { LeadSource = "Web" } }

[[example]]
name = "nobody"
cells = { email = "null", id = "null" }
expect = { fields = {}, problems = ["ROW-006"] }
"""


@pytest.fixture
def file(home: Path) -> Path:
    (home / "mappings" / "fields").mkdir(parents=True)
    (home / "mappings" / "examples").mkdir()
    (home / "mappings" / "fields" / "marketo.toml").write_text(STARTER.read_text("utf-8"), "utf-8")
    path = home / "mappings" / "examples" / "marketo.toml"
    path.write_text(EXAMPLES, "utf-8")
    return path


def test_examples_that_come_out_as_expected_pass(syncd: Syncd, file: Path) -> None:
    assert file.exists()
    said = syncd("mapping", "test")
    assert (said.code, said.out) == (0, "")
    assert "5 examples as expected, 0 otherwise." in said.err
    assert syncd("mapping", "test", "marketo", "--json").json["passed"] == 5


def test_an_edit_of_the_mapping_shows_before_and_after_with_the_line(syncd: Syncd, file: Path) -> None:
    mapping = file.parent.parent / "fields" / "marketo.toml"
    text = mapping.read_text("utf-8")
    mapping.write_text(text.replace('conflict  = "fill"', 'conflict  = "overwrite"', 1), "utf-8")
    said = syncd("mapping", "test", "marketo")
    assert said.code == 1
    assert "mappings/examples/marketo.toml:8 the first company stands" in said.out
    (row,) = [line.split() for line in said.out.splitlines() if line.strip().startswith("Company")]
    assert row == ["Company", "'Old'", "not", "written", "'New'"]
    assert "4 examples as expected, 1 otherwise." in said.err


def test_accept_writes_down_what_came_out_and_leaves_every_other_line(syncd: Syncd, file: Path) -> None:
    changed = EXAMPLES.replace("Lead_Score__c = 42 }", "Lead_Score__c = 41 }").replace(
        'expect = { fields = { LeadSource = "Web" } }\n', ""
    )
    file.write_text(changed, "utf-8")
    assert syncd("mapping", "test").code == 1
    said = syncd("mapping", "test", "--accept")
    assert said.code == 0
    assert "a score overwrites" in said.out
    assert file.read_text("utf-8") == EXAMPLES
    assert syncd("mapping", "test").code == 0


def test_what_the_org_takes_counts_where_it_is_known(syncd: Syncd, file: Path, store: SqlStore) -> None:
    assert file.exists()
    company = FieldSchema("Company", "string", 3, True, True, False)
    lead = ObjectSchema("Lead", {"Company": company}, True, True)
    with store.begin() as tx:
        tx.put_setting(SCHEMA, {"asked": ["Lead"], "objects": schema_to_json({"Lead": lead})})
    file.write_text('[[example]]\ncells = { company = "Acme" }\nexpect = { fields = { Company = "Acme" } }\n', "utf-8")
    said = syncd("mapping", "test")
    assert said.code == 1
    assert "the field takes 3" in said.out


def test_every_mistake_in_a_file_of_examples_is_told_with_its_place(syncd: Syncd, file: Path) -> None:
    file.write_text(
        '[[example]]\nnaem = "x"\nobject = "Account"\ncells = { leadScoer = "1", company = 7 }\nexpect = { field = {} }\n',
        "utf-8",
    )
    said = syncd("mapping", "test")
    assert said.code == 2
    for says in (
        "'naem' is not known here. Did you mean 'name'?",
        "object is 'Account'",
        "no column 'leadScoer'",
        "'company' is no text",
        "'field'",
    ):
        assert says in said.err
    assert f"{file}:2:" in said.err or "mappings/examples/marketo.toml:2:" in said.err


def test_a_mapping_without_examples_says_how_to_begin(syncd: Syncd, file: Path) -> None:
    file.unlink()
    said = syncd("mapping", "test", "marketo")
    assert said.code == 2
    assert "[[example]]" in said.err
    assert examples_of(Path("elsewhere/tool.toml")) == Path("elsewhere/tool.examples.toml")


def test_the_examples_of_the_starter_hold(syncd: Syncd, home: Path) -> None:
    assert syncd("init", home / "new").code == 0
    assert tomllib.loads((home / "new" / "mappings" / "examples" / "marketo.toml").read_text("utf-8"))["example"]
    said = syncd("mapping", "test", home / "new" / "mappings" / "fields" / "marketo.toml")
    assert (said.code, said.out) == (0, ""), said.out
