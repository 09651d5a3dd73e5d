"""What is wrong with what a mapping file says of a column: what its type cannot do, what does nothing, what may not be?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from syncd.core.formats import format_fault
from syncd.core.mapping import Column
from syncd.core.mapping_file.checks import OPT_OUT, Reading
from syncd.core.tables import Path
from syncd.core.values import Flag

_SPLIT_MAX = 5


def column_problems(
    reading: Reading, base: Path, column: Column, values: Mapping[str, object], own_null: list[str] | None
) -> None:
    """Say everything that is wrong with a column whose keys were read; `own_null` are its own spellings of no value."""
    _use_problems(reading, base, column, values)
    _type_problems(reading, base, column, values)
    _formula_problems(reading, base, column)
    _spelling_overlaps(reading, base, column, own_null)
    _field_problems(reading, base, column, values)


def computed_problems(reading: Reading, base: Path, column: Column, values: Mapping[str, object]) -> None:
    """Say what is wrong with a computed field whose keys were read."""
    _needs_sides(reading, base, column, values, "Computed field")
    _exclusive_problems(reading, base, column, "Computed field")
    _blank_problems(reading, base, column)


def _use_problems(reading: Reading, base: Path, column: Column, values: Mapping[str, object]) -> None:
    """Say where a column does nothing, or what its type cannot do."""
    whens = column.opted_out_when | column.unreachable_when
    if column.flag is not None and column.type != "boolean" and "scopes" not in values:
        text = f"A flag is read from a boolean; this is {column.type}."
        reading.say((*base, "flag"), "MAP-117", text, 'Write type = "boolean".')
    if whens and column.type != "text":
        shown = 'Write type = "text", or use flag with true and false.'
        key = "opted_out_when" if column.opted_out_when else "unreachable_when"
        reading.say((*base, key), "MAP-117", f"{key} compares texts; this is {column.type}.", shown)


_MEANT_FOR = {
    "true": ("boolean",),
    "false": ("boolean",),
    "formats": ("date", "datetime"),
    "split": ("multipicklist",),
    "region": ("phone",),
    "region_from": ("phone",),
}


def _type_problems(reading: Reading, base: Path, column: Column, values: Mapping[str, object]) -> None:
    """Say which keys have no meaning in a column of this type, and which formats are none."""
    for key, kinds in _MEANT_FOR.items():
        if key in values and column.type not in kinds:
            shown = f"Remove it, or make the column {kinds[0]}."
            reading.say((*base, key), "MAP-117", f"{key} has no meaning in a {column.type} column.", shown)
    if column.transform is not None and column.type not in ("text", "email", "phone"):
        text = f"transform has no meaning in a {column.type} column."
        reading.say((*base, "transform"), "MAP-117", text, "Remove it, or make the column text.")
    if column.type in ("date", "datetime"):
        for index, form in enumerate(column.formats):
            fault = format_fault(form, has_time=column.type == "datetime")
            if fault is not None:
                reading.say((*base, "formats", index), "MAP-127", f"{form!r} is no format: {fault}", 'Write it as "%d.%m.%Y".')
    if len(column.split) > _SPLIT_MAX:
        reading.say((*base, "split"), "MAP-107", f"{column.split!r} cannot separate values.", 'Write a sign such as ";".')


def _formula_problems(reading: Reading, base: Path, column: Column) -> None:
    """Say where a formula would have no effect, or where it would decide what only the cell itself may say."""
    for key, formula in (("transform", column.formula), ("when", column.when)):
        if formula is not None and column.flag is not None:
            text = f"{key} cannot work here: a flag is read from the cell itself, and latches whenever it says yes."
            reading.say((*base, key), "MAP-126", text, "Remove it; spellings stand in true and false.")
        elif formula is not None and not column.fields:
            text = f"{key} has no effect: column {column.name!r} writes no field."
            reading.say((*base, key), "MAP-126", text, "Give the column a field, or remove the formula.")
    if not column.is_required and (column.flag is Flag.OPTED_OUT or column.opted_out_when):
        text = f"Column {column.name!r} tells of opt-outs: a file without it would opt nobody out, and nobody would notice."
        reading.say((*base, "required"), "MAP-128", text, "Remove required = false.")


def _spelling_overlaps(reading: Reading, base: Path, column: Column, own_null: list[str] | None) -> None:
    for key, first, second in (
        ("false", column.true, column.false),
        ("null", column.true | column.false, frozenset(own_null or ())),
    ):
        for spelling in sorted(first & second if column.type == "boolean" else ()):
            shown = "Keep each spelling in one list."
            reading.say((*base, key), "MAP-116", f"{spelling!r} has two meanings in column {column.name!r}.", shown)


def _field_problems(reading: Reading, base: Path, column: Column, values: Mapping[str, object]) -> None:
    """Say what is missing or forbidden where a field is written."""
    opt_out = any(name.casefold() == OPT_OUT.casefold() for name in column.fields.values())
    if opt_out and column.flag is not Flag.OPTED_OUT:
        shown = 'Write type = "boolean" and flag = "opted_out": syncd sets it to true and never back.'
        reading.say((*base, "field"), "MAP-111", f"{OPT_OUT} is written only from an opt-out column.", shown)
    elif column.flag is Flag.OPTED_OUT and column.fields and not opt_out:
        shown = f'Write field = "{OPT_OUT}", or leave field away.'
        reading.say((*base, "field"), "MAP-111", "An opt-out is written to no other field.", shown)
    elif column.flag is Flag.UNREACHABLE and column.fields:
        reading.say((*base, "field"), "MAP-111", "Unreachable is never written to the org.", "Remove field from this column.")
    elif column.fields and not opt_out:
        _needs_sides(reading, base, column, values, "Column")
    _exclusive_problems(reading, base, column, "Column")
    _blank_problems(reading, base, column)


def _needs_sides(reading: Reading, base: Path, column: Column, values: Mapping[str, object], what: str) -> None:
    for key, shown in (("side", '"marketing" or "sales"'), ("conflict", '"overwrite" or "fill"')):
        if key not in values:
            reading.say(base, "MAP-113", f"{what} {column.name!r} writes a field and has no {key}.", f"Add {key} = {shown}.")


def _exclusive_problems(reading: Reading, base: Path, column: Column, what: str) -> None:
    if not column.exclusive:
        return
    if column.flag is not None or (column.side, column.conflict) != ("marketing", "overwrite"):
        text = f'{what} {column.name!r} is exclusive, but not side = "marketing" with conflict = "overwrite".'
        shown = "A field that only syncd writes always takes the file's value: correct side and conflict, or remove exclusive."
        reading.say((*base, "exclusive"), "MAP-122", text, shown)
    elif not column.fields:
        text = f"{what} {column.name!r} is exclusive and writes no field."
        reading.say((*base, "exclusive"), "MAP-122", text, "Give it a field, or remove exclusive.")
    elif any(formula.fields for formula in column.formulas):
        text = f"{what} {column.name!r} is exclusive, and its formula asks the record: it is written without a look."
        reading.say((*base, "exclusive"), "MAP-122", text, "Remove exclusive, or take $Record out of the formula.")


def _blank_problems(reading: Reading, base: Path, column: Column) -> None:
    if column.blank == "clear" and (column.gives == "boolean" or column.conflict == "fill"):
        why = "a checkbox is never empty" if column.gives == "boolean" else 'conflict = "fill" never takes a value away'
        reading.say((*base, "blank"), "MAP-121", f'blank = "clear" cannot work here: {why}.', 'Write blank = "leave".')


def refuse_written_twice(reading: Reading, columns: Iterable[Column], computed: Sequence[Column]) -> None:
    """Refuse two columns for one field; several opt-out columns may share theirs, as any of them says no."""
    seen: dict[tuple[str, str], tuple[Path, str]] = {}
    said: set[tuple[str, str]] = set()
    placed = [*((("column", one.name, "field"), one) for one in columns), *((("computed", one.name), one) for one in computed)]
    for path, column in placed:
        word = f"{column.name!r}" if path[0] == "column" else f"computed {column.name!r}"
        for name, api_name in column.fields.items():
            at, first = seen.setdefault((name, api_name.casefold()), (path, word))
            if first != word and column.flag is not Flag.OPTED_OUT and (first, word) not in said:
                said.add((first, word))
                line, _ = reading.table.where(*at)
                text = f"{api_name} is written by two columns: {word} and, on line {line}, {first}."
                reading.say(path, "MAP-112", text, "Keep one of the two.")


def refuse_unknown_regions(reading: Reading, columns: Sequence[Column]) -> None:
    """Refuse a country that is to come from a column which the mapping does not read as text."""
    texts = [column.name for column in columns if column.type == "text"]
    for column in columns:
        if column.region_from and column.region_from not in texts:
            text = f"No column {column.region_from!r} of type text is mapped.{reading.near(column.region_from, texts)}"
            shown = f'Add a table [column."{column.region_from}"] with type = "text".'
            reading.say(("column", column.name, "region_from"), "MAP-137", text, shown)


def refuse_unused(reading: Reading, columns: Iterable[Column], used: Set[str | None]) -> None:
    """Refuse columns that nothing is done with: neither by themselves nor by what is in `used`."""
    for column in columns:
        values = reading.table.values["column"][column.name]
        whens = column.opted_out_when | column.unreachable_when
        has_use = column.fields or column.flag is not None or whens or column.name in used
        if not has_use and "field" not in values and "flag" not in values:
            shown = "Give it a field, a flag or opted_out_when, or remove the table."
            reading.say(("column", column.name), "MAP-118", f"Column {column.name!r} is used for nothing.", shown)
