"""Which rows of an export are about the person that somebody names?"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli.mapping_files import unreadable
from syncd.cli.preview_targets import Target
from syncd.core.cells import normal_address
from syncd.core.rows import ParsedRow
from syncd.core.values import OrgRecord, Problem
from syncd.ports import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from syncd.core.mapping import SourceMapping
    from syncd.engine.intake_context import IntakeContext
    from syncd.exports.excerpts import Excerpt
    from syncd.ports import Item

ID_LENGTHS = (15, 18)
PASSES_MAX = 3
LINE, EXTERNAL = "line:", "external:"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom somebody names: a line, or words that stand in a cell of theirs, and the people whom the mirror knows by them."""

    line: int = 0
    words: tuple[str, ...] = ()
    people: tuple[OrgRecord, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """Return the words as they are compared."""
        return frozenset(map(_key, self.words))

    def is_about(self, row: ParsedRow) -> bool:
        """Tell whether a row names the person by any key."""
        ids = {one.id[:15] for one in self.people} | {word[:15] for word in self.words if len(word) in ID_LENGTHS}
        mine = {_key(one) for one in (row.address, row.external, row.person_id) if one}
        return not self.keys.isdisjoint(mine) or (row.person_id or "")[:15] in ids


def _key(word: str) -> str:
    return normal_address(word) if "@" in word else word.casefold()


def wanted(person: str, mapping: SourceMapping, context: IntakeContext) -> Wanted:
    """Say whom a word means: a line number, a Salesforce id, or what stands in a key column."""
    word = person.strip()
    number = word.removeprefix(LINE).strip()
    if number.isdecimal() and (word.startswith(LINE) or len(word) not in ID_LENGTHS):
        return Wanted(line=int(number))
    return _known_by(Wanted(words=(word.removeprefix(EXTERNAL).strip(),)), mapping, context)


def also_external(person: str, mapping: SourceMapping, context: IntakeContext) -> OrgRecord | None:
    """Return whom a plain number, which means a line, is the external id of."""
    word = person.strip()
    if not word.isdecimal() or len(word) in ID_LENGTHS:
        return None
    people = _known_by(Wanted(words=(word,)), mapping, context).people
    return people[0] if people else None


def _known_by(asked: Wanted, mapping: SourceMapping, context: IntakeContext) -> Wanted:
    """Add all keys of the people whom the mirror knows by these words."""
    from syncd.core.cells import spellings
    from syncd.salesforce.ids import to_18

    people: dict[str, OrgRecord] = {}
    for word in asked.words:
        for object, prefix in (("Lead", "00Q"), ("Contact", "003")):
            if word.startswith(prefix):
                with suppress(ValueError):  # it only begins like an id
                    people |= context.store.get(object, [to_18(word)])
            fields = [("Email", spellings(word))] if "@" in word else []
            fields += [(mapping.external_field, (word,))] if mapping.external_field else []
            visible = context.schema[object].fields if object in context.schema else {}
            for name, values in fields:
                found = context.store.by_key(object, name, list(values)) if name in visible else []
                people |= {one.id: one for one in found}
    words = dict.fromkeys(asked.words)
    for one in people.values():
        external = one.text(mapping.external_field) if mapping.external_field else None
        id = one.id[:15] if "id" in mapping.match else None  # no other row is about somebody by an id
        words |= dict.fromkeys(key for key in (id, external, one.text("Email")) if key)
    return replace(asked, words=tuple(words), people=tuple(people.values()))


def rows_about(target: Target, asked: Wanted, context: IntakeContext) -> tuple[list[ParsedRow | Problem], Refused | None]:
    """Return all rows of a file that name a person, and why the file is not taken at all, if it is not.

    The file is looked through once for what was asked, and again as long as the rows that were found, or the people whom the
    mirror knows by their keys, have other keys: three times at most.
    """
    items, refused = _found(target, asked, asked.words, context.now_at)
    found = {item.line: item for item in items}
    for _ in range(PASSES_MAX - 1):
        rows = [item for item in found.values() if isinstance(item, ParsedRow)]
        keys = tuple(dict.fromkeys(key for row in rows for key in (row.address, row.external, row.person_id) if key))
        more = _known_by(replace(asked, words=(*asked.words, *keys), line=0), target.mapping, context)
        words = tuple({_key(word): word for word in more.words if _key(word) not in asked.keys}.values())
        if not rows or not words:
            break
        items, refused = _found(target, more, words, context.now_at)
        found |= {item.line: item for item in items}
        asked = more
    return [found[line] for line in sorted(found)], refused


def _found(
    target: Target, asked: Wanted, words: Sequence[str], now_at: datetime
) -> tuple[list[ParsedRow | Problem], Refused | None]:
    """Return the rows about somebody that hold one of some words, and lines that are no rows where it fills a cell."""
    found: list[ParsedRow | Problem] = []
    refused = None
    for item, is_meant in _items(target, asked, words, now_at):
        if isinstance(item, Refused):
            refused = item
        elif isinstance(item, ParsedRow):
            found += [item] if is_meant or asked.is_about(item) else []
        elif isinstance(item, Problem) and is_meant:
            found.append(item)
    return found, refused


def _items(target: Target, asked: Wanted, words: Sequence[str], now_at: datetime) -> Iterator[tuple[Item, bool]]:
    """Give the items that may be about somebody: cut out, or else picked out of the whole file.

    Each with whether it stands on the line that was asked for, or is no row and one of the words fills a cell of it.
    """
    from syncd.exports.excerpts import excerpt
    from syncd.exports.picking import Picking
    from syncd.exports.reading import items_of

    mapping, file = target.mapping, replace(target.file, sha256="")
    try:
        with Path(file.path).open("rb") as stream:
            cut = excerpt(stream, file, mapping, words, [asked.line] if asked.line else [])
            if cut is None:
                stream.seek(0)
                picking = Picking(mapping, words, asked.line, _key)
                for item in items_of(stream, file, mapping, now_at, picking):
                    yield item, isinstance(item, (ParsedRow, Problem)) and picking.is_meant(item)
                return
    except OSError as error:
        raise unreadable(Path(file.path), error) from error
    yield from _cut_out(cut, target, asked, words, now_at)


def _cut_out(cut: Excerpt, target: Target, asked: Wanted, words: Sequence[str], now_at: datetime) -> Iterator[tuple[Item, bool]]:
    from syncd.exports.excerpts import has_cell

    items = items_in(cut, target, now_at)
    named = {one.line for one in cut.found if has_cell(one, target.mapping, words)}
    if asked.line and any(one.covers(asked.line) for one in cut.found):
        begun = [item.line for item in items if isinstance(item, (ParsedRow, Problem)) and item.line <= asked.line]
        covering = max(begun, default=0)
    else:
        covering = 0
    for item in items:
        if isinstance(item, Refused) and item.kind == "pause" and not cut.found:
            continue  # nobody was found; the file itself has rows
        is_named = isinstance(item, Problem) and item.line in named
        yield item, is_named or (isinstance(item, (ParsedRow, Problem)) and item.line == covering)


def items_in(cut: Excerpt, target: Target, now_at: datetime) -> list[Item]:
    """Read what was cut out of a file; each item has the line that it has in the whole file."""
    from syncd.exports.reading import items_of

    data = cut.data
    small = replace(target.file, sha256="", size_bytes=len(data), member="")
    return list(_placed(items_of(io.BytesIO(data), small, target.mapping, now_at), cut.lines)) if cut.header else []


def _placed(items: Iterable[Item], lines: dict[int, int]) -> Iterator[Item]:
    """Give rows the lines that they have in the whole file."""
    for item in items:
        if isinstance(item, ParsedRow):
            line = lines.get(item.line, item.line)
            yield replace(item, line=line, problems=_moved(item.problems, line))
        elif isinstance(item, Problem):
            yield replace(item, line=lines.get(item.line, item.line))
        else:
            yield item


def _moved(problems: Sequence[Problem], line: int) -> tuple[Problem, ...]:
    return tuple(replace(problem, line=line) for problem in problems)
