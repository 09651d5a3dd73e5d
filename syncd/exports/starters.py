"""How would the mapping file of an export begin?"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from syncd.core.suggestions.names import is_detail, sounds_like_email, sounds_opted_out
from syncd.exports.vendors import Export, NoExport, StarterColumn, Vendor, as_toml, opt_out_column, toml_list

_PACKED = re.compile(r"(?i)(\.csv|\.txt)?(\.zip|\.gz|\.xlsx)$")
_SPELLINGS_SHOWN = 3
_OF_A_SET = "everybody in a file of the archive whose name begins so"


def starter(vendor: Vendor, export: Export, file_name: str, rows: Sequence[Sequence[str]] = ()) -> str:
    """Write the starter mapping of a file as TOML. Only columns that the file has are mapped; the others are listed.

    Shapes: `rows` are the first ones of the file, where they could be looked at.
    Errors: NoExport when no column holds an e-mail address, so that no row could be tied to a person.
    """
    return "\n".join(_lines(vendor, export, file_name, rows)) + "\n"


_YES, _NO = ("1", "true", "True", "TRUE", "yes", "Yes", "Y"), ("0", "false", "False", "FALSE", "no", "No", "N")


def _guessed(export: Export, mapped: Sequence[StarterColumn]) -> list[StarterColumn]:
    """Take the other columns whose names sound like an opt-out."""
    note = "guessed from its name: check what it means and how it is spelt"
    known = {column.name for column in mapped}
    names = [name for name in export.columns if name not in known and sounds_opted_out(name) and not is_detail(name)]
    return [opt_out_column(name, _YES, _NO, note) for name in dict.fromkeys(names)]


def _spelt(column: StarterColumn, export: Export, rows: Sequence[Sequence[str]], null: Sequence[str]) -> StarterColumn:
    """Say of an opt-out how the rows that were looked at spell it: whose spelling is unknown counts as opted out.

    Where no row says anything, a cell without a value says nothing: or else everybody would count as opted out. A value in a
    later row, or in a later file, still counts.
    """
    meant = tomllib.loads("\n".join(column.lines))
    if meant.get("flag") != "opted_out" or not rows:
        return column
    place, known = export.columns.index(column.name), {*meant["true"], *meant["false"]}
    cells = Counter(row[place] for row in rows)
    odd = Counter({cell: count for cell, count in cells.items() if cell not in known})
    if not odd:
        return column
    if all(not cell.strip() or cell in null for cell in cells):
        looked = f"the {len(rows):,} rows" if len(rows) > 1 else "the one row"
        told = f"# No value in {looked} looked at: such a cell opts nobody out. Any other cell still counts."
        return replace(column, lines=(*column.lines, told, f"null = {toml_list(sorted(odd))}"))
    shown = ", ".join(as_toml(cell) for cell, _ in odd.most_common(_SPELLINGS_SHOWN))
    shown += ", …" if len(odd) > _SPELLINGS_SHOWN else ""
    share = f"{odd.total():,} of {len(rows):,} rows looked at"
    told = f"# Neither true nor false in {share}: {shown}. That counts as opted out until you say what it means."
    return replace(column, lines=(*column.lines, told))


def _lines(vendor: Vendor, export: Export, file_name: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    email, id, newest = (_first(names, export) for names in (vendor.email, vendor.id, vendor.newest))
    email = email or next(filter(sounds_like_email, export.columns), None)
    if email is None:
        raise NoExport("has no column that looks like an e-mail address")
    begin = next((word for word in vendor.file_flags if file_name.lower().startswith(word)), "")
    yield "#:schema ../schemas/fields.schema.json"
    yield f"# What each column means for syncd: {vendor.title}."
    if not vendor.is_seen:
        yield "# UNVERIFIED: nobody has shown us such a file. Check every line against yours."
    yield '# Look over each line, then: syncd check, syncd mapping preview. Nothing is written while mode = "observe".'
    yield 'version = "1"'
    yield 'mode = "observe"'
    yield ""
    yield "[file]"
    packed = _PACKED.search(file_name)
    yield f'pattern = "{begin}*{packed[0] if packed else ".csv"}"'
    if len(export.sheets) > 1:
        yield f"sheet = {as_toml(export.sheets[0])}    # the first of {len(export.sheets)}"
    if not export.sheets:
        yield f'encoding = "{export.encoding}"'
        yield f"delimiter = {as_toml(export.delimiter)}" if export.delimiter != "\t" else 'delimiter = "\\t"'
        yield from vendor.dialect
    yield f'zone = "{vendor.zone}"    # {vendor.zone_note}'
    yield f"null = {toml_list(vendor.null)}"
    if newest is not None:
        yield f"newest = {as_toml(newest)}"
    said = {f"{word}*": flag for word, flag in vendor.file_flags.items() if flag}
    if export.members and said:
        yield f"flag = {{ {', '.join(f'{as_toml(word)} = {as_toml(flag)}' for word, flag in said.items())} }}    # {_OF_A_SET}"
    elif vendor.file_flags.get(begin):
        yield f'flag = "{vendor.file_flags[begin]}"    # everybody in a file whose name begins with {begin}'
    yield ""
    yield "[match]"
    if id is not None:
        yield f'# external = {{ column = {as_toml(id)}, field = "MA_Person_Id__c" }}    # if Salesforce keeps this id in a field'
    yield f"email = {as_toml(email)}"
    mapped = [column for column in vendor.columns if column.name in export.columns]
    mapped, guessed = ([_spelt(one, export, rows, vendor.null) for one in some] for some in (mapped, _guessed(export, mapped)))
    if not any("opted_out" in line for column in mapped for line in column.lines):
        mapped, guessed = [*mapped, *guessed], []
    if not mapped and not vendor.file_flags.get(begin) and not (export.members and said):
        raise NoExport("has no column that syncd would know what to do with")
    for column in mapped:
        yield ""
        yield f"[column.{as_toml(column.name)}]" + (f"    # {column.note}" if column.note else "")
        yield from column.lines
    for column in guessed:
        yield ""
        yield "# QUESTION: does this column say who has opted out? Then take the # away. Without that it counts for nothing."
        yield f"# [column.{as_toml(column.name)}]    # {column.note}"
        yield from (f"# {line}" for line in column.lines)
    if not vendor.file_flags and not any("opted_out" in line for column in mapped for line in column.lines):
        yield ""
        yield "# WARNING: no column here says who has opted out. Export one, or syncd knows of the opt-outs in Salesforce alone."
    used = {email, id, newest, *(column.name for column in (*mapped, *guessed))}
    yield ""
    yield "# Columns of your file that nothing is done with yet; from its cells more is proposed by: syncd mapping suggest EXPORT"
    yield from (f"#   {_shown(name)}" for name in export.columns if name not in used)


def _first(names: Sequence[str], export: Export) -> str | None:
    return next((name for name in names if name in export.columns), None)


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:100]
