"""SOQL means here what it means in Salesforce."""
# ruff: noqa: S608  (the statements are SOQL, and the org is a toy)

from __future__ import annotations

import pytest

from syncd.sandbox.local import RunningOrg
from tests.sandbox.client import Client

PEOPLE: tuple[dict[str, object], ...] = (
    {
        "LastName": "Abel",
        "FirstName": "Ann",
        "Title": "CEO",
        "Email": "ann@a.example",
        "NumberOfEmployees": 5,
        "HasOptedOutOfEmail": True,
    },
    {"LastName": "Brandt", "FirstName": "Bo", "Title": "cfo", "NumberOfEmployees": 50},
    {"LastName": "O'Neil", "FirstName": "Cy", "Title": "100%_sure", "AnnualRevenue": 1500},
    {"LastName": "Dane", "FirstName": "Di"},
)


@pytest.fixture
def crm(client: Client) -> Client:
    for number, person in enumerate(PEOPLE):
        client.lead(Company=f"C{number}", **({"Email": None} | person))
        client.org.clock.advance(60)
    return client


WHERE = [
    ("Title = 'CEO'", "A"),
    ("Title = 'ceo'", "A"),
    ("title = 'CFO'", "B"),
    ("Title != 'CEO'", "BOD"),
    ("Title <> 'CEO'", "BOD"),
    ("Title = null", "D"),
    ("Title != null", "ABO"),
    ("Title = ''", "D"),
    ("Title IN ('CEO', 'CFO')", "AB"),
    ("Title NOT IN ('CEO', 'CFO')", "OD"),
    ("Title IN ('CEO', null)", "AD"),
    ("NOT Title = 'CEO'", "BOD"),
    ("(NOT Title = 'CEO') AND LastName != 'Dane'", "BO"),
    ("Title LIKE 'c%'", "AB"),
    ("Title LIKE '_f_'", "B"),
    (r"Title LIKE '100\%\_%'", "O"),
    (r"Title LIKE '1%\_x%'", ""),
    (r"LastName = 'O\'Neil'", "O"),
    ("NumberOfEmployees > 5", "B"),
    ("NumberOfEmployees >= 5", "AB"),
    ("NumberOfEmployees < 50", "A"),
    ("NumberOfEmployees != 5", "BOD"),
    ("AnnualRevenue = 1500.0", "O"),
    ("Owner.Type = 'user'", "ABOD"),
    ("HasOptedOutOfEmail = true", "A"),
    ("HasOptedOutOfEmail != true", "BOD"),
    ("CreatedDate = TODAY", "ABOD"),
    ("CreatedDate < LAST_N_DAYS:3", ""),
    ("CreatedDate >= 2026-03-02T09:02:00Z", "OD"),
    ("CreatedDate > 2026-03-02T09:02:00.5Z", "D"),
    ("CreatedDate < 2026-03-02T10:01:00+01:00", "A"),
    ("(Title = 'CEO' OR Title = 'CFO') AND NumberOfEmployees = 50", "B"),
    ("Title = 'CEO' OR (Title = 'CFO' AND LastName = 'Brandt')", "AB"),
    ("Owner.Name = 'SYNCD Integration'", "ABOD"),
    ("Owner.Type = 'User'", "ABOD"),
    ("Owner.Profile.Name LIKE 'Minimum%'", "ABOD"),
    ("CreatedBy.Username != 'syncd@sandbox.example'", ""),
    ("ConvertedAccount.Name = null", "ABOD"),
    ("Lead.Title = 'CEO'", "A"),
    ("Id IN (SELECT LeadId FROM CampaignMember)", ""),
    ("Id NOT IN (SELECT LeadId FROM CampaignMember)", "ABOD"),
]


@pytest.mark.parametrize(("where", "initials"), WHERE)
def test_a_condition_selects_what_salesforce_selects(crm: Client, where: str, initials: str) -> None:
    rows = crm.rows(f"SELECT LastName FROM Lead WHERE {where} ORDER BY CreatedDate")
    assert "".join(row["LastName"][0] for row in rows) == initials


