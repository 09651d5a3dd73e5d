"""Which flags speak against mailing these contacts, as far as org, exports and converted leads tell?"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.flags import excluded_by, handles_of
from syncd.core.values import OrgRecord
from syncd.engine.world import World


def external_fields(world: World) -> list[str]:
    """Return the external id fields that exports name people by."""
    return sorted({source.external_field for source in world.policies.sources if source.external_field})


def flags_against(world: World, contacts: Mapping[str, OrgRecord]) -> dict[str, list[str]]:
    """Return by contact every reason of the flags not to mail it; an empty list where nothing speaks against it.

    A lead that was converted into the contact speaks for the same person.
    Source: promise 4: any source may opt out, and what cannot be read counts as opted out.
    """
    names = external_fields(world)
    leads: dict[str, list[OrgRecord]] = {id: [] for id in contacts}
    for lead in world.store.by_key("Lead", "ConvertedContactId", contacts):
        leads[lead.text("ConvertedContactId") or ""].append(lead)
    people = {id: [contact, *leads[id]] for id, contact in contacts.items()}
    handles = {id: {handle for one in ones for handle in handles_of(one, names)} for id, ones in people.items()}
    ids = {one.id for ones in people.values() for one in ones}
    facts = world.store.flags(sorted(ids), sorted({handle for several in handles.values() for handle in several}))
    return {id: excluded_by(contact, contact.text("Email"), facts, leads[id], handles[id]) for id, contact in contacts.items()}
