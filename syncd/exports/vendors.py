"""Which marketing tool wrote this export?

Layouts are facts about files: those that were read in a vendor's own description or in real files, and those that were not
and say so in the mapping that is written.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from syncd.core.mapping_file.keys import DELIMITERS
from syncd.exports.records import CELL_CHARS_MAX

RECOGNISED_MIN, OWN_MIN = 3, 2
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig", "utf-8"), (b"\xff\xfe", "utf-16", "utf-16"), (b"\xfe\xff", "utf-16", "utf-16"))


@dataclass(frozen=True, slots=True)
class StarterColumn:
    """One column that the vendor's files may have, with the lines of its table in a mapping file."""

    name: str
    lines: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Vendor:
    """One tool's export. `email`, `id` and `newest` list the column names that are looked for, the first found is taken.

    `is_seen`: the layout stands in a source; `file_flags` says what the beginning of a file's name means for everybody in it;
    `dialect` are more lines of [file].
    """

    name: str
    title: str
    email: tuple[str, ...]
    columns: tuple[StarterColumn, ...]
    id: tuple[str, ...] = ()
    newest: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    null: tuple[str, ...] = ("",)
    zone: str = "UTC"
    zone_note: str = "check it: the file's times say no zone"
    is_seen: bool = True
    file_flags: dict[str, str] = field(default_factory=dict)
    dialect: tuple[str, ...] = ()

    def known(self) -> frozenset[str]:
        """Return every column name that speaks for this tool."""
        return frozenset((*self.email, *self.id, *self.newest, *self.marks, *(column.name for column in self.columns)))


def _number(name: str, api: str) -> StarterColumn:
    return StarterColumn(
        name, (f'field = {{ Lead = "{api}" }}', 'type = "number"', 'side = "marketing"', 'conflict = "overwrite"')
    )


def _text(name: str, api: str, *, only_lead: bool = False) -> StarterColumn:
    target = f'{{ Lead = "{api}" }}' if only_lead else f'"{api}"'
    return StarterColumn(
        name, (f"field = {target}", 'type = "text"', 'transform = "trim"', 'side = "marketing"', 'conflict = "fill"')
    )


def opt_out_column(name: str, true: Sequence[str], false: Sequence[str], note: str = "") -> StarterColumn:
    """Return a column that says who has opted out."""
    lines = (
        'type = "boolean"',
        f"true = {toml_list(true)}",
        f"false = {toml_list(false)}",
        'flag = "opted_out"',
        'field = "HasOptedOutOfEmail"',
    )
    return StarterColumn(name, lines, note)


def _unreachable(name: str, true: Sequence[str], false: Sequence[str]) -> StarterColumn:
    lines = ('type = "boolean"', f"true = {toml_list(true)}", f"false = {toml_list(false)}", 'flag = "unreachable"')
    return StarterColumn(name, lines)


def _words(name: str, opted_out: Sequence[str], unreachable: Sequence[str] = (), note: str = "") -> StarterColumn:
    more = (f"unreachable_when = {toml_list(unreachable)}",) if unreachable else ()
    return StarterColumn(name, ('type = "text"', f"opted_out_when = {toml_list(opted_out)}", *more), note)


def toml_list(words: Sequence[str]) -> str:
    """Write texts as TOML."""
    return "[" + ", ".join(as_toml(word) for word in words) + "]"


