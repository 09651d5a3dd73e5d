from __future__ import annotations

import pytest

from syncd.errors import OrgRefused, OrgUnreachable
from tests.salesforce.client_wire import Wire, composite, row, rows_page

DESCRIBE = {
    "name": "Lead",
    "updateable": True,
    "createable": False,
    "fields": [
        {
            "name": "Status",
            "type": "picklist",
            "length": 255,
            "updateable": True,
            "createable": True,
            "externalId": False,
            "picklistValues": [{"value": "New", "active": True}, {"value": "Old", "active": False}],
        },
        {"name": "Key__c", "type": "string", "length": 40, "updateable": False, "createable": True, "externalId": True},
    ],
}


def test_a_schema_holds_visible_fields_and_active_values_and_leaves_out_what_is_not_there(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, DESCRIBE), (404, [{"errorCode": "NOT_FOUND", "message": "-"}])))
    with wire.org() as org:
        schema = org.schema(["Lead", "Ghost__c"])
    assert list(schema) == ["Lead"]
    assert (schema["Lead"].is_updateable, schema["Lead"].is_createable) == (True, False)
    assert schema["Lead"].fields["Status"].picklist == ("New",)
    assert (schema["Lead"].fields["Key__c"].is_external_id, schema["Lead"].fields["Key__c"].length) == (True, 40)


def test_a_describe_that_is_refused_for_another_reason_is_an_error(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((403, [{"errorCode": "INSUFFICIENT_ACCESS", "message": "-"}])))
    with wire.org() as org, pytest.raises(OrgRefused, match="describe Lead"):
        org.schema(["Lead"])


def test_reading_by_id_drops_absent_rows_and_asks_2000_at_a_time(wire: Wire) -> None:
    wire.login()
    wire.answers(
        lambda body: (200, [row(1) if number == 0 else None for number, _ in enumerate(body["ids"])]),
        lambda body: (200, [None for _ in body["ids"]]),
    )
    with wire.org() as org:
        ids = [str(row(number)["Id"]) for number in range(1, 2_002)]
        assert list(org.read("Lead", [*ids, ids[0]], ["Status"]).records) == [ids[0]]
    assert [len(wire.body(number)["ids"]) for number in (0, 1)] == [2_000, 1]
    assert wire.body(0)["fields"] == ["Id", "SystemModstamp", "Status"]


@pytest.mark.parametrize("answer", [[], {}, None, [{"Id": "00Q1"}], ["text"]])
def test_a_read_without_an_answer_for_each_id_is_an_error(wire: Wire, answer: object) -> None:
    wire.login()
    wire.answers((200, answer))
    with wire.org() as org, pytest.raises(OrgUnreachable):
        org.read("Lead", ["00Q1"], ["Status"])


def test_reading_nothing_asks_nothing(wire: Wire) -> None:
    wire.login()
    with wire.org() as org:
        assert org.read("Lead", [], ["Status"]).records == {}
        assert org.find("Lead", ["Status"], {"Email": []}).records == {}
        assert org.usage().ours == 0


def test_related_fields_are_read_by_query(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, rows_page(row(1, Owner={"attributes": {}, "Name": "Ann"})))))
    with wire.org() as org:
        record = org.read("Lead", [row(1)["Id"]], ["Owner.Name"]).records[row(1)["Id"]]
    assert record.fields == {"Owner.Name": "Ann"}


def test_finding_follows_pages_and_sends_five_statements_a_call(wire: Wire) -> None:
    wire.login()
    more = "/services/data/v62.0/query/01gxx-1"

    def answer(body: dict[str, object]) -> tuple[int, object]:
        parts = body.get("compositeRequest")
        if not isinstance(parts, list):
            return 200, rows_page(row(2), total=2)
        pages = [rows_page(row(1), more=more, total=2)] + [rows_page()] * (len(parts) - 1)
        return composite(*[(200, page) for page in pages])(body)[:2]  # type: ignore[index]

    wire.answers(answer)
    with wire.org() as org:
        found = org.find("Lead", ["Status"], {"Email": [f"{number:040d}@example.com" for number in range(1_500)]})
    assert list(found.records) == [row(1)["Id"], row(2)["Id"]]
    sizes = [len(wire.body(number).get("compositeRequest", ())) for number in range(len(wire.sent))]
    assert max(sizes) == 5
    assert sum(sizes) == 8
