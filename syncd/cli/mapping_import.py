"""`syncd mapping import`: what would sheets or a Data Loader file change in a mapping, and may they?"""

from __future__ import annotations

import difflib
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.cli.mapping_export import AsJson, Object, format_of, object_of
from syncd.cli.mapping_files import MappingFile, config_if_any, folder_of, read, refuse, schema_at_hand, unreadable
from syncd.core.values import Problem
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.mapping_sheets.grids import Comment

PROBLEMS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a file says: the values of a mapping, where each stands, its comments, and every problem with its cell or line."""

    values: Mapping[str, Any]
    places: Mapping[tuple[str | int, ...], str]
    comments: Sequence[Comment]
    problems: Sequence[Problem]
    notes: Sequence[Problem] = ()


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `syncd mapping export` or Data Loader wrote.")],
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="The source that it is about.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Another place than the mapping in force.")] = None,
    object: Object = "Lead",
    write: Annotated[bool, typer.Option("--write", help="Write the mapping, once it has no problems.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what sheets (.csv, .xlsx) or a Data Loader file (.sdl) would change in a mapping; --write changes it.

    Comments in the mapping stay where they are. Every problem is told with its sheet and cell. Exit 1 with problems.
    """
    suffix = format_of(file)
    config = config_if_any(context)
    target = out if out is not None else folder_of(config) / f"{source}.toml"
    old = read(target, config) if target.exists() else None
    if old is not None:
        refuse(old)
    found = _from_sdl(file, old, object_of(object), config) if suffix == ".sdl" else _from_sheets(file, suffix)
    text, problems = _text(source, file, old, found, config)
    before = old.text if old is not None else ""
    counts = changes(old.table.values if old is not None and old.table is not None else {}, found.values)
    lines = list(difflib.unified_diff(before.splitlines(), text.splitlines(), str(target), f"{target} (new)", lineterm="", n=2))
    done = write and not problems and text != before
    if done:
        _put(target, text)
    if as_json:
        output.as_json(
            {
                "schema": 1,
                "target": str(target),
                "changes": counts,
                "diff": lines,
                "problems": problems,
                "notes": found.notes,
                "written": done,
            }
        )
    else:
        _tell(context, file, target, counts, lines, problems, found.notes, old, done=done, write=write)
    if problems:
        raise typer.Exit(1)


def _from_sheets(file: Path, suffix: str) -> Incoming:
    from syncd.cli.mapping_books import READERS
    from syncd.core.mapping_sheets.ungrids import read_sheets
    from syncd.policies.mapping_toml import path_of, value_of

    grids, problems = READERS[suffix](file)
    if not grids and problems:
        return Incoming({}, {}, (), problems)
    sheet = read_sheets(str(file), grids)
    problems += sheet.problems
    for path, value, place in sheet.more:
        try:
            parts, read_value = path_of(path), value_of(value)
        except ValueError as error:
            text = f"{path} = {value} is not as a mapping file would have it: {error}."
            problems.append(Problem(f"{file}:{place}", 1, 1, "SHT-014", text, "Leave the sheet More as it was."))
            continue
        table = sheet.values
        for part in parts[:-1]:
            table = table.setdefault(part, {})
        table[parts[-1]] = read_value
    return Incoming(sheet.values, sheet.places, sheet.comments, problems)


def _from_sdl(file: Path, old: MappingFile | None, object: str, config: Config | None) -> Incoming:
    from syncd.core.mapping_sheets.sdl import Target, from_pairs, read_sdl

    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        text = file.read_text("latin-1")  # as Java reads them
    except OSError as error:
        raise unreadable(file, error) from error
    pairs, comments = read_sdl(text)
    if not pairs:
        raise ConfigInvalid(f"{file} maps no column.", hint="A line of it reads: column=Field")
    values = old.table.values if old is not None and old.table is not None else {"version": "1", "mode": "observe"}
    made, notes = from_pairs(str(file), pairs, values, Target(object, *_known(config, object)))
    lines: dict[tuple[str | int, ...], str] = {("column", pair.column): f"line {pair.line}" for pair in pairs}
    from syncd.core.mapping_sheets.grids import Comment

    return Incoming(made, lines, [Comment(("version",), "above", "\n".join(comments))] if comments else [], (), notes)


