"""How do edited policy files come into force while the daemon runs?

Between cycles, and only as a whole: every file valid, fitting the org as it was last described, and at rest on the disk. What
would change more records than one cycle may waits for a person's word. Until then the files before it stay in force, also when
the daemon is started again: what they say is kept. A cycle is decided under one version from its first step to its last.

A file that is taken away is no rule less: without fences.toml nothing is taken, and without another one a person is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from syncd.core.policies import Policies
from syncd.core.policy_changes import Changed, Tables, changes_between
from syncd.core.values import Entry, InboxItem, Problem, digest
from syncd.engine.policy_effect import Effect, effect_of
from syncd.engine.policy_files import Loaded, PolicyFiles, edited_meanwhile, kept_in_force
from syncd.engine.policy_fit import misfits
from syncd.engine.policy_state import TEXTS, PolicyState, put_policy_state, read_policy_state, state_of, versions_of
from syncd.engine.schema import SCHEMA, schema_from_json
from syncd.engine.world import World
from syncd.errors import StoreUnusable, SyncdError
from syncd.ports import StoreWriter

APPROVED = "policies approved"
INVALID, WAITING = "policy-invalid", "policy-waiting"
FOLDER = "mappings"
SETTLE_S = 1.0
AGAIN_S = 30.0
SHOWN_MAX = 20


class Reloading:
    """Looks at the policy files between cycles, and holds those that are in force."""

    def __init__(self, files: PolicyFiles, steady: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._files, self._steady, self._now = files, steady, now
        self._log = structlog.get_logger("syncd")
        self._policies: Policies | None = None
        self._tables: Tables = {}
        self._seen: object = None
        self._judged: object = None
        self._seen_s = self._again_s = 0.0
        self._config = ""
        self._is_asked = False
        self._waits_for = ""

    def ask(self) -> None:
        """Have the files looked at, saved or not. Called by the handler of SIGHUP: it only takes a note."""
        self._is_asked = True

    def under(self, world: World) -> World:
        """Return the world under the policies in force."""
        return world if self._policies is None else replace(world, policies=self._policies)

    def begin(self, world: World) -> None:
        """Note what is in force when the daemon starts, and in the ledger what changed while none ran."""
        self._config = self._files.config()
        self._seen = self._judged = self._files.stamp()
        kept = kept_in_force(world, self._files)
        if kept is not None and kept.policies is not None:
            self._go_on_with(world, kept, kept.policies)
            return
        loaded = self._files.load()
        if loaded.policies is None or loaded.policies.hashes != world.policies.hashes:
            self._judged = None  # saved since the files were read
            loaded = Loaded(world.policies, ())
        told = edited_meanwhile(world, self._files, loaded)
        self._policies, self._tables = world.policies, loaded.tables
        self._keep(world, state_of(world.policies, self._now(), told), told, loaded)
        if told:
            self._log.info("policy files edited while no daemon ran are taken", changes=told[:SHOWN_MAX], number=len(told))

    def _go_on_with(self, world: World, kept: Loaded, policies: Policies) -> None:
        """Keep those in force that were, while an edit waits for a word; one made since then is looked at like any other."""
        self._policies, self._tables = policies, kept.tables
        known = read_policy_state(world.store)
        asked = [item.subject for _, item, _ in world.store.inbox(kind=WAITING)]
        self._waits_for = _name(world.policies) if _name(world.policies) in asked else ""
        self._judged = self._judged if self._waits_for else None
        with world.store.begin() as tx:
            put_policy_state(tx, replace(known, restart=False))
        self._log.warning("edited policy files wait for a word; those before them stay in force", reason=known.waiting)

    def look(self, world: World) -> int:
        """Take edited files into force, or say why not; return how many changes were taken.

        Errors: StoreUnusable. An org that has to be asked and does not answer is asked again later.
        """
        stamp, now_s = self._files.stamp(), self._steady()
        if stamp != self._seen:
            self._seen, self._seen_s = stamp, now_s
        is_due = stamp != self._judged or self._is_asked or self._is_approved(world)
        if not is_due or now_s - self._seen_s < SETTLE_S or now_s < self._again_s:
            return 0
        loaded = self._files.load()
        if self._files.stamp() != stamp:
            return 0  # saved while it was read
        was_asked, self._is_asked, self._judged = self._is_asked, False, stamp
        try:
            self._note_config(world)
            return self._judge(self.under(world), loaded, was_asked)
        except StoreUnusable:
            self._judged, self._again_s = None, now_s + AGAIN_S  # nothing was noted: they are looked at once more
            raise
        except SyncdError as problem:
            self._judged, self._again_s = None, now_s + AGAIN_S
            self._log.warning("policy files wait: the org has to be asked and does not answer", reason=str(problem))
            return 0

    def _judge(self, world: World, loaded: Loaded, was_asked: bool) -> int:
        new = loaded.policies
        if new is not None and new.hashes == world.policies.hashes:
            self._tables = loaded.tables
            self._settle(world)
            if was_asked:
                self._log.info("policy files unchanged")
            return 0
        problems = list(loaded.problems) if new is None else _new_misfits(world, new)
        if new is None or problems:
            self._refuse(world, problems)
            return 0
        changes = changes_between(self._tables, loaded.tables)
        found = effect_of(world, new)
        asks = _asks(world, new, found)
        name = _name(new)
        if asks and world.store.setting(APPROVED) != name:
            self._wait(world, name, asks, changes, found)
            return 0
        self._take(world, loaded, new, changes, found)
        return max(1, len(changes))

    def _take(self, world: World, loaded: Loaded, new: Policies, changes: Sequence[Changed], found: Effect) -> None:
        told = [*(change.text for change in changes), *found.told] or ["a comment or the order of lines"]
        self._keep(world, state_of(new, self._now(), told, found.examples), told, loaded, is_edit=True)
        self._policies, self._tables, self._waits_for = new, loaded.tables, ""
        self._log.info("policy files taken", versions=versions_of(new), changes=told[:SHOWN_MAX], number=len(told))

    def _refuse(self, world: World, problems: Sequence[Problem]) -> None:
        told = [str(problem) for problem in problems]
        text = f"{len(told)} problem{'s' if len(told) > 1 else ''} in edited policy files; those before them stay in force. "
        item = InboxItem(INVALID, FOLDER, FOLDER, text + "; ".join(told[:3]), "Correct them; see all with: syncd check")
        self._waits_for = ""
        with world.store.begin() as tx:
            tx.put_inbox([replace(item, detail="\n".join(told))], world.org.now())
            _settle_waiting(tx, world)
            tx.put_setting(APPROVED, None)
            put_policy_state(tx, replace(read_policy_state(world.store), refused=told, waiting=""))
        self._log.error("edited policy files are not in force", problems=told[:SHOWN_MAX], number=len(told))

    def _wait(self, world: World, name: str, asks: str, changes: Sequence[Changed], found: Effect) -> None:
        if self._waits_for == name:
            return
        told = [*(change.text for change in changes), *found.told]
        remedy = "To take it: syncd inbox resolve NUMBER    To leave it: put the file back as it was."
        item = InboxItem(
            WAITING, name, FOLDER, f"{asks} The files before it stay in force.", remedy, "\n".join([*told, *found.examples])
        )
        with world.store.begin() as tx:
            _settle_waiting(tx, world, keep=name)
            tx.put_setting(APPROVED, None)  # it was for other files
            tx.put_inbox([item], world.org.now())
            tx.resolve_inbox(INVALID, [FOLDER], world.org.now())
            put_policy_state(tx, replace(read_policy_state(world.store), refused=(), waiting=asks))
        self._waits_for = name
        self._log.warning("edited policy files wait for a word", reason=asks, changes=told[:SHOWN_MAX], number=len(told))

    def _settle(self, world: World) -> None:
        """Forget what was told of files that are as those in force again."""
        known = read_policy_state(world.store)
        if known.refused or known.waiting or self._waits_for:  # waiting no more once a word was said
            self._waits_for = ""
            with world.store.begin() as tx:
                tx.resolve_inbox(INVALID, [FOLDER], world.org.now())
                _settle_waiting(tx, world)
                tx.put_setting(APPROVED, None)
                put_policy_state(tx, replace(known, refused=(), waiting=""))
            self._log.info("policy files are as before")

    def _keep(self, world: World, state: PolicyState, told: Sequence[str], loaded: Loaded, *, is_edit: bool = False) -> None:
        """Keep what is in force, with a row of the ledger for what changed."""
        known = read_policy_state(world.store)
        before, after = known.hashes, state.hashes
        is_restart_due = known.restart and is_edit
        at = world.org.now()
        rows = []
        if told:
            names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            evidence = {f"{name} {when}": sha for name in names for when, sha in _shas(name, before, after)}
            reason = "; ".join(told[:SHOWN_MAX]) + (f"; and {len(told) - SHOWN_MAX} more" if len(told) > SHOWN_MAX else "")
            files = ", ".join(f"{FOLDER}/{name}" for name in names)
            cycle = f"policies-{digest(*sorted(after.items()))[:12]}"
            rows = [Entry(kind="policy", at=at, cycle=cycle, reason=f"{files}: {reason}", evidence=evidence)]
        with world.store.begin() as tx:
            tx.append(rows)
            tx.resolve_inbox(INVALID, [FOLDER], at)
            _settle_waiting(tx, world)
            tx.put_setting(APPROVED, None)
            tx.put_setting(TEXTS, dict(loaded.texts))
            put_policy_state(tx, replace(state, restart=is_restart_due))

    def _note_config(self, world: World) -> None:
        is_due = self._files.config() != self._config
        known = read_policy_state(world.store)
        if known.restart == is_due:
            return
        with world.store.begin() as tx:
            put_policy_state(tx, replace(known, restart=is_due))
        if is_due:
            self._log.warning("config.toml was edited: it counts from the next start on")

    def _is_approved(self, world: World) -> bool:
        return bool(self._waits_for) and world.store.setting(APPROVED) == self._waits_for


def approve(world: World, tx: StoreWriter, item: InboxItem) -> None:
    """Let the edited files come into force that a person looked at; ones edited since are asked about anew."""
    tx.put_setting(APPROVED, item.subject)
    put_policy_state(tx, replace(read_policy_state(world.store), waiting=""))


def _asks(world: World, new: Policies, found: Effect) -> str:
    """Say why a person is asked before these files are taken, or return an empty text."""
    gone = sorted({*world.policies.hashes} - {*new.hashes})
    if gone:
        return f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} gone: taken so, nothing of it would be followed any more."
    return f"Under the edited policy files, and not under those before them, {found.broken}." if found.broken else ""


def _new_misfits(world: World, new: Policies) -> list[Problem]:
    """Return what does not fit the org, less what the files in force did not fit either."""
    known = world.store.setting(SCHEMA)
    if not isinstance(known, dict):
        return []
    schema = schema_from_json(known["objects"])
    before = {(problem.code, problem.text) for problem in misfits(world.policies, schema)}
    return [problem for problem in misfits(new, schema) if (problem.code, problem.text) not in before]


def _name(policies: Policies) -> str:
    return digest(*(f"{name} {sha}" for name, sha in sorted(policies.hashes.items())))[:16]


def _shas(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(when, side[name]) for when, side in (("before", before), ("after", after)) if name in side]


def _settle_waiting(tx: StoreWriter, world: World, keep: str = "") -> None:
    subjects = [item.subject for _, item, _ in world.store.inbox(kind=WAITING) if item.subject != keep]
    tx.resolve_inbox(WAITING, subjects, world.org.now())
