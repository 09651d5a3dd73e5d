"""`syncd mapping check`: what is wrong in a mapping file, alone, against the org's fields, and against an export?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import output, wire
from syncd.cli.mapping_against import Against, as_values, hold_against, told
from syncd.cli.mapping_files import MappingFile, config_if_any, files_named, folder_of, read, schema_at_hand, written
from syncd.errors import ConfigInvalid

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.mapping import SourceMapping
    from syncd.core.values import Problem
    from syncd.ports import ObjectSchema


def check(
    context: typer.Context,
    files: Annotated[list[str] | None, typer.Argument(metavar="[FILE…]", help="Mapping files, or names of sources.")] = None,
    export: Annotated[
        Path | None, typer.Option("--with", metavar="EXPORT", help="Hold one mapping against this export, row by row.")
    ] = None,
    org: Annotated[
        bool, typer.Option("--org", help="Ask the org for its fields now, instead of what the database keeps.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List every problem of mapping files: alone, against the org's fields where they are known, and --with an export.

    With an export: the columns that it lacks and those that nothing is done with, the cells that cannot be read by column as
    counts with the first lines, whom it flags, and what of [file] looks otherwise. Nothing is guessed into force.
    Exit 0 without problems, 1 with problems, 2 when a file that was named is not there.
    """
    config = config_if_any(context)
    read_files = [read(path, config) for path in files_named(config, files or ())]
    schema = schema_at_hand(config, ask=org)
    problems = {file.path: list(problems_of(file, schema)) for file in read_files}
    for path, more in _clashes(config, read_files):
        problems[path].append(more)
    count = sum(map(len, problems.values()))
    held = None if export is None else _held(read_files, export)
    if as_json:
        listed = [{"file": file.label, "source": file.source, "problems": problems[file.path]} for file in read_files]
        against = None if held is None else as_values(held)
        output.as_json({"schema": 1, "problems": count, "against_org": schema is not None, "files": listed, "with": against})
    else:
        for problem in (one for found in problems.values() for one in found):
            output.data(written(problem))
        for line in told(held) if held is not None else ():
            output.data(line)
        _verdict(len(read_files), count, schema, held)
    if count or (held is not None and not held.is_fine):
        raise typer.Exit(1)


def _held(files: Sequence[MappingFile], export: Path) -> Against | None:
    """Hold the one mapping that was named against an export; one with problems of its own has to be put right first."""
    if len(files) != 1:
        names = ", ".join(file.source for file in files)
        raise ConfigInvalid("One export fits one mapping.", hint=f"Name the mapping too, one of: {names}")
    mapping = files[0].mapping
    return None if mapping is None else hold_against(mapping, export)


def problems_of(file: MappingFile, schema: dict[str, ObjectSchema] | None) -> Iterator[Problem]:
    from syncd.core.mapping_fit import schema_problems

    yield from file.problems
    if file.mapping is not None and schema is not None:
        yield from schema_problems(file.mapping, {name: one.fields for name, one in schema.items()})


def _clashes(config: Config | None, files: Sequence[MappingFile]) -> Iterable[tuple[Path, Problem]]:
    """Find the fields that another mapping writes too, be it named or in force, and those that a fence of the config guards."""
    from syncd.core.fence_clashes import fenced_columns
    from syncd.core.mapping import clashes

    by_label = {file.label: file.path for file in files}
    sources = tuple(file.mapping for file in files if file.mapping is not None)
    fences = None if config is None else wire.read_fences(config.mappings)
    beside = tuple(_beside(config, files))
    for problem in (*clashes((*beside, *sources)), *(fenced_columns(fences, sources) if fences is not None else ())):
        if problem.file in by_label:
            yield by_label[problem.file], problem


def _beside(config: Config | None, files: Sequence[MappingFile]) -> Iterator[SourceMapping]:
    """Read the mappings that are in force beside those of the files that are too: all of them are taken, or none."""
    folder = folder_of(config)
    named = {file.path.resolve() for file in files}
    if any(path.parent == folder.resolve() for path in named):
        for path in sorted(folder.glob("*.toml")):
            if path.resolve() not in named and (mapping := read(path, config).mapping) is not None:
                yield mapping


def _verdict(files: int, problems: int, schema: object, held: Against | None) -> None:
    against = "" if schema is not None else "; fields were not looked at: the database has none yet, ask the org with --org"
    words = output.many(problems, "problem") if problems else "no problems"
    output.message(f"{words} in {output.many(files, 'mapping file')}{against}.")
    if held is not None and held.refused is not None:
        output.message(f"{held.export.name} would not be taken.")
    elif held is not None and not held.is_fine:
        faulty = held.trial.rows - held.trial.whole
        output.message(f"{output.many(faulty, 'row')} of {held.export.name} would wait in the inbox, the others would be taken.")
