"""What does `syncd fence show` draw?"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Syncd

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _starter_files(syncd: Syncd) -> None:
    assert syncd("init", ".").code == 0


def test_the_matrix_says_who_may_move_what_where(syncd: Syncd) -> None:
    said = syncd("fence", "show")
    assert said.code == 0
    lines = [line.split() for line in said.out.splitlines()]
    assert lines[0] == ["from", "\\", "to", "Inquiry", "Nurture", "MQL", "Working", "Meeting", "Set", "Disqualified", "Qualified"]
    assert lines[1] == ["Inquiry", "(marketing)", "\\", "·", "marketing", "marketing"]
    assert "nothing leads out of: sales" in said.out
    assert "round: marketing → sdr → marketing" in said.out


def test_the_owner_fence_is_drawn_by_teams(syncd: Syncd) -> None:
    assert "marketing, routing" in syncd("fence", "show", "--owners").out


def test_mermaid_has_a_box_for_each_team_and_an_arrow_for_each_gate(syncd: Syncd) -> None:
    out = syncd("fence", "show", "--format", "mermaid").out
    assert out.startswith("flowchart LR\n")
    assert out.count("subgraph") == 3
    gates = syncd("fence", "show", "--json").json["gates"]
    assert out.count("-->|") == len(gates)
    assert gates[0]["rule"]["file"] == "mappings/fences.toml"


def test_svg_is_well_formed_and_shows_every_value(syncd: Syncd, tmp_path: Path) -> None:
    out = tmp_path / "fence.svg"
    assert syncd("fence", "show", "--format", "svg", "--out", str(out)).code == 0
    drawn = ElementTree.parse(out).getroot()
    words = {text.text for text in drawn.iter(f"{SVG}text")}
    assert {"Inquiry", "Meeting Set", "Qualified", "marketing", "sdr", "sales"} <= words
    assert len([path for path in drawn.iter(f"{SVG}path") if path.get("marker-end")]) == len(
        syncd("fence", "show", "--json").json["gates"]
    )


def test_every_fence_is_drawn_by_its_name_and_for_one_record_type(syncd: Syncd, tmp_path: Path) -> None:
    path = tmp_path / "mappings" / "fences.toml"
    stage = """
[fence.stage]
fields = ["Opportunity.StageName"]
[fence.stage.status]
"Discovery" = { team = "sdr", by_record_type = { Renewal = "sales" } }
"Closed Won" = { team = "sales", end = true }
[fence.stage.gate]
"Discovery -> Closed Won" = { by = ["sales"], needs = ["Next_Step__c"] }
"""
    path.write_text(path.read_text(encoding="utf-8") + stage, encoding="utf-8")
    said = syncd("fence", "show", "--fence", "stage")
    assert "Fence on Opportunity.StageName, version" in said.out
    assert "Discovery (sdr / sales)" in said.out
    assert "  Discovery -> Closed Won: filled: Next_Step__c" in said.out
    renewals = syncd("fence", "show", "--fence", "stage", "--record-type", "Renewal", "--json").json
    assert [value["team"] for value in renewals["values"]] == ["sales", "sales"]
    assert (renewals["fence"], renewals["fences"]) == ("stage", ["status", "owner", "stage"])


def test_a_value_that_no_way_leads_to_has_a_broken_border(syncd: Syncd, tmp_path: Path) -> None:
    path = tmp_path / "mappings" / "fences.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("\n[gate]", '\n"Parked" = { team = "admins" }\n[gate]', 1).replace(
            "\n[teams]", '\n[teams]\nadmins = { role = ["Desk"] }', 1
        ),
        encoding="utf-8",
    )
    assert "no way leads there from 'Inquiry': Parked" in syncd("fence", "show").out
    assert "  class v7 lost\n" in syncd("fence", "show", "--format", "mermaid").out
    drawn = syncd("fence", "show", "--format", "svg").out
    assert drawn.count('stroke-dasharray="4 3"') == 1
    assert "Parked: no lawful way leads here" in drawn


def test_a_fence_that_is_not_there_is_named_with_those_that_are(syncd: Syncd) -> None:
    said = syncd("fence", "show", "--fence", "stages")
    assert (said.code, "Take one of: status, owner." in said.err) == (2, True)


def test_a_format_that_nobody_knows_is_refused(syncd: Syncd) -> None:
    said = syncd("fence", "show", "--format", "pdf")
    assert said.code == 2
    assert "Take one of: text, mermaid, svg." in said.err


def test_a_file_that_can_t_be_written_is_named(syncd: Syncd, tmp_path: Path) -> None:
    said = syncd("fence", "show", "--format", "svg", "--out", str(tmp_path / "none" / "fence.svg"))
    assert said.code == 1
    assert "can't be written: No such file or directory" in said.err
