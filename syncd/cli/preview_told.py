"""How does a preview of one person read: as text, and as JSON?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syncd.cli import output

if TYPE_CHECKING:
    from syncd.cli.preview_targets import Target
    from syncd.core.values import OrgRecord, Scalar
    from syncd.engine.previewing import FieldSeen, PersonSeen
    from syncd.engine.previewing_all import Decided, Effect

EFFECT_HEADER = ("what", "person", "line", "before", "after", "rule or reason")
FIELD_HEADER = ("field", "now", "file says", "effect", "why", "rule")


def heading(target: Target) -> str:
    """Say which file is looked at, under which mapping, and whether that writes."""
    mode = "write" if target.mapping.mode == "write" else 'observe: nothing would be written before it says mode = "write"'
    return f"{output.visible(target.file.name)} of {target.mapping.name}, by {target.mapping.file}, mode {mode}"


def heading_json(target: Target) -> dict[str, Any]:
    """Return the same as JSON values."""
    return {"file": target.file.name, "source": target.mapping.name, "mapping": target.mapping.file, "mode": target.mapping.mode}


def told(target: Target, seen: PersonSeen, now: Mapping[str, OrgRecord]) -> Iterator[str]:
    """Tell of one person, line by line."""
    yield heading(target)
    lines = ", ".join(map(str, seen.lines))
    yield f"{'lines' if len(seen.lines) > 1 else 'line':<9}{lines}" + (
        f"; line {seen.line} counts" if len(seen.lines) > 1 and seen.line else ""
    )
    yield from _who(seen, now)
    for problem in seen.paused:
        yield f"paused   {problem.file}:{problem.line} [{problem.code}] {output.visible(problem.text)}"
    for line, why in sorted(seen.superseded.items()):
        yield f"row      line {line}: {why}"
    if seen.fields:
        yield from output.table(FIELD_HEADER, [_cells(one) for one in seen.fields])
    for entry in seen.raised:
        yield f"flag     new: {entry.after or 'no longer ' + str(entry.before)}: {output.visible(entry.reason)}"
    for fact in seen.known:
        evidence = output.visible(f"{fact.source}, {fact.evidence}")
        yield f"flag     known: {fact.flag.value.replace('_', ' ')} ({evidence})"
    for item in seen.told:
        yield f"inbox    {output.visible(item.where)}: {output.visible(item.text)}"
        yield f"         next: {output.visible(item.remedy)}"
    yield ""


def _who(seen: PersonSeen, now: Mapping[str, OrgRecord]) -> Iterator[str]:
    person = seen.match.person
    if person is not None:
        as_of = "as the org says now" if person.id in now else "as the last cycle read it"
        by = f"the {seen.match.by} of a record that was merged into it" if seen.match.is_former else seen.match.by
        yield f"person   {_named(person)}, found by {by}; {as_of}"
    for one in seen.match.candidates if person is None else ():
        yield f"person?  {_named(one)}"
    if person is None and not seen.match.candidates:
        is_new = any(one.effect == "create" for one in seen.fields)
        yield "person   nobody in Salesforce has these keys" + ("; would be created:" if is_new else "")


def _named(person: OrgRecord) -> str:
    email = person.text("Email")
    return output.visible(f"{person.object} {person.id} {person.text('Name') or ''}{f' <{email}>' if email else ''}")


def _cells(one: FieldSeen) -> tuple[object, ...]:
    return (
        f"{one.object}.{one.field}",
        _shown(one.before),
        _shown(one.after),
        one.effect,
        one.why,
        f"{one.rule.file}:{one.rule.line}",
    )


def _shown(value: Scalar) -> object:
    return "(blank)" if value in (None, "") else str(value).lower() if isinstance(value, bool) else value


def person_json(target: Target, seen: PersonSeen, now: Mapping[str, OrgRecord]) -> dict[str, Any]:
    """Return one person as JSON values."""
    person = seen.match.person
    return {
        **heading_json(target),
        "lines": seen.lines,
        "line": seen.line,
        "person": None if person is None else {"object": person.object, "id": person.id, "by": seen.match.by},
        "is_read_now": person is not None and person.id in now,
        "candidates": [{"object": one.object, "id": one.id} for one in seen.match.candidates] if person is None else [],
        "fields": seen.fields,
        "flags_new": [{"flag": one.after, "no_longer": one.before, "reason": one.reason} for one in seen.raised],
        "flags_known": seen.known,
        "superseded": seen.superseded,
        "inbox": seen.told,
        "paused": seen.paused,
        "counts": seen.counts,
    }


def sample_told(target: Target, decided: Decided, chosen: Sequence[Effect], portion: Mapping[str, int] | None) -> Iterator[str]:
    """Tell of a sample, line by line; `portion` is of how many rows it is, when not of all."""
    yield heading(target)
    if decided.refused and not decided.counts:
        return
    if portion is not None:
        yield f"  looked at {portion['rows']:,} rows, spread over the {portion['lines']:,} lines of the file: counts are of these"
    for name, count in sorted(decided.counts.items()):
        yield f"  {name:<28}{count:>9,}"
    for kind, count in decided.kinds().items():
        yield f"  {kind:<44}{count:>9,}"
    yield ""
    yield f"{output.many(len({one.who for one in chosen}), 'person', 'people')}, chosen so that each kind of effect is seen:"
    rows = [(one.kind, one.who, one.line or "", one.before, one.after, one.why) for one in chosen]
    yield from output.table(EFFECT_HEADER, rows)
    if portion is not None:
        yield "What is rare is missed so: --whole looks at every row. All rows of one person shows --person."


def hint(person: str) -> str:
    """Say where else somebody may be found."""
    if person.removeprefix("line:").strip() == "1":
        return "line 1 is the header, people begin on line 2; for the tool's own id say external:1"
    if person.strip().isdecimal():
        return (
            f"a plain number is a line: for the tool's own id say external:{person.strip()}, or look at another file with --file"
        )
    if person.startswith("line:"):
        return "look at another file with --file"
    return "look for a line, another address or the id of that person"
