"""How do exports come from where the marketing tool puts them into the drop folder?

After everything else of a cycle is done and sent, and for half an interval at most: a slow source holds up nobody. What was
begun is gone on with, byte for byte, by the next cycle, which begins at once and also takes up what has arrived.

    1. Look.       Two looks, some time apart, have to find a file the same.
    2. Fetch.      Into a hidden part, in pieces; checked against the source's own size, mark and hash.
    3. Take.       The part gets the file's name in the drop folder, then the store remembers which version that was.
    4. Put away.   Only when the store has finished the file, and only as `after` says.

Killed between two of them: a part is gone on with; a file that was taken and not remembered is fetched once more, and known
by its hash.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from syncd.core.fetching import (
    APART,
    Known,
    Look,
    Original,
    failed,
    fetched,
    hurried,
    is_due,
    known_from_json,
    known_to_json,
    look,
)
from syncd.core.mapping import SourceMapping
from syncd.core.values import InboxItem
from syncd.engine.loading import BACKLOG
from syncd.engine.source_inbox import KIND, nameless, shown, tell
from syncd.engine.world import Cycle, World
from syncd.errors import SourceRefused, SourceUnreachable
from syncd.ports.sources import Incoming, Listing, Part, Session, Source

PIECE_BYTES, PIECE_BYTES_MAX = 256 << 10, 8 << 20
QUICK_S = 1.0
SLICE_MIN_S = 15.0
_NAP_S = 0.5
_SETTLED = timedelta(seconds=5)  # the drop folder lets a file rest that was changed just now
_ANEW = "It is fetched anew. If this comes again, look at what lies between."
Enough = Callable[[], bool]


def setting_of(source: str) -> str:
    """Name the setting that holds what is known of a source."""
    return f"source {source}"


def fetch(world: World, cycle: Cycle) -> None:
    """Fetch from every source that is due; what a source does wrong is told in the inbox and ends nobody else's turn."""
    fetching = world.fetching
    if fetching is None or fetching.incoming is None:
        return
    mappings = {mapping.name: mapping for mapping in world.policies.sources}
    left_s = max(world.pace.interval.total_seconds() / 2, SLICE_MIN_S)
    for number, source in enumerate(fetching.sources):
        began = time.monotonic()
        turn = _Turn(world, cycle, source, fetching.incoming, began + left_s / (len(fetching.sources) - number))
        mapping = mappings.get(source.name)
        if mapping is None:
            tell(world, cycle, source.name, [nameless(source)])
        elif is_due(turn.known, cycle.now, fetching.every):
            turn.run(mapping)
        left_s = max(left_s - (time.monotonic() - began), 0)


