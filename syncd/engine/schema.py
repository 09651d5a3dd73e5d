"""What does the org let us see, what changed about it since we last looked, and what rests on a field that is gone?

Each call that pulls rows asks beside them what their objects look like, if that changed; this costs no call of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from syncd.core.privacy import LINK, asked_of
from syncd.core.values import Entry, InboxItem
from syncd.engine.drift import Difference, differences, field_users
from syncd.engine.needs import hidden_under, needs_under, objects_under, privacy_under, wanted_under
from syncd.engine.world import Cycle, World
from syncd.ports import Described, DescribedSince, FieldSchema, ObjectSchema

SCHEMA = "schema"
SEEN_AT = "schema seen at"
HIDDEN = "hidden-field"
OBJECTS = "objects"
CHANGED = "changed-field"
WHOLE_EVERY = timedelta(days=1)


def known_schema(world: World) -> dict[str, ObjectSchema]:
    """Return what the org lets us see, as last heard. The first time, and for objects that are new in this version, it is asked.

    Later changes come with the pulls: see `questions`.
    """
    known = world.store.setting(SCHEMA)
    objects = objects_under(world.policies)
    if isinstance(known, dict) and set(objects) <= set(known.get("asked", ())):
        return schema_from_json(known["objects"])
    schema = dict(world.org.schema(objects))
    _keep(world, schema, dict.fromkeys(objects, world.org.now()))
    return schema


def questions(world: World, cycle: Cycle, objects: Iterable[str]) -> list[DescribedSince]:
    """Say what to ask about these objects in the call that pulls their rows.

    An object of which something that a rule needs is hidden is described whole, so that a permission counts when it is given;
    so is each object once a day.
    """
    hidden = {name.partition(".")[0] for name in hidden_under(world.policies, cycle.schema)}
    seen_at = _seen_at(world)
    asked = []
    for object in objects:
        at = seen_at.get(object)
        is_due = at is None or object in hidden or object not in cycle.schema or cycle.now - at >= WHOLE_EVERY
        asked.append(DescribedSince(object, None if is_due else at))
    return asked


def take_described(world: World, cycle: Cycle, answers: Sequence[Described]) -> set[str]:
    """Take up what changed; return the objects of which other fields are read from now on.

    The mirror goes on without a field that vanished; what needs the field rests until it is back. Every difference in a field
    that a rule needs stands in the ledger, what needs a person in the inbox.
    """
    changed = [answer for answer in answers if answer.is_changed]
    if not changed:
        return set()
    before, schema = cycle.schema, dict(cycle.schema)
    for answer in changed:
        if answer.schema is None:
            schema.pop(answer.object, None)
        else:
            schema[answer.object] = answer.schema
    asked = {need.object: need.fields for need in wanted_under(world.policies)}
    found = [
        difference
        for answer in changed
        for difference in differences(answer.object, before.get(answer.object), answer.schema, asked.get(answer.object, ()))
    ]
    if schema == before:
        _keep_seen_at(world, {answer.object: world.org.now() for answer in changed})
        return set()
    needs = needs_under(world.policies, schema)
    moved = {
        name
        for name in {*needs, *cycle.needs}
        if name not in needs or name not in cycle.needs or needs[name].fields != cycle.needs[name].fields
    }
    world.store.index({name: need.indexed for name, need in needs.items()})
    _keep(world, schema, {**_seen_at(world), **{answer.object: world.org.now() for answer in changed}})
    cycle.schema, cycle.needs = schema, needs
    _tell(world, cycle, found)
    tell_hidden(world, cycle)
    return moved


def _tell(world: World, cycle: Cycle, found: Sequence[Difference]) -> None:
    if not found:
        return
    users = field_users(world.policies)
    entries = [
        Entry(
            kind="schema",
            at=cycle.now,
            cycle=cycle.id,
            object=one.object,
            field=one.field,
            before=one.before,
            after=one.after,
            reason=one.text,
        )
        for one in found
    ]
    items = [
        InboxItem(
            CHANGED,
            f"{one.object}.{one.field}",
            f"{one.object}.{one.field}",
            f"{one.text}. It is named by {users.get((one.object, one.field or ''), 'syncd itself')}.",
            "Look whether the rules and mappings that name the field still fit: syncd check",
        )
        for one in found
        if one.is_serious
    ]
    settled = [f"{one.object}.{one.field}" for one in found if one.is_settled]
    with world.store.begin() as tx:
        tx.append(entries)
        tx.put_inbox(items, cycle.now)
        tx.resolve_inbox(CHANGED, settled, cycle.now)
    cycle.count("schema changes", len(found))


def tell_hidden(world: World, cycle: Cycle) -> None:
    """Keep the inbox in step with the fields that a rule needs and the org hides."""
    hidden = hidden_under(world.policies, cycle.schema)
    cycle.counts.pop("fields hidden", None)
    cycle.count("fields hidden", len(hidden))
    items = _hidden_items(world, hidden)
    subjects = {item.subject for item in items}
    gone = [item.subject for _, item, _ in world.store.inbox(kind=HIDDEN) if item.subject not in subjects]
    if not hidden and not gone:
        return
    with world.store.begin() as tx:
        tx.put_inbox(items, cycle.now)
        tx.resolve_inbox(HIDDEN, gone, cycle.now)


def _hidden_items(world: World, hidden: Sequence[str]) -> list[InboxItem]:
    """Tell of each hidden field, and of several hidden objects at once: whoever takes a permission set away hides them all."""
    users = field_users(world.policies)
    objects = [name for name in hidden if "." not in name]
    alone = hidden if len(objects) < 2 else [name for name in hidden if "." in name]
    text = "{} is not visible to syncd's user{}. What needs it is not judged, and an opt-out that cannot be read counts as given."
    items = [
        InboxItem(
            HIDDEN,
            name,
            name,
            text.format(name, _named_by(users, name)),
            _access(world, "field" if "." in name else "object", name),
        )
        for name in alone
    ]
    if len(objects) < 2:
        return items
    told = (
        f"{len(objects)} objects are not visible to syncd's user: {', '.join(objects)}. What needs them is neither judged nor "
        "written, and goes on where it was once they are back."
    )
    if privacy := [name for name in objects if name in asked_of(privacy_under(world.policies))]:
        told += f" An opt-out that cannot be read counts as given, so that nobody is mailed without {', '.join(privacy)}."
    return [*items, InboxItem(HIDDEN, OBJECTS, OBJECTS, told, _access(world, "objects", *objects))]


def _access(world: World, what: str, *names: str) -> str:
    """Say how they become visible; where Salesforce's data privacy is off its objects and links are not there for anybody."""
    sources = asked_of(privacy_under(world.policies))
    these = f"these {what}" if len(names) > 1 else f"the {what}"
    access = f"ive syncd's permission set read access to {these}"
    if any(name in sources or (sources and name.endswith(f".{LINK}")) for name in names):
        switch = "Switch data privacy records on in Salesforce (Setup > Data Protection and Privacy) and g"
        return f"{switch}{access}, or take [opt_out] of data privacy out of nurture.toml; then run: syncd check"
    return f"G{access}, then run: syncd check"


