"""Who gets no mail, by which evidence, and which evidence does a newer consent outweigh?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from syncd.core.cells import normal_address
from syncd.core.consent import Consent, opted_out_of
from syncd.core.kin import Person
from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.values import GLOBAL, Flag, FlagFact, OrgRecord

Hidden = Mapping[str, frozenset[str]]
"""The fields by object that cannot be read, whatever a record that was read before still says."""
OptOutFields = Mapping[str, Mapping[str, str]]
"""The scope of each field of the org that holds an opt-out, by object and field, besides HasOptedOutOfEmail."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason not to mail a person: its words, what it covers, and whether a record of the org says so now."""

    text: str
    scope: str = GLOBAL
    is_the_orgs: bool = False

    def keeps_out(self, scopes: frozenset[str] | None) -> bool:
        """Tell whether it holds for mail of these scopes; None: for mail of which nothing is known, any reason does."""
        return self.scope == GLOBAL or scopes is None or self.scope in scopes


def opt_out_fields(object: str, more: OptOutFields) -> dict[str, str]:
    """Return the scope by field of all that holds an opt-out on an object."""
    return {OPT_OUT: GLOBAL, **more.get(object, {})}


def opted_out_by(record: OrgRecord, more: OptOutFields) -> dict[str, str]:
    """Return by field the scopes that the org itself calls a record opted out of."""
    return {name: scope for name, scope in opt_out_fields(record.object, more).items() if record.fields.get(name) is True}


def reasons_against(
    target: OrgRecord,
    person: Person,
    facts: Iterable[FlagFact],
    consents: Iterable[Consent] = (),
    more: OptOutFields | None = None,
    hidden: Hidden | None = None,
) -> list[Reason]:
    """Say why a person gets no campaign mail at the address of `target`; an empty list means that nothing speaks against it.

    Shapes: facts and consents of others are ignored; `more` are the org's own fields besides HasOptedOutOfEmail, `hidden` those
            that can't be read by now.
    Source: promise 4: any source may opt out, and what cannot be read counts as opted out.
    """
    given = [consent for consent in consents if _is_about(consent, person)]
    address = target.text("Email")
    found = [reason for record in person.with_others(target) for reason in _by_org(record, more or {}, hidden or {})]
    found += _by_facts(person, facts, given, normal_address(address) if address else None)
    return list(dict.fromkeys(found))


def _by_org(record: OrgRecord, more: OptOutFields, hidden: Hidden) -> Iterator[Reason]:
    for name, scope in opt_out_fields(record.object, more).items():
        value = record.fields.get(name)
        if value is True:
            yield Reason(f"{opted_out_of(scope)} ({record.object} {name})", scope)
        if name not in record.fields or name in hidden.get(record.object, ()):
            yield Reason(f"opt-out can't be read ({name} is not visible)")
        elif value not in (True, False):
            yield Reason(f"opt-out can't be read ({name} is empty)")


def _by_facts(person: Person, facts: Iterable[FlagFact], given: list[Consent], current: str | None) -> Iterator[Reason]:
    for fact in facts:
        if not _is_about(fact, person):
            continue
        where = f"({fact.source}, {fact.evidence})"
        if fact.flag is Flag.UNREACHABLE:
            if fact.address == current:
                yield Reason(f"unreachable {where}")
        elif fact.flag is Flag.OPT_OUT_UNREADABLE:
            yield Reason(f"opt-out can't be read {where}")
        elif not any(opens(consent, fact, person) for consent in given):
            yield Reason(f"{opted_out_of(fact.scope)} {where}", fact.scope)


def _is_about(one: FlagFact | Consent, person: Person) -> bool:
    return one.person_id in person.ids or one.address in person.handles


def opens(consent: Consent, fact: FlagFact, person: Person) -> bool:
    """Tell whether stored consent outweighs an opt-out: newer than it, of the very same scope, and surely of the same human.

    An address may be several people's: a consent speaks for a record and for what became of it or it became, and for what is
    known of an address that is theirs alone; one that came when nobody had the address, for who alone came to have it. Nothing
    opens what could not be read.
    """
    if fact.flag is not Flag.OPTED_OUT or consent.scope != fact.scope or consent.given_at <= fact.last_said:
        return False
    if consent.person_id is None:
        holders = {ids for ids, held in person.lineages.values() if fact.address in held}
        return fact.person_id is None and fact.address == consent.address and len(holders) <= 1
    ids, handles = person.lineages.get(consent.person_id, (frozenset({consent.person_id}), frozenset()))
    if fact.person_id is not None:
        return fact.person_id in ids
    return fact.address in handles and all(id in ids for id, (_, held) in person.lineages.items() if fact.address in held)


def key_of(fact: FlagFact) -> tuple[Flag, str | None, str | None, str, str]:
    """Return by what two facts are one: the newer of them counts."""
    return fact.flag, fact.person_id, fact.address, fact.source, fact.scope


def newest_facts(facts: Iterable[FlagFact], known: Iterable[FlagFact] = ()) -> list[FlagFact]:
    """Return those of some facts that say something new: not known at all, or said again since.

    An opt-out that is said again is one that consent given in between does not open.
    """
    before = {key_of(fact): fact for fact in known}
    found: dict[object, FlagFact] = {}
    for fact in facts:
        key = key_of(fact)
        other = found.get(key) or before.get(key)
        if other is None or (fact.flag is Flag.OPTED_OUT and other.last_said < fact.last_said):
            found[key] = fact
    return list(found.values())
