"""Can syncd reach the places that config.toml fetches exports from, read there, and put originals away?"""

from __future__ import annotations

import fnmatch
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli import output
from syncd.cli.finding import Finding, Level
from syncd.errors import SourceRefused, SourceUnreachable

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.core.mapping import SourceMapping
    from syncd.ports.sources import Session, Source

CHECK = "source"
SHOWN_MAX = 5


def sources_ready(config: Config, mappings: tuple[SourceMapping, ...]) -> Iterator[Finding]:
    """Connect to every source: host key, login, listing, reading, and what `after` needs. Nothing is fetched."""
    from syncd.exports.remote.sources import sources_of

    known = {mapping.name: mapping for mapping in mappings}
    for source in sources_of(config.sources):
        mapping = known.get(source.name)
        if mapping is None:
            yield _nameless(source, sorted(known))
            continue
        try:
            with source.opened() as session:
                yield from _looked_at(source, session, mapping)
        except (SourceRefused, SourceUnreachable) as problem:
            yield Finding(Level.FINDING, CHECK, f"{source.name}: {output.one_stop(str(problem))}", problem.hint)
    yield from _open_to_others(config.exports)


def _nameless(source: Source, known: list[str]) -> Finding:
    from syncd.policies.documents import nearest

    near = nearest(source.name, known)
    text = f"[exports.{source.name}] belongs to no mapping: nothing is fetched from {source.address}."
    guess = f"Did you mean [exports.{near}]?" if near else f"Write fields/{source.name}.toml, which says what its columns mean."
    return Finding(Level.FINDING, CHECK, text, guess)


def _looked_at(source: Source, session: Session, mapping: SourceMapping) -> Iterator[Finding]:
    listing = session.listing()
    fitting = [each for each in listing.originals if fnmatch.fnmatchcase(each.name, mapping.pattern)]
    for original in fitting[:1]:
        session.read(original, 0, 1)
    readable = "they can be read" if fitting else "whether files can be read shows with the first"
    size = sum(each.size_bytes for each in fitting)
    text = f"{source.name}: {source.address} answers; {output.many(len(fitting), 'file')} of {size:,} bytes, {readable}"
    yield Finding(Level.OK, CHECK, text)
    others = [each.name for each in listing.originals if each not in fitting]
    if others:
        shown = ", ".join(output.visible(name) for name in others[:SHOWN_MAX])
        more = f" and {len(others) - SHOWN_MAX} more" if len(others) > SHOWN_MAX else ""
        text = f"{source.name}: not fetched, since the names do not fit pattern = {mapping.pattern!r}: {shown}{more}."
        yield Finding(Level.WARNING, CHECK, text, f"Correct pattern in {mapping.file}, or keep other files elsewhere.")
    if listing.odd:
        text = f"{source.name}: {output.many(len(listing.odd), 'link')} and the like: they are never followed."
        yield Finding(Level.WARNING, CHECK, text, "Put the files themselves there.")
    if source.after != "leave":
        session.may_put_away()
        yield Finding(Level.OK, CHECK, f'{source.name}: originals may be put away, as after = "{source.after}" wants it')


def _open_to_others(exports: Path) -> Iterator[Finding]:
    """Name what was put away and could be read by other users of this machine."""
    found = [path for place in ("done", "refused") for path in exports.glob(f"*/{place}/*") if _is_open(path)]
    if found:
        text = f"{output.many(len(found), 'file')} in done/ and refused/ can be read by other users, such as {found[0]}."
        folders = " ".join(shlex.quote(str(folder)) for folder in sorted({path.parent for path in found}))
        yield Finding(Level.WARNING, "archive", text, f"Run: chmod -R go-rwx {folders}")


def _is_open(path: Path) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return path.is_file() and not path.is_symlink() and bool(status.st_mode & 0o077)
