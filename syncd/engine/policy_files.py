"""What do the policy files say, on the disk and as they were when they came into force?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.core.policies import Policies
from syncd.core.policy_changes import Tables, changes_between
from syncd.core.values import Problem
from syncd.engine.policy_state import TEXTS, read_policy_state
from syncd.engine.world import World


@dataclass(frozen=True, slots=True)
class Loaded:
    """The policy files as they stand: what they come to, or what is wrong; by its name what each says, and its whole text."""

    policies: Policies | None
    problems: Sequence[Problem]
    tables: Tables = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The files on the disk. `stamp` tells cheaply whether any of them was saved, `load_texts` reads files that were kept,
    `config` gives the hash of config.toml."""

    stamp: Callable[[], object]
    load: Callable[[], Loaded]
    load_texts: Callable[[Mapping[str, str]], Loaded]
    config: Callable[[], str]


def kept_in_force(world: World, files: PolicyFiles) -> Loaded | None:
    """Return the files that stay in force although others lie on the disk, which wait for a word; None where nothing waits.

    Files that this syncd cannot read as the one before did stay no longer: those on the disk are taken, as log and ledger say.
    """
    known = read_policy_state(world.store)
    if not known.waiting or known.hashes == world.policies.hashes:
        return None
    kept = _kept(world, files)
    return kept if kept.policies is not None and kept.policies.hashes == known.hashes else None


def _kept(world: World, files: PolicyFiles) -> Loaded:
    texts = world.store.setting(TEXTS)
    return files.load_texts(texts) if isinstance(texts, dict) and texts else Loaded(None, ())


def edited_meanwhile(world: World, files: PolicyFiles, loaded: Loaded) -> list[str]:
    """Tell which files a start finds otherwise than the last daemon left them, and key by key what they say now."""
    before, after = read_policy_state(world.store).hashes, world.policies.hashes
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    if not before or not names:
        return []
    kept = _kept(world, files)
    changes = changes_between(kept.tables, loaded.tables) if kept.tables and loaded.tables else []
    return [*(f"{name}: edited while no daemon ran" for name in names), *(change.text for change in changes)]
