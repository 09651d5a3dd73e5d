"""`syncd mapping export`: a mapping as sheets for a spreadsheet, or as a mapping file of Data Loader."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from syncd.cli import output
from syncd.cli.mapping_files import MappingFile, config_if_any, file_named, files_named, folder_of, read, refuse
from syncd.errors import ConfigInvalid, SyncdError

FORMATS = (".csv", ".xlsx", ".sdl")
Object = Annotated[str, typer.Option("--object", metavar="OBJECT", help="For .sdl: Lead or Contact.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def export(
    context: typer.Context,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="A new file that ends in .csv, .xlsx or .sdl.")],
    source: Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="A source, or a mapping file.")] = None,
    object: Object = "Lead",
    as_json: AsJson = False,
) -> None:
    """Write a mapping as sheets (.csv, .xlsx), which `syncd mapping import` reads back whole, or for Data Loader (.sdl).

    What an .sdl file cannot say is listed. Overwrites nothing.
    """
    suffix = format_of(to)
    if to.exists():
        raise SyncdError(f"{to} exists already; nothing was written.", hint="Name a new file.")
    config = config_if_any(context)
    if source is None:
        found = files_named(config, ())
        if len(found) > 1:
            raise ConfigInvalid("There are several mappings.", hint=f"Name one of: {', '.join(path.stem for path in found)}")
        path = found[0]
    else:
        path = file_named(folder_of(config), source)
    file = read(path, config)
    refuse(file)
    unsaid = _sdl(file, to, object_of(object)) if suffix == ".sdl" else _sheets(file, to, suffix)
    if as_json:
        output.as_json({"schema": 1, "source": file.source, "written": str(to), "not_said": unsaid})
        return
    output.data(f"wrote {to}")
    if unsaid:
        output.message("An .sdl file cannot say this; it is in the mapping alone:")
    for line in unsaid:
        output.message(f"  {line}")


def format_of(path: Path) -> str:
    """Return the format that a file's name says. Raises ConfigInvalid."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigInvalid(f"{path} ends in none of {', '.join(FORMATS)}.", hint="The ending says how the file is written.")
    return suffix


def object_of(name: str) -> str:
    """Return the object that was meant. Raises ConfigInvalid."""
    from syncd.core.mapping_file.keys import PEOPLE

    found = next((one for one in PEOPLE if one.casefold() == name.casefold()), None)
    if found is None:
        raise ConfigInvalid(f"{name!r} is no object of an export.", hint=f"Name one of: {', '.join(PEOPLE)}")
    return found


def _sheets(file: MappingFile, to: Path, suffix: str) -> list[str]:
    from syncd.cli.mapping_books import WRITERS
    from syncd.core.mapping_sheets.grids import sheets_of
    from syncd.policies.mapping_toml import as_toml, comments_of

    assert file.table is not None
    comments = comments_of(file.text, file.table)
    WRITERS[suffix](to, sheets_of(file.table.values, comments, as_toml))
    return []


def _sdl(file: MappingFile, to: Path, object: str) -> list[str]:
    from syncd.core.mapping_sheets.sdl import to_pairs, write_sdl

    assert file.table is not None
    pairs, unsaid = to_pairs(file.table.values, object)
    try:
        to.write_text(write_sdl(pairs, [], f"{file.path.name}, {object}"), "ascii")
    except OSError as error:
        raise SyncdError(f"cannot write {to}: {error.strerror}.", hint="Check its owner and permissions.") from error
    return unsaid
