"""How do an account and a contact make one Person Account?

With the setting `person_accounts`, an account that is created with a LastName is a person: it gets a contact, which shows its
fields and may not be written itself. No guide says by which code the contact refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.errors import SalesforceError
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_MADE = ("IsPersonAccount", "PersonContactId")
FIELDS: Mapping[str, frozenset[str]] = {
    "Account": frozenset(("FirstName", "LastName", "PersonEmail", "PersonLeadSource", "PersonHasOptedOutOfEmail", *_MADE)),
    "Contact": frozenset({"IsPersonAccount"}),
}  # fmt: skip
"""What is there only in an org with Person Accounts."""
_SHOWN = {
    "FirstName": "FirstName",
    "LastName": "LastName",
    "Name": "Name",
    "PersonEmail": "Email",
    "PersonHasOptedOutOfEmail": "HasOptedOutOfEmail",
    "PersonLeadSource": "LeadSource",
}
SHOWN = "person account"
"""What the deeds say of a contact that follows its account."""
Values = dict[str, Any]


def complete(org: Org, sobject: SObject, values: Values) -> None:
    """Name a new account that is a person."""
    if sobject.name == "Account" and org.settings.person_accounts and values.get("LastName"):
        values["Name"] = " ".join(part for part in (values.get("FirstName"), values["LastName"]) if part)
        values["IsPersonAccount"] = 1


def contact_of(row: Mapping[str, Any]) -> Values:
    """Return what the contact of a new person holds."""
    return {name: row.get(field) for field, name in _SHOWN.items()} | {"AccountId": row["Id"], "IsPersonAccount": 1}


def refuse_contact(row: Mapping[str, Any]) -> None:
    """Refuse a save of a person's contact. Errors: SalesforceError."""
    if row.get("IsPersonAccount"):
        message = "the contact of a person account is changed through its account"
        raise SalesforceError("INSUFFICIENT_ACCESS_OR_READONLY", message, fields=())


def shown(sobject: SObject, before: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[str, Values] | None:
    """Return the contact that shows what changed on its account, with its own changes."""
    if sobject.name != "Account" or not before.get("PersonContactId"):
        return None
    found = {_SHOWN[name]: value for name, value in changes.items() if name in _SHOWN}
    return (str(before["PersonContactId"]), found) if found else None
