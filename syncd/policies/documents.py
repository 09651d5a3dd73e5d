"""What does a file that a person wrote say, and on which line and column does it say it?

Values come from tomllib, positions from tree-sitter. Whatever keeps a file from being read is a `Problem` with its place.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import tree_sitter_toml
from rapidfuzz import fuzz, process
from tree_sitter import Language, Node, Parser

from syncd.core.tables import Path as KeyPath
from syncd.core.tables import Span, Table
from syncd.core.values import Problem

BYTES_MAX = 2_000_000
NEAREST_MIN = 60.0

_Twice = tuple[tuple[int, int], tuple[int, int], KeyPath]
_TOML = Language(tree_sitter_toml.language())
_KEYS = ("bare_key", "quoted_key", "dotted_key")
_REDECLARED = re.compile(r"Cannot (?:declare|mutate immutable namespace) \((.*)\)")
_WORD = re.compile(r"\"[^\"]+\"|'[^']+'|[\w-]+")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)\s*$")


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that a typo was probably meant to be, or None when none is close."""
    best = process.extractOne(word, list(choices), scorer=fuzz.ratio, processor=str.casefold, score_cutoff=NEAREST_MIN)
    return None if best is None else best[0]


def read_table(path: Path) -> tuple[Table | None, list[Problem]]:
    """Read one TOML file.

    Shapes: the table and no problem, or None and what is wrong. `Table.file` is the path as given.
    Units:  lines and columns count from 1, columns in characters; a BOM and Windows line ends are accepted.
    Errors: none raise; a file that is missing, unreadable, empty, badly encoded or not TOML is a problem.
    """
    name = str(path)
    data = _bytes_of(path)
    if isinstance(data, Problem):
        return None, [data]
    text = _text_of(name, data)
    if isinstance(text, Problem):
        return None, [text]
    lines = tuple(text.split("\n"))
    try:
        places = _places_of(text)
        values = tomllib.loads(text)
    except RecursionError:
        return None, [Problem(name, 1, 1, "FILE-007", "The file is nested too deeply.", "Write it with fewer brackets.")]
    except ValueError as error:
        problem = _syntax_problem(name, text, str(error), places)
        source = lines[problem.line - 1] if problem.line <= len(lines) else ""
        word = _WORD.match(source, problem.column - 1)
        return None, [replace(problem, source=source, length=len(word[0]) if word else 1)]
    if not values:
        return None, [_empty(name)]
    sha256 = hashlib.sha256(data).hexdigest()
    return Table(name, values, places.at, sha256, places.keys, places.written, lines), []


def _bytes_of(path: Path) -> bytes | Problem:
    def problem(code: str, text: str, remedy: str) -> Problem:
        return Problem(str(path), 1, 1, code, text, remedy)

    try:
        if path.is_dir():
            return problem("FILE-002", "This is a folder, not a file.", "Give the path of a .toml file.")
        if path.stat().st_size > BYTES_MAX:
            return problem("FILE-008", f"The file is larger than {BYTES_MAX:,} bytes.", "Give a mapping file, not an export.")
        return path.read_bytes()
    except FileNotFoundError:
        return problem("FILE-001", "There is no such file.", "Create starter files with: syncd init")
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return problem("FILE-002", f"The file cannot be read: {words}.", "Check its owner and permissions.")


def _text_of(name: str, data: bytes) -> str | Problem:
    body = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = body.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line_start = body.rfind(b"\n", 0, error.start) + 1
        line, column = body.count(b"\n", 0, error.start) + 1, len(body[line_start : error.start].decode("utf-8")) + 1
        shown = f"byte 0x{body[error.start]:02x} at offset {error.start + len(data) - len(body)}"
        return Problem(name, line, column, "FILE-004", f"The file is not UTF-8: {shown}.", "Save it again as UTF-8.")
    return text if text.strip() else _empty(name)


def _empty(name: str) -> Problem:
    return Problem(name, 1, 1, "FILE-003", "The file is empty: nothing in it is in force.", "Fill it, or restore it: syncd init")


def _syntax_problem(name: str, text: str, words: str, places: _Places) -> Problem:
    found = _PLACE.search(words)
    lines = text.split("\n")
    line, column = len(lines), len(lines[-1]) + 1
    if found is not None and found[1]:
        line, column = int(found[1]), int(found[2])
    twice = places.twice[:1] or _redeclared(words, (line, column), places)
    if twice:
        (line, column), (first, _), key = twice[0]
        what = f"{_dotted(key)} is defined twice: here and on line {first}."
        return Problem(name, line, column, "FILE-006", what, "Keep one of the two lines.")
    what = f"This is not valid TOML: {_PLACE.sub('', words)}."
    return Problem(name, line, column, "FILE-005", what, 'Correct the line; text stands in "quotes", lists in [brackets].')