def _known(config: Config | None, object: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return the types of a mapping for the org's fields, and the external ids, where the fields are known."""
    from syncd.core.suggestions.fields import TYPE_OF

    one = (schema_at_hand(config) or {}).get(object)
    if one is None:
        return {}, frozenset()
    types = {name: TYPE_OF[field.type] for name, field in one.fields.items() if field.type in TYPE_OF}
    return types, frozenset(name for name, field in one.fields.items() if field.is_external_id)


def _text(source: str, file: Path, old: MappingFile | None, found: Incoming, config: Config | None) -> tuple[str, list[Problem]]:
    """Return the new text of the mapping, and every problem of the file and of that text, in the words of the file."""
    from syncd.cli.mapping_check import problems_of
    from syncd.policies.mapping_toml import comments_of, merged_text, new_text

    if found.problems:
        return old.text if old is not None else "", list(found.problems[:PROBLEMS_SHOWN])
    if old is None or old.table is None:
        text = new_text(found.values, found.comments)
    else:
        own = comments_of(old.text, old.table)
        paths = {one.path for one in own}
        text = merged_text(old.text, found.values, [*own, *(one for one in found.comments if one.path not in paths)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{source}.toml"
        path.write_text(text, "utf-8")
        made = read(path)
        problems = list(problems_of(made, schema_at_hand(config)))
    return text, [_placed(problem, made, found.places, str(file)) for problem in problems]


def _placed(problem: Problem, made: MappingFile, places: Mapping[tuple[str | int, ...], str], file: str) -> Problem:
    """Point a problem of the text at the cell or the line that it comes from."""
    positions = made.table.positions if made.table is not None else {}
    at = [path for path, where in positions.items() if where == (problem.line, problem.column)]
    at += [path for path, where in positions.items() if where[0] == problem.line and path not in at]
    cell = next((places[path[:end]] for path in at for end in range(len(path), 0, -1) if path[:end] in places), None)
    return replace(problem, file=f"{file}:{cell}" if cell else file)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[str]]:
    """Name what is new, gone and different, by table: columns by their names, settings by their paths."""
    from syncd.policies.mapping_toml import ORDERED

    before, after = dict(_parts(old)), dict(_parts(new))
    is_reordered = old.get(ORDERED) == new.get(ORDERED) and [*old.get(ORDERED, ())] != [*new.get(ORDERED, ())]
    return {
        "added": [name for name in after if name not in before],
        "removed": [name for name in before if name not in after],
        "changed": [name for name in after if name in before and before[name] != after[name]] + [ORDERED] * is_reordered,
    }


def _parts(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        if key in ("column", "computed") and isinstance(value, Mapping):
            found += [(f"{key} {name!r}", one) for name, one in value.items()]
        elif isinstance(value, Mapping):
            found += [(f"{key}.{name}", one) for name, one in value.items()]
        else:
            found.append((key, value))
    return found


def _put(target: Path, text: str) -> None:
    """Replace the mapping at once, so that a daemon that reads it meanwhile sees the one or the other."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_suffix(".toml.new")
        beside.write_text(text, "utf-8")
        beside.replace(target)
    except OSError as error:
        raise SyncdError(f"cannot write {target}: {error.strerror}.", hint="Check its owner and permissions.") from error


def _tell(
    context: typer.Context, file: Path, target: Path, counts: Mapping[str, Sequence[str]], lines: Sequence[str],
    problems: Sequence[Problem], notes: Sequence[Problem], old: MappingFile | None, *, done: bool, write: bool,
) -> None:  # fmt: skip
    for problem in (*problems, *notes):
        where = problem.file if problem in problems else f"{problem.file}:{problem.line}"
        output.message(f"{where} [{problem.code}] {output.visible(problem.text)}\n  next: {output.visible(problem.remedy)}")
    for line in lines:
        output.data(output.visible(line))
    said = ", ".join(f"{len(names)} {word}" for word, names in counts.items() if names) or "nothing changes"
    if lines or not problems:
        output.message(f"{file}: {said}.")
    if problems:
        output.message(f"{output.many(len(problems), 'problem')}: nothing was written.")
    elif done:
        output.message(f"wrote {target}. Next: {wire.command(context, f'mapping check {shlex.quote(str(target))}')}")
    elif lines and not write:
        output.message(f"Nothing was written. Write it with: --write, into {target}.")
        if old is not None:
            look = wire.command(context, f"mapping preview --mapping NEW.toml --diff {shlex.quote(str(target))}")
            output.message(f"What it does to people: write it elsewhere, with --out NEW.toml --write, then: {look}")
