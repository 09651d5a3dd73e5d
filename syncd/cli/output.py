"""How does syncd speak to a terminal, a pipe and a program?

Data goes to stdout, messages to stderr. What came from a record is shown with its control characters spelled out, so that a
lead's name can neither move the cursor nor pass for a line of ours.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from syncd.errors import SyncdError

if TYPE_CHECKING:
    from syncd.core.values import Problem

COLOURS = {"ok": "32", "finding": "31", "warning": "33"}
_FORMULA = re.compile(r"[=@]|[+-](?![\d\s.,()/-]*$)")  # a number, or a phone number, is none
CELL_WIDTH_MAX = 72
SOURCE_WIDTH_MAX = 120
_TWO_STOPS = re.compile(r"(?<=[\w)'\"])\.\.$")
_COMMAND = re.compile(
    r"\bsyncd (?=(?:actors|apply|audit|census|check|consent|explain|exports|fence|formula|inbox|mapping|plan|run|status|store"
    r"|window)\b)"
)
_NUMBER = re.compile(r"(?<=inbox resolve )NUMBER\b")


def _spelt_out(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end


codecs.register_error("syncd", _spelt_out)


def fit_locale() -> None:
    r"""Spell out on stdout what the locale has no letter for, as \u00e9: JSON and TOML read it back."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="syncd")


@contextmanager
def told_of() -> Iterator[None]:
    """Have failures of stdout told in plain words, whoever writes to it: typer does, for --help.

    Errors: within, SyncdError where stdout takes no more; BrokenPipeError where nobody reads on. A closed stdout takes all.
    """
    given = sys.stdout
    with ExitStack() as stack:
        stream = given if given is not None else stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        sys.stdout = cast(TextIO, _Stdout(stream))
        try:
            yield
        finally:
            sys.stdout = given


class _Stdout:
    """A stream of which only the failures differ: one that took no more once takes nothing from then on, though the writer that
    met it first kept it to itself, as typer's look at a stream does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost: SyncdError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write."""
        with self._plainly():
            return self._stream.write(text)

    def flush(self) -> None:
        """Hand over what was written."""
        with self._plainly():
            self._stream.flush()

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        if self._lost is not None:
            raise self._lost
        try:
            yield
        except BrokenPipeError:
            _forget_stdout()
            raise
        except OSError as error:
            _forget_stdout()
            text = f"the output cannot be written: {error.strerror}."
            self._lost = SyncdError(text, hint="Make room where it goes, or send it elsewhere.")
            raise self._lost from error


def _forget_stdout() -> None:
    """Let what is left go nowhere: Python writes it at the end, and tells of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def data(text: str = "") -> None:
    """Write one line of data to stdout."""
    sys.stdout.write(text + "\n")


def ended() -> None:
    """Hand over what was written to stdout; nobody has to read it. Errors: SyncdError where it takes no more."""
    with suppress(BrokenPipeError):
        sys.stdout.flush()


def message(text: str) -> None:
    """Write one message to stderr. One that finds no room is lost: there is nowhere left to say so, and the exit code tells."""
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(text + "\n")


def as_json(value: object) -> None:
    """Write a value to stdout as one JSON document: times as ISO 8601 in UTC, dataclasses as objects."""
    data(json.dumps(_plain(value), indent=1, ensure_ascii=False))


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.value if isinstance(value, Enum) else value


def stamp(at: datetime) -> str:
    """Write a time as `2026-03-02T09:00:00Z`."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def when(at: datetime | None) -> str:
    """Write a time for a person: `2026-03-02 09:00:00 UTC`, or `never`."""
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def span(length: timedelta) -> str:
    """Write a length of time in its two largest units: `3 min 20 s`."""
    seconds = max(0, round(length.total_seconds()))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def many(count: int, one: str, more: str | None = None) -> str:
    """Write a count with its noun: `1 record`, `2 records`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def visible(text: object) -> str:
    """Return a text with its control and direction characters spelled out, as one line."""
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char for char in str(text)
    )


def harmless(cell: object) -> str:
    """Return a cell that no spreadsheet takes for a formula: one that could be one gets an apostrophe before it."""
    text = "" if cell is None else visible(cell)
    return f"'{text}" if _FORMULA.match(text) else text


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay rows out in columns under a header; a very long cell is cut, except in the last column."""
    cells = [list(header), *([harmless(cell) for cell in row] for row in rows)]
    last = len(header) - 1
    cells = [[text if column == last else _cut(text) for column, text in enumerate(row)] for row in cells]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cut(text: str) -> str:
    return text if len(text) <= CELL_WIDTH_MAX else text[: CELL_WIDTH_MAX - 1] + "…"


def as_called(text: str, config: Path | None) -> str:
    """Return a text in which each of syncd's commands names the config that the user gave, ready to be pasted."""
    return text if config is None else _COMMAND.sub(lambda _: f"syncd --config {shlex.quote(str(config))} ", text)


def numbered(text: str, number: int) -> str:
    """Return the remedy of an inbox item with the item's own number in its commands."""
    return _NUMBER.sub(str(number), text)


def pointed(problem: Problem) -> list[str]:
    """Return the line of a file that a problem stands in, with carets under what is meant; nothing where no line is at hand."""
    source, start = problem.source, problem.column - 1
    if not source.strip() or start > len(source):
        return []
    first = max(0, start - SOURCE_WIDTH_MAX // 2) if len(source) > SOURCE_WIDTH_MAX else 0
    before, meant = _plain_line(source[first:start]), _plain_line(source[start : start + problem.length])
    rest = _plain_line(source[start + problem.length :])
    shown = ("…" if first else "") + before + meant + rest
    indent = _width(("…" if first else "") + before)
    carets = "^" * max(1, min(_width(meant), SOURCE_WIDTH_MAX))
    cut = shown if len(shown) <= SOURCE_WIDTH_MAX else shown[: SOURCE_WIDTH_MAX - 1] + "…"
    return [f"    {cut}", f"    {' ' * indent}{carets}"]


def _plain_line(text: str) -> str:
    return visible(text.replace("\t", " "))


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(bool(unicodedata.combining(char)) for char in text)


def one_stop(text: str) -> str:
    """Return a sentence that ends with one full stop, also where it ends with somebody else's sentence."""
    return _TWO_STOPS.sub(".", text)


def coloured(word: str) -> str:
    """Return a word of a check in its colour, plain when stdout is no terminal or NO_COLOR is set."""
    code = COLOURS.get(word.strip())
    if code is None or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return word
    return f"\x1b[{code}m{word}\x1b[0m"