def _named_by(users: Mapping[tuple[str, str], str], name: str) -> str:
    object, _, field = name.partition(".")
    who = users.get((object, field))
    return f" (named by {who})" if who else ""


def forget_schema(world: World) -> None:
    """Ask for everything again in the next cycle: the org refused a field that it was thought to show."""
    with world.store.begin() as tx:
        tx.put_setting(SCHEMA, None)


def _keep(world: World, schema: Mapping[str, ObjectSchema], seen_at: Mapping[str, datetime]) -> None:
    with world.store.begin() as tx:
        tx.put_setting(SCHEMA, {"asked": list(objects_under(world.policies)), "objects": schema_to_json(schema)})
        tx.put_setting(SEEN_AT, {name: at.isoformat() for name, at in seen_at.items()})


def _keep_seen_at(world: World, seen_at: Mapping[str, datetime]) -> None:
    with world.store.begin() as tx:
        kept = {name: at.isoformat() for name, at in {**_seen_at(world), **seen_at}.items()}
        tx.put_setting(SEEN_AT, kept)


def _seen_at(world: World) -> dict[str, datetime]:
    known = world.store.setting(SEEN_AT)
    return {name: datetime.fromisoformat(at) for name, at in known.items()} if isinstance(known, dict) else {}


def schema_to_json(schema: Mapping[str, ObjectSchema]) -> dict[str, Any]:
    """Return a schema as JSON values."""
    return {name: asdict(one) for name, one in schema.items()}


def schema_from_json(body: Mapping[str, Any]) -> dict[str, ObjectSchema]:
    """Read a schema back."""
    return {
        name: ObjectSchema(
            one["name"],
            {key: FieldSchema(**{**field, **_tuples(field)}) for key, field in one["fields"].items()},
            one["is_updateable"],
            one["is_createable"],
        )
        for name, one in body.items()
    }


def _tuples(field: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(field.get(name, ())) for name in ("picklist", "inactive", "references")}
