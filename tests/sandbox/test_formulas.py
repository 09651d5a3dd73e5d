"""A formula field is worked out at each read, and no stamp tells when its value moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.errors import ControlRefused, LoadRefused
from syncd.sandbox.local import running
from tests.sandbox.client import Client

STAMP = "2026-03-02T09:00:00.000+0000"


def formulas(client: Client, **fields: str) -> None:
    client.org.change_settings({"formula_fields": {"Opportunity": fields}})


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("Amount * 0.1", 100.0, "double"),
        ("(Amount + 500) / 3", 500.0, "double"),
        ("Amount - 1.5 * 2", 997.0, "double"),
        ("TODAY() - DATEVALUE(CreatedDate)", 0.0, "double"),
        ("CloseDate - TODAY()", 59.0, "double"),
        ("CloseDate + 7", "2026-05-07", "date"),
        ('Name & ", " & StageName', "Engine, Prospecting", "string"),
        ('NextStep & "it\'s"', "it's", "string"),
        ("NextStep", None, "string"),
        ("Account.Name", "Acme", "string"),
    ],
)
def test_a_formula_yields_its_value_and_type(client: Client, text: str, value: Any, kind: str) -> None:
    formulas(client, X__c=text)
    account = client.create("Account", Name="Acme")
    deal = client.opportunity(AccountId=account)
    assert client.get("Opportunity", deal)["X__c"] == value
    described = client.call("GET", "/sobjects/Opportunity/describe").json()["fields"]
    [field] = [each for each in described if each["name"] == "X__c"]
    assert (field["type"], field["calculated"], field["calculatedFormula"]) == (kind, True, text)
    assert (field["createable"], field["updateable"], field["filterable"], field["nillable"]) == (False, False, True, True)


def test_an_ordinary_field_is_not_calculated(client: Client) -> None:
    described = client.call("GET", "/sobjects/Opportunity/describe").json()["fields"]
    assert not any(each["calculated"] or each["calculatedFormula"] for each in described)


def test_time_and_parents_move_a_formula_without_any_stamp(client: Client) -> None:
    formulas(client, Age__c="TODAY() - DATEVALUE(CreatedDate)", Customer__c="Account.Name")
    account = client.create("Account", Name="Acme")
    deal = client.opportunity(AccountId=account)
    client.org.clock.advance(3 * 86_400)
    client.log_in()
    client.update("Account", account, Name="Umbrella")
    read = client.get("Opportunity", deal)
    assert (read["Age__c"], read["Customer__c"], read["SystemModstamp"]) == (3.0, "Umbrella", STAMP)
    assert client.rows("SELECT Id FROM Opportunity WHERE SystemModstamp > 2026-03-02T09:00:00Z") == []
    path = "/sobjects/Opportunity/updated/?start=2026-03-03T00:00:00Z&end=2026-03-06T00:00:00Z"
    assert client.call("GET", path).json()["ids"] == []


def test_a_formula_filters_and_sorts_but_is_never_written(client: Client) -> None:
    formulas(client, Share__c="Amount * 0.1", Label__c='Name & "!"')
    small, large = client.opportunity(Amount=10), client.opportunity(Amount=1_000)
    assert client.rows("SELECT Id FROM Opportunity WHERE Share__c > 50") == [{"Id": large}]
    assert client.rows("SELECT Id FROM Opportunity WHERE Label__c = 'engine!' ORDER BY Share__c") == [
        {"Id": small},
        {"Id": large},
    ]
    [error] = client.call("PATCH", f"/sobjects/Opportunity/{small}", {"Share__c": 5}).json()
    assert (error["errorCode"], error["fields"]) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Share__c"])
    grouped = client.call("GET", "/query?q=SELECT+Label__c+FROM+Opportunity+GROUP+BY+Label__c")
    assert grouped.json()[0]["errorCode"] == "INVALID_FIELD"


def test_an_empty_operand_and_a_division_by_zero_leave_a_number_empty(client: Client) -> None:
    formulas(client, X__c="Amount / Probability")
    deal = client.opportunity(Amount=None)
    assert client.get("Opportunity", deal)["X__c"] is None
    client.update("Opportunity", deal, Amount=5, Probability=0)
    assert client.get("Opportunity", deal)["X__c"] is None


def test_the_setting_replaces_what_it_named_before(client: Client) -> None:
    formulas(client, One__c="Amount * 1", Two__c="Amount * 2")
    formulas(client, Two__c="Amount * 3")
    deal = client.get("Opportunity", client.opportunity(Amount=10))
    assert (deal["Two__c"], "One__c" in deal) == (30.0, False)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("X__c", "Nope * 2", "no field 'Nope'"),
        ("X__c", "Amount *", "character 9"),
        ("X__c", "Amount Amount", "expected an operator"),
        ("X__c", "(Amount", "closing bracket"),
        ("X__c", "", "expected a field"),
        ("X__c", "Name * 2", "two numbers, not text"),
        ("X__c", "TODAY() - CreatedDate", "DATEVALUE"),
        ("X__c", "Name + 1", "does not go between text and number"),
        ("X__c", "CreatedDate", "yields datetime"),
        ("X__c", "IsWon", "yields a checkbox"),
        ("X__c", "Nope.Name", "no relationship 'Nope'"),
        ("X__c", 'Name & "{t}"', "expected a field"),
        ("X__c", "HasOpenActivity", "no field 'HasOpenActivity' with a value of its own"),
        ("X", "Amount", "end it in __c"),
        ("Amount", "Amount", "end it in __c"),
    ],
)
def test_a_formula_that_cannot_be_read_is_refused_with_its_place(client: Client, field: str, text: str, said: str) -> None:
    with pytest.raises(ControlRefused) as refused:
        formulas(client, **{field: text})
    assert said in str(refused.value)
    assert client.org.settings.formula_fields == {}


def test_a_load_header_holds_a_formula(tmp_path: Path) -> None:
    (tmp_path / "Lead.csv").write_text(
        'LastName,Company,Score__c:number,"Grade__c:formula(Score__c / 10)","Full__c:formula(LastName & "", "" & Company)"\n'
        "Lovelace,Engines,85,,\n"
    )
    with running(load=tmp_path) as served, Client(served) as client:
        assert client.rows("SELECT Grade__c, Full__c FROM Lead") == [{"Grade__c": 8.5, "Full__c": "Lovelace, Engines"}]
        served.org.restore(served.org.snapshot())
        assert client.rows("SELECT Grade__c FROM Lead WHERE Grade__c > 8") == [{"Grade__c": 8.5}]


@pytest.mark.parametrize(
    ("header", "cell", "said"),
    [("X__c:formula(Nope * 2)", "", "no field 'Nope'"), ("X__c:formula(NumberOfEmployees * 2)", "5", "Leave the cell '5' empty")],
)
def test_a_load_names_what_is_wrong_with_its_formula(tmp_path: Path, header: str, cell: str, said: str) -> None:
    (tmp_path / "Lead.csv").write_text(f"LastName,Company,{header}\nL,C,{cell}\n")
    with pytest.raises(LoadRefused) as refused, running(load=tmp_path):
        pass
    assert said in str(refused.value)
