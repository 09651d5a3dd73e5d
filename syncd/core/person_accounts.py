"""Where does Salesforce keep the fields of a Person Account?

It is one person with two rows, an account and a contact that shows the account's fields. The contact is who campaigns and exports
mean; what is written goes to the account.

Source: Salesforce Help, Person Accounts: contact fields stand on the account as Person…, custom ones as …__pc.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.field_facts import FieldFacts
from syncd.core.mapped import FieldWrite
from syncd.core.values import InboxItem, OrgRecord

IS_ONE = "IsPersonAccount"
_SAME = ("FirstName", "LastName", "MiddleName", "Salutation", "Suffix", "Phone", "Fax")
_PREFIXED = (
    "AssistantName", "AssistantPhone", "Birthdate", "Department", "DoNotCall", "Email", "HasOptedOutOfEmail",
    "HasOptedOutOfFax", "HomePhone", "LeadSource", "MobilePhone", "OtherPhone", "Title",
    *(f"{kind}{part}" for kind in ("Mailing", "Other") for part in ("Street", "City", "State", "PostalCode", "Country")),
)  # fmt: skip
Place = tuple[str, str, str]


def is_person_account(person: OrgRecord) -> bool:
    """Tell whether a record is the contact of a Person Account."""
    return person.object == "Contact" and person.fields.get(IS_ONE) is True


def account_field(name: str) -> str | None:
    """Return how the account calls a field of its person; None where syncd knows of no such field."""
    if name.endswith("__c"):
        return f"{name.removesuffix('__c')}__pc"
    return name if name in _SAME else f"Person{name}" if name in _PREFIXED else None


def place_of(person: OrgRecord, field: str, account: Mapping[str, FieldFacts]) -> Place | None:
    """Return object, id and field where a value of a person is written; None when syncd's user may not write it there.

    Shapes: `account` are the visible fields of Account.
    """
    if not is_person_account(person):
        return person.object, person.id, field
    account_id, name = person.text("AccountId"), account_field(field)
    seen = account.get(name or "")
    return ("Account", account_id, name) if account_id and name and seen is not None and seen.is_updateable else None


def unwritable(person: OrgRecord, write: FieldWrite) -> InboxItem:
    """Tell of a value that a Person Account cannot be given; its flags count all the same."""
    name = account_field(write.field)
    kept = f"Account.{name} may not be written by syncd's user" if name else "syncd knows no field of the account for it"
    return InboxItem(
        "person-account",
        f"{person.id}:{write.field}",
        f"Contact {person.id}",
        f"This is a Person Account, whose fields are written on its account, and {kept}: {write.field} = {write.after!r} "
        f"({write.reason}) was not written.",
        f"Grant edit access to Account.{name}, or remove the column." if name else "Remove the column, or fill it in Salesforce.",
    )
