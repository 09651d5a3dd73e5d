"""How does a mapping look as tables of cells that a marketing person edits, and what do such tables say?

Five sheets: *Columns*, *Computed*, *File*, *Match* and *Values*, where each spelling has a row of its own; *Comments* and *More*
hold what has no place in the others, so that nothing of a mapping gets lost on the way there and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.core.mapping_file.keys import COLUMN, COMPUTED, FILE, TOP, Key
from syncd.core.suggestions.text import quoted
from syncd.core.tables import Path
from syncd.core.values import Problem

BLANK, NO_VALUES = "(blank)", "(no values)"
_MARKS = {"": BLANK, "\t": "(tab)", " ": "(space)"}
_UNMARKS = {mark: text for text, mark in _MARKS.items()}
YES, NO = "yes", "no"
PLAIN_TOP = tuple(key for key in TOP if key.shape == "text")
TITLES = {
    "name": "Column in the file", "computed": "Salesforce field", "field": "Salesforce field", "field.Lead": "Field on leads",
    "field.Contact": "Field on contacts", "type": "Type", "side": "Whose field", "conflict": "On conflict",
    "blank": "Blank cells", "transform": "Transform", "when": "Only when",
    "required": "Must be in the file", "split": "Split at", "flag": "Flag",
    "exclusive": "Only syncd writes it", "formula": "Formula",
}  # fmt: skip
COLUMNS, COMPUTED_SHEET, FILE_SHEET, MATCH, VALUES, COMMENTS, MORE = (
    "Columns", "Computed", "File", "Match", "Values", "Comments", "More",
)  # fmt: skip
FILE_HEADER = ("Setting", "Value", "For files named")
MATCH_HEADER = ("Found by", "Column in the file", "Salesforce field")
VALUES_HEADER = ("Part", "Name", "Means", "Value")
COMMENTS_HEADER = ("Part", "Name", "Setting", "Where", "Text")
MORE_HEADER = ("Path", "Value")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment of a mapping file: "above" the line of a path, "beside" it, or at the "end"; `text` without the #."""

    path: Path
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet: its header and its rows, each with its number as a spreadsheet counts, so that a cell can be named."""

    name: str
    header: tuple[str, ...]
    rows: Sequence[tuple[int, Sequence[str]]]
    header_row: int = 1


@dataclass(slots=True)
class Sheet:
    """What sheets say: values as the mapping file would have them, where each stands, the comments, and every problem."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, str] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    more: list[tuple[str, str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def cell_name(column: int, row: int) -> str:
    """Return the name of a cell, such as B5, by its column counted from 0 and its row from 1."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def title_of(key: str) -> str:
    """Return what a key is called above its column."""
    return TITLES.get(key, key.replace("_", " ").capitalize())


def plain_keys(keys: Sequence[Key]) -> tuple[Key, ...]:
    """Return the keys that one cell can hold."""
    return tuple(key for key in keys if key.shape in ("text", "truth", "formula"))


def list_keys(keys: Sequence[Key]) -> tuple[str, ...]:
    """Return the names of the keys that hold spellings."""
    return tuple(key.name for key in keys if key.shape == "texts")


def sheets_of(values: Mapping[str, Any], comments: Sequence[Comment], as_toml: Any) -> list[Grid]:
    """Lay a mapping out in sheets. `as_toml` writes a value that no other sheet has a place for."""
    return _Writer(values, as_toml).grids(comments)


class _Writer:
    """Takes a mapping's values apart; what is left at the end goes to *More*."""

    def __init__(self, values: Mapping[str, Any], as_toml: Any) -> None:
        self.values, self.as_toml = values, as_toml
        self.spellings: list[tuple[str, str, str, str]] = []
        self.more: list[tuple[str, str]] = []

    def grids(self, comments: Sequence[Comment]) -> list[Grid]:
        columns = [self._row("column", name, one, COLUMN) for name, one in self._tables("column")]
        computed = [self._row("computed", name, one, COMPUTED) for name, one in self._tables("computed")]
        file, match = list(self._file()), list(self._match())
        for key, value in self.values.items():
            if key not in ("column", "computed", "file", "match", *(one.name for one in PLAIN_TOP)):
                self._rest((key,), value)
        made = [
            _grid(COLUMNS, (title_of("name"), *_titles(COLUMN)), columns),
            *([_grid(COMPUTED_SHEET, (title_of("computed"), *_titles(COMPUTED)), computed)] if computed else []),
            _grid(FILE_SHEET, FILE_HEADER, file),
            _grid(MATCH, MATCH_HEADER, match),
            _grid(VALUES, VALUES_HEADER, self.spellings),
        ]
        if comments:
            made.append(_grid(COMMENTS, COMMENTS_HEADER, [(*_split(one.path), one.where, one.text) for one in comments]))
        if self.more:
            made.append(_grid(MORE, MORE_HEADER, self.more))
        return made

    def _tables(self, part: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        tables = self.values.get(part, {})
        for name, one in tables.items() if isinstance(tables, Mapping) else ():
            if isinstance(one, Mapping) and fits_a_cell(name):
                yield name, one
            else:
                self._rest((part, name), one)

    def _row(self, part: str, name: str, one: Mapping[str, Any], keys: Sequence[Key]) -> list[str]:
        cells: dict[str, str] = {}
        plain = {key.name for key in plain_keys(keys)}
        for key, value in one.items():
            if key == "field" and isinstance(value, Mapping) and value.keys() <= {"Lead", "Contact"} and _all_texts(value):
                cells |= {f"field.{object}": marked(text) for object, text in value.items()}
            elif key in list_keys(keys) and isinstance(value, list) and _all_texts(value):
                self._spell(part, name, key, value)
            elif key in plain and fits_a_cell(value):
                cells[key] = _cell(value)
            else:
                self._rest((part, name, key), value)
        return [marked(name), *(cells.get(key, "") for key in _cell_keys(keys))]

    def _spell(self, part: str, name: str, key: str, values: Sequence[str]) -> None:
        for cell in map(marked, values) if values else (NO_VALUES,):
            self.spellings.append((part, marked(name) if name else "", key, cell))

    def _file(self) -> Iterator[tuple[str, str, str]]:
        for key in PLAIN_TOP:
            if fits_a_cell(self.values.get(key.name)):
                yield key.name, _cell(self.values[key.name]), ""
            elif key.name in self.values:
                self._rest((key.name,), self.values[key.name])
        table = self.values.get("file", {})
        if not isinstance(table, Mapping):
            self._rest(("file",), table)
            return
        plain = {key.name for key in plain_keys(FILE)}
        for name, value in table.items():
            if name in list_keys(FILE) and isinstance(value, list) and _all_texts(value):
                self._spell("file", "", name, value)
            elif name in plain and fits_a_cell(value):
                yield name, _cell(value), ""
            elif name == "flag" and isinstance(value, Mapping) and value and _all_texts(value):
                yield from ((name, marked(text), marked(pattern)) for pattern, text in value.items())
            else:
                self._rest(("file", name), value)

    def _match(self) -> Iterator[tuple[str, str, str]]:
        table = self.values.get("match", {})
        for name, value in table.items() if isinstance(table, Mapping) else ():
            if isinstance(value, str) and fits_a_cell(value):
                yield name, _cell(value), ""
            elif name == "external" and isinstance(value, Mapping) and value.keys() == {"column", "field"} and _all_texts(value):
                yield name, marked(value["column"]), marked(value["field"])
            else:
                self._rest(("match", name), value)

    def _rest(self, path: Path, value: object) -> None:
        self.more.append((".".join(_part(part) for part in path), self.as_toml(value)))


def _part(part: object) -> str:
    text = str(part)
    return text if text.isascii() and text.isidentifier() else quoted(text)


def _cell_keys(keys: Sequence[Key]) -> tuple[str, ...]:
    """Return the keys of a row's cells: a field may be one for both objects, or one for each."""
    return tuple(
        name
        for key in plain_keys(keys)
        for name in ((key.name, "field.Lead", "field.Contact") if key.name == "field" else (key.name,))
    )


def _titles(keys: Sequence[Key]) -> tuple[str, ...]:
    return tuple(title_of(key) for key in _cell_keys(keys))


def _grid(name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Grid:
    return Grid(name, tuple(header), [(number, list(row)) for number, row in enumerate(rows, 2)])


def _all_texts(values: Mapping[str, Any] | Sequence[Any]) -> bool:
    """Tell whether all are texts; those that are keys of a table have to be seen in a cell, as their values have."""
    if isinstance(values, Mapping):
        return all(isinstance(one, str) and fits_a_cell(one) and fits_a_cell(key) for key, one in values.items())
    return all(isinstance(one, str) for one in values)


def fits_a_cell(value: object) -> bool:
    """Tell whether one cell can hold a value: a text that is seen there, or a yes or no."""
    return isinstance(value, bool) or (isinstance(value, str) and (bool(value.strip()) or value in _MARKS))


def _cell(value: str | bool) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    return marked(value)


def marked(text: str) -> str:
    """Write a text so that one of nothing but a blank is seen: (blank). What looks like a mark gets one more pair of brackets."""
    return _MARKS.get(text) or (f"({text})" if _is_like_mark(text) else text)


def unmarked(cell: str) -> str:
    """Read what `marked` wrote."""
    if cell in _UNMARKS:
        return _UNMARKS[cell]
    return cell[1:-1] if cell.startswith("((") and _is_like_mark(cell) else cell


def _is_like_mark(text: str) -> bool:
    return text.startswith("(") and f"({text.strip('()')})" in (*_UNMARKS, NO_VALUES)


def _split(path: Path) -> tuple[str, str, str]:
    """Return part, name and setting of a path, for the sheet of comments."""
    parts = [str(part) for part in path]
    if parts[:1] in (["column"], ["computed"]):
        return parts[0], marked(parts[1]) if len(parts) > 1 else "", ".".join(parts[2:])
    return (
        (parts[0], "", ".".join(parts[1:])) if len(parts) > 1 or parts[:1] in (["file"], ["match"]) else ("", "", "".join(parts))
    )


def joined_path(part: str, name: str, key: str) -> Path:
    """Return the path that `_split` took apart."""
    keys: Path = tuple(key.split(".")) if key else ()
    return (*((part,) if part else ()), *((unmarked(name),) if name else ()), *keys)
