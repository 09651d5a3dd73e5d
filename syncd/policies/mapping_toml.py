"""How are a mapping's values written as a file, so that nothing that a person wrote beside them gets lost?"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from syncd.core.mapping_file.keys import COLUMN, COMPUTED, FILE, TOP, Key
from syncd.core.mapping_sheets.grids import Comment
from syncd.core.suggestions.text import quoted
from syncd.core.tables import Path, Table

_TOML = Language(tree_sitter_toml.language())
_TABLES = ("column", "computed")
ORDERED = "match"
"""The table in which the order of the keys means something."""
_KEYS = {"column": COLUMN, "computed": COMPUTED, "file": FILE}


def comments_of(text: str, table: Table) -> list[Comment]:
    """Return the comments of a file with the path that each belongs to: that of its own line, or of the next line with one."""
    lines = text.encode().split(b"\n")
    by_line: dict[int, Path] = {}
    for path, (line, _) in table.positions.items():
        if (len(path) > 1 or path[0] not in _TABLES) and (line not in by_line or len(path) < len(by_line[line])):
            by_line[line] = path
    found: list[Comment] = []
    block: list[str] = []
    last = 0

    def end_block() -> None:
        if block:
            path = _next(by_line, last)
            found.append(Comment(path, "above" if path else "end", "\n".join(block)))
            block.clear()

    for row, column, words in _comments(Parser(_TOML).parse(text.encode()).root_node):
        if lines[row][:column].strip():
            found.append(Comment(_at(by_line, row + 1), "beside", words))
            continue
        if row != last:  # a blank line, or one that says something, ends a block
            end_block()
        block.append(words)
        last = row + 1
    end_block()
    return found


def _comments(node: Node) -> Iterator[tuple[int, int, str]]:
    """Give (row, byte column, text without the #) of each comment, in order."""
    if node.type == "comment":
        yield node.start_point[0], node.start_point[1], (node.text or b"").decode().removeprefix("#").strip("\r")
    for child in node.children:
        yield from _comments(child)


def _at(by_line: Mapping[int, Path], line: int) -> Path:
    """Return the path of a line, or of the nearest one above it: a list may go over several lines."""
    return by_line[max((each for each in by_line if each <= line), default=min(by_line))]


def _next(by_line: Mapping[int, Path], line: int) -> Path:
    after = [each for each in by_line if each > line]
    return by_line[min(after)] if after else ()


def new_text(values: Mapping[str, Any], comments: Sequence[Comment] = ()) -> str:
    """Write values as a new file, each comment where it belongs."""
    return "\n".join(_Text(comments).lines(values)).strip("\n") + "\n"


class _Text:
    def __init__(self, comments: Sequence[Comment]) -> None:
        self.above: dict[Path, list[str]] = {}
        self.beside: dict[Path, str] = {}
        self.end = [one.text for one in comments if one.where == "end"]
        for one in comments:
            if one.where == "above":
                self.above.setdefault(one.path, []).append(one.text)
            elif one.where == "beside":
                self.beside[one.path] = (
                    f"{self.beside.get(one.path, '')} {one.text}".lstrip(" ") if one.path in self.beside else one.text
                )

    def lines(self, values: Mapping[str, Any]) -> Iterator[str]:
        values = _in_order(values, TOP)
        tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
        for key, value in values.items():
            if key not in tables:
                yield from self._pair((key,), key, value)
        for key, value in tables.items():
            if key in _TABLES:
                for name, one in value.items():
                    yield from self._table((key, name), one)
            else:
                yield from self._table((key,), value)
        for text in self.end:
            yield ""
            yield from _commented(text)

    def _table(self, path: Path, values: Mapping[str, Any]) -> Iterator[str]:
        yield ""
        yield from self._above(path)
        yield f"[{'.'.join(key_text(str(part)) for part in path)}]{self._beside(path)}"
        for key, value in _in_order(values, _KEYS.get(str(path[0]), ())).items():
            yield from self._pair((*path, key), key, value)

    def _pair(self, path: Path, key: str, value: Any) -> Iterator[str]:
        yield from self._above(path)
        yield f"{key_text(key)} = {as_toml(value)}{self._beside(path)}"

    def _above(self, path: Path) -> Iterator[str]:
        for place, text in enumerate(self.above.pop(path, ())):
            if place:
                yield ""
            yield from _commented(text)

    def _beside(self, path: Path) -> str:
        words = self.beside.pop(path, None)
        return "" if words is None else f"    #{words}".replace("\n", " ")


def _in_order(values: Mapping[str, Any], keys: Sequence[Key]) -> dict[str, Any]:
    """Return values in the order in which their keys are told; [match] keeps its own, which means something."""
    order = {key.name: place for place, key in enumerate(keys)}
    return dict(sorted(values.items(), key=lambda pair: order.get(pair[0], len(order))))


def _commented(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield f"#{line}"


def key_text(key: str) -> str:
    """Write a key, in quotes where it has to be."""
    return key if key and all(char.isascii() and (char.isalnum() or char in "_-") for char in key) else quoted(key)


def as_toml(value: object) -> str:
    """Write any value that a mapping may hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key_text(str(key))} = {as_toml(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(as_toml(one) for one in value) + "]"
    return value.isoformat() if hasattr(value, "isoformat") else repr(value)


def value_of(text: str) -> Any:
    """Read what `as_toml` wrote. Errors: ValueError."""
    return tomllib.loads(f"value = {text}")["value"]


def path_of(text: str) -> tuple[str, ...]:
    """Read a dotted path. Errors: ValueError."""
    found: Any = tomllib.loads(f"{text} = 0")
    path = []
    while isinstance(found, dict):
        ((key, found),) = found.items()
        path.append(key)
    return tuple(path)


def merged_text(text: str, values: Mapping[str, Any], comments: Sequence[Comment] = ()) -> str:
    """Change a file so that it says `values`, and leave every comment and every line that stays as it is.

    Shapes: `comments` are used where a table is new. Where a line cannot be changed in place the file is written anew, with its
    own comments.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = _plain(values)
    try:
        document = tomlkit.parse(text)
        _merge(document, wanted)
        _in_wanted_order(document.get(ORDERED), wanted.get(ORDERED, {}))
        written = document.as_string()
        said = tomllib.loads(written)
        if said == wanted and [*said.get(ORDERED, ())] == [*wanted.get(ORDERED, ())]:
            return written
    except (TOMLKitError, ValueError, TypeError, KeyError):
        pass
    return new_text(wanted, comments)


def _merge(table: Any, wanted: Mapping[str, Any]) -> None:
    import tomlkit

    for key in [key for key in table if key not in wanted]:
        del table[key]
    for key, value in wanted.items():
        old = table.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and not _is_inline(old):
            _merge(table[key], value)
        elif key not in table:
            table[key] = _item(value, is_table=isinstance(value, Mapping))
        elif _plain(old) != value:
            made = (
                tomlkit.parse(f"value = {as_toml(value)}")["value"]
                if not isinstance(value, Mapping) or _is_inline(old)
                else _item(value)
            )
            table[key] = made


def _in_wanted_order(table: Any, wanted: Mapping[str, Any]) -> None:
    """Exchange the lines of a table whose order means something; what stands between them stays."""
    from tomlkit.items import Table as Lines

    if isinstance(table, Lines) and [*table] != [*wanted]:
        body = table.value.body
        lines = {key.key: (place, (key, value)) for place, (key, value) in enumerate(body) if key is not None}
        for (place, _), key in zip(lines.values(), wanted, strict=True):
            body[place] = lines[key][1]


def _is_inline(item: object) -> bool:
    from tomlkit.items import InlineTable

    return isinstance(item, InlineTable)


def _item(value: Any, *, is_table: bool = False) -> Any:
    import tomlkit

    if is_table and value and not all(isinstance(one, Mapping) for one in value.values()):
        made = tomlkit.table()
        for key, one in value.items():
            made[key] = _item(one)
        made.add(tomlkit.nl())
        return made
    if is_table:
        made = tomlkit.table(is_super_table=True)
        for key, one in value.items():
            made[key] = _item(one, is_table=True)
        return made
    return tomlkit.parse(f"value = {as_toml(value)}")["value"]


def _plain(value: Any) -> Any:
    """Return a value without what tomlkit knows of its form."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.unwrap() if hasattr(value, "unwrap") else value
