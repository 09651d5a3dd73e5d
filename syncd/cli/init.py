"""How does somebody begin? With a config.toml and starter mappings to fill in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import syncd
from syncd.cli import output
from syncd.errors import SyncdError

CONFIG_EXAMPLE = "config.example.toml"


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to write; created when missing.", show_default=False)
    ] = Path(),
) -> None:
    """Write a config.toml and starter mappings into DIR (default: here). Overwrites nothing."""
    wanted = {folder / name: source for name, source in starters()}
    taken = [str(path) for path in wanted if path.exists()]
    if taken:
        raise SyncdError(
            f"these files exist already, nothing was written: {', '.join(taken)}",
            hint="Run `syncd init` in another folder, or move those files away first.",
        )
    try:
        for path, source in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
        for mapping in (folder / "mappings" / "fields").glob("*.toml"):
            (folder / "exports" / mapping.stem).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SyncdError(f"cannot write to {folder}: {error.strerror}.", hint="Check its owner and permissions.") from error
    for path in wanted:
        output.data(f"wrote {path}")
    output.data("\n".join(_next_steps(folder)))


def starters() -> Iterator[tuple[str, Path]]:
    """Give (name to write, source) of each starter: from the wheel, or from the source tree that syncd runs in."""
    package = Path(syncd.__file__).parent
    root = package / "starter" if (package / "starter").is_dir() else package.parent
    yield "config.toml", root / CONFIG_EXAMPLE
    for source in sorted((root / "mappings").rglob("*.toml")):
        yield source.relative_to(root).as_posix(), source


def _next_steps(folder: Path) -> list[str]:
    check = output.as_called("syncd check", None if folder == Path() else folder)
    return [
        "",
        "Next:",
        f"  1. Fill in [org] in {folder / 'config.toml'} and give the secret: export SYNCD_CLIENT_SECRET=…",
        f"  2. Name your teams and your Lead Status values in {folder / 'mappings' / 'fences.toml'}.",
        f"  3. Run: {check}",
    ]
