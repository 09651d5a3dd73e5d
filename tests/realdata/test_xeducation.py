"""Is everybody opted out who said no in any column, and is nothing else written than what the mapping names?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.local import RunningOrg, running
from tests.realdata import xeducation
from tests.realdata.site import LIFTED, Site
from tests.realdata.tables import read_rows

pytestmark = pytest.mark.realdata

LEADS, OPTED_OUT, UNREACHABLE, EXCLUDED = 6_470, 503, 215, 513
UNLISTED = Counter({"google": 5, "bing": 4, "blog": 1, "welearnblog_Home": 1, "testone": 1})
FENCES = """\
version = "1"

[teams]
sales = { profile = ["Sales User"] }

[status]
"Open - Not Contacted"   = { team = "sales" }
"Working - Contacted"    = { team = "sales" }
"Closed - Converted"     = { team = "sales" }
"Closed - Not Converted" = { team = "sales" }
"""
MAPPING = """\
version = "1"
mode = "write"

[match]
external = { column = "Prospect ID", field = "Prospect_ID__c" }

[column."Do Not Email"]
type  = "boolean"
true  = ["Yes"]
false = ["No"]
flag  = "opted_out"
field = { Lead = "HasOptedOutOfEmail" }

[column."Last Activity"]
type             = "text"
opted_out_when   = ["Unsubscribed"]
unreachable_when = ["Email Bounced"]

[column."Lead Source"]
type     = "text"
field    = { Lead = "LeadSource" }
side     = "marketing"
conflict = "fill"
null     = [""]

[column."Country"]
type     = "text"
field    = { Lead = "Country" }
side     = "marketing"
conflict = "overwrite"
blank    = "clear"
null     = ["", "unknown"]

[column."City"]
type     = "text"
field    = { Lead = "City" }
side     = "marketing"
conflict = "overwrite"
blank    = "clear"
null     = ["", "Select"]

[column."Specialization"]
type     = "text"
field    = { Lead = "Specialization__c" }
side     = "marketing"
conflict = "overwrite"
blank    = "clear"
null     = ["", "Select"]

