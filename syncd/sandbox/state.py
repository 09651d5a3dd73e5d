"""How does an org outlive its process?

A state file is one line of JSON (format, lengths, SHA-256), then the org's counters, clock, sessions and settings, then the
SQLite image of its records. It is written beside its place and moved there, so that a file is whole or absent.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from syncd.sandbox.errors import StateRefused
from syncd.sandbox.org import Org, Snapshot

if TYPE_CHECKING:
    from hashlib import _Hash

MAGIC, FORMAT = "syncd sandbox state", 1
HEAD_MAX = 4_096
_PLAIN = {
    "builtins": frozenset({"set", "frozenset", "bytearray", "complex", "range", "slice", "object", "dict", "list", "tuple"}),
    "datetime": frozenset({"datetime", "date", "timedelta", "timezone", "time"}),
    "collections": frozenset({"deque", "OrderedDict", "defaultdict", "Counter"}),
    "array": frozenset({"array", "_array_reconstructor"}),
    "copyreg": frozenset({"_reconstructor"}),
}
_OURS = "syncd.sandbox."


def _fingerprint() -> str:
    """Sum up the sandbox's own code: what a state file holds is understood only by the code that wrote it."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()


CODE = _fingerprint()


def save_state(org: Org, path: Path) -> int:
    """Write the org to a file, in place of an earlier one, and return its size in bytes. The request journal is not kept.

    Errors: StateRefused when the file cannot be written.
    """
    with org.lock:
        snapshot = org.snapshot()
    rest = pickle.dumps(snapshot.rest | {"seed": org.seed}, protocol=5)
    total = _digest(rest, snapshot.image)
    lengths = {"rest": len(rest), "image": len(snapshot.image)}
    head = {"kind": MAGIC, "format": FORMAT, "code": CODE, "sha256": total.hexdigest(), **lengths}
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            file.write(orjson.dumps(head) + b"\n")
            file.write(rest)
            file.write(snapshot.image)
        beside.replace(path)
    except OSError as problem:
        raise StateRefused(
            f"{path}: the state cannot be written ({problem.strerror}). Check the folder and its space."
        ) from problem
    return path.stat().st_size


def load_state(path: Path) -> Org:
    """Make an org from a state file.

    Errors: StateRefused for a file that is damaged, no state file, or of another version.
    """
    rest, image = _read(path)
    try:
        kept = _Unpickler(io.BytesIO(rest)).load()
        org = Org(seed=kept.pop("seed"))
    except (pickle.UnpicklingError, AttributeError, ImportError, KeyError, TypeError, EOFError, IndexError) as problem:
        raise _another(path, f"its contents are unknown here ({problem})") from problem
    try:
        org.restore(Snapshot(image, kept))
    except BaseException:
        org.close()
        raise
    return org


def resume_org(path: Path, *, now: datetime | None = None, frozen: bool = False) -> Org:
    """Load an org and go on at its own time, or at `now` when that is given.

    Errors: StateRefused.
    """
    org = load_state(path)
    if now is not None:
        org.clock.set(now)
    if frozen:
        org.clock.freeze()
    return org


def _read(path: Path) -> tuple[bytes, bytes]:
    try:
        with path.open("rb") as file:
            head = _head(path, file.readline(HEAD_MAX))
            rest, image = file.read(head["rest"]), file.read(head["image"])
            is_longer = bool(file.read(1))
    except OSError as problem:
        raise StateRefused(
            f"{path}: the state cannot be read ({problem.strerror}). Check the file and its permissions."
        ) from problem
    if is_longer or _digest(rest, image).hexdigest() != head["sha256"]:
        raise StateRefused(
            f"{path}: the state is damaged: its contents do not match its checksum. Delete the file and start again with --load."
        )
    return rest, image


def _head(path: Path, line: bytes) -> dict[str, Any]:
    try:
        head = orjson.loads(line)
    except orjson.JSONDecodeError:
        head = None
    if not isinstance(head, dict) or head.get("kind") != MAGIC:
        raise StateRefused(f"{path}: this is not a state file of the sandbox. Give --state a new name, or a file that it wrote.")
    if head.get("format") != FORMAT:
        raise _another(path, f"it has format {head.get('format')}, this version reads format {FORMAT}")
    if head.get("code") != CODE:
        raise _another(path, "the code differs")
    return head


def _another(path: Path, why: str) -> StateRefused:
    return StateRefused(
        f"{path}: the state was written by another version of syncd: {why}. Start it with that version, or delete the file."
    )


def _digest(rest: bytes, image: bytes) -> _Hash:
    total = hashlib.sha256(rest)
    total.update(image)
    return total


class _Unpickler(pickle.Unpickler):
    """Builds the sandbox's own classes and plain values, nothing else: a state file runs no code of its own."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class that a state file may name. Errors: UnpicklingError."""
        if name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        if module.startswith(_OURS) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name}")
