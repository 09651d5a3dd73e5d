"""What do the sheets say that somebody edited, and which of their cells cannot be meant?

Every problem of every sheet is told in one run, each with its cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from syncd.core.mapping_file.keys import COLUMN, COMPUTED, FILE, Key
from syncd.core.mapping_file.keys import MATCH as MATCH_KEYS
from syncd.core.mapping_sheets.grids import (
    COLUMNS,
    COMMENTS,
    COMMENTS_HEADER,
    COMPUTED_SHEET,
    FILE_HEADER,
    FILE_SHEET,
    MATCH,
    MATCH_HEADER,
    MORE,
    MORE_HEADER,
    NO,
    NO_VALUES,
    PLAIN_TOP,
    VALUES,
    VALUES_HEADER,
    YES,
    Comment,
    Grid,
    Sheet,
    cell_name,
    joined_path,
    list_keys,
    plain_keys,
    title_of,
    unmarked,
)
from syncd.core.tables import Path
from syncd.core.values import Problem

KNOWN = (COLUMNS, COMPUTED_SHEET, FILE_SHEET, MATCH, VALUES, COMMENTS, MORE)
_WORDS = {**dict.fromkeys((YES, "true", "y", "1", "x"), True), **dict.fromkeys((NO, "false", "n", "0"), False)}
_PARTS = ("column", "computed", "file")


def read_sheets(file: str, grids: Sequence[Grid]) -> Sheet:
    """Read sheets into the values of a mapping file. `file` is what problems name; a sheet's name may be in any case."""
    return _Reader(file).read(grids)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file, self.sheet = file, Sheet()

    def read(self, grids: Sequence[Grid]) -> Sheet:
        known = {name.casefold(): name for name in KNOWN}
        named = {known[grid.name.casefold()]: grid for grid in grids if grid.name.casefold() in known}
        for grid in grids:
            if grid.name.casefold() not in known:
                near = _near(grid.name, KNOWN)
                text = f"There is no part of a mapping called {grid.name!r}.{near}"
                self._say(grid.name, "A1", "SHT-001", text, f"Known are: {', '.join(KNOWN)}. Rename the sheet, or remove it.")
        if COLUMNS not in named and not self.sheet.problems:
            text = "No sheet says what the columns mean."
            self._say(COLUMNS, "A1", "SHT-002", text, f"Begin with: syncd mapping export SOURCE --to {self.file}")
        if COLUMNS in named:
            self._tables(named[COLUMNS], "column", title_of("name"), COLUMN)
        if COMPUTED_SHEET in named:
            self._tables(named[COMPUTED_SHEET], "computed", title_of("computed"), COMPUTED)
        for name, header, take in (
            (FILE_SHEET, FILE_HEADER, self._setting), (MATCH, MATCH_HEADER, self._key), (VALUES, VALUES_HEADER, self._spelling),
            (COMMENTS, COMMENTS_HEADER, self._comment), (MORE, MORE_HEADER, self._more),
        ):  # fmt: skip
            if name in named:
                self._lines(named[name], header, take)
        return self.sheet

    def _say(self, sheet: str, cell: str, code: str, text: str, remedy: str) -> None:
        self.sheet.problems.append(Problem(f"{self.file}:{sheet}!{cell}", 1, 1, code, text, remedy))

    def _put(self, path: Path, value: Any, sheet: str, cell: str) -> None:
        """Put a value at a path, once; a second one is told with the place of the first."""
        table = self.sheet.values
        for part in path[:-1]:
            table = table.setdefault(str(part), {})
        key = str(path[-1])
        if path in self.sheet.places:
            text = f"{'.'.join(map(str, path))} is said twice: here and in {self.sheet.places[path]}."
            self._say(sheet, cell, "SHT-005", text, "Keep one of the two.")
            return
        self.sheet.places[path] = f"{sheet}!{cell}"
        table[key] = value

    def _header(self, grid: Grid, titles: dict[str, str]) -> dict[int, str]:
        """Return the key of each column of cells; `titles` are the keys by what they may be called."""
        folded = {title.casefold(): key for title, key in titles.items()}
        found: dict[int, str] = {}
        for place, cell in enumerate(grid.header):
            written = cell.strip()
            where = cell_name(place, grid.header_row)
            key = folded.get(written.casefold())
            if not written:
                if any(len(row) > place and row[place].strip() for _, row in grid.rows):
                    text = "This column of cells has no title, and cells below it are filled."
                    self._say(grid.name, where, "SHT-003", text, "Write its title, or empty it.")
            elif key is None:
                near = _near(written, titles)
                remedy = f"Known are: {', '.join(dict.fromkeys(titles))}."
                self._say(grid.name, where, "SHT-003", f"{written!r} is no title of {grid.name}.{near}", remedy)
            elif key in found.values():
                first = cell_name(next(at for at, known in found.items() if known == key), grid.header_row)
                text = f"The title {written!r} stands twice: here and in {first}."
                self._say(grid.name, where, "SHT-003", text, "Keep one.")
            else:
                found[place] = key
        return found

    def _tables(self, grid: Grid, part: str, title: str, keys: Sequence[Key]) -> None:
        """Read a sheet with one table of the file in each row."""
        cells = [name for key in plain_keys(keys) for name in _names(key)]
        titles = {title: "", **{title_of(name): name for name in cells}}
        titles |= {name: name for name in cells if name not in titles}
        header = self._header(grid, titles)
        if "" not in header.values():
            text = f"There is no column {title!r}: it says what each row is about."
            self._say(grid.name, cell_name(0, grid.header_row), "SHT-004", text, f"Call the first one {title!r}.")
            return
        shapes = {key.name: key.shape for key in keys}
        first = next(place for place, key in header.items() if not key)
        seen: dict[str, int] = {}
        for number, row in grid.rows:
            name = row[first] if len(row) > first else ""
            if not any(cell.strip() for cell in row):
                continue
            where = cell_name(first, number)
            if not name.strip():
                self._say(grid.name, where, "SHT-004", f"{title!r} is empty.", "Name it, or empty the row.")
            elif name in seen:
                text = f"{name!r} has two rows: this one and row {seen[name]}."
                self._say(grid.name, where, "SHT-005", text, "Keep one of the two.")
            else:
                seen[name] = number
                self._table(grid, part, unmarked(name), number, row, header, shapes)

    def _table(
        self, grid: Grid, part: str, name: str, number: int, row: Sequence[str], header: dict[int, str], shapes: dict[str, str]
    ) -> None:
        self.sheet.values.setdefault(part, {}).setdefault(name, {})
        self.sheet.places[part, name] = f"{grid.name}!{cell_name(0, number)}"
        by_object = False
        for place, key in header.items():
            cell = row[place] if len(row) > place else ""
            if not key or not cell.strip():
                continue
            where = cell_name(place, number)
            by_object = by_object or key.startswith("field.")
            if key.startswith("field.") and isinstance(self.sheet.values[part][name].get("field"), str):
                text = f"{name!r} has a field for both objects and one for {key.partition('.')[2]}s."
                self._say(grid.name, where, "SHT-006", text, "Fill one field for both, or one for each object.")
                continue
            value = self._value(grid.name, where, shapes.get(key, "text"), cell)
            if value is not None:
                self._put((part, name, *key.split(".")), value, grid.name, where)

    def _value(self, sheet: str, where: str, shape: str, cell: str) -> str | bool | None:
        if shape != "truth":
            return unmarked(cell)
        value = _WORDS.get(cell.strip().casefold())
        if value is None:
            self._say(sheet, where, "SHT-007", f"{cell!r} is neither {YES} nor {NO}.", f"Write {YES} or {NO}.")
        return value

    def _lines(self, grid: Grid, titles: Sequence[str], take: Any) -> None:
        """Read a sheet of plain lines: `take` gets the number of a row, its cells in the order of `titles`, and their names."""
        header = self._header(grid, {title: title for title in titles})
        places = {title: place for place, title in header.items()}
        if titles[0] not in places:
            if any(cell.strip() for _, row in grid.rows for cell in row):
                text = f"There is no column {titles[0]!r}."
                self._say(grid.name, cell_name(0, grid.header_row), "SHT-004", text, f"Its titles are: {', '.join(titles)}.")
            return
        for number, row in grid.rows:
            if any(cell.strip() for cell in row):
                cells = [row[places[title]] if title in places and len(row) > places[title] else "" for title in titles]
                names = [cell_name(places.get(title, 0), number) for title in titles]
                take(grid.name, cells, names)

    def _setting(self, sheet: str, cells: Sequence[str], names: Sequence[str]) -> None:
        name, value, pattern = cells[0].strip(), cells[1], cells[2]
        top = {key.name: key for key in PLAIN_TOP}
        known = {**top, **{key.name: key for key in plain_keys(FILE)}}
        if name not in known:
            remedy = f"Known are: {', '.join(known)}."
            self._say(sheet, names[0], "SHT-008", f"There is no setting {name!r}.{_near(name, known)}", remedy)
        elif value.strip():
            path: Path = (name,) if name in top else ("file", name, unmarked(pattern)) if pattern else ("file", name)
            read = self._value(sheet, names[1], known[name].shape, value)
            if read is not None:
                self._put(path, read, sheet, names[1])

    def _key(self, sheet: str, cells: Sequence[str], names: Sequence[str]) -> None:
        name, column, target = cells[0].strip(), unmarked(cells[1]), unmarked(cells[2].strip())
        known = [key.name for key in MATCH_KEYS]
        if name not in known:
            text = f"People are not found by {name!r}.{_near(name, known)}"
            self._say(sheet, names[0], "SHT-008", text, f"Known are: {', '.join(known)}.")
        elif name == "external":
            self._put(("match", name), {"column": column, "field": target}, sheet, names[1])
        elif target:
            text = f"{name} takes no field: it is found by the field that Salesforce has for it."
            self._say(sheet, names[2], "SHT-006", text, "Empty the cell.")
        else:
            self._put(("match", name), column, sheet, names[1])

    def _spelling(self, sheet: str, cells: Sequence[str], names: Sequence[str]) -> None:
        part, name, key, value = cells[0].strip(), unmarked(cells[1]), cells[2].strip(), cells[3]
        known = list_keys({"column": COLUMN, "computed": COMPUTED, "file": FILE}.get(part, ()))
        if part not in _PARTS:
            text = f"There is no part {part!r}.{_near(part, _PARTS)}"
            self._say(sheet, names[0], "SHT-008", text, f"Known are: {', '.join(_PARTS)}.")
        elif key not in known:
            text = f"{key!r} is no list of spellings.{_near(key, known)}"
            self._say(sheet, names[2], "SHT-008", text, f"Known are: {', '.join(known)}.")
        elif part != "file" and name not in self.sheet.values.get(part, {}):
            near = _near(name, self.sheet.values.get(part, {}))
            text = f"No row of {COLUMNS if part == 'column' else COMPUTED_SHEET} is about {name!r}.{near}"
            self._say(sheet, names[1], "SHT-009", text, "Correct the name, or add the row there.")
        else:
            path: Path = (part, name, key) if part != "file" else (part, key)
            table = self.sheet.values.setdefault(part, {})
            table = table if part == "file" else table[name]
            spellings = table.setdefault(key, [])
            self.sheet.places.setdefault(path, f"{sheet}!{names[3]}")
            if value != NO_VALUES:
                spellings.append(unmarked(value))
                self.sheet.places[*path, len(spellings) - 1] = f"{sheet}!{names[3]}"

    def _comment(self, sheet: str, cells: Sequence[str], names: Sequence[str]) -> None:
        part, name, key, where, text = cells
        if where not in ("above", "beside", "end"):
            self._say(sheet, names[3], "SHT-008", f"A comment stands above or beside, not {where!r}.", "Write above or beside.")
        else:
            self.sheet.comments.append(Comment(joined_path(part.strip(), name, key.strip()), where, text))

    def _more(self, sheet: str, cells: Sequence[str], names: Sequence[str]) -> None:
        self.sheet.more.append((cells[0].strip(), cells[1], f"{sheet}!{names[1]}"))


def _names(key: Key) -> Iterator[str]:
    yield key.name
    if key.name == "field":
        yield from ("field.Lead", "field.Contact")


def _near(word: str, choices: Any) -> str:
    by_folded = {str(choice).casefold(): str(choice) for choice in choices}
    found = get_close_matches(word.casefold(), by_folded, 1)
    return f" Did you mean {by_folded[found[0]]!r}?" if found else ""
