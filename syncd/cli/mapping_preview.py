"""`syncd mapping preview`: what an export would do to one person or to a sample, and what an edit of a mapping changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from syncd.cli import output, preview_some, wire
from syncd.cli.preview_told import heading, heading_json, hint, person_json, sample_told, told
from syncd.errors import ConfigInvalid, StoreUnusable, SyncdError

if TYPE_CHECKING:
    from syncd.cli.preview_targets import Target
    from syncd.config import Config
    from syncd.core.values import OrgRecord
    from syncd.engine.intake_context import IntakeContext
    from syncd.engine.previewing import PersonSeen
    from syncd.ports import Store, StoreReader

EXAMPLES_MAX = 20


def preview(
    context: typer.Context,
    person: Annotated[
        str | None,
        typer.Option(
            "--person",
            metavar="WHO",
            help="An e-mail address, a Salesforce id, external:ID, or a line of the file: line:N.",
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", min=1, help="So many people, of each kind of effect, and counts.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="With --sample: look at every row of a large export, not at 2,000 of them.")
    ] = False,
    diff: Annotated[
        Path | None,
        typer.Option("--diff", metavar="OLD.toml", help="What the mapping does otherwise than this one."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="EXPORT", help="An export; else what waits in the drop folder.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="The source whose mapping is meant.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="Try this mapping in place of the source's own.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Values as the database keeps them; nothing is asked.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what an export would change before anything is written: for --person, for a --sample, or by an edit (--diff).

    Writes nothing, to the org or here. Exit 1 when nobody was found, or the file is not taken.
    """
    from syncd.cli.preview_targets import targets

    if sum(one is not None for one in (person, sample, diff)) != 1:
        raise typer.BadParameter("Say one of --person WHO, --sample N and --diff OLD.toml.")
    if whole and sample is None:
        raise typer.BadParameter("--whole goes with --sample N.")
    config = wire.config_of(context)
    found = targets(config, source, file, mapping)
    with _store(config) as store:
        view = _View(config, store, found, offline=offline, as_json=as_json)
        if person is not None:
            view.person(person)
        elif sample is not None:
            view.sample(sample, is_whole=whole)
        elif diff is not None:
            view.diff(diff)


@contextmanager
def _store(config: Config) -> Iterator[StoreReader]:
    try:
        with wire.open_store_to_read(config) as store:
            yield store
    except StoreUnusable as problem:
        if problem.permanent:
            raise
        raise ConfigInvalid(
            str(problem), hint="A preview looks at people as a cycle has read them: syncd run --once"
        ) from problem


