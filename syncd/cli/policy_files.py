"""Where do the daemon's policy files stand, were they saved, and what do they say now?"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.cli import wire

if TYPE_CHECKING:
    from syncd.config import Config
    from syncd.engine.policy_files import Loaded, PolicyFiles


def policy_files(config: Config) -> PolicyFiles:
    """Return what the daemon looks at between cycles."""
    from syncd.engine.policy_files import PolicyFiles

    return PolicyFiles(
        lambda: (_stamps(_paths(config.mappings)), _stamps([config.path])),
        lambda: load(config.mappings),
        lambda texts: load_texts(texts, config.mappings.resolve().name),
        lambda: _hash(config.path),
    )


def load(folder: Path) -> Loaded:
    """Read every policy file of a folder, with what each of them says."""
    from syncd.engine.policy_files import Loaded
    from syncd.policies.documents import read_table

    policies, problems = wire.read_policies(folder)
    if policies is None:
        return Loaded(None, problems)
    tables = {name: read_table(folder / name)[0] for name in policies.hashes}
    texts = {name: _bytes(folder / name).decode("utf-8", "replace") for name in policies.hashes}
    return Loaded(policies, [], {name: table.values for name, table in tables.items() if table is not None}, texts)


def load_texts(texts: Mapping[str, str], name: str) -> Loaded:
    """Read policy files that were kept, as if they lay in a folder of this name; none where no folder can be made."""
    from syncd.engine.policy_files import Loaded

    try:
        with tempfile.TemporaryDirectory() as kept:
            folder = Path(kept) / name
            for file, text in texts.items():
                path = folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())
            return load(folder)
    except OSError:
        return Loaded(None, [])


def _paths(folder: Path) -> list[Path]:
    return [folder / wire.FENCES, folder / wire.NURTURE, *sorted((folder / wire.FIELDS).glob("*.toml"))]


def _stamps(paths: list[Path]) -> tuple[tuple[str, int, int, int], ...]:
    found = []
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)


def _hash(path: Path) -> str:
    data = _bytes(path)
    return hashlib.sha256(data).hexdigest() if data else ""


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
