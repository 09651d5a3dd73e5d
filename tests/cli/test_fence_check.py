"""What `check` asks of an org with record types, over real HTTP, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from syncd.cli.fence_check import fences_fit
from syncd.cli.finding import Level
from syncd.cli.findings import picklists_by_type, record_types_written
from syncd.core.mapping_file.parsing import parse_mapping
from syncd.core.policies import Policies
from syncd.core.policy import parse_fences
from syncd.ports import RecordType
from syncd.salesforce.access import OrgAccess
from syncd.salesforce.org import SalesforceOrg
from syncd.sandbox.local import RunningOrg, running
from tests.core.samples import TEAMS, table

FOLDER = {
    "RecordType.csv": "Name,DeveloperName,SobjectType,IsActive\nInbound,Inbound,Lead,true\nPartner Lead,Partner_Lead,Lead,true\n"
    "Retired,Retired,Lead,false\n",
    "Lead.csv": "LastName,Company,Status,RecordType.DeveloperName\nAbel,C,New,Partner_Lead\nCole,C,Working,Inbound\n"
    "Dorn,C,Parked,Inbound\nEick,C,Parked,Inbound\n",
}
FENCES = """
version = "v"
[status]
"New" = { team = "marketing" }
"Working" = { team = "sdr" }
"Closed - Converted" = { team = "sales", set_by = "conversion" }
[gate]
"New -> Working" = { by = ["marketing"] }
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    folder = tmp_path_factory.mktemp("types")
    for name, text in FOLDER.items():
        (folder / name).write_text(text, encoding="utf-8")
    with running(load=folder) as org:
        org.org.change_settings(
            {"record_type_values": {"Lead": {"Partner_Lead": {"Status": ["New", "Parked"], "LeadSource": ["Web"]}}}}
        )
        yield org


@pytest.fixture(scope="module")
def org(served: RunningOrg) -> Iterator[SalesforceOrg]:
    access = OrgAccess(served.url, served.client_id, SecretStr(served.client_secret))
    with SalesforceOrg(access, sleep=lambda _: None) as client:
        yield client


def test_each_active_record_type_has_its_own_values(org: SalesforceOrg) -> None:
    inbound, partner = org.record_types("Lead")
    assert (inbound.name, inbound.picklists["Status"]) == ("Inbound", ("New", "Working", "Parked", "Closed - Converted"))
    assert (partner.name, partner.picklists["Status"]) == ("Partner_Lead", ("New", "Parked"))


def test_an_object_without_record_types_has_none(org: SalesforceOrg) -> None:
    found: list[RecordType] = org.record_types("Campaign")
    assert found == []


def test_check_compares_the_file_with_the_org_and_counts_what_nobody_owns(org: SalesforceOrg) -> None:
    fences, problems = parse_fences(table(FENCES + TEAMS))
    assert fences is not None, problems
    schema = org.schema(["Lead", "LeadHistory"])
    said = [each.text for each in fences_fit(org, fences, schema, org.record_types) if each.level is Level.FINDING]
    assert said[:4] == [
        "no team owns Lead Status 'Parked'; 2 leads have it, and their changes are only noted.",
        "fences.toml:1 Lead records of type 'Partner_Lead' can't have Lead Status 'Working'.",
        "fences.toml:1 Lead records of type 'Partner_Lead' can't have Lead Status 'Closed - Converted'.",
        "Lead Status is not tracked (judged by 0 history rows, as describe does not tell).",
    ]


def test_check_names_values_that_a_mapping_may_write_and_a_record_type_does_not_have(org: SalesforceOrg) -> None:
    fences, _ = parse_fences(table(FENCES + TEAMS))
    lines = 'type = "text"\nside = "marketing"\nconflict = "fill"\n'
    columns = f'[column.source]\nfield.Lead = "LeadSource"\n{lines}[column.name]\nfield.Lead = "LastName"\n{lines}'
    mapping, problems = parse_mapping("tool", table(f'version = "1"\nmode = "write"\nmatch.email = "mail"\n{columns}'))
    assert fences is not None
    assert mapping is not None, problems
    policies, schema = Policies(fences, None, (mapping,), {}), org.schema(["Lead"])
    assert record_types_written(policies, schema) == ["Lead"]
    [one] = picklists_by_type(policies, schema, {"Lead": org.record_types("Lead")})
    assert one.level is Level.WARNING
    kept = "'Phone Inquiry', 'Partner Referral', 'Purchased List', 'Other'."
    assert one.text == f"fences.toml:1 Lead records of type 'Partner_Lead' can't have Lead.LeadSource {kept}"


def test_check_without_a_fence_file_still_looks_at_history(org: SalesforceOrg) -> None:
    said = [each.check for each in fences_fit(org, None, org.schema(["Lead", "LeadHistory"]), org.record_types)]
    assert said == ["history tracking", "history tracking"]