@dataclass(frozen=True, slots=True)
class _View:
    """One preview. What is shown goes to stdout, what is to be known about it to stderr."""

    config: Config
    store: StoreReader
    targets: Sequence[Target]
    offline: bool
    as_json: bool

    # --- one person ------------------------------------------------------------------------------------------------

    def person(self, person: str) -> None:
        from syncd.cli.preview_context import context_on
        from syncd.cli.preview_rows import also_external, rows_about, wanted
        from syncd.cli.preview_targets import hashed
        from syncd.engine.intake_again import all_again
        from syncd.engine.previewing import preview_person
        from syncd.engine.read_now import AsReadNow

        seen: list[tuple[Target, PersonSeen]] = []
        refused: list[str] = []
        now: dict[str, OrgRecord] = {}
        context = context_on(self.config, self.store)
        is_any_again = bool(all_again(self.store))
        for target in self.targets:
            self._tell_of_another(person, also_external(person, target.mapping, context))
            asked = wanted(person, target.mapping, context)
            items, why = rows_about(target, asked, context)
            if why is not None:
                problem = why.problem
                refused.append(f"{problem.file}:{problem.line} [{problem.code}] {problem.text}\n  next: {problem.remedy}")
            if not items:
                continue
            target = hashed(target) if is_any_again else target
            people = preview_person(context, target.mapping, target.file, items)
            if not self.offline:
                now |= self._read_again(target, people, context)
            if now:
                people = preview_person(
                    replace(context, store=cast("Store", AsReadNow(self.store, now))), target.mapping, target.file, items
                )
            seen += [(target, one) for one in people]
        if self.as_json:
            output.as_json({"schema": 1, "people": [person_json(target, one, now) for target, one in seen], "refused": refused})
        for target, one in seen if not self.as_json else ():
            for line in told(target, one, now):
                output.data(line)
        for text in refused:
            said, _, remedy = text.rpartition("\n")
            output.message(f"{output.visible(said)}\n{output.visible(remedy)}")
        if not seen:
            names = ", ".join(output.visible(target.file.name) for target in self.targets)
            output.message(f"Nobody is named by {output.visible(person)!r} in {names}: {hint(person)}")
        if refused or not seen:
            raise typer.Exit(1)

    def _tell_of_another(self, person: str, other: OrgRecord | None) -> None:
        if other is not None:
            number = person.strip()
            message = (
                f"{number} is taken for a line of the file. It is also the id that the tool has for {other.object} {other.id}"
            )
            output.message(f"{message}: for that person say --person external:{number}; line:{number} is always the line.")

    def _read_again(self, target: Target, people: Sequence[PersonSeen], context: IntakeContext) -> dict[str, OrgRecord]:
        """Read the people once more from the org; where it does not answer the mirror has to do."""
        from syncd.core.mapping import fields_needed

        records = {one.match.person.id: one.match.person for one in people if one.match.person is not None}
        needed = fields_needed([target.mapping])
        try:
            with wire.open_org(self.config) as org:
                fresh: dict[str, OrgRecord] = {}
                for object in sorted({one.object for one in records.values()}):
                    visible = [name for name in needed[object] if name in context.schema[object].fields]
                    ids = [id for id, one in records.items() if one.object == object]
                    fresh |= org.read(object, ids, visible).records
                return fresh
        except SyncdError as problem:
            output.message(f"Values are those that the last cycle read; the org could not be asked: {output.visible(problem)}")
            return {}

    # --- the whole export ------------------------------------------------------------------------------------------

    def sample(self, number: int, *, is_whole: bool) -> None:
        from syncd.cli.preview_look import Look
        from syncd.engine.previewing_all import sampled

        look = Look(self.config, self.store)
        is_any_refused = False
        for target in self.targets:
            is_portion = not is_whole and target.file.size_bytes >= preview_some.LARGE_BYTES
            decided, portion = look.at_some(target) if is_portion else (look.at_all(target), None)
            chosen = sampled(decided.effects, number)
            is_any_refused |= bool(decided.refused)
            if self.as_json:
                output.as_json({"schema": 1, **heading_json(target), "portion": portion, "counts": decided.counts,
                                "kinds": decided.kinds(), "sample": chosen, "refused": decided.refused})  # fmt: skip
                continue
            for line in sample_told(target, decided, chosen, portion):
                output.data(line)
            for text in decided.refused:
                output.message(output.visible(text))
        if is_any_refused:
            raise typer.Exit(1)

    def diff(self, old: Path) -> None:
        from syncd.cli.mapping_files import read, refuse
        from syncd.cli.preview_look import Look
        from syncd.engine.previewing_all import differences

        look = Look(self.config, self.store)
        is_any_refused = False
        for target in self.targets:
            before = replace(refuse(read(old, self.config)), name=target.mapping.name)
            one, other = look.under_both(replace(target, mapping=before), target)
            found = differences(one, other)
            is_any_refused |= bool(other.refused)
            if self.as_json:
                output.as_json({"schema": 1, **heading_json(target), "old": str(old), "people": found.people,
                                "counts": found.counts, "examples": found.examples[:EXAMPLES_MAX],
                                "refused": [*one.refused, *other.refused]})  # fmt: skip
                continue
            output.data(f"{heading(target)}\n  instead of {output.visible(old)}")
            for text in dict.fromkeys([*one.refused, *other.refused]):
                output.message(output.visible(text))
            if not found.examples:
                if not (one.refused or other.refused):
                    output.data("The edit changes nothing for any row of this export.")
                continue
            output.data(f"{output.many(found.people, 'person', 'people')} would be affected by the edit:")
            for name, count in found.counts.items():
                output.data(f"  {name:<60}{count:>9,}")
            output.data()
            rows = [(e.kind, e.who, e.line or "", e.before, e.after, e.why) for e in found.examples[:EXAMPLES_MAX]]
            for line in output.table(("what", "person", "line", "old file", "new file", "rule or reason"), rows):
                output.data(line)
            if len(found.examples) > EXAMPLES_MAX:
                output.data(f"… and {len(found.examples) - EXAMPLES_MAX:,} more")
        if is_any_refused:
            raise typer.Exit(1)