[column."TotalVisits"]
type     = "number"
field    = { Lead = "TotalVisits__c" }
side     = "marketing"
conflict = "overwrite"
null     = [""]
"""
NULLS = {
    "Country": ("Country", {"": 1_740, "unknown": 4}),
    "City": ("City", {"": 988, "Select": 1_569}),
    "Specialization": ("Specialization__c", {"": 1_001, "Select": 1_365}),
}
MAPPED = {"HasOptedOutOfEmail", "LeadSource", "Country", "City", "Specialization__c", "TotalVisits__c"}


@pytest.fixture(scope="module")
def folder(xeducation_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("xeducation")
    xeducation.write_org(xeducation_data, path)
    return path


@dataclass(frozen=True)
class Taken:
    """A site that has taken the whole export, the counts of that cycle, and the org's leads before it."""

    site: Site
    counts: Mapping[str, int]
    before: Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def taken(folder: Path, xeducation_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    with running(load=folder, now=xeducation.NOW, frozen=True) as org:
        site = site_with(tmp_path_factory.mktemp("site"), org, xeducation_data, limits=LIFTED)
        before = {str(row["Id"]): row for row in site.dump("Lead")}
        counts = site.cycle().counts
        # An opt-out travels ahead of the other fields of its lead; a record saved this very second is left to a later cycle.
        for _ in range(3):
            site.control("clock", {"advance_s": 60})
            site.cycle()
        site.settles()
        yield Taken(site, counts, before)


def site_with(root: Path, org: RunningOrg, data: Path, *, limits: str = "") -> Site:
    site = Site(root, org, limits=limits)
    site.policy("fences.toml", FENCES)
    site.policy("fields/xeducation.toml", MAPPING)
    xeducation.drop_export(data, root / "exports")
    return site


def assert_everybody_is_flagged(site: Site) -> None:
    counts = site.ask(lambda store: store.flag_counts())
    flagged = {"opted_out": OPTED_OUT, "opt_out_unreadable": 0, "unreachable": UNREACHABLE, "any": EXCLUDED}
    assert counts == {**flagged, "scoped": 0, "consents": 0}


def said_no(row: dict[str, str]) -> bool:
    return row["Do Not Email"] == "Yes" or row["Last Activity"] == "Unsubscribed"


def rows_of(site: Site, data: Path) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return the rows of the export that were taken, and those that wait in the inbox."""
    rows = read_rows(data / xeducation.EXPORT)
    waiting = {int(item.where.rpartition(":")[2]) - 2 for item in site.inbox() if item.kind == "export-row"}
    return [row for at, row in enumerate(rows) if at not in waiting], [rows[at] for at in sorted(waiting)]


def test_any_no_opts_out_in_syncd_and_in_the_org(taken: Taken, xeducation_data: Path) -> None:
    site = taken.site
    assert len(taken.before) == taken.counts["export rows"] == LEADS
    assert_everybody_is_flagged(site)
    assert not any(lead["HasOptedOutOfEmail"] for lead in taken.before.values())
    opted_out = {lead["Prospect_ID__c"] for lead in site.dump("Lead") if lead["HasOptedOutOfEmail"]}
    assert len(opted_out) == OPTED_OUT
    assert opted_out == {row["Prospect ID"] for row in read_rows(xeducation_data / xeducation.EXPORT) if said_no(row)}


def test_every_spelling_of_nothing_reads_as_null_in_its_own_column(taken: Taken, xeducation_data: Path) -> None:
    leads = {row["Prospect_ID__c"]: row for row in taken.site.dump("Lead")}
    rows, waiting = rows_of(taken.site, xeducation_data)
    for column, (field, nulls) in NULLS.items():
        read_as_null = [row for row in rows if leads[row["Prospect ID"]][field] is None]
        told = Counter(row[column] for row in read_as_null) + Counter(row[column] for row in waiting if row[column] in nulls)
        assert told == nulls, column
        assert all(leads[row["Prospect ID"]][field] in (None, row[column]) for row in rows)
    for row in rows:
        lead = leads[row["Prospect ID"]]
        assert lead["TotalVisits__c"] == (float(row["TotalVisits"]) if row["TotalVisits"] else None)
        assert lead["LeadSource"] == (row["Lead Source"] or None)


def test_a_value_that_the_picklist_lacks_even_if_only_in_case_waits_for_a_person(taken: Taken, xeducation_data: Path) -> None:
    rows, waiting = rows_of(taken.site, xeducation_data)
    assert Counter(row["Lead Source"] for row in waiting) == UNLISTED
    assert taken.counts["export applied"] + taken.counts["export unchanged"] == len(rows) == LEADS - UNLISTED.total()
    assert taken.counts["export quarantined"] == UNLISTED.total()
    items = taken.site.inbox()
    assert len(items) == UNLISTED.total()
    assert all("is no active value of the picklist" in item.text for item in items)
    leads = {row["Prospect_ID__c"]: row for row in taken.site.dump("Lead")}
    for row in waiting:
        assert leads[row["Prospect ID"]]["LeadSource"] is None
        assert leads[row["Prospect ID"]]["HasOptedOutOfEmail"] is said_no(row)


def test_nothing_is_written_but_the_mapped_fields_of_leads(taken: Taken) -> None:
    writes = taken.site.writes()
    assert {(write.method, write.object) for write in writes} == {("PATCH", "Lead")}
    assert {name for write in writes for name in write.fields} == MAPPED
    assert sum(write.fields.get("HasOptedOutOfEmail") is True for write in writes) == OPTED_OUT
    assert sum("HasOptedOutOfEmail" in write.fields for write in writes) == OPTED_OUT
    stamped = {"LastModifiedDate", "LastModifiedById", "SystemModstamp"}
    for lead in taken.site.dump("Lead"):
        changed = {name for name, value in lead.items() if value != taken.before[lead["Id"]][name]}
        assert changed <= MAPPED | stamped
    assert taken.site.ask(lambda store: store.count_open()) == 0
    assert taken.site.ask(lambda store: store.verify()).problems == ()


def test_the_same_bytes_again_do_nothing(taken: Taken, xeducation_data: Path) -> None:
    site = taken.site
    written, size, leads = len(site.writes()), site.ask(lambda store: store.ledger_size()), site.dump("Lead")
    dropped = xeducation.drop_export(xeducation_data, site.root / "exports")
    counts = site.cycle().counts
    assert not dropped.exists()
    assert [name for name in counts if name.startswith(("export", "outcomes"))] == ["export files taken before"]
    assert len(site.writes()) == written
    assert site.ask(lambda store: store.ledger_size()) == size
    assert site.dump("Lead") == leads
    assert_everybody_is_flagged(site)


def test_the_usual_limits_latch_every_opt_out_write_nothing_and_leave_one_plan(
    folder: Path, xeducation_data: Path, tmp_path: Path
) -> None:
    with running(load=folder, now=xeducation.NOW, frozen=True) as org:
        site = site_with(tmp_path, org, xeducation_data)
        before = site.dump("Lead")
        counts = site.cycle().counts
        assert counts["held back"] == counts["export intents"]
        assert_everybody_is_flagged(site)
        assert site.writes() == []
        assert site.dump("Lead") == before
        [path] = site.plans()
        [item] = [item for item in site.inbox() if item.kind == "plan-waiting"]
        assert path.name in item.remedy
        assert "records would change, limit 323 a cycle" in item.text
        assert site.cycle().counts.get("held back") is None
        assert site.plans() == [path]
        assert site.writes() == []
