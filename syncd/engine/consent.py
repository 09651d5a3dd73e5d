"""What speaks against mailing these people, as far as the org, exports and all that they ever were tell?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from syncd.core.consent import opted_out_of
from syncd.core.flags import OptOutFields, Reason, opt_out_fields, reasons_against
from syncd.core.holds import Hold, hold_of
from syncd.core.kin import Found, Person, handles_of, people_of, values_of
from syncd.core.values import FlagFact, OrgRecord
from syncd.engine.carried_holds import carried_by
from syncd.engine.needs import holds_under
from syncd.engine.privacy import PEOPLE, privacy_reasons
from syncd.engine.world import Cycle, World
from syncd.ports import OrgReader, StoreReader

CONVERTED = "ConvertedContactId"
PREFIX = {"Lead": "00Q", "Contact": "003"}


def external_fields(world: World) -> list[str]:
    """Return the external id fields that exports name people by."""
    return sorted({source.external_field for source in world.policies.sources if source.external_field})


def keyed_by(cycle: Cycle) -> dict[str, tuple[str, ...]]:
    """Return by object the fields that people are looked up by; hidden ones are not among them."""
    return {name: cycle.needs[name].indexed if name in cycle.needs else () for name in PEOPLE}


def org_opt_outs(world: World) -> OptOutFields:
    """Return the org's own opt-out fields besides HasOptedOutOfEmail, with their scopes."""
    return world.policies.nurture.opt_outs if world.policies.nurture is not None else {}


def persons(
    store: StoreReader,
    keyed: Mapping[str, Collection[str]],
    names: Sequence[str],
    ids: Iterable[str],
    fresh: Mapping[str, OrgRecord] | None = None,
) -> dict[str, Person]:
    """Return by id the person that each lead or contact is or was.

    Shapes: `keyed` names by object the fields that the store looks rows up by, `names` are the external id fields; `fresh`
    holds rows that may be newer than the mirror: what they are known by counts too.
    """
    now = {id: handles_of(row, names) for id, row in (fresh or {}).items()}

    def look(wanted: frozenset[str], handles: frozenset[str]) -> Found:
        records: list[OrgRecord] = []
        for object in PEOPLE:
            own = [id for id in wanted if id.startswith(PREFIX[object])]
            records += store.get(object, own).values() if own else ()
            for name in {"Email", *names}.intersection(keyed.get(object, ())):
                values = values_of(handles, name, names)
                records += store.by_key(object, name, values) if values else ()
        contacts = [id for id in wanted if id.startswith(PREFIX["Contact"])]
        if contacts and CONVERTED in keyed.get("Lead", ()):
            records += store.by_key("Lead", CONVERTED, contacts)
        links = [(id, handle) for id in sorted(wanted & now.keys()) for handle in now[id]]
        return Found(records, [*links, *store.former_handles(wanted, handles)])

    return people_of(ids, look, names)


def people_by(world: World, cycle: Cycle, contacts: Mapping[str, OrgRecord]) -> dict[str, Person]:
    """Return by contact the person that it is; `contacts` as just read, which may be newer than the mirror."""
    return persons(world.store, keyed_by(cycle), external_fields(world), contacts, contacts)


def holds_by(world: World, contacts: Mapping[str, OrgRecord], people: Mapping[str, Person]) -> dict[str, Hold]:
    """Return by contact the hold of Sales that ends last, where there is any."""
    fields = holds_under(world.policies)
    if not fields:
        return {}
    carried = carried_by(world.store, {*contacts, *(record.id for person in people.values() for record in person.records)})
    found = {id: hold_of(contact, people[id], fields, carried) for id, contact in contacts.items()}
    return {id: hold for id, hold in found.items() if hold is not None}


def reasons_by(
    world: World,
    cycle: Cycle,
    contacts: Mapping[str, OrgRecord],
    people: Mapping[str, Person] | None = None,
    org: OrgReader | None = None,
) -> dict[str, list[Reason]]:
    """Return by contact every reason of the flags not to mail it; an empty list where nothing speaks against it.

    Shapes: `contacts` as just read, which may be newer than the mirror; `people` where it is known already who they are; with an
            org, it is asked how its data privacy records stand now.
    Source: promise 4: any source may opt out, and what cannot be read counts as opted out.
    """
    people = people_by(world, cycle, contacts) if people is None else people
    ids = sorted({id for person in people.values() for id in person.ids})
    handles = sorted({handle for person in people.values() for handle in person.handles})
    facts, consents, more = world.store.flags(ids, handles), world.store.consents(ids, handles), org_opt_outs(world)
    hidden = {name: frozenset(opt_out_fields(name, more)) - {*cycle.needs[name].fields} for name in PEOPLE if name in cycle.needs}
    said = privacy_reasons(world, cycle, contacts, people, org)
    found = {}
    for id, contact in contacts.items():
        told = said.get(id, [])
        others = [fact for fact in facts if not _is_told(fact, told)]
        found[id] = [*reasons_against(contact, people[id], others, consents, more, hidden), *told]
    return found


def _is_told(fact: FlagFact, told: Sequence[Reason]) -> bool:
    """Tell whether a fact was kept of the very record of the org that says so now."""
    return any(reason.text == f"{opted_out_of(fact.scope)} ({fact.evidence})" for reason in told)
