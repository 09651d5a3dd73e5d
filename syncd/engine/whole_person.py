"""What decides whether a person is mailed: all that is kept, and said by the org, of each record that is this person?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from syncd.core.consent import Consent
from syncd.core.flags import reasons_against
from syncd.core.kin import Person
from syncd.core.policies import Policies
from syncd.core.privacy import LINK
from syncd.core.values import FlagFact, OrgRecord
from syncd.engine.consent import CONVERTED, persons
from syncd.engine.needs import needs_under, privacy_under
from syncd.engine.privacy import PEOPLE, Shelf, reasons_heard
from syncd.engine.schema import SCHEMA, schema_from_json
from syncd.ports import StoreReader

NO_KEYS = frozenset({"Email", CONVERTED, LINK})


@dataclass(frozen=True, slots=True)
class WholePerson:
    """A person with the flags and consents of all records and addresses, and what the org's own records say against mail."""

    person: Person
    flags: Sequence[FlagFact]
    consents: Sequence[Consent]
    says: Sequence[str]


def whole_person(store: StoreReader, record: OrgRecord, policies: Policies | None) -> WholePerson:
    """Gather what speaks for and against a lead or contact, as of the last cycle.

    Shapes: without policies, the org's boxes and records that they name are left out.
    """
    keyed = {object: tuple(store.indexed.get(object, ())) for object in PEOPLE if object in store.marks()}
    names = sorted({name for fields in keyed.values() for name in fields if name not in NO_KEYS})
    person = persons(store, keyed, names, [record.id], {record.id: record})[record.id]
    ids, handles = sorted({*person.ids, record.id}), sorted(person.handles)
    more = policies.nurture.opt_outs if policies is not None and policies.nurture is not None else {}
    says = [] if record.is_deleted else reasons_against(record, person, (), (), more)
    if policies is not None and (sources := privacy_under(policies)):
        known = store.setting(SCHEMA)
        needs = needs_under(policies, schema_from_json(known["objects"]) if isinstance(known, dict) else {})
        last = next(iter(store.cycles(1)), None)
        at = datetime.now(UTC) if last is None else last.ended_at
        says += reasons_heard(Shelf(needs, store), sources, {record.id: record}, {record.id: person}, at)[record.id]
    texts = tuple(dict.fromkeys(reason.text for reason in says))
    return WholePerson(person, store.flags(ids, handles), store.consents(ids, handles), texts)
