"""Who may not be mailed, by which evidence, who has consented again, and what were people known by?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Row, Table, and_, bindparam, case, delete, func, select, union_all

from syncd.core.consent import Consent
from syncd.core.kin import Link, handle_of_record
from syncd.core.values import GLOBAL, Flag, FlagFact
from syncd.store.among import among
from syncd.store.base import Reads, Writes, insert, replace
from syncd.store.encoding import to_key, to_moment, to_text
from syncd.store.export_known import forget_flagged
from syncd.store.inserting import KEPT, insert_rows
from syncd.store.tables import consents, flags, former_handles

_KEY = ("org", "flag", "person_id", "address", "source", "scope")


class FlagReads(Reads):
    """Flags, consents, former handles."""

    def flags(self, person_ids: Iterable[str], addresses: Iterable[str]) -> list[FlagFact]:
        """Return all flag facts about these people or addresses."""
        found = {_key(row): _fact(row) for row in self._about(flags, flags.c.address, person_ids, addresses)}
        return [found[key] for key in sorted(found)]

    def consents(self, person_ids: Iterable[str], addresses: Iterable[str]) -> list[Consent]:
        """Return all consents of these people or addresses, the oldest first."""
        found = {_consent(row): None for row in self._about(consents, consents.c.address, person_ids, addresses)}
        return sorted(found, key=lambda one: (one.given_at, one.person_id or "", one.address or "", one.scope, one.source))

    def all_consents(self) -> list[Consent]:
        """Return every consent, the oldest first."""
        query = select(consents).where(consents.c.org == self.org)
        with self._reading() as connection:
            return [_consent(row) for row in connection.execute(query.order_by(consents.c.noted_at, consents.c.person_id))]

    def former_handles(self, person_ids: Iterable[str], handles: Iterable[str]) -> list[Link]:
        """Return (person, handle) of all that these people were known by, and of all who were known by these handles."""
        rows = self._about(former_handles, former_handles.c.handle, person_ids, handles)
        return sorted({(row.person_id, row.handle) for row in rows})

    def handles_of_merged(self) -> list[str]:
        """Return every address and external id by which somebody was known into whom a record was merged."""
        known = former_handles.c
        is_record = known.handle.startswith(handle_of_record(""), autoescape=True)
        merged = select(known.person_id).where(known.org == self.org, is_record)
        handles = select(known.handle).where(known.org == self.org, ~is_record, known.person_id.in_(merged)).distinct()
        with self._reading() as connection:
            return list(connection.execute(handles).scalars())

    def flag_counts(self) -> Mapping[str, int]:
        """Count distinct people by flag, under "scoped" those opted out of a brand or topic, under "any" those with at least
        one flag, and under "consents" those who consented again.

        Units: people; of nobody in the org, an address and an external id that came in one row are one.
        """
        mine = flags.c.org == self.org
        address = case((flags.c.address.contains("="), ""), else_=flags.c.address)  # an external id is kept as FIELD=ID
        row_of_nobody = (flags.c.flag, flags.c.scope, flags.c.source, flags.c.evidence)
        facts = union_all(
            select(flags.c.flag, flags.c.scope, flags.c.person_id.label("who")).where(mine, flags.c.person_id != ""),
            select(flags.c.flag, flags.c.scope, func.coalesce(func.nullif(func.max(address), ""), func.max(flags.c.address)))
            .where(mine, flags.c.person_id == "")
            .group_by(*row_of_nobody),
        ).subquery()
        counted = func.count(facts.c.who.distinct())
        name = case((facts.c.scope == GLOBAL, facts.c.flag), else_="scoped")
        whose = case((consents.c.person_id != "", consents.c.person_id), else_=consents.c.address)
        again = select(func.count(whose.distinct())).where(consents.c.org == self.org)
        with self._reading() as connection:
            counts = {flag.value: 0 for flag in Flag} | {"scoped": 0}
            counts.update((flag, count) for flag, count in connection.execute(select(name, counted).group_by(name)))
            counts["any"] = connection.execute(select(counted)).scalar_one()
            counts["consents"] = connection.execute(again).scalar_one()
        return counts

    def _about(self, table: Table, by_handle: Column[Any], person_ids: Iterable[str], handles: Iterable[str]) -> list[Row[Any]]:
        """Return the rows about any of these people, and about any of these handles."""
        keys = {key for handle in handles if (key := to_key(handle)) is not None}
        wanted = ((table.c.person_id, {id for id in person_ids if id}), (by_handle, keys))
        rows: list[Row[Any]] = []
        with self._reading() as connection:
            for column, values in wanted:
                about = select(table).where(table.c.org == self.org, among(connection, column, values))
                rows += connection.execute(about).all() if values else ()
        return rows


class FlagWrites(Writes):
    """Flags, consents, former handles."""

    def add_flags(self, facts: Sequence[FlagFact]) -> int:
        """Store flag facts; one that is known (same flag, person, address, source, scope) stays as it was. Returns how many
        were new."""
        if not facts:
            return 0
        self._forget(facts)
        new = insert(self.connection, flags).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        return self.connection.execute(new, [_row(self.org, fact) for fact in facts]).rowcount

    def renew_flags(self, facts: Sequence[FlagFact]) -> None:
        """Store flag facts that were said again: of one that is known only the time of that is kept."""
        if facts:
            self._forget(facts)
        replace(self.connection, flags, [_row(self.org, fact) for fact in facts], ("said_at",))

    def clear_flags(self, facts: Sequence[FlagFact]) -> None:
        """Drop facts of flags that may clear themselves (never OPTED_OUT: that raises AssertionError)."""
        if any(fact.flag is Flag.OPTED_OUT for fact in facts):
            raise AssertionError("an opt-out is a latch: syncd never clears it")
        if not facts:
            return
        self._forget(facts)
        is_it = and_(*(flags.c[name] == bindparam(f"its_{name}") for name in _KEY))
        rows = [{f"its_{name}": value for name, value in _row(self.org, fact).items() if name in _KEY} for fact in facts]
        self.connection.execute(delete(flags).where(is_it), rows)

    def add_consents(self, given: Sequence[Consent]) -> int:
        """Store consents; one that is known (same person, address, scope, time, source) stays as it was. Returns how many
        were new."""
        if not given:
            return 0
        self._forget(given)
        rows = [
            {
                "org": self.org,
                "person_id": one.person_id or "",
                "address": to_key(one.address) or "",
                "scope": one.scope,
                "given_at": to_text(one.given_at),
                "source": one.source,
                "wording": one.wording,
                "noted_by": one.by,
                "noted_at": to_text(one.noted_at),
            }
            for one in given
        ]
        new = insert(self.connection, consents).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        return self.connection.execute(new, rows).rowcount

    def _forget(self, about: Sequence[FlagFact] | Sequence[Consent]) -> None:
        """Have the next rows of exports about these people looked at again."""
        forget_flagged(self.connection, self.org, [one.person_id for one in about], [one.address for one in about])

    def add_former_handles(self, links: Iterable[Link]) -> None:
        """Remember what people were known by; what is remembered already stays."""
        rows = [(self.org, id, key) for id, handle in links if (key := to_key(handle)) is not None]
        insert_rows(self.connection, former_handles, ("org", "person_id", "handle"), rows, KEPT)


def _key(row: Row[Any]) -> tuple[str, ...]:
    return row.flag, row.person_id, row.address, row.source, row.scope


def _fact(row: Row[Any]) -> FlagFact:
    person_id, address = row.person_id or None, row.address or None
    seen_at, said_at = to_moment(row.seen_at), to_moment(row.said_at)
    later = said_at if said_at > seen_at else None
    return FlagFact(Flag(row.flag), person_id, address, row.source, row.evidence, seen_at, row.scope, later)


def _row(org: str, fact: FlagFact) -> dict[str, object]:
    return {
        "org": org,
        "flag": fact.flag.value,
        "person_id": fact.person_id or "",
        "address": to_key(fact.address) or "",
        "source": fact.source,
        "scope": fact.scope,
        "evidence": fact.evidence,
        "seen_at": to_text(fact.seen_at),
        "said_at": to_text(fact.last_said),
    }


def _consent(row: Row[Any]) -> Consent:
    return Consent(
        row.person_id or None,
        row.address or None,
        row.scope,
        to_moment(row.given_at),
        row.source,
        row.wording,
        row.noted_by,
        to_moment(row.noted_at),
    )
