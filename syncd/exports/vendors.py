"""Which marketing tool wrote this export, and how would its mapping file begin?

Layouts are facts about files: those that were read in a vendor's own description or in real files, and those that were not
and say so in the mapping that is written.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from syncd.core.mapping_keys import DELIMITERS

RECOGNISED_MIN = 3
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig", "utf-8"), (b"\xff\xfe", "utf-16", "utf-16"), (b"\xfe\xff", "utf-16", "utf-16"))
_PACKED = re.compile(r"(?i)(\.csv|\.txt)?(\.zip|\.gz|\.xlsx)$")
_OF_A_SET = "everybody in a file of the archive whose name begins so"


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


def _opt_out(name: str, true: Sequence[str], false: Sequence[str], note: str = "") -> StarterColumn:
    lines = (
        'type = "boolean"',
        f"true = {_list(true)}",
        f"false = {_list(false)}",
        'flag = "opted_out"',
        'field = "HasOptedOutOfEmail"',
    )
    return StarterColumn(name, lines, note)


def _unreachable(name: str, true: Sequence[str], false: Sequence[str]) -> StarterColumn:
    lines = ('type = "boolean"', f"true = {_list(true)}", f"false = {_list(false)}", 'flag = "unreachable"')
    return StarterColumn(name, lines)


def _words(name: str, opted_out: Sequence[str], unreachable: Sequence[str] = (), note: str = "") -> StarterColumn:
    more = (f"unreachable_when = {_list(unreachable)}",) if unreachable else ()
    return StarterColumn(name, ('type = "text"', f"opted_out_when = {_list(opted_out)}", *more), note)


def _list(words: Sequence[str]) -> str:
    return "[" + ", ".join(_quoted(word) for word in words) + "]"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


VENDORS = (
    Vendor(
        "marketo",
        "Marketo Engage (bulk extract of leads)",
        ("email",),
        (
            _number("leadScore", "Lead_Score__c"),
            _text("company", "Company", only_lead=True),
            _text("leadSource", "LeadSource"),
            _opt_out("unsubscribed", ("true",), ("false",)),
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
            _opt_out("opted_out", ("1", "true"), ("0", "false")),
            _opt_out("is_do_not_email", ("1", "true"), ("0", "false"), "a second opt-out column: either one counts"),
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
            _opt_out("Unsubscribed from all email", ("true", "Yes", "TRUE"), ("false", "No", "FALSE", "")),
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
            _opt_out("IsSubscribed", ("false", "False"), ("true", "True"), "the other way round: not subscribed is opted out"),
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
    return Export(tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))), name, delimiter)


def _decoded(head: bytes, codec: str) -> str | None:
    """Decode what may be cut within a character; None when the bytes are of another encoding."""
    try:
        return head.decode(codec)
    except UnicodeDecodeError as fault:
        is_cut = fault.reason in {"unexpected end of data", "truncated data"}
        return head[: fault.start].decode(codec) if is_cut else None


def recognise(export: Export) -> Vendor:
    """Tell which tool wrote a file by its columns; UNKNOWN when too few of them speak for any."""
    columns = set(export.columns)
    scored = [(len(vendor.known() & columns), vendor) for vendor in VENDORS]
    best, vendor = max(scored, key=lambda each: each[0])
    return vendor if best >= RECOGNISED_MIN and columns & set(vendor.email) else UNKNOWN


def source_name(vendor: Vendor, file_name: str) -> str:
    """Name the source for a file: a tool that says a status in the file's name gets one source for each."""
    begin = next((word for word in vendor.file_flags if file_name.lower().startswith(word)), "")
    return f"{vendor.name}-{begin}" if begin else vendor.name


def starter(vendor: Vendor, export: Export, file_name: str) -> str:
    """Write the starter mapping of a file as TOML. Only columns that the file has are mapped; the others are listed.

    Errors: NoExport when no column holds an e-mail address, so that no row could be tied to a person.
    """
    return "\n".join(_lines(vendor, export, file_name)) + "\n"


