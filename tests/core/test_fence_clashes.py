"""What a fence keeps for its teams, no export writes."""

from __future__ import annotations

import pytest

from syncd.core.fence_clashes import fenced_columns
from syncd.core.mapping import Column, SourceMapping
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.policy import parse_fences
from tests.core.samples import STATUS, TEAMS, table

FENCES = (
    """
version = "v"
[lifecycle]
fields = ["Lead.Status", "Lead.Stage__c"]
reason = "Reason__c"
[fields]
"Lead.Rating" = { shared = "newest" }
"""
    + TEAMS
    + STATUS
)
COLUMN = """
version = "1"
[match]
email = "email"
[column."x"]
type = "text"
field = {{ {object} = "{field}" }}
side = "{side}"
conflict = "overwrite"
blank = "leave"
"""


@pytest.mark.parametrize(
    ("object", "field", "side", "more", "said"),
    [
        ("Lead", "Stage__c", "marketing", "", "[MAP-108] Lead.Stage__c is fenced (fences.toml:1)"),
        ("Lead", "Reason__c", "marketing", "", "[MAP-108] Lead.Reason__c holds the reasons that gates ask for"),
        ("Lead", "Rating", "marketing", "exclusive = true", "[MAP-125] Lead.Rating is nobody's alone (fences.toml:1)"),
        ("Lead", "Rating", "marketing", "", None),
        ("Lead", "Stage__c", "sales", "", None),
        ("Contact", "Stage__c", "marketing", "", None),
        ("Lead", "Other__c", "marketing", "exclusive = true", None),
    ],
)
def test_a_column_that_writes_what_a_fence_keeps_is_refused(
    object: str, field: str, side: str, more: str, said: str | None
) -> None:
    fences, problems = parse_fences(table(FENCES))
    assert fences is not None, problems
    source, problems = parse_mapping(
        "marketo", table(COLUMN.format(object=object, field=field, side=side) + more, "marketo.toml")
    )
    assert isinstance(source, SourceMapping), problems
    assert isinstance(source.columns[0], Column)
    found = [str(problem) for problem in fenced_columns(fences, [source])]
    assert [text.partition(" ")[2].startswith(said or "") for text in found] == ([True] if said else [])