REFUSED = [
    ("SELECT Nope FROM Lead", "INVALID_FIELD", "No such column 'Nope' on entity 'Lead'"),
    ("SELECT Owner.Nope FROM Lead", "INVALID_FIELD", "No such column 'Nope' on entity 'Name'"),
    ("SELECT Nope.Id FROM Lead", "INVALID_FIELD", "Didn't understand relationship 'Nope'"),
    ("SELECT Id FROM Nope", "INVALID_TYPE", "ERROR at Row:1:Column:16"),
    ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY", "unexpected token"),
    ("SELECT Id, FROM Lead", "MALFORMED_QUERY", ""),
    ("SELECT FROM Lead", "MALFORMED_QUERY", ""),
    ("SELECT * FROM Lead", "MALFORMED_QUERY", ""),
    ("Id FROM Lead", "MALFORMED_QUERY", ""),
    ("SELECT Id FROM Lead WHERE Title = CEO", "MALFORMED_QUERY", ""),
    ("SELECT Id FROM Lead WHERE Title = 'a' AND Title = 'b' OR Title = 'c'", "MALFORMED_QUERY", "unexpected token: 'OR'"),
    ("SELECT Id FROM Lead WHERE Title = 'a", "MALFORMED_QUERY", ""),
    (r"SELECT Id FROM Lead WHERE Title = '\x'", "MALFORMED_QUERY", "Illegal character sequence"),
    (
        "SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01T00:00:00Z'",
        "INVALID_FIELD",
        "must be of type dateTime and should not be",
    ),
    ("SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
    ("SELECT Id FROM Lead WHERE Title = 5", "INVALID_FIELD", "should be enclosed in quotes"),
    ("SELECT Id FROM Lead WHERE IsConverted = 'true'", "INVALID_FIELD", "must be of type boolean"),
    ("SELECT Id FROM Lead WHERE NumberOfEmployees = '5'", "INVALID_FIELD", "should not be enclosed in quotes"),
    ("SELECT Id FROM Lead WHERE OwnerId = 'nobody'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: nobody"),
    ("SELECT Id FROM Lead WHERE IsConverted > true", "INVALID_QUERY_FILTER_OPERATOR", ""),
    ("SELECT Id FROM Lead WHERE CreatedDate LIKE '2026%'", "INVALID_QUERY_FILTER_OPERATOR", ""),
    ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
    ("SELECT Id FROM Opportunity WHERE HasOpenActivity = true", "INVALID_FIELD", "can not be filtered"),
    ("SELECT Id FROM LeadHistory WHERE NewValue = 'x'", "INVALID_FIELD", "can not be filtered"),
    ("SELECT Id FROM Opportunity ORDER BY HasOverdueTask", "INVALID_FIELD", "can not be sorted"),
    ("SELECT CreatedDate, COUNT(Id) FROM Lead GROUP BY CreatedDate", "INVALID_FIELD", "can not be grouped"),
    ("SELECT Title, COUNT(Id) FROM Lead GROUP BY Status", "MALFORMED_QUERY", "must be grouped or aggregated"),
    (
        "SELECT DAY_ONLY(CreatedDate), COUNT(Id) FROM Lead GROUP BY CreatedDate",
        "MALFORMED_QUERY",
        "must be grouped or aggregated",
    ),
    ("SELECT DAY_ONLY(Status) d, COUNT(Id) FROM Lead GROUP BY DAY_ONLY(Status)", "INVALID_FIELD", "does not support"),
    ("SELECT DAY_ONLY(CreatedDate) FROM Lead", "MALFORMED_QUERY", "only where it is grouped by"),
    ("SELECT COUNT(Id) FROM Lead LIMIT 5", "MALFORMED_QUERY", ""),
    ("SELECT SUM(Title) FROM Lead", "MALFORMED_QUERY", "aggregate operator"),
    ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
    ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY", "LIMIT"),
    ("SELECT FIELDS(CUSTOM) FROM Lead LIMIT 5", "MALFORMED_QUERY", ""),
    ("SELECT Id, Id FROM Lead", "INVALID_FIELD", "duplicate field selected"),
    ("SELECT (SELECT Id FROM Nopes) FROM Lead", "INVALID_TYPE", "Didn't understand relationship"),
    ("SELECT Id FROM Lead WHERE Title IN (SELECT LeadId FROM CampaignMember)", "MALFORMED_QUERY", ""),
    ("SELECT Id FROM Lead WHERE Title = '" + "x" * 4_001 + "'", "MALFORMED_QUERY", "4000"),
    ("SELECT Id FROM Lead; DROP TABLE Lead", "MALFORMED_QUERY", ""),
]


@pytest.mark.parametrize(("statement", "code", "words"), REFUSED)
def test_a_wrong_statement_is_refused(client: Client, statement: str, code: str, words: str) -> None:
    answer = client.call("GET", "/query?q=" + statement.replace("%", "%25").replace(" ", "+"))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code), answer.text
    assert words in answer.json()[0]["message"]


