"""Does a mapping fit what the org describes, and does a value fit its field?

Source: Object Reference, Field Types; a describe's length, precision, scale, nillable, picklistValues and restrictedPicklist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from syncd.core.creation import creation_faults
from syncd.core.field_facts import FieldFacts
from syncd.core.mapping import Column, Formula, SourceMapping
from syncd.core.mapping_file.keys import PEOPLE
from syncd.core.tables import Path
from syncd.core.values import Problem, Scalar

SHOWN_MAX = 10
HIDDEN, NOT_WRITABLE = "MAP-130", "MAP-134"
_NUMBERS = ("double", "currency", "percent", "int", "long")
_TEXTS = ("string", "textarea", "picklist", "multipicklist", "combobox", "phone", "url", "email", "encryptedstring", "id")
TAKES = {
    "text": _TEXTS,
    "email": ("email", "string", "textarea"),
    "phone": ("phone", "string", "textarea"),
    "multipicklist": ("multipicklist", "string", "textarea"),
    "number": _NUMBERS,
    "integer": _NUMBERS,
    "boolean": ("boolean",),
    "date": ("date",),
    "datetime": ("datetime",),
    "time": ("time",),
}
_READ_AS = {kind: word for word, kinds in reversed(TAKES.items()) for kind in kinds}


Visible = Mapping[str, Mapping[str, FieldFacts]]


def unfit(after: Scalar, schema: FieldFacts) -> str | None:
    """Say why Salesforce would refuse a value, or None."""
    if not schema.is_updateable:
        return "syncd's user may not write the field."
    if after is None:
        return None if schema.is_nillable else "the field is never empty."
    if isinstance(after, str):
        # Salesforce counts as Java does: a character beyond U+FFFF counts twice.
        length = len(after.encode("utf-16-le")) // 2
        if 0 < schema.length < length:
            return f"the text has {length} characters, the field takes {schema.length}."
    if schema.type in ("picklist", "multipicklist") and schema.picklist:
        return _not_in_picklist(str(after), schema)
    if isinstance(after, (int, float)) and not isinstance(after, bool):
        return _too_long_a_number(after, schema)
    return None


def _not_in_picklist(after: str, schema: FieldFacts) -> str | None:
    values = after.split(";") if schema.type == "multipicklist" else [after]
    strange = next((value for value in values if value not in schema.picklist), None)
    if strange is None:
        return None
    known = ", ".join(schema.picklist[:SHOWN_MAX]) + (", …" if len(schema.picklist) > SHOWN_MAX else "")
    what = "an inactive" if strange in schema.inactive else "no active"
    return f"{strange!r} is {what} value of the picklist ({known})." + _did_you_mean(strange, schema.picklist)


def _too_long_a_number(after: float, schema: FieldFacts) -> str | None:
    if schema.type in ("int", "long") and float(after) != int(after):
        return f"{after} is no whole number."
    if schema.type == "int" and abs(after) > 2**31 - 1:
        return f"{after} has more digits than the field takes."
    whole = schema.precision - schema.scale
    if schema.precision and schema.type in ("double", "currency", "percent") and abs(after) >= 10**whole:
        return f"{after} has more digits before the point than the field takes ({whole})."
    return None


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(word.casefold(), folded, n=1)
    return f" Did you mean {folded[near[0]]!r}?" if near else ""


def schema_problems(mapping: SourceMapping, schema: Visible) -> list[Problem]:
    """Hold a mapping against the org: hidden and read-only fields, fields of another type, and formulas that do not fit.

    Shapes: `schema` has the visible fields by object name; a problem stands where the mapping names the field.
    """
    return [*_of_columns(mapping, schema), *_of_match(mapping, schema), *creation_problems(mapping, schema)]


def creation_problems(mapping: SourceMapping, schema: Visible) -> Iterator[Problem]:
    """Hold [create] against the org: who is created has to be found again, and filled."""
    if mapping.create is None:
        return
    createable = {name for name, one in schema.get(mapping.create.object, {}).items() if one.is_createable}
    key = mapping.external_field if "external" in mapping.match else "Email"
    for code, text, remedy in creation_faults(mapping.create, key or "Email", createable):
        if mapping.table is not None:
            yield mapping.table.problem(("create",), code, text, remedy)
        else:
            yield Problem(mapping.file, mapping.create.rule.line, 1, code, text, remedy)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong at a key of a column; `within` is the line and character of a formula, where one is meant."""

    key: str
    code: str
    text: str
    remedy: str
    within: tuple[int, int] | None = None


def _of_columns(mapping: SourceMapping, schema: Visible) -> Iterator[Problem]:
    for column in mapping.writing:
        is_computed = column.is_computed
        said: set[str] = set()
        for object, api_name in column.fields.items():
            for fault in (*_field_faults(column, object, api_name, schema), *_formula_faults(column, object, schema)):
                if fault.text in said:
                    continue
                said.add(fault.text)
                what = f"{'Computed field' if is_computed else 'Column'} {column.name!r}: {fault.text}"
                yield _problem(mapping, column, is_computed, object, replace(fault, text=what))


