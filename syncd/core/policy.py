"""What do fences.toml say, and what is wrong in them?

Parsed tables in, (Fences, problems) out. Source of the rules: practices 1, 7, 9, 69 and 81 (docs/practices.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from syncd.core.actors import RECORD_OWNER, Team
from syncd.core.fence_file.bindings import (
    FENCE,
    LEAD_OWNER,
    LIFECYCLE,
    read_fence_fields,
    read_fence_names,
    read_lifecycle,
    refuse_twice,
)
from syncd.core.fence_file.conditions import Compile, Conditions
from syncd.core.fence_file.gates import GatesReader, Pair, read_never_to, read_reasons
from syncd.core.fence_file.holdings import HoldingsReader
from syncd.core.fence_file.ladders import Stance, read_approvers, read_bulk, read_ladders, read_quiet
from syncd.core.fence_file.sides import FIELDS, is_read_only, read_sides
from syncd.core.fence_file.teams import holders_in, people_in, read_teams, sides_of
from syncd.core.fence_model import OWNER, STATUS, Bound, Fence, Fences, Gate, Holding, Ladder
from syncd.core.reading import Reader
from syncd.core.tables import Path, Table
from syncd.core.values import Problem

PARTS = (
    "version",
    "approvers",
    "lifecycle",
    "teams",
    "status",
    "gate",
    "reasons",
    "owner",
    "fence",
    "fields",
    "crossing",
    "quiet",
    "bulk",
)


def parse_fences(table: Table, compile_condition: Compile | None = None) -> tuple[Fences | None, list[Problem]]:
    """Read fences.toml. `compile_condition` makes conditions of texts; without it a file that holds one is refused.

    Shapes: (Fences, []) or (None, every problem of the file).
    """
    read = Reader(table)
    read.known_keys((), PARTS)
    found = _FenceFile(read, Conditions(read, compile_condition)).fences(table.sha256)
    return (None, read.problems) if read.problems else (found, [])


@dataclass(frozen=True, slots=True)
class _Draft:
    """One fence without its ladder."""

    name: str
    bound: tuple[Bound, ...]
    reason: str | None
    holdings: Mapping[str, Holding]
    gates: Mapping[Pair, Gate]

    def fence(self, read: Reader, ladder: Ladder, never_to: frozenset[str]) -> Fence:
        rule = read.rule(f"{self.name} fence", "crossing", self.name)
        if read.value(("crossing", self.name)) is None:
            rule = read.rule(f"{self.name} fence", *_root(self.name))
        return Fence(self.name, rule, self.bound, self.holdings, self.gates, ladder, self.reason, never_to)


def _root(name: str) -> Path:
    """Return where a fence begins in the file."""
    return (name,) if name in (STATUS, OWNER) else (FENCE, name)


@dataclass(frozen=True, slots=True)
class _FenceFile:
    """Puts the parts of a file together."""

    read: Reader
    conditions: Conditions

    def fences(self, policy_hash: str) -> Fences:
        read = self.read
        version = read.text(("version",), required=True)
        teams = read_teams(read, self.conditions)
        lists = read_reasons(read)
        drafts = self._drafts(teams, lists)
        refuse_twice(read, list(self._placed(drafts)))
        approvers = read_approvers(read, people_in(teams))
        approved_by = {one.team for one in approvers}
        named = {draft.name: {one.object for one in draft.bound} for draft in drafts if draft.holdings}
        sides = read_sides(read, [one for draft in drafts for one in draft.bound], named, holders_in(teams))
        stances = [self._stance(draft, teams, approved_by) for draft in drafts]
        of_fields = Stance(FIELDS, sorted(people_in(teams)), not any(is_read_only(side.object) for side in sides), approved_by)
        ladders = read_ladders(read, [*stances, of_fields] if sides else stances)
        never_to = read_never_to(read, {team.name for team in teams})
        fences = [draft.fence(read, ladders[draft.name], never_to if draft.name == OWNER else frozenset()) for draft in drafts]
        sides = tuple(replace(side, ladder=ladders[FIELDS]) for side in sides)
        quiet, bulk = read_quiet(read), read_bulk(read)
        return Fences(version or "", policy_hash, tuple(teams), tuple(fences), sides, quiet, bulk, approvers)

    def _drafts(self, teams: Iterable[Team], lists: Mapping[str, frozenset[str]]) -> list[_Draft]:
        teams = list(teams)
        bound, reason = read_lifecycle(self.read)
        drafts = [self._lifecycle(STATUS, (), bound, reason, teams, lists)]
        owners = {team.side: team.side for team in teams if team.acts_for != RECORD_OWNER}
        has_reason = self.read.value((LIFECYCLE, "reason")) is not None
        gates = self._gates(owners, teams, lists, has_reason, {}, is_owner=True).at((OWNER,))
        drafts.append(_Draft(OWNER, LEAD_OWNER, reason, {}, gates))
        for name in read_fence_names(self.read):
            fields, its_reason = read_fence_fields(self.read, name)
            drafts.append(self._lifecycle(name, (FENCE, name), fields, its_reason, teams, lists))
        return drafts

    def _lifecycle(
        self,
        name: str,
        root: Path,
        bound: tuple[Bound, ...],
        reason: str | None,
        teams: list[Team],
        lists: Mapping[str, frozenset[str]],
    ) -> _Draft:
        holdings = HoldingsReader(self.read, self.conditions, holders_in(teams), name).at((*root, "status"))
        holders = {value: _sole(holding) for value, holding in holdings.items()}
        has_reason = self.read.value((*(root or (LIFECYCLE,)), "reason")) is not None
        gates = self._gates(holders, teams, lists, has_reason, holdings, is_owner=False).at((*root, "gate"))
        return _Draft(name, bound, reason, holdings, gates)

    def _gates(
        self,
        holders: Mapping[str, str | None],
        teams: list[Team],
        lists: Mapping[str, frozenset[str]],
        has_reason: bool,
        holdings: Mapping[str, Holding],
        *,
        is_owner: bool,
    ) -> GatesReader:
        by, people = sides_of(teams), holders_in(teams)
        return GatesReader(self.read, self.conditions, holders, by, people, lists, has_reason, holdings, is_owner=is_owner)

    def _placed(self, drafts: Iterable[_Draft]) -> Iterable[tuple[Path, Bound]]:
        for draft in drafts:
            root = (LIFECYCLE,) if draft.name == STATUS else _root(draft.name)
            if draft.name != OWNER:
                yield from (((*root, "fields", index), bound) for index, bound in enumerate(draft.bound))

    def _stance(self, draft: _Draft, teams: Iterable[Team], approved_by: set[str]) -> Stance:
        people = people_in(teams)
        named = [team for holding in draft.holdings.values() for team in teams_of(holding)]
        if draft.name == OWNER:
            named = [side for pair in draft.gates for side in pair]
        between = [team for team in dict.fromkeys(named) if team in people]
        is_writable = not any(is_read_only(bound.object) for bound in draft.bound)
        return Stance(draft.name, between, is_writable, approved_by)


def teams_of(holding: Holding) -> tuple[str, ...]:
    """Name the teams that have the ball at a value, for one record or another."""
    named = (holding.team, *(team for team, _ in holding.shared), *holding.by_record_type.values())
    return tuple(dict.fromkeys(team for team in named if team))


def _sole(holding: Holding) -> str | None:
    """Return the team that has the ball at a value whatever the record, or None."""
    return holding.team if len(teams_of(holding)) == 1 and not holding.by_record_type else None
