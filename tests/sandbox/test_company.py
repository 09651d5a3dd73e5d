"""Is the demo company the one that the demo, the rehearsals and the tests count on?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from syncd.sandbox.company import write_company
from syncd.sandbox.company_deals import STAGES, stalled
from syncd.sandbox.company_fence import LEAD_STATUSES, may_set_owner, may_set_status
from syncd.sandbox.company_people import demo_cast
from syncd.sandbox.company_tables import long_id, parse_stamp, read_table, record_id

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
REFERENCES = {
    "User": {"ProfileId": "Profile", "UserRoleId": "UserRole"},
    "GroupMember": {"GroupId": "Group", "UserOrGroupId": "User"},
    "QueueSobject": {"QueueId": "Group"},
    "Account": {"OwnerId": "User"},
    "Contact": {"AccountId": "Account", "OwnerId": "User"},
    "Lead": {
        "ConvertedAccountId": "Account",
        "ConvertedContactId": "Contact",
        "ConvertedOpportunityId": "Opportunity",
        "LastModifiedById": "User",
        "CreatedById": "User",
    },
    "LeadHistory": {"LeadId": "Lead", "CreatedById": "User"},
    "Opportunity": {"AccountId": "Account", "OwnerId": "User"},
    "OpportunityHistory": {"OpportunityId": "Opportunity", "CreatedById": "User"},
    "OpportunityFieldHistory": {"OpportunityId": "Opportunity", "CreatedById": "User"},
    "OpportunityContactRole": {"OpportunityId": "Opportunity", "ContactId": "Contact"},
    "CampaignMemberStatus": {"CampaignId": "Campaign"},
    "CampaignMember": {"CampaignId": "Campaign", "LeadId": "Lead", "ContactId": "Contact"},
    "Task": {"WhatId": "Opportunity", "WhoId": "Contact", "OwnerId": "User"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company")
    write_company(path, seed=7, now=NOW)
    return path


def ids(folder: Path, name: str) -> set[str]:
    return {row["Id"] for row in read_table(folder, name)}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_and_time_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_company(tmp_path / name, seed=3, now=NOW, leads=400, deals=80)
    write_company(tmp_path / "other", seed=4, now=NOW, leads=400, deals=80)
    one, two, other = (content(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert one["Lead.csv"] != other["Lead.csv"]


def test_a_naive_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="aware time"):
        write_company(tmp_path, seed=1, now=NOW.replace(tzinfo=None), leads=10, deals=5)


def test_ids_carry_the_check_characters_of_salesforce() -> None:
    assert long_id("0015500001QdQWa") == "0015500001QdQWaAAN"
    minted = [record_id("Lead", number) for number in range(1, 5000)]
    assert minted == sorted(set(minted))


def test_there_are_leads_in_every_status_and_deals_in_every_stage(folder: Path) -> None:
    statuses = Counter(row["Status"] for row in read_table(folder, "Lead"))
    stages = Counter(row["StageName"] for row in read_table(folder, "Opportunity"))
    assert set(statuses) == set(LEAD_STATUSES)
    assert sum(statuses.values()) == 5200
    assert min(statuses.values()) > 100
    assert set(stages) == {stage[0] for stage in STAGES}
    assert sum(stages.values()) >= 1200


@pytest.mark.parametrize("count", [1, 7, 60])
def test_small_companies_hold_as_many_leads_as_asked(tmp_path: Path, count: int) -> None:
    write_company(tmp_path, seed=1, now=NOW, leads=count, deals=12)
    assert len(ids(tmp_path, "Lead")) == count
    assert len(ids(tmp_path, "Opportunity")) == 12


def test_thirty_people_work_beside_four_machines(folder: Path) -> None:
    roles = {row["Id"]: row["Name"] for row in read_table(folder, "UserRole")}
    profiles = {row["Id"]: row["Name"] for row in read_table(folder, "Profile")}
    users = list(read_table(folder, "User"))
    people = [row for row in users if profiles[row["ProfileId"]] != "Integration User"]
    machines = {row["Username"] for row in users} - {row["Username"] for row in people}
    assert Counter(roles.get(row["UserRoleId"], "") for row in people) == {
        "Marketing Manager": 3,
        "Marketing Ops": 2,
        "SDR": 10,
        "VP Sales": 2,
        "Account Executive": 12,
        "": 1,
    }
    assert machines == {f"{name}@sandbox.example" for name in ("marketo.sync", "routing", "outreach.sync", "automated.process")}


def test_every_reference_leads_to_a_row(folder: Path) -> None:
    known = {name: ids(folder, name) for name in {target for targets in REFERENCES.values() for target in targets.values()}}
    for name, columns in REFERENCES.items():
        for row in read_table(folder, name):
            for column, target in columns.items():
                assert row[column] in known[target] or row[column] == "", (name, column, row)


def test_no_id_is_given_twice_and_all_are_valid(folder: Path) -> None:
    with_ids = [path.stem for path in folder.glob("*.csv") if path.read_text(encoding="utf-8").startswith("Id,")]
    every = [row["Id"] for name in with_ids for row in read_table(folder, name)]
    assert len(every) == len(set(every)) > 9000
    assert all(long_id(each[:15]) == each for each in every)


def test_lead_history_replays_from_the_first_value_to_the_present_one(folder: Path) -> None:
    cast = demo_cast()
    state = {row["Id"]: ("Inquiry", cast.queue("Inquiries").id) for row in read_table(folder, "Lead")}
    reached = {row["Id"]: row["CreatedDate"] for row in read_table(folder, "Lead")}
    for row in read_table(folder, "LeadHistory"):
        status, owner = state[row["LeadId"]]
        assert reached[row["LeadId"]] <= row["CreatedDate"]
        reached[row["LeadId"]] = row["CreatedDate"]
        if row["Field"] == "Status":
            assert row["OldValue"] == status
            state[row["LeadId"]] = (row["NewValue"], owner)
        elif row["DataType"] == "EntityId":
            assert row["OldValue"] == owner
            state[row["LeadId"]] = (status, row["NewValue"])
    for row in read_table(folder, "Lead"):
        assert state[row["Id"]] == (row["Status"], row["OwnerId"])
        assert reached[row["Id"]] <= row["LastModifiedDate"] <= row["SystemModstamp"]


def test_most_moves_in_the_history_are_lawful_and_some_are_not(folder: Path) -> None:
    cast = demo_cast()
    team = {login.id: login.team for login in (*cast.people, *cast.machines)}
    owners = cast.owner_team()
    verdicts = Counter(
        may_set_status(team[row["CreatedById"]], row["OldValue"], row["NewValue"])
        if row["Field"] == "Status"
        else may_set_owner(team[row["CreatedById"]], owners[row["OldValue"]], owners[row["NewValue"]])
        for row in read_table(folder, "LeadHistory")
        if row["Field"] == "Status" or row["DataType"] == "EntityId"
    )
    assert 0 < verdicts[False] < 0.05 * verdicts[True]


def test_stage_history_replays_to_the_present_stage(folder: Path) -> None:
    snapshots: dict[str, dict[str, str]] = {}
    moves: dict[str, list[dict[str, str]]] = {}
    for row in read_table(folder, "OpportunityHistory"):
        assert snapshots.get(row["OpportunityId"], row)["CreatedDate"] <= row["CreatedDate"]
        snapshots[row["OpportunityId"]] = row
    for row in read_table(folder, "OpportunityFieldHistory"):
        moves.setdefault(row["OpportunityId"], []).append(row)
    for deal in read_table(folder, "Opportunity"):
        last = snapshots[deal["Id"]]
        assert [last[name] for name in ("StageName", "Amount", "CloseDate")] == [
            deal[name] for name in ("StageName", "Amount", "CloseDate")
        ]
        steps = [row for row in moves[deal["Id"]] if row["Field"] == "StageName"]
        assert all(one["NewValue"] == two["OldValue"] for one, two in pairwise(steps))
        if steps:
            assert (steps[-1]["NewValue"], steps[-1]["CreatedDate"]) == (deal["StageName"], deal["LastStageChangeDate"])


@pytest.mark.parametrize(
    "now",
    [NOW, datetime(2026, 3, 1, 0, 0, 3, tzinfo=UTC), datetime(2026, 7, 4, 23, 59, 59, tzinfo=UTC)],
    ids=["monday morning", "sunday just after midnight", "saturday night"],
)
def test_nothing_in_the_company_is_younger_than_now(tmp_path: Path, now: datetime) -> None:
    write_company(tmp_path, seed=5, now=now, leads=1500, deals=400)
    for path in tmp_path.glob("*.csv"):
        for row in read_table(tmp_path, path.stem):
            for column in ("CreatedDate", "LastModifiedDate", "SystemModstamp", "LastStageChangeDate"):
                assert not row.get(column) or parse_stamp(row[column]) < now, (path.stem, row)


def stalled_on(folder: Path, now: datetime) -> set[str]:
    teams = demo_cast().owner_team()
    last: dict[str, date] = {}
    for row in read_table(folder, "Task"):
        if teams[row["OwnerId"]] in ("sales", "sdr"):
            on = date.fromisoformat(row["ActivityDate"])
            last[row["WhatId"]] = max(last.get(row["WhatId"], on), on)
    return {
        row["Id"]
        for row in read_table(folder, "Opportunity")
        if stalled(row["StageName"], parse_stamp(row["LastStageChangeDate"] or row["CreatedDate"]), last.get(row["Id"]), now)
    }


def test_a_known_number_of_deals_is_stalled_and_more_follow_as_days_pass(folder: Path) -> None:
    counts = [len(stalled_on(folder, NOW + timedelta(days=day))) for day in range(6)]
    assert 60 <= counts[0] <= 120
    assert all(one < two for one, two in pairwise(counts))


def test_stalled_deals_are_found_in_every_stage_that_can_stall(folder: Path) -> None:
    quiet = stalled_on(folder, NOW)
    stages = Counter(row["StageName"] for row in read_table(folder, "Opportunity") if row["Id"] in quiet)
    assert stages.keys() == {"Discovery", "Evaluation", "Proposal"}
    assert min(stages.values()) >= 10


def test_marketing_mails_are_logged_on_stalled_deals_and_wake_none(folder: Path) -> None:
    mailed = {row["WhatId"] for row in read_table(folder, "Task") if row["Subject"].startswith("Marketo: Email sent")}
    assert len(mailed & stalled_on(folder, NOW)) >= 15


def roles_of(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for row in read_table(folder, "OpportunityContactRole"):
        yield row["OpportunityId"], row


def test_deals_have_up_to_three_roles_with_one_primary_and_some_have_none(folder: Path) -> None:
    counts = Counter(deal for deal, _ in roles_of(folder))
    primaries = Counter(deal for deal, row in roles_of(folder) if row["IsPrimary"] == "true")
    assert set(counts.values()) == {1, 2, 3}
    assert set(primaries.values()) == {1}
    assert primaries.keys() == counts.keys()
    assert 50 < len(ids(folder, "Opportunity") - counts.keys()) < 200
    pairs = [(deal, row["ContactId"]) for deal, row in roles_of(folder)]
    assert len(pairs) == len(set(pairs))


def test_some_people_are_on_a_stalled_and_on_a_live_deal(folder: Path) -> None:
    quiet = stalled_on(folder, NOW)
    live = {row["Id"] for row in read_table(folder, "Opportunity") if not row["StageName"].startswith("Closed")} - quiet
    on_live = {row["ContactId"] for deal, row in roles_of(folder) if deal in live}
    assert len({row["ContactId"] for deal, row in roles_of(folder) if deal in quiet} & on_live) >= 10


def test_addresses_are_nobodys_and_twins_share_theirs_on_purpose(folder: Path) -> None:
    leads = [row for row in read_table(folder, "Lead") if row["Email"]]
    addresses = [row["Email"] for row in (*leads, *read_table(folder, "Contact"))]
    assert all(address.isascii() and address.endswith(".example") for address in addresses)
    twins = {email for email, count in Counter(row["Email"] for row in leads).items() if count > 1}
    assert 8 <= len(twins) <= 20
    opted_out = sum(row["HasOptedOutOfEmail"] == "true" for row in leads)
    assert 0.01 < opted_out / len(leads) < 0.06


def test_a_person_is_in_a_campaign_once_with_a_status_that_it_knows(folder: Path) -> None:
    known = {(row["CampaignId"], row["Label"]) for row in read_table(folder, "CampaignMemberStatus")}
    members = list(read_table(folder, "CampaignMember"))
    keys = [(row["CampaignId"], row["LeadId"] + row["ContactId"]) for row in members]
    assert len(keys) == len(set(keys)) > 1000
    assert all((row["CampaignId"], row["Status"]) in known for row in members)
    nurture = {row["Id"] for row in read_table(folder, "Campaign") if row["Name"].startswith("SYNCD Stalled")}
    assert len(nurture) == 2
    assert not nurture & {row["CampaignId"] for row in members}
