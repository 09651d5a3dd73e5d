"""Which objects and fields does the emulated org have?

A field is one line of text in the `objects_*` modules:

    Name type [length | precision.scale] [flags] [-> Target,Target/Relationship/ChildRelationship] [words] [=default] [| a | b]

Flags: C createable, U updateable, N nillable, D defaulted on create. Words: nofilter (nor sortable or groupable),
nogroup, restricted, unique, idlookup, required, in:Compound, sql:NAME (computed from `VIRTUAL`). After the first bar come
picklist values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

_SQL_TYPES = {"boolean": "INTEGER", "int": "INTEGER", "double": "REAL", "currency": "REAL", "percent": "REAL"}
_NO_GROUP = frozenset({"datetime", "double", "currency", "percent", "address", "anyType"})
AUDIT_FIELDS = """
CreatedDate datetime D
CreatedById reference D -> User/CreatedBy
LastModifiedDate datetime D
LastModifiedById reference D -> User/LastModifiedBy
SystemModstamp datetime D
"""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object, with what describe says about it."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    createable: bool = False
    updateable: bool = False
    nillable: bool = False
    defaulted: bool = False
    required: bool = False
    filterable: bool = True
    groupable: bool = True
    restricted: bool = False
    unique: bool = False
    id_lookup: bool = False
    external_id: bool = False
    custom: bool = False
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    child_relationship: str | None = None
    compound: str | None = None
    virtual: str | None = None
    formula: str | None = None
    default: str | None = None
    picklist: tuple[str, ...] = ()

    @property
    def column_type(self) -> str:
        """Name the SQLite column type; ids compare by case, text does not."""
        if self.type in ("id", "reference", "datetime", "date"):
            return "TEXT"
        if self.type == "anyType":
            return ""
        return _SQL_TYPES.get(self.type, "TEXT COLLATE NOCASE")

    @property
    def stored(self) -> bool:
        """Tell whether the value has a column of its own."""
        return self.virtual is None and self.type != "address"

    @property
    def sortable(self) -> bool:
        """Tell whether ORDER BY takes the field."""
        return self.filterable and self.type not in ("address", "anyType")

    @property
    def tracked_as(self) -> str:
        """Name the field as history rows do: ``Owner`` for OwnerId."""
        return self.relationship if self.type == "reference" and self.relationship and not self.custom else self.name


@dataclass(frozen=True, slots=True)
class SObject:
    """One object: its fields by lower-case name, and what may be done with it."""

    name: str
    label: str
    plural: str
    key_prefix: str | None
    fields: Mapping[str, Field]
    verbs: frozenset[str]
    history: str | None = None
    relationships: Mapping[str, Field] = field(default_factory=dict)

    @property
    def has_compound_name(self) -> bool:
        """Tell whether the name is made of a first and a last name."""
        last = self.find("LastName")
        return last is not None and last.compound == "Name"

    def can(self, verb: str) -> bool:
        """Tell whether the object allows create, update, delete, undelete, merge, replicate or search."""
        return verb in self.verbs

    def find(self, name: str) -> Field | None:
        """Find a field without regard to case."""
        return self.fields.get(name.lower())

    def has(self, name: str) -> bool:
        """Tell whether a field of this name exists."""
        return name.lower() in self.fields

    def with_fields(self, fields: Iterable[Field]) -> SObject:
        """Return the object with fields added or replaced."""
        merged = dict(self.fields)
        merged.update((each.name.lower(), each) for each in fields)
        return replace(self, fields=merged, relationships=_relationships(merged))


def _relationships(fields: Mapping[str, Field]) -> dict[str, Field]:
    return {each.relationship.lower(): each for each in fields.values() if each.relationship}


class Schema:
    """Every object of the org, found without regard to case."""

    def __init__(self, objects: Iterable[SObject]) -> None:
        self.objects: dict[str, SObject] = {each.name.lower(): each for each in objects}
        self.by_prefix = {
            each.key_prefix: each.name for each in self.objects.values() if each.key_prefix and each.key_prefix != "017"
        }

    def find(self, name: str) -> SObject | None:
        """Find an object, or None."""
        return self.objects.get(name.lower())

    def get(self, name: str) -> SObject:
        """Return an object that is known to exist."""
        return self.objects[name.lower()]

    def replace(self, changed: SObject) -> None:
        """Put a changed object in the place of the old one."""
        self.objects[changed.name.lower()] = changed

    def add(self, made: SObject) -> None:
        """Add an object."""
        self.replace(made)
        if made.key_prefix and made.key_prefix != "017":
            self.by_prefix[made.key_prefix] = made.name

    def children_of(self, parent: str) -> list[tuple[SObject, Field]]:
        """List the (object, field) pairs that refer to `parent`."""
        return [
            (each, pointer)
            for each in self.objects.values()
            for pointer in each.fields.values()
            if parent in pointer.reference_to
        ]


def label_of(name: str) -> str:
    """Turn an API name into the label a person sees: ``LastName`` to ``Last Name``, ``OwnerId`` to ``Owner ID``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " "))
    return re.sub(r"\bId$", "ID", words)


