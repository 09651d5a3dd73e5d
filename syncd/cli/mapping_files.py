"""Which mapping files does a command mean, what do they say, and what does the org look like that they are held against?"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli import output, wire
from syncd.core.values import Problem
from syncd.errors import ConfigInvalid, StoreUnusable, SyncdError

if TYPE_CHECKING:
    import typer

    from syncd.config import Config
    from syncd.core.mapping import SourceMapping
    from syncd.core.tables import Table
    from syncd.ports import ObjectSchema

LONG_BYTES = 5_000_000
_EXPORTS = frozenset((".csv", ".tsv", ".txt", ".xlsx", ".xls", ".zip", ".gz"))


@dataclass(frozen=True, slots=True)
class MappingFile:
    """One mapping file as it was read: `mapping` is None when it has `problems`, `table` when it is no TOML."""

    path: Path
    label: str
    table: Table | None
    mapping: SourceMapping | None
    problems: tuple[Problem, ...]

    @property
    def text(self) -> str:
        """Return the file as it stands there, of a table that could be read."""
        return self.path.read_text("utf-8-sig")

    @property
    def source(self) -> str:
        """Return the source that the file is about, as its name says."""
        return self.path.stem


def config_if_any(context: typer.Context) -> Config | None:
    """Read the config, or None where there is none; one that was not named and cannot be used is told of, and left aside.

    Who edits a mapping on a laptop has no secrets there. Raises ConfigInvalid for one that was named.
    """
    from syncd.config import ENV_PATH, has_config, load_config

    given = context.obj.config
    if given is not None or ENV_PATH in os.environ:
        return load_config(given)
    if not has_config():
        return None
    try:
        return load_config()
    except ConfigInvalid as problem:
        output.message(f"config.toml is left aside: {problem}")
        return None


def folder_of(config: Config | None) -> Path:
    """Return the folder of the mapping files: the config's, or mappings/fields here."""
    return (Path("mappings") if config is None else config.mappings) / wire.FIELDS


def files_named(config: Config | None, named: Sequence[str]) -> list[Path]:
    """Return the mapping files that a command names: paths, or sources of the config's mappings; all of these without any.

    Errors: ConfigInvalid for a name that is neither.
    """
    folder = folder_of(config)
    if named:
        return [file_named(folder, name) for name in named]
    found = sorted(folder.glob("*.toml"))
    if not found:
        raise ConfigInvalid(f"{folder} holds no mapping.", hint="Name a file, or begin with: syncd mapping suggest EXPORT")
    return found


def file_named(folder: Path, name: str) -> Path:
    """Return one mapping file by its path or its source. Raises ConfigInvalid, with the nearest source."""
    from syncd.policies.documents import nearest

    path = Path(name)
    if path.suffix.lower() in _EXPORTS and path.is_file():
        hint = f"Name the mapping, and give the export with its option, such as: syncd mapping check SOURCE --with {name}"
        raise ConfigInvalid(f"{name} is an export by its name, and no mapping.", hint=hint)
    if path.suffix == ".toml" or path.is_file():
        return path
    known = {file.stem: file for file in sorted(folder.glob("*.toml"))}
    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = f"Did you mean {near!r}?" if near else f"Known are: {', '.join(known) or 'none'}. Or give the path of a .toml file."
    raise ConfigInvalid(f"There is no mapping of a source {name!r}.", hint=hint)


def read(path: Path, config: Config | None = None) -> MappingFile:
    """Read one mapping file; a file of the config's folder is named as in the ledger, any other one as it was given."""
    from syncd.core.mapping_file.parsing import parse_mapping
    from syncd.policies.documents import read_table

    label = _label(path, config)
    table, problems = read_table(path)
    if table is None:
        return MappingFile(path, label, None, None, tuple(replace(problem, file=label) for problem in problems))
    table = replace(table, file=label)
    mapping, problems = parse_mapping(path.stem, table, wire.compiled_formula)
    return MappingFile(path, label, table, mapping, tuple(problems))


def _label(path: Path, config: Config | None) -> str:
    if config is not None and path.resolve().parent == (config.mappings / wire.FIELDS).resolve():
        return f"{config.mappings.resolve().name}/{wire.FIELDS}/{path.name}"
    return str(path)


def schema_at_hand(config: Config | None, *, ask: bool = False) -> dict[str, ObjectSchema] | None:
    """Return what the org shows syncd's user, as the database keeps it; None where nothing is kept.

    Shapes: with `ask` the org is asked now, one call per object; without it nothing is sent anywhere.
    Errors: those of the org, when it is asked.
    """
    from syncd.core.mapping_file.keys import PEOPLE
    from syncd.engine.schema import SCHEMA, schema_from_json

    if config is None:
        if ask:
            raise ConfigInvalid("No config.toml says which org to ask.", hint="Write one with: syncd init")
        return None
    if ask:
        with wire.open_org(config) as org:
            wire.refuse_other_org(config, org.identity().org_id)
            return dict(org.schema(PEOPLE))
    try:
        with wire.open_store_to_read(config) as store:
            kept = store.setting(SCHEMA)
    except StoreUnusable as problem:
        if config.database_file is None or config.database_file.exists():
            output.message(f"the database is left aside: {output.visible(problem)}")
        return None
    return schema_from_json(kept["objects"]) if isinstance(kept, dict) else None


def written(problem: Problem) -> str:
    """Write a problem for a terminal: place, code and words; the line with a caret under its place; the way out."""
    head = f"{problem.file}:{problem.line}:{problem.column} [{problem.code}] {output.visible(problem.text)}"
    lines = [head, *output.pointed(problem)]
    return "\n".join([*lines, f"  next: {output.visible(problem.remedy)}"])


def refuse(file: MappingFile) -> SourceMapping:
    """Return the mapping of a file, or raise ConfigInvalid with every problem of it."""
    if file.mapping is not None:
        return file.mapping
    lines = "\n".join(f"  {problem}" for problem in file.problems)
    count = output.many(len(file.problems), "problem")
    raise ConfigInvalid(
        f"{count} in {file.label}; nothing was done:\n{lines}", hint=f"Look at each with: syncd mapping check {file.path}"
    )


def unreadable(path: Path, error: OSError) -> SyncdError:
    """Say that a file could not be read, in words."""
    if error.errno == errno.ELOOP:
        return ConfigInvalid(f"{path} is a link: syncd follows none, here as in the drop folder.", hint="Name the file itself.")
    return ConfigInvalid(f"{path} cannot be read: {error.strerror}.", hint="Check the path, its owner and its permissions.")


def tell_of_long(name: str, size_bytes: int) -> None:
    """Say of a large export that it is read to its end: silence would look like a hang."""
    if size_bytes >= LONG_BYTES:
        output.message(f"reading {name} to its last row, {size_bytes / 1e6:,.0f} MB: that takes a while; Ctrl-C ends it")