def _problem(mapping: SourceMapping, column: Column, is_computed: bool, object: str, fault: _Fault) -> Problem:
    path: Path = ("computed" if is_computed else "column", column.name)
    if fault.key != "field" or not is_computed:
        path = (*path, fault.key)
    if fault.key == "field" and mapping.table is not None and (*path, object) in mapping.table.positions:
        path = (*path, object)
    if mapping.table is None:
        return Problem(mapping.file, column.rule.line, 1, fault.code, fault.text, fault.remedy)
    if fault.within is not None:
        return mapping.table.problem_within(path, *fault.within, fault.code, fault.text, fault.remedy)
    return mapping.table.problem(path, fault.code, fault.text, fault.remedy)


def _field_faults(column: Column, object: str, api_name: str, schema: Visible) -> Iterator[_Fault]:
    field = schema.get(object, {}).get(api_name)
    name = f"{object}.{api_name}"
    if field is None:
        near = _did_you_mean(api_name, list(schema.get(object, {}))).strip()
        other = "Contact" if object == "Lead" else "Lead"
        remedy = f'Grant read access, or write the other object only: field = {{ {other} = "{api_name}" }}.'
        text = f"{name} is not visible to syncd's user or does not exist."
        yield _Fault("field", HIDDEN, text, f"{near} If not: {remedy}" if near else remedy)
        return
    if column.side != "marketing":
        return
    if field.references or field.type == "reference":
        target = f" to {', '.join(field.references)}" if field.references else ""
        remedy = "Write the value to a text field, and let a flow in Salesforce fill the lookup from it."
        yield _Fault("field", "MAP-136", f"{name} is a lookup{target}, and syncd writes no lookups.", remedy)
        return
    if field.is_calculated:
        yield _Fault(
            "field", NOT_WRITABLE, f"{name} is a formula or roll-up: nobody can write it.", "Remove field, or name another."
        )
    elif not field.is_updateable:
        text, remedy = f"{name} may not be written by syncd's user.", "Grant edit access, or remove the column."
        if field.is_createable:
            text = f"{name} may be set when a record is created, and never again by syncd's user."
        yield _Fault("field", NOT_WRITABLE, text, remedy)
    if field.type not in TAKES[column.gives]:
        yield _type_fault(column, name, field)
    if column.blank == "clear" and not field.is_nillable:
        yield _Fault("blank", "MAP-133", f'{name} is never empty: blank = "clear" cannot work.', 'Write blank = "leave".')


def _type_fault(column: Column, name: str, field: FieldFacts) -> _Fault:
    fitting = _READ_AS.get(field.type)
    if column.formula is not None:
        remedy = f"Turn the value into a {fitting}: VALUE, TEXT, DATEVALUE …" if fitting else "Remove field, or name another."
        text = f"{name} is of type {field.type}, the formula gives a {column.gives}."
        return _Fault("field", "MAP-135", text, remedy)
    remedy = f'Write type = "{fitting}".' if fitting else "Remove field, or name another."
    return _Fault("type", "MAP-135", f"{name} is of type {field.type}, the column of type {column.type}.", remedy)


def _formula_faults(column: Column, object: str, schema: Visible) -> Iterator[_Fault]:
    for formula in column.formulas:
        key = "when" if formula is column.when else formula.rule.name.partition(" ")[0]
        hidden = [name for name in formula.fields if name not in schema.get(object, {})]
        for name in hidden:
            near = _did_you_mean(name, list(schema.get(object, {}))).strip()
            text = f"{key} asks {object}.{name}, which is not visible to syncd's user or does not exist."
            yield _Fault(key, HIDDEN, text, near or "Grant read access, or take it out of the formula.")
        if hidden or not formula.fields:
            continue
        again = retyped(formula, schema[object])
        if isinstance(again, Problem):
            text = f"{key}, character {again.column}, on {object}: {again.text}"
            yield _Fault(key, again.code, text, again.remedy, (again.line, again.column))


def retyped(formula: Formula, fields: Mapping[str, FieldFacts]) -> Formula | Problem:
    """Return a formula with what the fields of the record hold; itself where it asks none."""
    if not formula.fields:
        return formula
    return formula.typed({name: fields[name].type for name in formula.fields if name in fields})


def _of_match(mapping: SourceMapping, schema: Visible) -> Iterator[Problem]:
    name = mapping.external_field
    if name and not any(name in schema.get(object, {}) for object in PEOPLE):
        near = _did_you_mean(name, [field for object in PEOPLE for field in schema.get(object, {})]).strip()
        text = f"{name} is visible neither on Lead nor on Contact."
        remedy = "Correct external under [match], or grant read access."
        remedy = f"{near} If not: {remedy}" if near else remedy
        if mapping.table is None:
            yield Problem(mapping.file, 1, 1, "MAP-131", text, remedy)
        else:
            yield mapping.table.problem(("match", "external", "field"), "MAP-131", text, remedy)
