"""How does somebody begin? With a config.toml and starter mappings to fill in."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import syncd
from syncd.cli import output
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.exports.vendors import Export

CONFIG_EXAMPLE = "config.example.toml"
_OTHER_WAY = "Run `syncd init` without it. From its cells too, a mapping is proposed by: syncd mapping suggest {export}"


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to write; created when missing.", show_default=False)
    ] = Path(),
    from_export: Annotated[
        Path | None, typer.Option("--from-export", metavar="FILE", help="Recognise the tool that wrote this export.")
    ] = None,
) -> None:
    """Write a config.toml and starter mappings into DIR (default: here). Overwrites nothing.

    With --from-export the mapping is made for that file's tool and columns; a DIR that has a config.toml gets the mapping alone.
    """
    mapping = None if from_export is None else _mapping_of(from_export)
    is_new = not (folder / "config.toml").exists()
    wanted = {folder / name: source.read_bytes() for name, source in starters() if _is_wanted(folder, name, mapping)}
    wanted |= (
        {folder / "mappings" / "fields" / f"{name}.toml": text.encode() for name, text in mapping.items()} if mapping else {}
    )
    taken = [str(path) for path in wanted if path.exists()]
    if taken:
        raise SyncdError(
            f"these files exist already, nothing was written: {', '.join(taken)}",
            hint="Run `syncd init` in another folder, or move those files away first.",
        )
    wanted |= _schemas(folder)
    try:
        for path, content in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for path in (folder / "mappings" / "fields").glob("*.toml"):
            (folder / "exports" / path.stem).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SyncdError(f"cannot write to {folder}: {error.strerror}.", hint="Check its owner and permissions.") from error
    for path in wanted:
        if path.suffix == ".toml":
            output.data(f"wrote {path}")
    for line in _next_steps(folder, from_export, mapping or (), is_new=is_new):
        output.data(line)


def _schemas(folder: Path) -> dict[Path, bytes]:
    """Return the schemas that the first lines of the starters name, for editors; those of an earlier version are replaced."""
    from syncd.core.policy_schema import schemas

    at = folder / "mappings" / "schemas"
    written = {kind: json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for kind, schema in schemas().items()}
    return {at / f"{kind}.schema.json": text.encode() for kind, text in written.items()}


def _is_wanted(folder: Path, name: str, mapping: dict[str, str] | None) -> bool:
    """Leave out the starter mapping that an export's own one replaces, its examples, and everything where syncd is set up."""
    is_replaced = name.startswith(("mappings/fields/", "mappings/examples/"))
    return mapping is None or not ((folder / "config.toml").exists() or is_replaced)


def _mapping_of(export: Path) -> dict[str, str]:
    """Recognise an export and write its mapping: {source name: text}. Raises ConfigInvalid for what is no export."""
    from syncd.exports.beginnings import beginning_of
    from syncd.exports.starters import starter
    from syncd.exports.unpacking import NotText
    from syncd.exports.vendors import NoExport, recognise, source_name

    try:
        head = beginning_of(export)
        vendor = recognise(head)
        text = starter(vendor, head, export.name, _rows_of(export, head))
    except OSError as error:
        raise ConfigInvalid(
            f"{export} cannot be read: {error.strerror}.",
            hint="Name a file from the marketing tool: CSV, a workbook, or an archive of them.",
        ) from error
    except NotText as error:
        raise ConfigInvalid(f"{export}: {error}", hint=error.remedy) from error
    except NoExport as error:
        raise ConfigInvalid(f"{export} {error}.", hint=_OTHER_WAY.format(export=shlex.quote(str(export)))) from error
    output.message(f"{export.name}: {vendor.title}" + ("" if vendor.is_seen else "; check every line, its layout is unverified"))
    return {source_name(vendor, export.name): text}


def _rows_of(export: Path, head: Export) -> list[tuple[str, ...]]:
    """Return the first rows of an export by its columns; none where they cannot be told apart."""
    from syncd.exports.sampling import sample
    from syncd.exports.vendors import NoExport

    try:
        seen = sample(export)
    except NoExport:
        return []
    return [cells for _, cells in seen.rows if len(cells) == len(head.columns)]


def starters() -> Iterator[tuple[str, Path]]:
    """Give (name to write, source) of each starter: from the wheel, or from the source tree that syncd runs in."""
    package = Path(syncd.__file__).parent
    root = package / "starter" if (package / "starter").is_dir() else package.parent
    yield "config.toml", root / CONFIG_EXAMPLE
    for source in sorted((root / "mappings").rglob("*.toml")):
        yield source.relative_to(root).as_posix(), source


def _next_steps(folder: Path, export: Path | None, sources: Iterable[str], *, is_new: bool) -> Iterator[str]:
    config = None if folder == Path() else folder
    steps = [output.as_called("Run: syncd check", config)]
    if is_new:
        steps.insert(0, f"Fill in [org] in {folder / 'config.toml'} and give the secret: export SYNCD_CLIENT_SECRET=…")
        steps.insert(1, f"Name your teams and your Lead Status values in {folder / 'mappings' / 'fences.toml'}.")
    for source in sources if export is not None else ():
        shown = f"syncd mapping preview --sample 20 --source {source} --file {shlex.quote(str(export))}"
        steps.insert(len(steps) - 1, f"Look over each line of {folder / 'mappings' / 'fields' / source}.toml.")
        if is_new:
            steps.append(output.as_called("Read the org, which writes nothing to it: syncd run --once", config))
        steps.append(output.as_called(f"See what the export would do to people: {shown}", config))
    yield "\nNext:"
    yield from (f"  {number}. {step}" for number, step in enumerate(steps, 1))