@dataclass(slots=True)
class _Turn:
    """One source's turn in one cycle. `wrong` is the first thing that kept one file, and no other, from being fetched."""

    world: World
    cycle: Cycle
    source: Source
    incoming: Incoming
    ends_s: float
    items: list[InboxItem] = field(default_factory=list)
    piece_bytes: int = PIECE_BYTES
    wrong: SourceRefused | SourceUnreachable | None = None
    known: Known = field(init=False)
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.known = known_from_json(self.world.store.setting(setting_of(self.source.name)), self.source.address)
        self.now = self.cycle.now

    def run(self, mapping: SourceMapping) -> None:
        """Look, fetch and put away; remember and tell what came of it."""
        before = self.known
        try:
            with self.source.opened() as session:
                self._fetch(session, mapping)
        except (SourceRefused, SourceUnreachable) as problem:
            code = "EXP-041" if problem.permanent else "EXP-040"
            self._keep(failed(self.known, str(problem), self.now, before))
            self._note(f"[{code}] {problem}", problem.hint)
        tell(self.world, self.cycle, self.source.name, self.items)

    def _fetch(self, session: Session, mapping: SourceMapping) -> None:
        listing = session.listing()
        found = look(listing.originals, mapping.pattern, self.known, self.now)
        if found.young and self._may_wait():
            self._keep(found.known)
            self._rest()
            listing = session.listing()
            found = look(listing.originals, mapping.pattern, self.known, self.now)
        self._keep(found.known)
        self._note_names(found, listing, mapping)
        self.incoming.sweep(self.source.name, found.waiting)
        self._take_all(session, found.ready)
        if self.source.after != "leave":
            self._put_away(session, found, mapping.dialect.members)
        if self.wrong is not None:
            raise self.wrong

    def _may_wait(self) -> bool:
        return self.world.clock is not None and time.monotonic() + APART.total_seconds() < self.ends_s

    def _rest(self) -> None:
        """Let the time pass that lies between two looks. Raises Stopped when the daemon was asked to end."""
        assert self.world.clock is not None
        for _ in range(round(APART.total_seconds() / _NAP_S)):
            self.world.pause_point()
            self.world.clock.sleep(_NAP_S)
        self.now += APART

    def _is_enough(self) -> bool:
        self.world.pause_point()
        return time.monotonic() >= self.ends_s

    def _take_all(self, session: Session, ready: Sequence[Original]) -> None:
        blocked: list[str] = []
        for original in ready:
            if self.incoming.waits(self.source.name, original.name) and not self._is_paused(original.name):
                blocked.append(original.name)
                continue
            if self._is_enough() or not self._tried(session, original):
                self._keep(hurried(self.known))
                self.cycle.count(BACKLOG)
                break
        if blocked:
            text = f"[EXP-044] A newer version waits at the source for {shown(blocked)}: the earlier one is still in the folder."
            self._note(text, "It is fetched when the earlier one is taken in; the inbox says what that one waits for.", "blocked")

    def _is_paused(self, name: str) -> bool:
        subject = f"{self.source.name}/{name}"
        paused = [item.subject for _, item, _ in self.world.store.inbox(kind="export-paused")]
        return any(each == subject or each.startswith(f"{subject}/") for each in paused)

    def _tried(self, session: Session, original: Original) -> bool:
        """Fetch one file as far as time allows; one that is refused leaves the others their turn."""
        try:
            return self._take(session, original)
        except SourceRefused as problem:
            if self._is_replaced(session, original):  # a bucket refuses to give bytes of a version that is no longer there
                self.cycle.count("exports replaced while fetched")
                return True
            text = str(problem) if original.name in str(problem) else f"{original.name}: {problem}"
            self._spoilt(SourceRefused(text, hint=problem.hint))
            return True

    def _is_replaced(self, session: Session, original: Original) -> bool:
        """Tell whether an original has gone, or is another version by now; what cannot be looked at is neither."""
        try:
            proof = session.look(original)
        except (SourceRefused, SourceUnreachable):
            return False
        return proof is None or _version(proof.original) != _version(original)

    def _spoilt(self, problem: SourceRefused | SourceUnreachable) -> None:
        self.wrong = self.wrong or problem

    def _take(self, session: Session, original: Original) -> bool:
        """Fetch one file as far as time allows; False when time ran out."""
        with self.incoming.part(self.source.name, original) as part:
            while part.size_bytes < original.size_bytes:
                if self._is_enough():
                    return False
                began = time.monotonic()
                data = session.read(original, part.size_bytes, self.piece_bytes)
                if not data:
                    break
                part.add(data)
                self._pace(time.monotonic() - began)
            sha256 = self._proved(session, original, part)
            if sha256:
                self._place(original, part, sha256)
        return True

    def _pace(self, took_s: float) -> None:
        """Ask for more at once where it comes quickly: over a slow line a large piece would never come in time."""
        if took_s < QUICK_S:
            self.piece_bytes = min(2 * self.piece_bytes, PIECE_BYTES_MAX)
        else:
            self.piece_bytes = PIECE_BYTES

    def _proved(self, session: Session, original: Original, part: Part) -> str:
        """Return the hash of what has arrived; empty, and the part dropped, when it was replaced at the source meanwhile."""
        proof = session.look(original)
        if proof is None or _version(proof.original) != _version(original):
            part.drop()
            self.cycle.count("exports replaced while fetched")
            return ""
        if part.size_bytes != original.size_bytes:
            text = f"{original.name} has {original.size_bytes:,} bytes at {self.source.address}, and {part.size_bytes:,} came."
            part.drop()
            self._spoilt(SourceUnreachable(text, hint=_ANEW))
            return ""
        sha256, md5 = part.hashes()
        if (proof.md5 and proof.md5 != md5) or (proof.sha256 and proof.sha256 != sha256):
            part.drop()
            text = f"{original.name} did not arrive as it lies at {self.source.address}: the hashes differ."
            self._spoilt(SourceUnreachable(text, hint=_ANEW))
            return ""
        return sha256

    def _place(self, original: Original, part: Part, sha256: str) -> None:
        name = self.source.name
        if self.world.store.has_file(sha256):
            part.drop()
            self.cycle.count("exports known by their content")
        else:
            if self.incoming.waits(name, original.name):
                if not self._is_paused(original.name):
                    return  # it was put there meanwhile; the part waits until it is taken in
                self.incoming.set_aside(name, original.name)
            quiet_at = self._host_now() - _SETTLED
            part.take(min(original.modified_at or quiet_at, quiet_at))
            self.cycle.count("exports fetched")
            self.cycle.count(BACKLOG)
        self._keep(fetched(self.known, original, sha256, self.now))

    def _host_now(self) -> datetime:
        return self.world.clock.now() if self.world.clock is not None else datetime.now(UTC)

    def _put_away(self, session: Session, found: Look, members: str) -> None:
        for original, sha256 in found.had:
            if self._is_enough():
                return
            if self._is_finished(original, sha256, members) and session.put_away(original, sha256):
                self.cycle.count("originals put away at their source")

    def _is_finished(self, original: Original, sha256: str, members: str) -> bool:
        """Tell whether the store has finished a file: by its own hash, or an archive by those of all exports in it."""
        if self.world.store.has_file(sha256):
            return True
        hashes = self.incoming.done(self.source.name, original.name, sha256, members)
        return bool(hashes) and all(map(self.world.store.has_file, hashes))

    def _note_names(self, found: Look, listing: Listing, mapping: SourceMapping) -> None:
        if found.misfits:
            text = f"[EXP-042] Not fetched, since their names do not fit pattern = {mapping.pattern!r}: {shown(found.misfits)}."
            self._note(text, f"Correct pattern in {mapping.file}, or keep other files elsewhere.", "names")
        strange = [*found.unusable, *listing.odd]
        if strange:
            text = f"[EXP-043] Not fetched: links, or names that cannot be shown or are too long: {shown(strange)}."
            self._note(text, "Put the files themselves there, under plain names.", "odd")

    def _note(self, text: str, remedy: str, about: str = "") -> None:
        subject = f"{self.source.name}/{about}" if about else self.source.name
        self.items.append(InboxItem(KIND, subject, self.source.address, text, remedy))

    def _keep(self, known: Known) -> None:
        self.known = known
        with self.world.store.begin() as tx:
            tx.put_setting(setting_of(self.source.name), known_to_json(known))


def _version(original: Original) -> tuple[int, str]:
    """Return what tells one version of an original from another."""
    return original.size_bytes, original.mark