def parse_field(line: str) -> Field:
    """Read one line of field notation (see the module's docstring)."""
    line, _, values = line.partition("|")
    words = line.split()
    name, kind = words[0], words[1]
    facts: dict[str, object] = {"label": label_of(name)}
    if values:
        facts["picklist"] = tuple(value.strip() for value in values.split("|"))
    if kind in ("id", "reference"):
        facts["length"] = 18
    rest = iter(words[2:])
    for word in rest:
        _read_word(word, rest, facts)
    if kind in _NO_GROUP:
        facts["groupable"] = False
    if kind == "anyType":
        facts["filterable"] = False
    return Field(name=name, type=kind, custom=name.endswith("__c"), **facts)  # type: ignore[arg-type]


_WORDS: dict[str, dict[str, object]] = {
    "nofilter": {"filterable": False, "groupable": False},
    "nogroup": {"groupable": False},
    "restricted": {"restricted": True},
    "unique": {"unique": True},
    "idlookup": {"id_lookup": True},
    "required": {"required": True},
    "external": {"external_id": True, "id_lookup": True},
}
_FLAGS = {"C": "createable", "U": "updateable", "N": "nillable", "D": "defaulted"}


def _read_word(word: str, rest: Iterable[str], facts: dict[str, object]) -> None:
    if word in _WORDS:
        facts.update(_WORDS[word])
    elif word == "->":
        targets, *names = next(iter(rest)).split("/")
        facts["reference_to"] = tuple(targets.split(","))
        facts["relationship"] = names[0] if names else None
        facts["child_relationship"] = names[1] if len(names) > 1 else None
    elif word.isdigit():
        facts["length"] = int(word)
    elif re.fullmatch(r"\d+\.\d+", word):
        facts["precision"], facts["scale"] = (int(part) for part in word.split("."))
    elif word.startswith("in:"):
        facts["compound"] = word[3:]
    elif word.startswith("sql:"):
        facts["virtual"] = word[4:]
    elif word.startswith("="):
        facts["default"] = word[1:].replace("~", " ")
    elif set(word) <= set(_FLAGS):
        facts.update((_FLAGS[flag], True) for flag in word)
    else:
        raise AssertionError(f"unknown word {word!r} in field notation")


_ALL_VERBS = frozenset({"create", "update", "delete", "undelete", "replicate", "search"})


def sobject(
    name: str,
    prefix: str | None,
    notation: str,
    *,
    verbs: Iterable[str] = _ALL_VERBS,
    audit: bool = True,
    deletable_flag: bool = True,
    history: str | None = None,
    plural: str = "",
) -> SObject:
    """Build an object from field notation; Id, IsDeleted and the audit fields are added unless switched off."""
    head = "Id id D idlookup\n" + ("IsDeleted boolean D\n" if deletable_flag else "")
    lines = (head + notation + (AUDIT_FIELDS if audit else "")).splitlines()
    fields = {each.name.lower(): each for each in map(parse_field, filter(str.strip, lines))}
    label = label_of(name)
    return SObject(name, label, plural or label + "s", prefix, fields, frozenset(verbs), history, _relationships(fields))
