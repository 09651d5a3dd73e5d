"""What is the story of one record?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import output, wire
from syncd.cli.audit import record_id_of
from syncd.cli.story import OBJECT_OF_PREFIX, Names, Story, story_of
from syncd.core.cells import normal_address, spellings
from syncd.core.values import GLOBAL, FlagFact
from syncd.errors import ConfigInvalid, SyncdError

if TYPE_CHECKING:
    from syncd.ports import StoreReader

WIDTH = 110


def explain(
    context: typer.Context,
    record: Annotated[str, typer.Argument(metavar="RECORD_ID", help="An id of 15 or 18 characters, or an e-mail address.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Tell the story of one lead, contact or opportunity: who changed what, how we know, what was decided and written."""
    config = wire.config_of(context)
    with wire.open_store_to_read(config) as store:
        record_id = _person_at(store, record) if "@" in record else record_id_of(record)
        object = OBJECT_OF_PREFIX.get(record_id[:3])
        if object is None:
            raise ConfigInvalid(
                f"{record_id} is no lead, contact or opportunity: its id begins with {record_id[:3]!r}.",
                hint="Give the id of a lead (00Q…), contact (003…) or opportunity (006…).",
            )
        policies, _ = wire.read_policies(config.mappings)
        story = story_of(store, object, record_id, policies)
        if story is None:
            raise SyncdError(
                f"{object} {record_id} is not known: it is neither in the mirror nor in the ledger.",
                hint="Run `syncd run --once` to read what is new, and check that syncd's user may see the record.",
            )
        names = Names(store)
        if as_json:
            output.as_json({"schema": 1, **asdict(story)})
        else:
            output.data("\n".join(_told(story, names)))


def _person_at(store: StoreReader, address: str) -> str:
    """Find the one person with an e-mail address. A converted lead and its contact are one person."""
    mirrored = [object for object in ("Lead", "Contact") if object in store.marks()]
    found = [row for object in mirrored for row in store.by_key(object, "Email", spellings(normal_address(address)))]
    contacts = {row.id for row in found if row.object == "Contact"}
    people = [row for row in found if row.text("ConvertedContactId") not in contacts]
    if len(people) == 1:
        return people[0].id
    if not people:
        raise SyncdError(f"no lead or contact has the e-mail address {address}.", hint="Give the record's id instead.")
    ids = ", ".join(f"{row.object} {row.id}" for row in people)
    raise SyncdError(f"{len(people)} people have that e-mail address: {ids}.", hint="Give one of these ids instead.")


def _told(story: Story, names: Names) -> Iterator[str]:
    gone = "  (gone from the org)" if story.is_deleted else ""
    yield f"{story.object} {story.record_id}  {output.visible(story.name)}{gone}"
    if story.baseline_at is not None:
        since = output.when(story.baseline_at)
        yield f"syncd has watched every {story.object} since {since}; what is older comes from Salesforce's history."
    yield ""
    for line in story.lines:
        row = f"[row {line.row}] " if line.row is not None else ""
        rule = f" ({line.rule})" if line.rule else ""
        yield from _wrapped(f"{output.stamp(line.at)}  {row}{output.visible(line.text)}{rule}", 22)
    if not story.lines:
        yield "Nothing has happened to it that syncd knows of."
    yield ""
    for fact in story.flags:
        since = output.stamp(fact.seen_at)
        covers = "" if fact.scope == GLOBAL else f" of {output.visible(fact.scope)}"
        again = "" if fact.said_at is None else f", said again {output.stamp(fact.said_at)}"
        told = f"{output.visible(fact.source)}: {output.visible(fact.evidence)}"
        yield f"flag   {fact.flag.value}{covers}{_of_whom(fact, story)}, from {told}, since {since}{again}"
    for text in story.says:
        yield f"says   {output.visible(text)}"
    for one in story.consents:
        told = f"{output.visible(one.source)}: {output.visible(one.wording)!r}"
        given = f"{output.visible(one.scope)}, given {output.stamp(one.given_at)}"
        yield f"yes    {given}, from {told}, stored by {output.visible(one.by)}"
    for field, value in story.owed.items():
        yield f"owed   {field} is to go back to {output.visible(names.value(field, value))}"
    state = ", ".join(f"{field} {output.visible(names.value(field, value))}" for field, value in story.state.items())
    if story.same:
        yield from _wrapped(f"same   {', '.join(story.same)}: one person, by address, external id, conversion or merge", 7)
    yield from _wrapped(f"now    {state or 'not in the mirror'}", 7)


def _of_whom(fact: FlagFact, story: Story) -> str:
    """Name the record or address that a fact is about, where it is not the record itself or the address that it has."""
    if fact.person_id is not None:
        object = OBJECT_OF_PREFIX.get(fact.person_id[:3], "record")
        return "" if fact.person_id == story.record_id else f" of {object} {fact.person_id}"
    address = story.state.get("Email")
    is_own = isinstance(address, str) and fact.address in spellings(normal_address(address))
    return "" if is_own or fact.address is None else f" of {output.visible(fact.address)}"


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