def test_a_statement_over_100000_characters_is_malformed(client: Client) -> None:
    request = {"method": "GET", "referenceId": "q", "url": "/services/data/v62.0/query?q=SELECT+Id+FROM+Lead+" + "x" * 100_000}
    [result] = client.call("POST", "/composite", {"compositeRequest": [request]}).json()["compositeResponse"]
    assert (result["httpStatusCode"], result["body"][0]["errorCode"]) == (400, "MALFORMED_QUERY")


def test_parents_come_nested_and_are_null_where_there_is_none(crm: Client) -> None:
    [row] = crm.query("SELECT Id, Owner.Name, Owner.Username, CreatedBy.UserRole.Name, ConvertedAccount.Name FROM Lead LIMIT 1")[
        "records"
    ]
    user = crm.org.api_user_id
    assert row["attributes"] == {"type": "Lead", "url": f"/services/data/v62.0/sobjects/Lead/{row['Id']}"}
    assert row["Owner"] == {
        "attributes": {"type": "Name", "url": f"/services/data/v62.0/sobjects/User/{user}"},
        "Name": "syncd Integration",
        "Username": "syncd@sandbox.example",
    }
    assert (row["CreatedBy"]["UserRole"], row["ConvertedAccount"]) == (None, None)


def test_a_queue_owner_has_a_name_and_no_username(client: Client) -> None:
    queue = client.create("Group", Name="MQLs", DeveloperName="MQLs", Type="Queue")
    client.create("QueueSobject", QueueId=queue, SobjectType="Lead")
    lead = client.lead(OwnerId=queue)
    [row] = client.rows("SELECT Owner.Name, Owner.Type, Owner.Username FROM Lead")
    assert {name: row["Owner"][name] for name in ("Name", "Type", "Username")} == {
        "Name": "MQLs",
        "Type": "Queue",
        "Username": None,
    }
    assert row["Owner"]["attributes"]["url"].endswith("/Group/" + queue)
    assert client.rows(f"SELECT Id FROM Lead WHERE OwnerId = '{queue[:15]}'") == [{"Id": lead}]


def test_counts_and_groups(crm: Client) -> None:
    crm.lead(LastName="Abel")
    assert crm.query("SELECT COUNT() FROM Lead WHERE Title != null") == {"totalSize": 3, "done": True, "records": []}
    [row] = crm.query("SELECT COUNT(Id), MAX(NumberOfEmployees) top, MIN(LastName) FROM Lead")["records"]
    assert row == {"attributes": {"type": "AggregateResult"}, "expr0": 5, "top": 50, "expr1": "Abel"}
    grouped = crm.rows("SELECT LastName, COUNT(Id) n FROM Lead GROUP BY LastName HAVING COUNT(Id) > 1")
    assert grouped == [{"LastName": "Abel", "n": 2}]


def test_rows_are_counted_by_the_day_of_a_time(crm: Client) -> None:
    day = crm.rows("SELECT CreatedDate FROM Lead LIMIT 1")[0]["CreatedDate"][:10]
    counted = "SELECT DAY_ONLY(CreatedDate) day, COUNT(Id) n FROM Lead GROUP BY DAY_ONLY(CreatedDate)"
    assert crm.rows(f"{counted} ORDER BY DAY_ONLY(CreatedDate) DESC") == [{"day": day, "n": 4}]
    assert crm.rows("SELECT DAY_ONLY(CreatedDate), COUNT(Id) FROM Lead GROUP BY day_only(Lead.CreatedDate)") == [
        {"expr0": day, "expr1": 4}
    ]
    assert crm.rows(f"SELECT COUNT(Id) n FROM Lead WHERE DAY_ONLY(CreatedDate) > {day}") == [{"n": 0}]