def as_toml(text: str) -> str:
    """Write a text as TOML, on one line and with nothing in it that is not seen: headers of workbooks have line breaks."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08X}" for char in plain) + '"'


VENDORS = (
    Vendor(
        "marketo",
        "Marketo Engage (bulk extract of leads)",
        ("email",),
        (
            _number("leadScore", "Lead_Score__c"),
            _text("company", "Company", only_lead=True),
            _text("leadSource", "LeadSource"),
            opt_out_column("unsubscribed", ("true",), ("false",)),
            _unreachable("emailInvalid", ("true",), ("false",)),
        ),
        id=("id",),
        newest=("updatedAt",),
        marks=("firstName", "lastName", "createdAt", "leadStatus"),
        null=("", "null"),
        zone_note="Marketo's times end in Z and say their zone",
    ),
    Vendor(
        "account_engagement",
        "Account Engagement (prospect export)",
        ("email",),
        (
            _number("score", "Lead_Score__c"),
            opt_out_column("opted_out", ("1", "true"), ("0", "false")),
            opt_out_column("is_do_not_email", ("1", "true"), ("0", "false"), "a second opt-out column: either one counts"),
        ),
        id=("id",),
        newest=("updated_at", "last_activity_at"),
        marks=("crm_lead_fid", "crm_contact_fid", "crm_owner_fid", "first_name", "last_name"),
        zone_note="times have the zone of the user who made the export: put it here",
    ),
    Vendor(
        "hubspot",
        "HubSpot (CRM export in English)",
        ("Email",),
        (
            _number("HubSpot Score", "Lead_Score__c"),
            opt_out_column("Unsubscribed from all email", ("true", "Yes", "TRUE"), ("false", "No", "FALSE", "")),
            _words("Email hard bounce reason", (), ("UNKNOWN_USER", "MAILBOX_FULL", "OTHER")),
        ),
        id=("Record ID", "Record ID - Contact"),
        newest=("Last Modified Date",),
        marks=(
            "First Name",
            "Last Name",
            "Lifecycle Stage",
            "Lead Status",
            "Contact owner",
            "Create Date",
            "Associated Company IDs",
        ),
        zone_note="HubSpot writes the zone of the account: put it here",
    ),
    Vendor(
        "mailchimp",
        "Mailchimp (audience export)",
        ("Email Address",),
        (_number("MEMBER_RATING", "Lead_Score__c"),),
        newest=("LAST_CHANGED",),
        marks=("OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME", "LEID", "EUID", "NOTES", "TAGS", "UNSUB_TIME", "UNSUB_CAMPAIGN_TITLE"),
        file_flags={"unsubscribed": "opted_out", "cleaned": "unreachable", "subscribed": ""},
    ),
    Vendor(
        "mautic",
        "Mautic (contact export)",
        ("email",),
        (_number("points", "Lead_Score__c"), _text("company", "Company", only_lead=True)),
        id=("id",),
        newest=("date_modified", "last_active"),
        marks=("firstname", "lastname", "position", "stage", "preferred_profile_image", "attribution"),
        null=("",),
        zone_note="Mautic writes the zone of the installation: put it here",
        dialect=(
            "escape = '\\'    # Mautic doubles no quote that follows a backslash",
            "formula_guard = true    # Mautic puts a blank before what begins with + - = @",
        ),
    ),
    Vendor(
        "klaviyo",
        "Klaviyo (profile export)",
        ("Email",),
        (
            _words(
                "Email Marketing Consent",
                ("UNSUBSCRIBED", "NEVER_SUBSCRIBED"),
                note="never subscribed is no consent: take it out only if consent is kept elsewhere",
            ),
            _words("Email Suppressions", ("UNSUBSCRIBED", "USER_SUPPRESSED", "SPAM_COMPLAINT"), ("HARD_BOUNCE", "INVALID_EMAIL")),
        ),
        newest=("Last Active", "Email Marketing Consent Timestamp"),
        id=("Klaviyo ID",),
        marks=("First Name", "Last Name", "Profile Created On", "Date Added", "Last Open", "Last Click", "First Active"),
    ),
    Vendor(
        "eloqua",
        "Eloqua (Bulk API 2.0; the columns' names are chosen by whoever defines the export)",
        ("EmailAddress", "C_EmailAddress", "Email Address"),
        (
            opt_out_column(
                "IsSubscribed", ("false", "False"), ("true", "True"), "the other way round: not subscribed is opted out"
            ),
            _unreachable("IsBounced", ("true", "True"), ("false", "False")),
        ),
        id=("ContactIDExt", "EloquaContactID", "Id"),
        newest=("DateModified", "C_DateModified"),
        marks=("C_FirstName", "C_LastName", "C_Company"),
        is_seen=False,
    ),
    Vendor(
        "activecampaign",
        "ActiveCampaign (contact export)",
        ("Email", "Email Address"),
        (_words("Status", ("Unsubscribed",), ("Bounced",), note="the status is that of one list"),),
        id=("Contact ID", "ID"),
        newest=("Date Updated", "Updated Date"),
        marks=("First Name", "Last Name", "Phone", "Tags", "Lists", "Date Created"),
        is_seen=False,
    ),
)
UNKNOWN = Vendor(
    "export", "a tool that syncd does not recognise", ("email", "Email", "E-mail", "Email Address", "EMAIL"), (), is_seen=False
)


@dataclass(frozen=True, slots=True)
class Export:
    """What the beginning of a file shows: its columns, and how it is written.

    `members` are the files of a set in one archive, `sheets` the sheets of a workbook, the first of which was looked at.
    """

    columns: tuple[str, ...]
    encoding: str
    delimiter: str
    members: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()


class NoExport(ValueError):
    """The bytes are no CSV file with a header that could be read."""


def read_header(head: bytes) -> Export:
    """Read the header from the first bytes of a file's text. Errors: NoExport, saying what the file is."""
    codec, name = next(((codec, name) for bom, codec, name in _BOMS if head.startswith(bom)), ("utf-8", "utf-8"))
    text = _decoded(head, codec)
    if text is None:
        text, name = head.decode("cp1252", errors="replace"), "cp1252"
    line = text.splitlines()[0] if text.strip() else ""
    if not line.strip():
        raise NoExport("is empty, or begins with an empty line")
    delimiter = max(DELIMITERS, key=line.count)
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise NoExport(f"begins with what is no CSV: {error}") from None
    if any(len(cell) > CELL_CHARS_MAX for cell in cells):
        raise NoExport(f"begins with what is no CSV: a cell of more than {CELL_CHARS_MAX:,} characters")
    return Export(tuple(cell.strip() for cell in cells), name, delimiter)


def _decoded(head: bytes, codec: str) -> str | None:
    """Decode what may be cut within a character; None when the bytes are of another encoding."""
    try:
        return head.decode(codec)
    except UnicodeDecodeError as fault:
        is_cut = fault.reason in {"unexpected end of data", "truncated data"}
        return head[: fault.start].decode(codec) if is_cut else None


def recognise(export: Export) -> Vendor:
    """Tell which tool wrote a file by its columns; UNKNOWN when too few of them speak for any, or what any tool calls so."""
    columns = set(export.columns)
    names = Counter(name for vendor in VENDORS for name in vendor.known())
    found = [(len(known := vendor.known() & columns), sum(names[name] == 1 for name in known), vendor) for vendor in VENDORS]
    best, own, vendor = max(found, key=lambda each: each[:2])
    is_own = own >= (OWN_MIN if vendor.is_seen else RECOGNISED_MIN)
    return vendor if best >= RECOGNISED_MIN and is_own and columns & set(vendor.email) else UNKNOWN


def source_name(vendor: Vendor, file_name: str) -> str:
    """Name the source for a file: a tool that says a status in the file's name gets one source for each."""
    begin = next((word for word in vendor.file_flags if file_name.lower().startswith(word)), "")
    return f"{vendor.name}-{begin}" if begin else vendor.name