def _redeclared(words: str, here: tuple[int, int], places: _Places) -> list[_Twice]:
    """Find the earlier line when tomllib says that a table or array was declared before."""
    found = _REDECLARED.search(words)
    key: KeyPath = tuple(re.findall(r"'([^']*)'", found[1])) if found else ()
    return [(here, places.first[key], key)] if key in places.first and places.first[key][0] < here[0] else []


def _dotted(key: KeyPath) -> str:
    """Return a key path as one would write it in the file."""
    parts = (f"[{part}]" if isinstance(part, int) else part if re.fullmatch(r"[\w-]+", part) else f'"{part}"' for part in key)
    return ".".join(parts).replace(".[", "[")


@dataclass(slots=True)
class _Places:
    """Where each key stands, and which keys stand in the file twice: (second place, first place, key)."""

    lines: list[bytes]
    at: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    keys: dict[KeyPath, Span] = field(default_factory=dict)
    written: dict[KeyPath, Span] = field(default_factory=dict)
    first: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    said: set[KeyPath] = field(default_factory=set)
    counts: dict[KeyPath, int] = field(default_factory=dict)
    twice: list[_Twice] = field(default_factory=list)

    def place(self, node: Node) -> tuple[int, int]:
        row, byte = node.start_point
        line = self.lines[row] if row < len(self.lines) else b""
        return row + 1, len(line[:byte].decode("utf-8", "replace")) + 1

    def span(self, node: Node) -> Span:
        """Return what a node says, up to the end of its first line."""
        return Span(*self.place(node), (node.text or b"").decode("utf-8", "replace").split("\n")[0])

    def put(self, base: KeyPath, nodes: list[Node], *, is_header: bool = False) -> KeyPath:
        """Note the place of each part of a dotted key and return the whole path."""
        path = base
        for last, node in enumerate(nodes, 1 - len(nodes)):
            path = self._into_array((*path, _name(node)), whole=last == 0 and not is_header)
            self.first.setdefault(path, self.place(node))
            self.keys.setdefault(path, self.span(node))
            if last == 0 and path in self.said:
                self.twice.append((self.place(node), self.at[path], path))
            elif last == 0:
                self.at[path] = self.place(node)
                self.said.add(path)
            else:
                self.at.setdefault(path, self.place(node))
        return path

    def next_element(self, nodes: list[Node]) -> KeyPath:
        """Begin the next element of an array of tables and return its path with the index."""
        path: KeyPath = ()
        for last, node in enumerate(nodes, 1 - len(nodes)):
            path = (*path, _name(node)) if last == 0 else self._into_array((*path, _name(node)), whole=False)
            self.first.setdefault(path, self.place(node))
            self.at.setdefault(path, self.place(node))
        index = self.counts.get(path, 0)
        self.counts[path] = index + 1
        self.at[(*path, index)] = self.place(nodes[-1])
        self.keys[(*path, index)] = self.span(nodes[-1])
        return (*path, index)

    def _into_array(self, path: KeyPath, *, whole: bool) -> KeyPath:
        """Follow a header such as [a.b] into the latest [[a]]."""
        return path if whole or path not in self.counts else (*path, self.counts[path] - 1)


def _places_of(text: str) -> _Places:
    source = text.encode("utf-8")
    places = _Places(source.split(b"\n"))
    for node in Parser(_TOML).parse(source).root_node.children:
        if node.type == "pair":
            _pair(places, (), node)
        elif node.type in ("table", "table_array_element"):
            keys = [part for child in node.children if child.type in _KEYS for part in _parts(child)]
            if not keys:
                continue
            base = places.put((), keys, is_header=True) if node.type == "table" else places.next_element(keys)
            for child in node.children:
                if child.type == "pair":
                    _pair(places, base, child)
    return places


def _pair(places: _Places, base: KeyPath, pair: Node) -> None:
    keys = [part for child in pair.children[:1] if child.type in _KEYS for part in _parts(child)]
    if keys:  # a comment behind an array counts to its pair
        value = next(child for child in reversed(pair.children) if child.type != "comment")
        _value(places, places.put(base, keys), value)


def _value(places: _Places, path: KeyPath, node: Node) -> None:
    places.written.setdefault(path, places.span(node))
    if node.type == "inline_table":
        for child in node.children:
            if child.type == "pair":
                _pair(places, path, child)
    elif node.type == "array":
        elements = (child for child in node.children if child.is_named and child.type != "comment")
        for index, child in enumerate(elements):
            places.at[(*path, index)] = places.place(child)
            _value(places, (*path, index), child)


def _parts(key: Node) -> Iterator[Node]:
    """Give the parts of a key from left to right; tree-sitter nests dotted keys to the left."""
    if key.type == "dotted_key":
        for child in key.children:
            if child.type in _KEYS:
                yield from _parts(child)
    else:
        yield key


def _name(node: Node) -> str:
    written = (node.text or b"").decode("utf-8")
    if node.type == "bare_key":
        return written
    try:
        return next(iter(tomllib.loads(f"{written} = 0")))
    except (tomllib.TOMLDecodeError, StopIteration):
        return written
