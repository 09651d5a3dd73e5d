"""Is the first line of a file the header of an export of this source?"""

from __future__ import annotations

from dataclasses import dataclass

from syncd.core.cells import CONTROL, seen
from syncd.core.mapping import SourceMapping, columns_read, header_faults
from syncd.core.mapping_file.keys import DELIMITERS
from syncd.exports.records import BadRecord, Record, quoted
from syncd.policies.documents import nearest

APART = "Drop each file by itself, as the tool wrote it."
_BOM = "\ufeff"
_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a file is not taken, and where that shows."""

    line: int
    column: int
    code: str
    text: str
    remedy: str


def check_header(first: Record | BadRecord, mapping: SourceMapping) -> tuple[str, ...] | Wrong:
    """Return the columns of a file, or why its first record is no header of this source."""
    if isinstance(first, BadRecord):
        return Wrong(first.line, 1, "EXP-005", f"The header cannot be read: {first.text}", first.remedy)
    columns = first.cells
    if not any(cell.strip() for cell in columns):
        text = "The first line is empty; the header belongs there."
        return Wrong(first.line, 1, "EXP-005", text, "Export the file again with column names.")
    control = CONTROL.search("".join(columns))
    if control:
        text = f"The header holds the control character U+{ord(control[0]):04X}: the file may be in another encoding."
        remedy = "Export it again as UTF-8, or correct encoding in the mapping."
        if control[0] == "\0":
            remedy += f' It looks like {_wide(columns[0])}: if so, write encoding = "{_wide(columns[0])}".'
        return Wrong(first.line, 1, "EXP-005", text, remedy)
    if columns[0].startswith("sep=") and len(mapping.delimiter.join(columns)) <= len("sep=,"):
        text = f"The first line is {quoted(mapping.delimiter.join(columns))}, a hint for Excel; the header belongs there."
        return Wrong(first.line, 1, "EXP-005", text, "Export the file without it, or take the first line out.")
    nameless = [index + 1 for index, name in enumerate(columns) if not name.strip()]
    if len(nameless) > 1:
        return _nameless(first, mapping, nameless)
    place: dict[str, int] = {}
    for index, name in enumerate(columns):
        if name in place:
            text = f"Column {quoted(name)} stands in the header twice: as columns {place[name] + 1} and {index + 1}."
            return Wrong(first.line, index + 1, "EXP-006", text, "Rename or leave out one of them in the export.")
        place[name] = index
    missing, unsure = header_faults(mapping, columns)
    for name, several in unsure:
        text = f"A formula names {quoted(name)}, which may be any of the columns {', '.join(map(quoted, several))}."
        return Wrong(first.line, place[several[1]] + 1, "EXP-008", text, "Rename all but one of them in the export.")
    return _missing(first, mapping, missing) if missing else columns


def _nameless(header: Record, mapping: SourceMapping, places: list[int]) -> Wrong:
    """Say that columns have no name: as the title above a report has it, or behind the last column of a spreadsheet."""
    if not columns_read(mapping, header.cells):
        return _missing(header, mapping, list(mapping.named))
    listed = ", ".join(map(str, places[:_SHOWN_MAX])) + (", …" if len(places) > _SHOWN_MAX else "")
    text = f"The columns {listed} have no name."
    return Wrong(header.line, places[0], "EXP-006", text, "Name them, or delete these columns if nothing is in them.")


def check_signs(columns: tuple[str, ...], second: Record | BadRecord | None, mapping: SourceMapping) -> Wrong | None:
    """Find a file that has all columns by chance and is separated by something else: header and first row agree on that."""
    if not isinstance(second, Record) or len(second.cells) != len(columns):
        return None
    for sign in DELIMITERS:
        here, there = ([cell.count(sign) for cell in cells] for cells in (columns, second.cells))
        if sign != mapping.delimiter and here == there and sum(here) >= len(columns):
            at = next(index for index, count in enumerate(here) if count)
            text = f"The cells of the header and of the first row look separated by {sign!r} too, {sum(here)} times each."
            return Wrong(1, at + 1, "EXP-007", text, f"Write delimiter = {_toml(sign)} under [file], or rename that column.")
    return None


def other_header(header: tuple[str, ...], names: frozenset[str], record: Record | BadRecord) -> Wrong | None:
    """Find the header of another file below the first: its columns stand in another order, so the rows below it are not ours."""
    if not isinstance(record, Record) or not record.cells or record.cells[-1] not in names:
        return None
    if header_in(record.cells, header) in (None, header):
        return None
    text = "The header of another file stands here, with its columns in another order: the rows below it would be misread."
    return Wrong(record.line, 1, "EXP-014", text, APART)


def header_in(cells: tuple[str, ...], header: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the header that a line below the first one holds, in whatever order: alone, or behind a row that had no end."""
    width = len(header)
    if len(cells) == width:
        found = (cells[0].removeprefix(_BOM), *cells[1:])
    elif len(cells) == 2 * width - 1:
        rest = cells[width:]
        found = (next((name for name in header if name not in rest and cells[width - 1].endswith(name)), ""), *rest)
    else:
        return None
    return found if sorted(found) == sorted(header) else None


def _missing(header: Record, mapping: SourceMapping, missing: list[str]) -> Wrong:
    text = header.cells[0]
    counts = {sign: text.count(sign) for sign in DELIMITERS if sign != mapping.delimiter}
    likely = max(counts, key=lambda sign: counts[sign])
    if len(header.cells) == 1 and counts[likely]:
        words = f"The file has one column; its cells look separated by {likely!r}, not by {mapping.delimiter!r}."
        return Wrong(header.line, 1, "EXP-007", words, f"Write delimiter = {_toml(likely)} under [file] in the mapping.")
    read = columns_read(mapping, header.cells)
    spare = [name for name in header.cells if name not in read]
    near = {name: nearest(name, spare) for name in missing}
    if not read and not any(near.values()):
        words = f"None of the columns of this source is in the first line: {quoted(mapping.delimiter.join(header.cells))}."
        remedy = f"The header must come first: leave out titles above it. If the columns have new names, correct {mapping.file}."
        return Wrong(header.line, 1, "EXP-008", words, remedy)
    named = [f"{name!r}" + (f" (nearest: {quoted(like)})" if like else "") for name, like in near.items()]
    words = f"The header lacks {', '.join(named)}."
    remedy = f"Add the column to the export, or correct {mapping.file}."
    if any(like is not None and like != name and _plain(like) == name for name, like in near.items()):
        remedy = "The names differ only in blanks, quotes or what cannot be seen: correct the header in the source."
    return Wrong(header.line, 1, "EXP-008", words, remedy)


def _plain(name: str) -> str:
    """Return a column's name without what programs leave around it, unseen or as quotes that no CSV has."""
    return " ".join(seen(name).strip("\u201c\u201d\u201e\u2019'\"").split())


def _wide(name: str) -> str:
    """Tell which half of each character a file without BOM writes first, by where the empty ones stand."""
    return "utf-16-be" if name.startswith("\0") else "utf-16-le"


def _toml(sign: str) -> str:
    return '"\\t"' if sign == "\t" else f'"{sign}"'
