"""Who may not be mailed, told in the simplest way there is: everything that was ever one person is one set. No code of syncd."""

from __future__ import annotations


class Oracle:
    """Keeps for each thing (a record, an address, an external id) the set that it is in, and each opt-out with its subjects."""

    def __init__(self) -> None:
        self.person: dict[str, set[str]] = {}
        self.human: dict[str, set[str]] = {}
        self.holders: dict[str, set[str]] = {}
        self.box: dict[str, object] = {}
        self.out: list[tuple[str, str, str, int]] = []
        self.blurred: set[tuple[str, str]] = set()
        self.yes: list[tuple[str, str, int]] = []

    def same(self, one: str, other: str, *, surely: bool = False) -> None:
        """Two things are one person; surely: one record became the other."""
        for sets in (self.person, self.human) if surely else (self.person,):
            whole = sets.setdefault(one, {one}) | sets.setdefault(other, {other})
            sets.update(dict.fromkeys(whole, whole))

    def known_by(self, record: str, *things: str | None) -> None:
        """A record has an address or an external id, now and for ever."""
        for thing in things:
            self.same(record, thing or record)
            self.holders.setdefault(thing or record, set()).add(record)

    def gone(self, record: str, left: str, at: int) -> None:
        """A record is no more; what its box said is the person's still."""
        if self.box.pop(record, False) is True:
            self.out.append((left, left, "global", at))

    def unticked(self, record: str, at: int, *, by_a_person: bool) -> None:
        """Somebody took an opt-out away; a machine, or nobody knows who, changes nothing for the person."""
        self.box[record] = False
        if not by_a_person:
            self.out.append((record, record, "global", at))

    def must_be_left_alone(self, record: str, topic: str) -> bool:
        """Tell whether anything speaks against mail of a topic to a record."""
        person = self.person.get(record, {record})
        if any(self.box.get(one) is not False for one in person if one in self.box):
            return True
        if any(subject in person for _, subject in self.blurred):
            return True
        return any(
            (subject in person or address in person) and scope in ("global", topic) and not self._is_open(subject, scope, at)
            for subject, address, scope, at in self.out
        )

    def _is_open(self, subject: str, scope: str, at: int) -> bool:
        """A record consents for what it was and became; for an address, only who alone was ever known by it."""
        meant = self.holders.get(subject) or {subject}
        spoken = [self.human.get(whose, {whose}) for whose, covers, when in self.yes if covers == scope and when > at]
        return any(meant <= human for human in spoken)
