"""Does `syncd mapping preview` say of a person, a sample and an edit what a cycle then does, and does it write nothing?"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncd.cli import preview_some
from syncd.cli.main import main
from syncd.cli.mapping_people import people_of
from syncd.cli.preview_look import Look
from syncd.core.suggestions.suggesting import Sample
from syncd.exports.sieve import sifted, sifting
from tests.engine.scene import HEADER, SECRET, Scene, export_line
from tests.engine.small_org import contact, lead
from tests.engine.test_new_people import NEW, allow, people

Preview = Callable[..., Any]


@pytest.fixture
def preview(scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Preview:
    """Give a function that runs the verb and returns its JSON, with its exit code under "exit"."""
    monkeypatch.setenv(*next(iter(SECRET.items())))

    def run(*words: str, text: bool = False) -> Any:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["mapping", "preview", *words, *([] if text else ["--json"]), "--config", str(scene.home)])
        told = capsys.readouterr()
        if text or not told.out:
            return told.out + told.err
        return {**json.loads(told.out), "exit": ended.value.code or 0, "said": told.err}

    return run


def fields(found: Any, number: int = 0) -> dict[str, tuple[Any, Any, str]]:
    return {one["field"]: (one["before"], one["after"], one["effect"]) for one in found["people"][number]["fields"]}


def why(found: Any, field: str) -> str:
    return next(str(one["why"]) for one in found["people"][0]["fields"] if one["field"] == field)


def state(scene: Scene) -> tuple[bytes, set[str], int]:
    with scene.store() as store:
        rows = repr((store.ledger_size(), store.inbox(), store.count_open(), store.flag_counts()))
    return rows.encode(), scene.files(), len(scene.writes())


def test_each_field_is_told_with_before_after_and_the_line_that_says_so_and_a_cycle_does_just_that(
    scene: Scene, preview: Preview
) -> None:
    scene.mapping("write")
    scene.drop("day.csv", export_line("Working-1", leadScore="77", company="Other", leadSource="Web"))
    before = state(scene)
    found = preview("--person", "working.1@example.com")
    assert state(scene) == before
    assert found["exit"] == 0
    assert found["people"][0]["person"] == {"object": "Lead", "id": lead("Working", 1), "by": "external"}
    assert found["people"][0]["is_read_now"]
    assert fields(found)["Lead_Score__c"] == (10, 77, "write")
    assert fields(found)["Company"] == ("Acme", "Other", "leave")
    assert fields(found)["LeadSource"] == ("Web", "Web", "leave")
    assert why(found, "Company") == 'conflict = "fill", and there is a value'
    assert why(found, "LeadSource") == "equal"
    [score] = [one for one in found["people"][0]["fields"] if one["field"] == "Lead_Score__c"]
    text = (scene.home / score["rule"]["file"]).read_text(encoding="utf-8").splitlines()
    assert text[score["rule"]["line"] - 1].startswith('[column."leadScore"]')
    scene.cycle()
    assert scene.row(lead("Working", 1))["Lead_Score__c"] == 77
    assert scene.row(lead("Working", 1))["Company"] == "Acme"


@pytest.mark.parametrize("who", ["WORKING.1@Example.com", lead("Working", 1)[:15], "3", "external:Working-1"])
def test_a_person_is_found_by_address_id_line_or_key(scene: Scene, preview: Preview, who: str) -> None:
    scene.drop("day.csv", export_line("Working-0"), export_line("Working-1", leadScore="77"), export_line("Working-2"))
    found = preview("--person", who, "--offline")
    assert [(one["person"]["id"], one["lines"]) for one in found["people"]] == [(lead("Working", 1), [3])]


@pytest.mark.parametrize("who", ["WORKING.1@Example.com", lead("Working", 1)])
def test_a_person_is_found_where_contacts_have_no_such_external_id(scene: Scene, preview: Preview, who: str) -> None:
    scene.settings(hidden_fields={"Contact": ["MA_Person_Id__c"]})
    scene.cycle(7 * 60)
    scene.drop("day.csv", export_line("Working-1", leadScore="77"))
    found = preview("--person", who, "--offline")
    assert [one["person"]["id"] for one in found["people"]] == [lead("Working", 1)]


def test_a_plain_number_is_a_line_and_whose_id_it_is_is_said_with_how_to_name_either(scene: Scene, preview: Preview) -> None:
    scene.edit("sam", lead("Working", 2), MA_Person_Id__c="3")
    scene.cycle()
    scene.drop("day.csv", export_line("Working-1"), export_line("MQL-1"), export_line("3", email="x@example.com"))
    found = {who: preview("--person", who, "--offline") for who in ("3", "line:3", "external:3", "line:9", "4711", "external:9")}
    assert [one["lines"] for who in ("3", "line:3", "external:3") for one in found[who]["people"]] == [[3], [3], [4]]
    assert found["external:3"]["people"][0]["person"]["id"] == lead("Working", 2)
    assert "say --person external:3; line:3 is always the line" in found["3"]["said"]
    assert lead("Working", 2) in found["3"]["said"]
    assert found["line:3"]["said"] == ""
    assert [found[who]["exit"] for who in ("line:9", "4711", "external:9")] == [1, 1, 1]
    assert "for the tool's own id say external:4711" in found["4711"]["said"]
    assert "line 1 is the header" in preview("--person", "line:1", "--offline")["said"]


@pytest.mark.sweep
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_all_rows_of_a_person_are_found_by_whatever_key_each_names_them(
    scene: Scene, preview: Preview, tmp_path: Path, encoding: str
) -> None:
    scene.rewrite("fields/marketo.toml", r'encoding  = "utf-8"', f'encoding = "{encoding}"')
    rows = [export_line("Working-1", email="other@example.com"), export_line("MQL-1"), "one cell, working.1@example.com,too few"]
    rows += [export_line("", email="Working.1@example.com"), export_line("", email="other@example.com", company='"two\nlines"')]
    path = tmp_path / "day.csv"
    path.write_text("\n".join([HEADER, *rows, ""]), encoding=encoding)
    for who in ("other@example.com", "6", "7", "line:4", lead("Working", 1)[:15]):
        found = preview("--person", who, "--file", str(path), "--offline")
        assert sorted(line for one in found["people"] for line in one["lines"]) == ([4] if who == "line:4" else [2, 4, 5, 6]), who


def test_offline_shows_the_mirror_and_asks_nobody_and_online_shows_what_the_org_says_now(scene: Scene, preview: Preview) -> None:
    scene.drop("day.csv", export_line("Working-1", leadScore="77"))
    scene.edit("sam", lead("Working", 1), Lead_Score__c=55)
    asked = scene.last_request()
    found = preview("--person", "2", "--offline")
    assert fields(found)["Lead_Score__c"][0] == 10
    assert not found["people"][0]["is_read_now"]
    assert scene.last_request() == asked
    assert fields(preview("--person", "2"))["Lead_Score__c"][0] == 55


def test_where_the_org_does_not_answer_the_mirror_is_shown_and_said_to_be(scene: Scene, preview: Preview) -> None:
    scene.drop("day.csv", export_line("Working-1", leadScore="77"))
    scene.settings(daily_api_requests=1)
    found = preview("--person", "2")
    assert fields(found)["Lead_Score__c"] == (10, 77, "write")
    assert "the org could not be asked" in found["said"]


def test_a_row_that_is_older_or_superseded_is_told_so(scene: Scene, preview: Preview) -> None:
    scene.drop("a.csv", export_line("Working-1", leadScore="20", updatedAt="2026-03-01T10:00:00Z"))
    scene.cycle()
    older = export_line("Working-1", leadScore="30", updatedAt="2026-02-01T10:00:00Z")
    oldest = export_line("Working-1", leadScore="40", updatedAt="2026-01-01T10:00:00Z")
    scene.drop("b.csv", older, oldest)
    [person] = preview("--person", "Working-1")["people"]
    assert person["lines"] == [2, 3]
    assert person["line"] == 2
    assert person["superseded"]["3"] == "superseded by line 2 of the same person"
    assert "older than what was read" in person["superseded"]["2"]
    assert {one["effect"] for one in person["fields"]} == {"leave"}


def test_flags_are_told_new_with_their_column_and_known_with_their_evidence(scene: Scene, preview: Preview) -> None:
    scene.drop("a.csv", export_line("Working-1", unsubscribed="true"))
    found = preview("--person", "2")
    [new] = found["people"][0]["flags_new"]
    assert "'unsubscribed' (a.csv:2)" in new["reason"]
    assert found["people"][0]["flags_known"] == []
    assert fields(found)["HasOptedOutOfEmail"][1:] == (True, "write")
    scene.cycle()
    scene.drop("b.csv", export_line("Working-1", unsubscribed="true", leadScore="11"))
    [person] = preview("--person", "Working-1", "--source", "marketo", "--offline")["people"]
    assert person["flags_new"] == []
    assert [fact["evidence"] for fact in person["flags_known"]] == ["a.csv:2"]


def test_a_value_that_salesforce_would_refuse_and_a_cell_that_cannot_be_read_are_told(scene: Scene, preview: Preview) -> None:
    scene.edit("sam", lead("Working", 1), LeadSource=None)
    rows = export_line("Working-1", leadSource="No such source", leadScore="77"), export_line("MQL-1", leadScore="much")
    scene.drop("day.csv", *rows)
    source = preview("--person", "2")
    assert fields(source)["LeadSource"][2] == "refused"
    assert "[ROW-021]" in why(source, "LeadSource")
    assert fields(source)["Lead_Score__c"] == (10, 77, "leave")
    assert "the row is set aside" in why(source, "Lead_Score__c")
    [item] = source["people"][0]["inbox"]
    assert item["kind"] == "export-row"
    score = preview("--person", "3")
    assert fields(score)["Lead_Score__c"][2] == "refused"
    assert "[ROW-004]" in why(score, "Lead_Score__c")


def test_somebody_who_fits_several_or_nobody_is_told_with_the_candidates(scene: Scene, preview: Preview) -> None:
    scene.edit("sam", lead("MQL", 1), Email="contact.3@example.com", MA_Person_Id__c=None)
    scene.cycle()
    scene.drop("day.csv", export_line("new", email="contact.3@example.com"), export_line("gone", email="gone@example.com"))
    [several] = preview("--person", "contact.3@example.com", "--offline")["people"]
    assert several["person"] is None
    assert {one["id"] for one in several["candidates"]} == {lead("MQL", 1), contact(3)}
    [nobody] = preview("--person", "gone@example.com", "--offline")["people"]
    assert (nobody["person"], nobody["counts"]["unmatched"]) == (None, 1)


def test_who_is_in_no_file_is_said_with_exit_1(scene: Scene, preview: Preview) -> None:
    scene.drop("day.csv", export_line("Working-1"))
    for who in ("nobody@example.com", "00Q-not-an-id!!"):
        found = preview("--person", who, "--offline")
        assert found["exit"] == 1
        assert found["people"] == []


@pytest.mark.sweep
def test_cells_that_are_only_as_long_as_an_id_look_up_nobody(scene: Scene) -> None:
    ids = [[lead("Working", number)] for number in range(2)]
    sample = Sample(("id",), [*ids, ["00Q-not-an-id!!"], ["00Q5e00000L1000ZZZ"]])
    found = people_of(scene.config(), sample, {"id": "id"}, {}, ask=False)
    assert [number for number, _ in found["Lead"]] == [0, 1]


def test_text_for_people_names_mode_person_and_rule(scene: Scene, preview: Preview) -> None:
    scene.drop("day.csv", export_line("Working-1", leadScore="77", company="=1+1"))
    told = preview("--person", "2", text=True)
    assert "mode observe: nothing would be written" in told
    assert f"Lead {lead('Working', 1)}" in told
    assert "mappings/fields/marketo.toml:" in told
    assert "Traceback" not in told


def test_a_sample_counts_the_whole_export_and_shows_each_kind_of_effect(scene: Scene, preview: Preview) -> None:
    rows = [export_line(f"{status}-{number}", leadScore="50") for status in ("MQL", "Working") for number in range(4)]
    rows += [export_line("Nurture-1", unsubscribed="true"), export_line("gone", email="gone@example.com")]
    rows += [export_line("Inquiry-2", leadScore="much"), export_line("Inquiry-3")]
    scene.drop("day.csv", *rows)
    before = state(scene)
    one, two = preview("--sample", "5"), preview("--sample", "5")
    assert one["sample"] == two["sample"]
    assert state(scene) == before
    assert one["counts"]["rows"] == 12
    assert one["kinds"]["write Lead.Lead_Score__c"] == 8
    assert set(one["kinds"]) == {effect["kind"] for effect in one["sample"]}
    assert len({effect["who"] for effect in one["sample"]}) <= 5
    assert "write Lead.HasOptedOutOfEmail" in one["kinds"]


def test_the_counts_of_a_sample_and_a_diff_are_of_rows_however_many_the_inbox_lists(scene: Scene, preview: Preview) -> None:
    bad = [export_line(f"odd-{n}", email=f"odd{n}@example.com", leadScore="much") for n in range(130)]
    nobody = [export_line(f"gone-{n}", email=f"gone{n}@example.com") for n in range(40)]
    scene.drop("day.csv", *bad, *nobody)
    kinds = preview("--sample", "3")["kinds"]
    assert (kinds["set aside ROW-004"], kinds["export-unmatched"]) == (130, 40)
    old = scene.home / "old.toml"
    shutil.copy(scene.home / "mappings" / "fields" / "marketo.toml", old)
    scene.rewrite("fields/marketo.toml", r'null      = \["", "null"\]', 'null      = ["", "null", "much"]')
    found = preview("--diff", str(old))
    assert found["counts"]["set aside ROW-004: no longer"] == 130
    [grouped] = [one for one in found["examples"] if one["kind"] == "export-unmatched: another value"]
    assert (grouped["before"], grouped["after"]) == ("40 in all", "170 in all")


def mixed_rows() -> list[str]:
    rows = [export_line(f"{status}-{number}", leadScore="50") for status in ("MQL", "Working") for number in range(4)]
    rows += [export_line("Nurture-1", unsubscribed="true"), export_line("gone", email="gone@example.com")]
    rows += [export_line("Inquiry-2", leadScore="much"), export_line("Inquiry-3"), "too,few", export_line("MQL-1", leadScore="7")]
    return [*rows, *(export_line(f"nobody-{number}", email=f"nobody{number}@example.com") for number in range(60))]


def test_a_sample_of_a_portion_that_is_the_whole_file_says_what_the_whole_file_says(
    scene: Scene, preview: Preview, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_some, "LARGE_BYTES", 100)
    scene.drop("day.csv", *mixed_rows())
    before = state(scene)
    some, whole = preview("--sample", "30"), preview("--sample", "30", "--whole")
    assert state(scene) == before
    assert (some["portion"], whole["portion"]) == ({"rows": 74, "lines": 75}, None)
    assert some["kinds"] == whole["kinds"]
    assert some["sample"] == whole["sample"]
    assert some["counts"] == {name: count for name, count in whole["counts"].items() if name != "files"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.sweep
def test_of_a_large_export_a_sample_looks_at_some_rows_and_says_of_how_many(
    scene: Scene, preview: Preview, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    monkeypatch.setattr(preview_some, "LARGE_BYTES", 100)
    monkeypatch.setattr(preview_some, "ROWS", 20)
    scene.rewrite("fields/marketo.toml", r'encoding  = "utf-8"', f'encoding = "{encoding}"')
    path = tmp_path / "day.csv"
    path.write_text("\n".join([HEADER, *mixed_rows(), ""]), encoding=encoding)
    one, two = (preview("--sample", "5", "--file", str(path)) for _ in range(2))
    assert one == two
    assert one["portion"]["lines"] == 75
    assert one["portion"]["rows"] == one["counts"]["rows"] in range(15, 41)
    told = preview("--sample", "5", "--file", str(path), text=True)
    assert f"looked at {one['portion']['rows']} rows, spread over the 75 lines of the file" in told
    assert "--whole looks at every row" in told
    path.write_text("a,b\n" + "1,2\n" * 100, encoding=encoding)
    assert "[EXP-008]" in preview("--sample", "5", "--file", str(path), text=True)


def test_a_field_that_no_cycle_has_read_yet_is_told_as_such_and_not_as_hidden(scene: Scene, preview: Preview) -> None:
    scene.rewrite(
        "fields/marketo.toml",
        r'(\[column."company"\][^\[]*)field     = \{ Lead = "Company" \}',
        r'\g<1>field     = { Lead = "City" }',
    )
    scene.drop("day.csv", export_line("Working-1", company="Bonn"), export_line("Working-2", company="Bonn"))
    shown = preview("--person", "2", "--offline")
    assert why(shown, "City") == "[ROW-023] Lead.City was not read yet. The first cycle under this mapping reads it."
    sample = preview("--sample", "3")
    assert sample["kinds"] == {"set aside ROW-023": 2}
    assert "a preview is whole after the first cycle under this mapping" in sample["said"]
    assert fields(preview("--person", "2"))["City"][1:] == ("Bonn", "write")
    scene.cycle()
    scene.drop("next.csv", export_line("Working-3", company="Bonn"))
    assert preview("--sample", "3")["kinds"] == {"write Lead.City": 1}


def test_a_diff_tells_what_an_edit_of_the_mapping_changes_over_the_whole_export(scene: Scene, preview: Preview) -> None:
    old = scene.home / "old.toml"
    shutil.copy(scene.home / "mappings" / "fields" / "marketo.toml", old)
    scene.rewrite("fields/marketo.toml", r'(\[column."company"\][^\[]*)conflict  = "fill"', r'\g<1>conflict  = "overwrite"')
    rows = [export_line(f"Working-{number}", company="Acme" if number else "Other", leadScore="50") for number in range(4)]
    scene.drop("day.csv", *rows)
    before = state(scene)
    found = preview("--diff", str(old))
    assert state(scene) == before
    assert (found["people"], found["counts"]) == (1, {"write Lead.Company: newly": 1})
    [example] = found["examples"]
    assert (example["who"], example["before"], example["after"]) == (f"Lead {lead('Working')}", "nothing", "Other")
    assert "The edit changes nothing" in preview("--diff", str(scene.home / "mappings/fields/marketo.toml"), text=True)


@pytest.mark.parametrize(
    ("pattern", "text", "counts"),
    [
        (r'(\[column."company"\][^\[]*)conflict  = "fill"', r'\g<1>conflict  = "overwrite"', {"write Lead.Company: newly": 1}),
        (r'flag  = "unreachable" .*\n', 'flag  = "opted_out"\n', {"flag opted_out: newly": 1, "flag unreachable: no longer": 1}),
        (r'zone      = "UTC"', 'zone = "Europe/Berlin"', None),
        (r'(\[column."leadSource"\][^\[]*)type     = "text"', r'\g<1>type = "number"', None),
    ],
)
@pytest.mark.sweep
def test_a_diff_that_looks_only_at_rows_that_an_edit_may_concern_says_what_one_of_the_whole_export_says(
    scene: Scene, preview: Preview, monkeypatch: pytest.MonkeyPatch, pattern: str, text: str, counts: dict[str, int] | None
) -> None:
    monkeypatch.setattr(sifting, "SIFTED_FROM_BYTES", 100)
    monkeypatch.setattr(sifted, "FEW", -1)
    old = scene.home / "old.toml"
    shutil.copy(scene.home / "mappings" / "fields" / "marketo.toml", old)
    scene.rewrite("fields/marketo.toml", pattern, text)
    odd = [export_line("Working-0", company="Other"), export_line("Working-3", company="Odd", leadScore="much")]
    odd += [
        export_line("Inquiry-0", company="Twice", leadScore="8"),
        export_line("", email="inquiry.0@example.com", company="New"),
    ]
    odd += [export_line("MQL-2", emailInvalid="true"), export_line("Nurture-2", leadSource="No such source", company="X")]
    scene.drop("day.csv", *odd, *mixed_rows()[:-62], *mixed_rows()[-60:])
    whole = preview("--diff", str(old))
    monkeypatch.setattr(preview_some, "LARGE_BYTES", 100)
    looked = preview("--diff", str(old))
    assert (looked["people"], looked["counts"], looked["refused"]) == (whole["people"], whole["counts"], whole["refused"])
    assert looked["examples"] == whole["examples"]
    if counts is not None:
        assert {name: looked["counts"].get(name) for name in counts} == counts
        monkeypatch.setattr(Look, "at_all", None)  # it is not asked for
        assert preview("--diff", str(old)) == looked


def test_a_diff_tells_of_flags_that_would_appear_or_go(scene: Scene, preview: Preview) -> None:
    old = scene.home / "old.toml"
    shutil.copy(scene.home / "mappings" / "fields" / "marketo.toml", old)
    scene.rewrite("fields/marketo.toml", r'flag  = "unreachable" .*\n', 'flag  = "opted_out"\n')
    scene.drop("day.csv", export_line("Working-1", emailInvalid="true"))
    found = preview("--diff", str(old))
    assert found["counts"]["flag opted_out: newly"] == 1
    assert found["counts"]["flag unreachable: no longer"] == 1


def test_each_file_of_an_archive_is_looked_at_with_what_its_name_says_also_after_it_was_taken(
    scene: Scene, preview: Preview, tmp_path: Path
) -> None:
    scene.rewrite("fields/marketo.toml", r'pattern   = "\*\.csv"', 'pattern = "*.zip"\nflag = { "unsubscribed*" = "opted_out" }')
    path = tmp_path / "audience.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("subscribed_1.csv", f"{HEADER}\n{export_line('Working-1', leadScore='77')}\n")
        archive.writestr("unsubscribed_1.csv", f"{HEADER}\n{export_line('Working-2')}\n")
    for who, said in (("Working-1", []), ("Working-2", ["opted_out"])):
        [one] = preview("--person", who, "--file", str(path), "--offline")["people"]
        assert [flag["flag"] for flag in one["flags_new"]] == said
    waiting = scene.home / "exports" / "marketo" / "audience.zip"
    shutil.copy(path, waiting)
    assert "was written a moment ago" in preview("--person", "Working-2", "--offline", text=True)
    link = waiting.with_name("link.zip")
    link.symlink_to(path)
    assert "[EXP-020] This is a link" in preview("--person", "Working-2", "--offline", text=True)
    os.utime(waiting, (1e9, 1e9))
    scene.cycle()
    found = preview("--person", "Working-2", "--offline")
    assert found["people"][0]["file"] == "audience.zip/unsubscribed_1.csv"
    assert "left aside: " in found["said"]
    assert "[EXP-020]" in found["said"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say one of --person WHO, --sample N and --diff OLD.toml."),
        (["--person", "2", "--whole"], "--whole goes with --sample N."),
        (["--person", "2", "--sample", "3"], "Say one of --person WHO, --sample N and --diff OLD.toml."),
        (["--person", "2"], "No export waits in"),
        (["--person", "2", "--source", "marketa"], "Did you mean 'marketo'?"),
        (["--person", "2", "--file", "missing.csv"], "missing.csv cannot be read: No such file or directory."),
    ],
)
@pytest.mark.sweep
def test_what_is_not_clear_is_asked_back(preview: Preview, words: list[str], said: str) -> None:
    assert said in preview(*words, text=True)


@pytest.mark.sweep
def test_the_file_that_was_taken_last_is_looked_at_when_none_waits(scene: Scene, preview: Preview) -> None:
    scene.drop("day.csv", export_line("Working-1", leadScore="77"))
    scene.cycle()
    assert preview("--person", "Working-1", "--offline")["people"][0]["lines"] == [2]


@pytest.mark.sweep
@pytest.mark.parametrize("transform", ["transform = 'INITCAP(company)'", None])
def test_what_a_formula_gives_is_shown_where_it_is_equal_too(scene: Scene, preview: Preview, transform: str | None) -> None:
    computed = (
        '[computed."Company"]\nformula = "INITCAP(company)"\nside = "marketing"\nconflict = "overwrite"\nobjects = ["Lead"]\n'
    )
    column = r'\[column."company"\]\n(field[^\n]*\n)([^\[]*)transform = "trim"([^\[]*)"fill"'
    text = computed if transform is None else rf'[column."company"]\n\g<1>\g<2>{transform}\g<3>"overwrite"'
    scene.rewrite("fields/marketo.toml", column, text)
    scene.drop("day.csv", export_line("Working-1", company="acme"))
    assert fields(preview("--person", "2"))["Company"] == ("Acme", "Acme", "leave")


def test_a_name_reaches_the_terminal_with_its_control_characters_spelled_out(preview: Preview, tmp_path: Path) -> None:
    path = tmp_path / "odd\x1b[2J\n.csv"
    path.write_text("a,b\nworking.1@example.com,2\n", encoding="utf-8")
    told = preview("--person", "working.1@example.com", "--file", str(path), "--offline", text=True)
    assert "odd\\u001b[2J\\u000a.csv:1 [EXP-008]" in told
    assert "\n  next: " in told
    assert "\x1b" not in told


@pytest.mark.sweep
def test_a_file_that_is_not_taken_is_said_to_be(scene: Scene, preview: Preview, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("a,b\nworking.1@example.com,2\n", encoding="utf-8")
    found = preview("--person", "working.1@example.com", "--file", str(path), "--offline")
    assert found["exit"] == 1
    assert "[EXP-" in found["refused"][0]
    old = str(scene.home / "mappings" / "fields" / "marketo.toml")
    for words in (["--sample", "3"], ["--sample", "3", "--whole"], ["--diff", old]):
        found = preview(*words, "--file", str(path))
        assert (found["exit"], "[EXP-" in found["refused"][0]) == (1, True)
        text = preview(*words, "--file", str(path), text=True)
        assert "[EXP-" in text
        assert "changes nothing" not in text
        assert "0 people" not in text


@pytest.mark.sweep
@pytest.mark.parametrize("words", [["--person", "2"], ["--sample", "3"]])
def test_a_link_is_told_and_not_taken_for_an_empty_export(
    scene: Scene, preview: Preview, tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "day.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to(tmp_path / "day.csv")
    assert "link.csv is a link" in preview(*words, "--file", str(tmp_path / "link.csv"), text=True)


@pytest.mark.sweep
def test_somebody_who_would_be_created_is_told_field_by_field_and_nobody_is(scene: Scene, preview: Preview) -> None:
    allow(scene, mode="observe")
    scene.cycle()
    scene.drop("day.csv", export_line("77", email=NEW, leadScore="40"))
    found = preview("--person", NEW)
    assert {name: one[1:] for name, one in fields(found).items()} == {
        "Email": (NEW, "create"),
        "FirstName": ("Lea", "create"),
        "LastName": ("X", "create"),
        "Company": ("Acme", "create"),
        "LeadSource": ("Web", "create"),
        "Lead_Score__c": (40, "create"),
        "MA_Person_Id__c": ("77", "create"),
    }
    assert people(scene) == []
    told = preview("--person", NEW, "--offline", text=True)
    assert "nobody in Salesforce has these keys; would be created:" in told


@pytest.mark.sweep
def test_an_edit_can_be_tried_before_it_is_saved_in_place(scene: Scene, preview: Preview) -> None:
    own = scene.home / "mappings" / "fields" / "marketo.toml"
    new = scene.home / "new.toml"
    new.write_text(own.read_text(encoding="utf-8").replace('conflict  = "fill"', 'conflict  = "overwrite"', 1), encoding="utf-8")
    scene.drop("day.csv", export_line("Working-1", company="Other"))
    assert fields(preview("--person", "2", "--offline"))["Company"][2] == "leave"
    tried = preview("--person", "2", "--offline", "--mapping", str(new))
    assert fields(tried)["Company"] == ("Acme", "Other", "write")
    found = preview("--diff", str(own), "--mapping", str(new))
    assert found["counts"] == {"write Lead.Company: newly": 1}
