"""`syncd exports`: which files were taken in, what came of them, and one of them once more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import asking, output, wire
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.mapping import SourceMapping
    from syncd.ports import TakenFile

SHOWN_MAX = 50
ALL = 10**6
# What came of the rows adds up to them; `would_write` counts values.
ROWS = {
    "rows": "rows", "applied": "applied", "unchanged": "unchanged", "superseded": "superseded", "unmatched": "about nobody",
    "quarantined": "set aside", "would_write": "values not written",
}  # fmt: skip
HEADER = ("taken", "source", "file", *ROWS.values(), "original")

exports = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List the exports that were taken in, take one in again, and list its rows that come to nothing.",
)

File = Annotated[
    str | None, typer.Argument(metavar="[FILE]", help="A file from `syncd exports list`, by its name or as it lies in done/.")
]
Source = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Files of this source.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@exports.command("list")
def list_files(context: typer.Context, source: Source = None, as_json: AsJson = False) -> None:
    """List the files that were taken in, the last one first, and whether their originals are still there."""
    config = wire.config_of(context)
    with wire.open_store_to_read(config) as store:
        taken = store.taken_files(ALL if as_json else SHOWN_MAX + 1, source)
    if as_json:
        output.as_json({"schema": 1, "files": [{**_plain(one), "original": _kept(config, one)} for one in taken]})
        return
    if not taken:
        output.data("no export was taken in" + (f" from {output.visible(source)}" if source else ""))
        return
    for line in output.table(HEADER, [_cells(config, one) for one in taken[:SHOWN_MAX]]):
        output.data(line)
    if len(taken) > SHOWN_MAX:
        output.data("… and older ones; all of them with --json")


@exports.command()
def again(
    context: typer.Context,
    file: File = None,
    source: Source = None,
    write: Annotated[bool, typer.Option("--write", help="Do it; without this, only show what it would do.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger with your name.")] = "",
    sample: Annotated[int, typer.Option("--sample", metavar="N", min=1, help="How many people to show.")] = 20,
    whole: Annotated[bool, typer.Option("--whole", help="Look at every row of a large export, not at 2,000 of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take an export in once more that was taken in before: the last one of its source, or FILE.

    After a mapping was put right, says mode = "write", or a question was answered. It goes the way of every export.
    """
    config = wire.config_of(context)
    taken = chosen(config, file, source)
    words = f"exports again {output.visible(taken.name)} --source {taken.source} --write"
    if write:
        _ask(context, config, taken, reason, as_json=as_json)
        return
    mapping = _mapping(config, taken)
    original = _original(config, taken, mapping)
    if original is None:
        folder = config.exports / taken.source
        raise ConfigInvalid(
            f"The original of {taken.name} is no longer in {folder / 'done'}: what it would do cannot be shown.",
            hint=f"If you have the file, run: {wire.command(context, words)} and drop it into {folder} again.",
        )
    from syncd.cli.mapping_preview import preview

    preview(
        context, person=None, sample=sample, whole=whole, diff=None, file=original, source=taken.source, mapping=None,
        offline=True, as_json=as_json,
    )  # fmt: skip
    if mapping.mode != "write":
        output.message(f'{mapping.file} says mode = "{mapping.mode}": taken in again, the file still writes no field.')
    output.message(f"Nothing was changed. To take it in again: {wire.command(context, words)}")


@exports.command()
def rows(
    context: typer.Context,
    file: File = None,
    source: Source = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Rows that the inbox tells of so, such as export-unmatched.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="CSV", help="A new file; without it, stdout.")] = None,
) -> None:
    """Write a CSV of every row of an export that comes to nothing now, with the reason, as it stands in the file."""
    from syncd.cli.export_rows import write_rows
    from syncd.cli.mapping_files import tell_of_long
    from syncd.cli.preview_targets import files_at
    from syncd.engine.intake_telling import FILE_KINDS

    if kind is not None and kind not in (known := {*FILE_KINDS, "export-choice"}):
        raise typer.BadParameter(f"No row is told of as {kind!r}. Kinds: {', '.join(sorted(known))}.", param_hint="--kind")
    if out is not None and out.is_file():
        raise SyncdError(f"{out} exists already; nothing was written.", hint="Name a new file with --out.")
    config = wire.config_of(context)
    taken = chosen(config, file, source)
    mapping = _mapping(config, taken)
    original = _original(config, taken, mapping)
    if original is None:
        done = config.exports / taken.source / "done"
        raise ConfigInvalid(f"The original of {taken.name} is no longer in {done}.", hint="Its rows come with the next export.")
    one = next(each for each in files_at(mapping, original) if not each.member or each.name == taken.name)
    tell_of_long(output.visible(one.name), one.size_bytes)
    count = write_rows(config, mapping, replace(one, sha256=taken.sha256), kind, out)
    output.message(f"{output.visible(taken.name)}: {output.many(count, 'row')} to look at{f', in {out}' if out else ''}")