def test_nulls_come_first_unless_told_otherwise(crm: Client) -> None:
    def order(words: str) -> str:
        return "".join(row["LastName"][0] for row in crm.rows(f"SELECT LastName FROM Lead ORDER BY {words}, CreatedDate"))

    assert order("NumberOfEmployees") == order("NumberOfEmployees NULLS FIRST") == "ODAB"
    assert order("NumberOfEmployees DESC") == "ODBA"
    assert order("NumberOfEmployees DESC NULLS LAST") == "BAOD"
    assert [row["LastName"] for row in crm.rows("SELECT LastName FROM Lead ORDER BY LastName DESC LIMIT 1 OFFSET 1")] == ["Dane"]


def test_children_come_as_a_result_of_their_own_or_null(client: Client) -> None:
    deal, other = client.opportunity(), client.opportunity()
    contact = client.create("Contact", LastName="C")
    client.create("OpportunityContactRole", OpportunityId=deal, ContactId=contact, IsPrimary=True)
    rows = {
        row["Id"]: row["OpportunityContactRoles"]
        for row in client.rows(
            "SELECT Id, (SELECT ContactId, Contact.Name, IsPrimary FROM OpportunityContactRoles) FROM Opportunity"
        )
    }
    assert rows[other] is None
    assert (rows[deal]["totalSize"], rows[deal]["done"]) == (1, True)
    assert rows[deal]["records"][0]["Contact"]["Name"] == "C"


def test_compound_addresses_come_nested(client: Client) -> None:
    client.lead(City="Turin", Country="Italy")
    [row] = client.rows("SELECT Address FROM Lead")
    assert row["Address"]["city"] == "Turin"
    assert row["Address"]["street"] is None


def test_names_and_keywords_ignore_case_and_ids_do_not(client: Client) -> None:
    lead = client.lead()
    assert client.rows(f"select iD, owner.NAME from lEAD where id = '{lead}'")[0]["Id"] == lead
    assert client.call("GET", f"/sobjects/lead/{lead}").json()["Id"] == lead
    swapped = client.call("GET", f"/query?q=SELECT+Id+FROM+Lead+WHERE+Id='{lead[:15].swapcase()}'")
    assert swapped.json()["totalSize"] == 0


def test_fields_standard_selects_every_visible_field(client: Client) -> None:
    client.lead()
    [row] = client.rows("SELECT FIELDS(STANDARD) FROM Lead")
    assert {"Id", "Status", "SystemModstamp", "Address"} <= row.keys()


def many(served: RunningOrg, count: int) -> None:
    people = [{"LastName": f"L{n:04d}", "Company": "C"} for n in range(count)]
    served.org.edit([{"op": "create", "object": "Lead", "fields": fields} for fields in people])


def test_pages_hold_every_row_once_and_keep_the_first_executions_set(client: Client) -> None:
    many(client.served, 450)
    page = client.query("SELECT Id, LastName FROM Lead ORDER BY LastName", Sforce_Query_Options="batchSize=1")
    assert (len(page["records"]), page["totalSize"], page["done"]) == (200, 450, False)
    assert page["nextRecordsUrl"].startswith("/services/data/v62.0/query/01g")
    assert page["nextRecordsUrl"].endswith("-200")
    many(client.served, 1)
    last = client.rows("SELECT Id FROM Lead WHERE LastName = 'L0449'")[0]["Id"]
    client.edit("update", "Lead", last, LastName="AAAA")
    names = [row["LastName"] for row in page["records"]]
    while not page["done"]:
        page = client.call("GET", page["nextRecordsUrl"]).json()
        names += [row["LastName"] for row in page["records"]]
    assert names == [f"L{n:04d}" for n in range(449)] + ["AAAA"]


def test_a_locator_lives_two_days(client: Client) -> None:
    many(client.served, 201)
    following = client.query("SELECT Id FROM Lead", Sforce_Query_Options="batchSize=200")["nextRecordsUrl"]
    client.org.change_settings({"session_seconds": 10**6})
    client.log_in()
    client.org.clock.advance(47 * 3600)
    assert client.call("GET", following).status_code == 200
    client.org.clock.advance(3600)
    assert client.call("GET", following).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_only_query_all_shows_the_bin(client: Client) -> None:
    lead = client.lead()
    client.call("DELETE", f"/sobjects/Lead/{lead}")
    assert client.rows("SELECT Id FROM Lead") == []
    assert client.rows("SELECT Id, IsDeleted FROM Lead", every=True) == [{"Id": lead, "IsDeleted": True}]
    assert client.rows("SELECT Id FROM Lead WHERE IsDeleted = true") == []
