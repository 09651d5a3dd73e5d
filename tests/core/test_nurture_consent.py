"""What does nurture.toml say of the brand and topic of a track, and of the org's own opt-out boxes?"""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.core.nurture import Nurture, parse_nurture
from syncd.core.values import Problem
from syncd.policies.documents import read_table

BASE = """version = "1"
[stall]
"Proposal" = { in_stage_days = 60 }
[track.late]
stages = ["Proposal"]
campaign = "Late"
"""


def parsed(tmp_path: Path, text: str) -> tuple[Nurture | None, list[Problem]]:
    path = tmp_path / "nurture.toml"
    path.write_text(BASE + text, encoding="utf-8")
    table, problems = read_table(path)
    assert table is not None, problems
    return parse_nurture(table)


@pytest.mark.parametrize(
    ("text", "scopes"),
    [("", set()), ('brand = "Acme"\n', {"brand:acme"}), ('brand = "ACME"\ntopic = "News"\n', {"brand:acme", "topic:news"})],
)
def test_a_track_names_its_brand_and_topic_in_any_case(tmp_path: Path, text: str, scopes: set[str]) -> None:
    nurture, problems = parsed(tmp_path, text)
    assert nurture is not None, problems
    assert nurture.tracks[0].scopes == scopes


def test_further_boxes_of_the_org_have_a_scope_by_object(tmp_path: Path) -> None:
    nurture, problems = parsed(tmp_path, '[opt_out.Contact]\nNo_News__c = "Topic: News"\n[opt_out.Lead]\nNo_Mail__c = "global"\n')
    assert nurture is not None, problems
    assert nurture.opt_outs == {"Contact": {"No_News__c": "topic:news"}, "Lead": {"No_Mail__c": "global"}}


def test_data_privacy_records_count_where_their_table_is_there_even_an_empty_one(tmp_path: Path) -> None:
    nurture, problems = parsed(tmp_path, '[opt_out.Individual]\n[opt_out.ContactPointTypeConsent]\n"Our  News" = "topic:News"\n')
    assert nurture is not None, problems
    assert nurture.privacy.boxes == dict.fromkeys(("HasOptedOutSolicit", "HasOptedOutProcessing", "ShouldForget"), "global")
    assert nurture.privacy.purposes == {"ContactPointTypeConsent": {"our news": "topic:news"}}
    assert nurture.opt_outs == {}


def test_no_data_privacy_record_counts_unless_it_is_named(tmp_path: Path) -> None:
    nurture, problems = parsed(tmp_path, '[opt_out.Contact]\nNo_News__c = "global"\n')
    assert nurture is not None, problems
    assert not nurture.privacy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[opt_out.Contact]\nNo_News__c = "news"\n', "'news' does not say what the opt-out covers."),
        ('[opt_out.Contact]\nHasOptedOutOfEmail = "global"\n', "always counts"),
        ('[opt_out.Contact]\n"No News" = "global"\n', "is no field name"),
        ('[opt_out.Account]\nNo_News__c = "global"\n', "Account"),
        ('[opt_out.Individual]\nShouldForget = "topic:x"\n', "ShouldForget always counts, for all mail"),
        ('[opt_out.Individual]\n"Should Forget" = "global"\n', "is no field name"),
        ('[opt_out.ContactPointConsent]\n"News" = "news"\n', "'news' does not say what the opt-out covers."),
        ('[opt_out.ContactPointConsent]\n"News" = "global"\n"news " = "topic:x"\n', "is named twice"),
        ("[opt_out.ContactPointTypeConsents]\n", "unknown key 'ContactPointTypeConsents'"),
    ],
)
def test_what_is_no_box_or_covers_nothing_is_refused(tmp_path: Path, text: str, words: str) -> None:
    nurture, problems = parsed(tmp_path, text)
    assert nurture is None
    assert any(words in problem.text and problem.line > 6 for problem in problems), problems
