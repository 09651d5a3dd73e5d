"""Which fields do leads and contacts have in nearly every org? For proposals made where no org has been read yet."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.core.mapping_file.checks import OPT_OUT

_BOTH = (
    ("Salutation", "string"), ("FirstName", "string"), ("LastName", "string"), ("Title", "string"), ("Email", "email"),
    ("Phone", "phone"), ("MobilePhone", "phone"), ("Fax", "phone"), ("LeadSource", "string"), ("Description", "textarea"),
    ("DoNotCall", "boolean"), (OPT_OUT, "boolean"),
)  # fmt: skip
_LEAD = (
    ("Company", "string"), ("Street", "textarea"), ("City", "string"), ("State", "string"), ("PostalCode", "string"),
    ("Country", "string"), ("Website", "url"), ("Industry", "string"), ("NumberOfEmployees", "int"),
    ("AnnualRevenue", "currency"), ("Rating", "string"), ("Status", "string"),
)  # fmt: skip
_CONTACT = (
    ("MailingStreet", "textarea"), ("MailingCity", "string"), ("MailingState", "string"), ("MailingPostalCode", "string"),
    ("MailingCountry", "string"), ("Department", "string"), ("Birthdate", "date"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsualField:
    """A field that an org probably has. What only an org knows is empty: lengths, picklists, labels."""

    name: str
    type: str
    label: str = ""
    length: int = 0
    is_updateable: bool = True
    is_external_id: bool = False
    picklist: tuple[str, ...] = ()


USUAL = {
    object: {name: UsualField(name, kind) for name, kind in (*_BOTH, *own)}
    for object, own in (("Lead", _LEAD), ("Contact", _CONTACT))
}