def _ask(context: typer.Context, config: Config, taken: TakenFile, reason: str, *, as_json: bool) -> None:
    from syncd.engine.taking_again import AGAIN

    payload = {"source": taken.source, "name": taken.name, "sha256": taken.sha256, "reason": reason}
    answer = asking.ask(context, config, AGAIN, payload)
    if as_json:
        output.as_json({"schema": 1, **answer})
    elif answer["waiting"] is None:
        folder = config.exports / taken.source
        output.data(f"its original is gone: drop {output.visible(taken.name)} into {folder} once more, and it is taken in")
    else:
        output.data(f"{output.visible(taken.name)} of {taken.source} is taken in again with the next cycle")


def chosen(config: Config, file: str | None, source: str | None) -> TakenFile:
    """Return the file that is meant: the one that was named, or the last one."""
    from syncd.engine.intake_again import all_again
    from syncd.exports.archive import original_name

    with wire.open_store_to_read(config) as store:
        taken, waiting = store.taken_files(ALL, source), all_again(store).values()
    for one in waiting:
        if file is None and source in (None, one.source):
            text = f"{output.visible(one.name)} of {one.source} waits to be taken in again: the next cycle does it."
            raise typer.BadParameter(f"{text} To mean another file, name it. See: syncd exports list")
    if file is not None:
        name, own = Path(file).name, original_name(Path(file).name)
        named = [one for one in taken if file == one.name or own in (one.name, one.name.partition("/")[0])]
        # Of several with one name, the one whose hash stands before it in done/; an archive is known by those in it.
        taken = [one for one in named if name != own and one.sha256.startswith(name.partition("-")[0])] or named
    if not taken:
        what = f"No export called {output.visible(file)} was taken in" if file is not None else "No export was taken in"
        raise typer.BadParameter(f"{what}{f' from {source}' if source else ''}. See: syncd exports list")
    sources = sorted({one.source for one in taken})
    if len(sources) > 1:
        raise typer.BadParameter(f"It is not clear of which source: say --source with one of: {', '.join(sources)}")
    return taken[0]


def _mapping(config: Config, taken: TakenFile) -> SourceMapping:
    from syncd.cli.mapping_files import file_named, folder_of, read, refuse

    return refuse(read(file_named(folder_of(config), taken.source), config))


def _original(config: Config, taken: TakenFile, mapping: SourceMapping) -> Path | None:
    from syncd.exports.archive import FolderArchive

    found = FolderArchive(config.exports).original(taken.source, taken.name, taken.sha256, mapping.dialect.members)
    return found[0] if found is not None else None


def _kept(config: Config, taken: TakenFile) -> bool:
    """Tell by its name whether the original of a file seems to be in done/; of an archive its own hash is not known."""
    from syncd.exports.archive import archived_name, original_name

    base, _, member = taken.name.partition("/")
    done = config.exports / taken.source / "done"
    kept = archived_name(base)
    if not member:
        return (done / f"{taken.sha256[:16]}-{kept}").is_file()
    return done.is_dir() and any(original_name(path.name) == kept for path in done.iterdir())


def _cells(config: Config, one: TakenFile) -> tuple[object, ...]:
    shown = (f"{one.counts.get(name, 0):,}" for name in ROWS)
    return (output.stamp(one.finished_at), one.source, one.name, *shown, "in done/" if _kept(config, one) else "gone")


def _plain(one: TakenFile) -> dict[str, object]:
    return {"source": one.source, "name": one.name, "taken_at": one.finished_at, "counts": one.counts, "sha256": one.sha256}
