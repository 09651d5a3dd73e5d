"""How is a proposed mapping written for one export, so that the check has nothing to say of it?"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.core.suggestions.suggesting import Evidence, Proposal
    from syncd.core.suggestions.text import Written
    from syncd.exports.sampling import Sampled
    from syncd.exports.vendors import Export, Vendor
    from syncd.ports import ObjectSchema

PACKED = re.compile(r"(?i)(\.(csv|tsv|txt|xlsx))?(\.(zip|gz))?$")
_ROUNDS_MAX = 50

Signs = tuple[str, str]
"""What stands before the fraction of a number, and between its thousands."""


def written_for(
    export: Path, seen: Sampled, vendor: Vendor, found: Evidence, people: Mapping[str, Sequence[Any]], signs: Signs
) -> Written:
    from syncd.core.suggestions.text import Written

    count = sum(map(len, people.values()))
    notes = [
        f"{count} people of the file were found in Salesforce and compared." if count else "No people of the file were compared."
    ]
    if seen.bad:
        where = ", ".join(map(str, seen.bad[:5])) + (" …" if len(seen.bad) > 5 else "")
        notes.append(f"Not every row has as many cells as the header: lines {where}.")
    if not vendor.is_seen:
        notes.append("The tool that wrote the file is not known: check every line.")
    if not found.is_org_known:
        notes.append("The org's fields are not known here: names were taken from fields that most orgs have.")
    begin = next((word for word in vendor.file_flags if export.name.lower().startswith(word)), "")
    lines = tuple(_file_lines(export, begin, seen.export, vendor, found.null, signs))
    has_flag = any(line.startswith("flag ") for line in lines)
    return Written(export.name, vendor.title, len(seen.rows), lines, has_flag, tuple(notes))


def _file_lines(export: Path, begin: str, seen: Export, vendor: Vendor, null: Sequence[str], signs: Signs) -> Iterator[str]:
    """Write what stands under [file]: how the file is packed and written, and what its name says of everybody in it."""
    from syncd.core.suggestions.text import quoted, value_text

    suffix = PACKED.search(export.name)
    yield f"pattern = {quoted(begin + '*' + (suffix[0] if suffix and suffix[0] else '.csv'))}"
    if len(seen.sheets) > 1:
        yield f"sheet = {quoted(seen.sheets[0])}    # the first of {len(seen.sheets)}"
    if not seen.sheets:
        yield f"encoding = {quoted(seen.encoding)}"
        yield f"delimiter = {quoted(seen.delimiter)}"
        yield from vendor.dialect
    if signs[0] != ".":
        yield f"decimal = {quoted(signs[0])}"
        if signs[1]:
            yield f"thousands = {quoted(signs[1])}"
    yield f"zone = {quoted(vendor.zone)}    # {vendor.zone_note}"
    yield f"null = {value_text(null)}"
    said = {f"{word}*": flag for word, flag in vendor.file_flags.items() if flag}
    if seen.members and said:
        table = ", ".join(f"{quoted(word)} = {quoted(flag)}" for word, flag in said.items())
        yield f"flag = {{ {table} }}    # by the name of each file in the archive"
    elif vendor.file_flags.get(begin):
        yield f"flag = {quoted(vendor.file_flags[begin])}    # everybody in a file whose name begins with {begin}"


def mapping_text(
    name: str, file: Written, proposed: Sequence[Proposal], schema: Mapping[str, ObjectSchema] | None
) -> tuple[str, dict[str, str], str]:
    """Write the mapping; whatever the check would say of a proposal makes a comment of it, until it says nothing.

    Shapes: the text, what is wrong after all by column, and why it is no mapping where too little is left of it.
    """
    from syncd.core.suggestions.text import toml_text

    doubted: dict[str, str] = {}
    for _ in range(_ROUNDS_MAX):
        text = toml_text(file, proposed, doubted)
        problems = wrong_in(name, text, schema)
        news = {column: words for column, words in problems if column and column not in doubted}
        if not news:
            break
        doubted |= news
    if not problems:
        return text, doubted, ""
    asked = [repr(one.column) for one in proposed if one.role == "opted_out"]
    words = "; ".join(words for _, words in problems)
    return text, doubted, words + (f" Not sure, but like an opt-out: {', '.join(asked)}." if asked else "")


def wrong_in(name: str, text: str, schema: Mapping[str, ObjectSchema] | None) -> list[tuple[str, str]]:
    """Check the text of a mapping as `syncd mapping check` would; return (column or "", what is wrong)."""
    from syncd.cli.mapping_check import problems_of
    from syncd.cli.mapping_files import read

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.toml"
        path.write_text(text, "utf-8")
        file = read(path)
    problems = list(problems_of(file, dict(schema) if schema else None))
    places = sorted(
        (where[0], str(path[1]))
        for path, where in (file.table.positions.items() if file.table else ())
        if path[:1] == ("column",) and len(path) == 2
    )
    found = []
    for problem in problems:
        column = next((column for line, column in reversed(places) if line <= problem.line), "")
        found.append((column, problem.text))
    return found
