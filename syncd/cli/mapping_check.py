"""`syncd mapping check`: what is wrong in a mapping file, alone, against the org's fields, and against an export?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import output
from syncd.cli.mapping_files import MappingFile, config_if_any, files_named, read, schema_at_hand, written

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.values import Problem
    from syncd.ports import ObjectSchema


def check(
    context: typer.Context,
    files: Annotated[list[str] | None, typer.Argument(metavar="[FILE…]", help="Mapping files, or names of sources.")] = None,
    org: Annotated[
        bool, typer.Option("--org", help="Ask the org for its fields now, instead of what the database keeps.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List every problem of mapping files: alone, and against the org's fields where they are known.

    Exit 0 without problems, 1 with problems, 2 when a file that was named is not there.
    """
    config = config_if_any(context)
    read_files = [read(path, config) for path in files_named(config, files or ())]
    schema = schema_at_hand(config, ask=org)
    problems = {file.path: list(_problems(file, schema)) for file in read_files}
    for path, more in _clashes(config, read_files):
        problems[path].append(more)
    count = sum(map(len, problems.values()))
    if as_json:
        listed = [{"file": file.label, "source": file.source, "problems": problems[file.path]} for file in read_files]
        output.as_json({"schema": 1, "problems": count, "against_org": schema is not None, "files": listed})
    else:
        for path, found in problems.items():
            for problem in found:
                output.data(written(problem, path))
        _verdict(len(read_files), count, schema)
    if count:
        raise typer.Exit(1)


def _problems(file: MappingFile, schema: dict[str, ObjectSchema] | None) -> Iterator[Problem]:
    from syncd.core.mapping_fit import schema_problems

    yield from file.problems
    if file.mapping is not None and schema is not None:
        yield from schema_problems(file.mapping, {name: one.fields for name, one in schema.items()})


def _clashes(config: Config | None, files: Sequence[MappingFile]) -> Iterable[tuple[Path, Problem]]:
    """Find the fields that two of the files write, or that a fence of the config guards."""
    from syncd.core.mapping import clashes

    by_label = {file.label: file.path for file in files}
    for problem in clashes([file.mapping for file in files if file.mapping is not None]):
        yield by_label[problem.file], problem


def _verdict(files: int, problems: int, schema: object) -> None:
    against = "" if schema is not None else "; fields were not looked at: no cycle has run yet, ask the org with --org"
    words = output.many(problems, "problem") if problems else "no problems"
    output.message(f"{words} in {output.many(files, 'mapping file')}{against}.")
