from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.values import Scalar
from syncd.salesforce import rows, writes
from syncd.salesforce.access import is_loopback, shared_fault, url_fault
from syncd.salesforce.ids import to_18


def test_ids_get_the_suffix_of_the_documented_example() -> None:
    assert to_18("0015500001QdQWa") == to_18("0015500001QdQWaAAN") == "0015500001QdQWaAAN"


@pytest.mark.parametrize("text", ["", "abc", "0015500001QdQWa!", "0015500001QdQWaAA", "1.23E+17"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Salesforce id"):
        to_18(text)


def test_a_row_keeps_exactly_the_fields_asked_for_without_attributes_at_any_depth() -> None:
    row = {
        "attributes": {"type": "User"},
        "Id": "005",
        "SystemModstamp": "2026-01-02T03:04:05.000+0000",
        "Profile": {"attributes": {"type": "Profile"}, "Name": "Sales", "UserLicense": {"attributes": {}, "Name": "Full"}},
        "Manager": None,
        "IsActive": True,
    }
    asked = ("profile.name", "Profile.UserLicense.Name", "Manager.Name", "IsActive")
    record = rows.record("User", row, asked, "SystemModstamp")
    expected: dict[str, Scalar] = {
        "profile.name": "Sales",
        "Profile.UserLicense.Name": "Full",
        "Manager.Name": None,
        "IsActive": True,
    }
    assert record.fields == expected
    assert record.modified_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert not record.is_deleted


def test_the_condition_of_a_write_is_floored_to_seconds() -> None:
    assert writes.http_date(datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)) == "Fri, 02 Jan 2026 03:04:05 GMT"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://acme.my.salesforce.com", None),
        ("https://acme--uat.sandbox.my.salesforce.com/", None),
        ("http://127.0.0.1:8080", None),
        ("http://[::1]:8080", None),
        ("http://localhost:8080", None),
        ("http://acme.my.salesforce.com", "plain http"),
        ("http://localhost.evil.example", "plain http"),
        ("http://127.0.0.1.evil.example", "plain http"),
        ("https://login.salesforce.com", "share"),
        ("https://TEST.salesforce.com", "share"),
        ("https://u:p@acme.my.salesforce.com", "password"),
        ("https://acme.my.salesforce.com/services", "goes on"),
        ("acme.my.salesforce.com", "https"),
        ("ftp://acme", "https"),
        ("https://[bad", "not a URL"),
        ("https://acme:port", "not a URL"),
    ],
)
def test_secrets_go_to_a_my_domain_over_tls_or_to_this_machine(url: str, fault: str | None) -> None:
    found = url_fault(url) or shared_fault(url)
    assert found is None if fault is None else fault in (found or "")


def test_a_name_that_only_looks_local_is_not_loopback() -> None:
    assert not is_loopback(None)
    assert not is_loopback("0x7f.1.example")