_LIKE_OPT_OUT = re.compile(r"(?i)unsubscribe|opt(ed)?[ _-]?out|do[ _-]?not[ _-]?(e-?)?mail|no[ _-]?mail")
_YES, _NO = ("1", "true", "True", "TRUE", "yes", "Yes", "Y"), ("0", "false", "False", "FALSE", "no", "No", "N")


def _guessed(export: Export) -> tuple[StarterColumn, ...]:
    """Take the columns of an unknown tool whose names sound like an opt-out."""
    note = "guessed from its name: check what it means and how it is spelt"
    return tuple(_opt_out(name, _YES, _NO, note) for name in export.columns if _LIKE_OPT_OUT.search(name))


def _lines(vendor: Vendor, export: Export, file_name: str) -> Iterator[str]:
    email, id, newest = (_first(names, export) for names in (vendor.email, vendor.id, vendor.newest))
    if email is None:
        raise NoExport("has no column that looks like an e-mail address")
    begin = next((word for word in vendor.file_flags if file_name.lower().startswith(word)), "")
    yield "#:schema ../schemas/fields.schema.json"
    yield f"# What each column means for syncd: {vendor.title}."
    if not vendor.is_seen:
        yield "# UNVERIFIED: nobody has shown us such a file. Check every line against yours."
    yield '# Look over each line, then: syncd check, syncd plan. Nothing is written while mode = "observe".'
    yield 'version = "1"'
    yield 'mode = "observe"'
    yield ""
    yield "[file]"
    packed = _PACKED.search(file_name)
    yield f'pattern = "{begin}*{packed[0] if packed else ".csv"}"'
    if len(export.sheets) > 1:
        yield f"sheet = {_quoted(export.sheets[0])}    # the first of {len(export.sheets)}"
    if not export.sheets:
        yield f'encoding = "{export.encoding}"'
        yield f"delimiter = {_quoted(export.delimiter)}" if export.delimiter != "\t" else 'delimiter = "\\t"'
        yield from vendor.dialect
    yield f'zone = "{vendor.zone}"    # {vendor.zone_note}'
    yield f"null = {_list(vendor.null)}"
    if newest is not None:
        yield f"newest = {_quoted(newest)}"
    said = {f"{word}*": flag for word, flag in vendor.file_flags.items() if flag}
    if export.members and said:
        yield f"flag = {{ {', '.join(f'{_quoted(word)} = {_quoted(flag)}' for word, flag in said.items())} }}    # {_OF_A_SET}"
    elif vendor.file_flags.get(begin):
        yield f'flag = "{vendor.file_flags[begin]}"    # everybody in a file whose name begins with {begin}'
    yield ""
    yield "[match]"
    if id is not None:
        yield f'# external = {{ column = {_quoted(id)}, field = "MA_Person_Id__c" }}    # if Salesforce keeps this id in a field'
    yield f"email = {_quoted(email)}"
    mapped = [column for column in vendor.columns if column.name in export.columns] or list(_guessed(export))
    if not mapped and not vendor.file_flags.get(begin) and not (export.members and said):
        raise NoExport("has no column that syncd would know what to do with")
    for column in mapped:
        yield ""
        yield f"[column.{_quoted(column.name)}]" + (f"    # {column.note}" if column.note else "")
        yield from column.lines
    if not vendor.file_flags and not any("opted_out" in line for column in mapped for line in column.lines):
        yield ""
        yield "# WARNING: no column here says who has opted out. Export one, or syncd knows of the opt-outs in Salesforce alone."
    used = {email, id, newest, *(column.name for column in mapped)}
    yield ""
    yield "# Columns of your file that nothing is done with yet:"
    yield from (f"#   {_shown(name)}" for name in export.columns if name not in used)


def _first(names: Sequence[str], export: Export) -> str | None:
    return next((name for name in names if name in export.columns), None)


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:100]
