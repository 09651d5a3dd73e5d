"""What may stand in a mapping file: every key of each table, once, for whoever reads the file and for the schema of editors.

`shape` is "text", "texts", "truth", "number", "formula", "table", or "tables" (one table for each name that the user gives).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PEOPLE = ("Lead", "Contact")
TYPES = ("text", "number", "integer", "boolean", "date", "datetime", "time", "email", "phone", "multipicklist")
NULLS = ("", "null")
DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")
THOUSANDS = (".", ",", " ", "'")
ESCAPES = ("\\",)
MODES = ("observe", "write")
SIDES = ("marketing", "sales")
CONFLICTS = ("overwrite", "fill")
BLANKS = ("leave", "clear")
CREATED = ("Lead",)
FLAGS = ("opted_out", "unreachable")
TRANSFORMS = ("trim", "lower", "upper")


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what stands behind it, the only words that may, and what it is for. `also` is another shape that it may have."""

    name: str
    shape: str
    help: str
    choices: tuple[str, ...] = ()
    is_needed: bool = False
    also: str = ""


TOP = (
    Key("version", "text", "Your own name for this edition of the file; it goes into the ledger.", is_needed=True),
    Key("mode", "text", "observe: read and latch opt-outs; write: also write the fields.", MODES),
    Key("file", "table", "How the files of this source are written."),
    Key("match", "table", "Which columns say whom a row is about, in the order in which they are tried.", is_needed=True),
    Key("column", "tables", "What a column of the file means."),
    Key("computed", "tables", "A Salesforce field that a formula works out from columns of the row."),
    Key("create", "table", "Lets rows that fit nobody create leads; without it nobody is created."),
    Key("consent", "table", "Which columns are evidence that a person wants mail again."),
)
FILE = (
    Key("pattern", "text", "Which files of the source's folder are taken."),
    Key("encoding", "text", "The text encoding; it is never guessed."),
    Key("delimiter", "text", "What separates the cells of a row.", DELIMITERS),
    Key("zone", "text", "The time zone of times that name none, such as Europe/Berlin."),
    Key("null", "texts", "Spellings of no value."),
    Key("region", "text", "The country of phone numbers that name none, such as DE."),
    Key("newest", "text", "The column with the time that orders the rows of one person."),
    Key("flag", "text", 'A flag that everybody in a file has; by file name as { "unsubscribed*" = … }.', FLAGS, also="table"),
    Key("sheet", "text", "The sheet of a workbook to read."),
    Key("members", "text", "Which files within an archive are taken."),
    Key("decimal", "text", "What stands before the fraction of a number.", DECIMALS),
    Key("thousands", "text", "What stands between the thousands of a number.", THOUSANDS),
    Key("escape", "text", "What stands before a quote that is data.", ESCAPES),
    Key("formula_guard", "truth", "The tool puts a blank before cells that begin like a formula."),
)
MATCH = (
    Key("id", "text", "The column with the Salesforce id."),
    Key("external", "table", "The column with an id of the tool, and the Salesforce field that keeps it."),
    Key("email", "text", "The column with the e-mail address."),
)
EXTERNAL = (
    Key("column", "text", "The column of the file.", is_needed=True),
    Key("field", "text", "The Salesforce field, by its API name.", is_needed=True),
)
CONSENT = (
    Key("source", "text", "The column with where consent was given, such as the name of a form.", is_needed=True),
    Key("at", "text", "The column with the time at which it was given.", is_needed=True),
    Key("wording", "text", "The column with the words that were agreed to.", is_needed=True),
    Key("scope", "text", "What it covers: global, brand:NAME or topic:NAME."),
)
FIELD_OF = tuple(Key(name, "text", f"The field of a {name.lower()}, by its API name.") for name in PEOPLE)
COLUMN = (
    Key("field", "text", "The Salesforce field, by its API name; by object as { Lead = …, Contact = … }.", also="table"),
    Key("type", "text", "What the cells hold.", TYPES, is_needed=True),
    Key("side", "text", "marketing: written from the file; sales: only read.", SIDES),
    Key("conflict", "text", "overwrite: the file's value wins; fill: only where Salesforce has none.", CONFLICTS),
    Key("blank", "text", "What a cell without a value does: leave the field, or clear it.", BLANKS),
    Key("transform", "formula", "trim, lower or upper, or a formula that gives the value to write."),
    Key("when", "formula", "A formula; the field is written only where it is true."),
    Key("required", "truth", "false: the file may lack this column."),
    Key("formats", "texts", 'How dates or times are written that are not ISO, such as "%d.%m.%Y".'),
    Key("split", "text", "What separates the values within one cell."),
    Key("region", "text", "The country of phone numbers that name none, such as DE."),
    Key("region_from", "text", "The column whose cell names that country; where it is empty, region does."),
    Key("null", "texts", "Spellings of no value in this column."),
    Key("true", "texts", "Spellings of yes."),
    Key("false", "texts", "Spellings of no."),
    Key("flag", "text", "The flag that a yes raises.", FLAGS),
    Key("opted_out_when", "texts", "Values of a text that mean opted out."),
    Key("unreachable_when", "texts", "Values of a text that mean that the address cannot be reached."),
    Key("exclusive", "truth", "Nobody but syncd writes this field."),
    Key("scope", "text", "What an opt-out of this column covers: global, brand:NAME or topic:NAME."),
    Key("scopes", "table", "What an opt-out covers by the value of the cell, where it lists what somebody left."),
)
COMPUTED = (
    Key("formula", "formula", "The formula that gives the value to write.", is_needed=True),
    Key("objects", "texts", "Which records have the field: Lead, Contact or both.", PEOPLE),
    *(key for key in COLUMN if key.name in ("side", "conflict", "blank", "when", "exclusive")),
)

CREATE = (
    Key("object", "text", "What is created.", CREATED, is_needed=True),
    Key("filled", "texts", "Columns of the file without which nobody is created."),
    Key("per_day", "number", "How many are created a day (UTC) at most.", is_needed=True),
    Key("assign", "truth", "true: the org's lead assignment rules choose the owner."),
)


def names(keys: Sequence[Key]) -> tuple[str, ...]:
    """Return the names of the keys of a table, in the order in which they are told."""
    return tuple(key.name for key in keys)
