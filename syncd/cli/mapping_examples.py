"""`syncd mapping test`: does a mapping still make of its examples what somebody wrote down?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli import output, wire
from syncd.cli.mapping_files import MappingFile, config_if_any, files_named, read, refuse, schema_at_hand, written
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.core.mapping import SourceMapping
    from syncd.core.mapping_examples import Facts, Found, Outcome
    from syncd.core.values import Scalar
    from syncd.ports import FieldSchema, ObjectSchema

EXAMPLES = "examples"
_BEGIN = """Begin {path} with an example, and let --accept write what comes out:
  [[example]]
  name = "a score is written"
  cells = {{ {cell} = "…" }}"""
_STORED = {"number": "double", "integer": "int", "boolean": "boolean", "date": "date", "datetime": "datetime", "email": "email"}


def examples(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A mapping file, or a source; all of them without it.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Write down what comes out now, after showing it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Run the examples that are kept beside mappings, and show where one comes out otherwise. No org is asked.

    The examples of mappings/fields/NAME.toml are in mappings/examples/NAME.toml. Exit 1 when one comes out otherwise.
    """
    config = config_if_any(context)
    files = [read(path, config) for path in files_named(config, (file,) if file else ())]
    schema = schema_at_hand(config)
    runs = [(one, path, _run(one, path, schema)) for one in files if (path := examples_of(one.path)).exists()]
    if not runs:
        named = files[0]
        cell = next((column.name for column in named.mapping.columns), "leadScore") if named.mapping else "leadScore"
        begin = _BEGIN.format(path=examples_of(named.path), cell=f'"{cell}"')
        raise ConfigInvalid(f"There are no examples: {examples_of(named.path)} is not there.", hint=begin)
    if as_json:
        output.as_json(_document(runs))
    else:
        for _, path, found in runs:
            _tell(path, found)
    bad = sum(bool(each.differences) for _, _, found in runs for each in found)
    good = sum(len(found) for _, _, found in runs) - bad
    if accept:
        for _, path, found in runs:
            _accept(path, found)
        output.message(f"wrote down what came out of {output.many(bad, 'example')}.")
        return
    output.message(f"{output.many(good, 'example')} as expected, {bad} otherwise.")
    if bad:
        output.message("When what came out is right: syncd mapping test --accept")
        raise typer.Exit(1)


def examples_of(mapping: Path) -> Path:
    """Return where the examples of a mapping are: in the folder beside that of the mappings, or beside a file elsewhere."""
    if mapping.parent.name == wire.FIELDS:
        return mapping.parent.parent / EXAMPLES / mapping.name
    return mapping.with_suffix(".examples.toml")


def _run(file: MappingFile, path: Path, schema: dict[str, ObjectSchema] | None) -> list[Found]:
    from syncd.core.mapping_examples import parse_examples, run
    from syncd.exports.contact_points import ContactPoints
    from syncd.policies.documents import read_table

    mapping = refuse(file)
    table, problems = read_table(path)
    examples, more = parse_examples(table, mapping) if table is not None else ([], [])
    if problems or more:
        text = "\n".join(written(problem) for problem in (*problems, *more))
        raise ConfigInvalid(f"{path} cannot be run:\n{text}", hint="Correct the lines named above.")
    facts = _facts(mapping, schema)
    points = ContactPoints()
    return [run(mapping, example, facts, points, str(path)) for example in examples]


def _facts(mapping: SourceMapping, schema: Mapping[str, ObjectSchema] | None) -> Facts:
    """Say what is known of a field: what the database keeps of it, or what the mapping takes it for."""
    from syncd.ports import FieldSchema

    kinds = {name: _STORED.get(column.gives, "string") for column in mapping.writing for name in column.fields.values()}

    def facts(object: str, name: str) -> FieldSchema:
        known = schema.get(object) if schema else None
        if known is not None and name in known.fields:
            return known.fields[name]
        kind = "boolean" if name == "HasOptedOutOfEmail" else kinds.get(name, "string")
        return FieldSchema(name, kind, 0, is_updateable=True, is_createable=True, is_external_id=False)

    return facts


def _tell(path: Path, found: list[Found]) -> None:
    from syncd.core.mapping_examples import shown

    for one in found:
        if not one.differences:
            continue
        output.data(f"{path}:{one.example.line} {output.visible(one.example.name)}")
        now = one.example.now
        rows = [(what, shown(now[what]) if what in now else "", *both) for what, *both in one.differences]
        for line in output.table(("what", "now", "expected", "came out"), rows):
            output.data(f"  {line}")
        for words in one.words:
            output.data(f"  because: {output.visible(words)}")


def _document(runs: list[tuple[MappingFile, Path, list[Found]]]) -> dict[str, Any]:
    listed = [
        {
            "file": str(path),
            "line": one.example.line,
            "name": one.example.name,
            "passed": not one.differences,
            "outcome": one.outcome.as_values(),
            "differences": [{"what": what, "expected": wanted, "found": came} for what, wanted, came in one.differences],
            "because": one.words,
        }
        for _, path, found in runs
        for one in found
    ]
    failed = sum(not one["passed"] for one in listed)
    return {"schema": 1, "passed": len(listed) - failed, "failed": failed, "examples": listed}


def _accept(path: Path, found: list[Found]) -> None:
    """Write what came out of the examples that differ into their file; every other line stays."""
    import tomlkit

    document: Any = tomlkit.parse(path.read_text("utf-8-sig"))
    for one, table in zip(found, document["example"], strict=True):
        if one.differences:
            table["expect"] = _as_item(one.outcome)
    try:
        path.write_text(_apart(document.as_string()), "utf-8")
    except OSError as error:
        raise SyncdError(f"cannot write {path}: {error.strerror}.", hint="Check its owner and permissions.") from error


def _apart(text: str) -> str:
    """Keep a blank line between examples, where a new line was put at the end of one."""
    lines: list[str] = []
    for line in text.rstrip("\n").split("\n"):
        if line.strip() == "[[example]]" and lines and lines[-1].startswith("expect"):
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _as_item(outcome: Outcome) -> Any:
    import tomlkit

    from syncd.policies.mapping_toml import as_toml

    values = outcome.as_values()
    # TOML has no null: a field that is emptied is written as an empty text.
    fields: dict[str, Scalar] = {name: "" if value is None else value for name, value in values["fields"].items()}
    plain = {**values, "fields": {name: _short(value) for name, value in fields.items()}}
    return tomlkit.parse(f"expect = {as_toml(plain)}")["expect"]


def _short(value: Scalar) -> Scalar:
    return int(value) if isinstance(value, float) and value.is_integer() else value
