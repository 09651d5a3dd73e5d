"""Are the columns of the demo company's export found, with the emulated org asked for fields and people?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.sandbox.company import write_company
from syncd.sandbox.exports_demo import HEADER, write_export
from syncd.sandbox.local import running
from tests.cli.conftest import CONFIG, Syncd
from tests.cli.test_mapping_suggest import found_in

TRUTH = {
    "id": "external", "email": "email", "firstName": "FirstName", "lastName": "LastName", "company": "Company",
    "leadScore": "Lead_Score__c", "unsubscribed": "opted_out", "emailInvalid": "unreachable", "leadSource": "LeadSource",
    "updatedAt": "newest",
}  # fmt: skip
NAMELESS = {"unsubscribed", "id", "email", "firstName", "lastName", "company", "leadSource", "leadScore"}


@pytest.mark.sweep
def test_the_demo_company_s_export_is_proposed_by_names_and_by_the_org_s_own_values(syncd: Syncd, tmp_path: Path) -> None:
    folder = tmp_path / "company"
    folder.mkdir()
    write_company(folder, seed=7, now=datetime(2026, 3, 2, 9, tzinfo=UTC))
    write_export(tmp_path / "day1.csv", folder_or_people=folder, day=1, seed=7)
    text = (tmp_path / "day1.csv").read_text("utf-8")
    letters = {name: f"column {chr(97 + place)}" for place, name in enumerate(HEADER)}
    nameless = ",".join(letters.values()) + text[text.index("\n") :]
    (tmp_path / "nameless.csv").write_text(nameless, "utf-8")
    with running(load=folder) as org:
        (tmp_path / "config.toml").write_text(CONFIG.format(url=org.url), "utf-8")
        named = syncd("mapping", "suggest", "day1.csv", "--org", "--json")
        assert named.code == 0, named.err
        assert found_in(named.json) == TRUTH
        out = tmp_path / "mappings" / "fields" / "marketo.toml"
        assert syncd("mapping", "suggest", "day1.csv", "--org", "--out", out).code == 0
        checked = syncd("mapping", "check", out, "--org")
        assert checked.code == 0, checked.out
        bare = syncd("mapping", "suggest", "nameless.csv", "--org", "--json")
    found = found_in(bare.json)
    assert bare.json["people_compared"] >= 100
    wanted = {letters[name]: TRUTH[name] for name in NAMELESS}
    assert found.items() <= {letters[name]: role for name, role in TRUTH.items()}.items()
    assert len(found.items() & wanted.items()) >= len(NAMELESS) - 1, found
