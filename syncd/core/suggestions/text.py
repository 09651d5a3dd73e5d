"""How is a proposed mapping written, so that a person can go through it line by line?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncd.core.suggestions.suggesting import MENTIONED_FROM, Proposal

_LINE_MAX = 118
_FLAGS = ("opted_out", "unreachable")
_MATCH = ("id", "external", "email")


@dataclass(frozen=True, slots=True)
class Written:
    """How the file is written: `lines` stand under [file]. `rows` of it were looked at; `notes` are said at the top;
    `has_flag` says that a name of a file says a flag of everybody in it."""

    name: str
    title: str
    rows: int
    lines: tuple[str, ...]
    has_flag: bool = False
    notes: tuple[str, ...] = ()


def toml_text(file: Written, proposed: Sequence[Proposal], doubted: Mapping[str, str] | None = None) -> str:
    """Write a mapping file: what is sure as it would be in force, what is not as comments, each with its reasons.

    Shapes: `doubted` says by column what is wrong with a proposal after all: it is written as a comment too.
    """
    return "\n".join(_lines(file, proposed, doubted or {})) + "\n"


def _lines(file: Written, proposed: Sequence[Proposal], doubted: Mapping[str, str]) -> Iterator[str]:
    def sure(one: Proposal) -> bool:
        return one.is_sure and one.column not in doubted

    yield f"# Proposed for {_shown(file.name)} ({file.title}) after a look at {_rows(file.rows)}: go through it line by line."
    yield '# Then: syncd mapping check, syncd mapping preview. Nothing is written to Salesforce while mode = "observe".'
    for note in file.notes:
        yield from _wrapped(note, "# ")
    yield 'version = "1"'
    yield 'mode = "observe"'
    yield ""
    yield "[file]"
    yield from file.lines
    for one in proposed:
        if one.role == "newest":
            yield from _line(f"newest = {quoted(one.column)}", one, is_sure=sure(one))
    yield from _match([one for one in proposed if one.role in _MATCH], sure)
    flags = [one for one in proposed if one.role in _FLAGS]
    yield ""
    yield "# --- Who gets no mail. Look at these first."
    if not flags and not file.has_flag:
        yield "# WARNING: no column here says who has opted out. Export one, or syncd knows of the opt-outs in Salesforce alone."
    for one in flags:
        yield from _table(one, sure(one), doubted.get(one.column, ""))
    values = [one for one in proposed if one.role == "field" or (one.role == "newest" and one.options)]
    yield ""
    yield "# --- Values"
    for one in [*filter(sure, values), *(one for one in values if not sure(one))]:
        yield from _table(one, sure(one), doubted.get(one.column, ""))
    yield ""
    yield "# --- Columns of the file that nothing is done with:"
    for one in proposed:
        if one.role == "none":
            why = (
                f"    {'; '.join(one.reasons)}"
                if one.confidence >= MENTIONED_FROM
                else "    empty"
                if "empty" in one.reasons[0]
                else ""
            )
            yield from _wrapped(f"{_shown(one.column)}{why}", "#   ")


def _match(keys: Sequence[Proposal], sure: object) -> Iterator[str]:
    assert callable(sure)
    yield ""
    yield "[match]"
    for role in _MATCH:
        for one in keys:
            if one.role == role:
                external = f"{{ column = {quoted(one.column)}, field = {value_text(one.options.get('field', ''))} }}"
                yield from _line(f"{role} = {external if role == 'external' else quoted(one.column)}", one, is_sure=sure(one))


def _line(text: str, one: Proposal, *, is_sure: bool) -> Iterator[str]:
    yield from _reasons(one)
    yield text if is_sure else f"# {text}"


def _table(one: Proposal, is_sure: bool, doubt: str) -> Iterator[str]:
    yield ""
    if not is_sure:
        yield "# NOT SURE: take the # away where it is right."
    yield from _reasons(one)
    if doubt:
        yield from _wrapped(f"but: {doubt}", "#   ")
    before = "" if is_sure else "# "
    yield f"{before}[column.{quoted(one.column)}]"
    for key, value in one.options.items():
        yield f"{before}{key} = {value_text(value)}"


def _reasons(one: Proposal) -> Iterator[str]:
    for place, reason in enumerate(one.reasons):
        yield from _wrapped(f"{round(one.confidence * 100)} %: {reason}" if place == 0 else reason, "# ")


def _wrapped(text: str, before: str) -> Iterator[str]:
    """Break a comment into lines at its blanks."""
    line = before
    for word in _shown(text).split(" "):
        if len(line) + len(word) > _LINE_MAX and line.strip("# "):
            yield line.rstrip()
            line = before + "  "
        line += word + " "
    yield line.rstrip()


def value_text(value: object) -> str:
    """Write a value as TOML: text, truth, a list of texts, or a table of texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {value_text(one)}" for key, one in value.items()) + " }"
    if isinstance(value, Collection):
        return "[" + ", ".join(value_text(one) for one in value) + "]"
    return str(value)


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def quoted(text: str) -> str:
    """Write a text as a TOML string on one line."""
    return '"' + "".join(_ESCAPES.get(char) or (char if char.isprintable() else f"\\U{ord(char):08X}") for char in text) + '"'


def _shown(text: str) -> str:
    """Return a text for a comment: what cannot be seen there is a question mark."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
