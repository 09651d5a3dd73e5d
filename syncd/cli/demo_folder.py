"""What does the demo write into its folder, and when may it delete what is there?"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from syncd.cli.init import starters
from syncd.errors import SyncdError

MARKER = ".syncd-demo"
SECRET = "client-secret"
OBSERVED = '{ tool = "observe", automation = "observe", person = "observe" }'
PATIENT, AT_ONCE = "grace_minutes = 30 ", "grace_minutes = 0  "
ENFORCED = '{ tool = "revert", automation = "observe", person = "warn" }'
CONFIG = """\
# Written by syncd demo: the settings of config.example.toml, for the emulated org of the demo.

[org]
name = "demo"
login_url = "{url}"
client_id = "{client_id}"
client_secret_file = "{secret_file}"    # only you may read it

[schedule]
interval = "{interval}"

[store]
url = "sqlite:///syncd.db"

[mappings]
folder = "mappings"

[exports]
folder = "exports"

[plans]
folder = "plans"

[limits]                     # a cycle that would change more records than this stops and asks
records_max = 500
records_percent = 5
records_min = 25
owners_max = 25
api_calls_share_percent = 25
hold_back = "10 min"

[log]
format = "console"
"""


def make_afresh(folder: Path) -> None:
    """Make an empty folder for the demo, in place of an earlier demo's.

    Errors: SyncdError when the folder holds anything that the demo did not make, or an earlier demo still runs in it.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            _refuse_foreign(folder)
            _refuse_running(folder)
            _empty(folder)
        folder.mkdir(parents=True, exist_ok=True)
        note_processes(folder, ())
    except OSError as problem:
        raise SyncdError(
            f"the demo cannot write to {folder}: {problem.strerror}.", hint="Choose another folder: syncd demo --folder DIR"
        ) from problem


def note_processes(folder: Path, pids: Iterable[int]) -> None:
    """Write down which processes the demo leaves behind. The marker file also says that the folder is the demo's."""
    (folder / MARKER).write_text(json.dumps({"made_by": "syncd demo", "processes": list(pids)}) + "\n", encoding="utf-8")


def _refuse_foreign(folder: Path) -> None:
    if not folder.is_dir() or not (folder / MARKER).is_file():
        raise SyncdError(
            f"{folder} exists and was not made by syncd demo; nothing was deleted.",
            hint="Move it away, or choose another folder: syncd demo --folder DIR",
        )


def _refuse_running(folder: Path) -> None:
    running = [pid for pid in _noted(folder) if _is_ours(pid)]
    if running:
        raise SyncdError(
            f"the demo that {folder} belongs to is still running.", hint=f"Stop it first: kill {' '.join(map(str, running))}"
        )


def _noted(folder: Path) -> list[int]:
    try:
        noted = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return [int(pid) for pid in noted["processes"] if int(pid) > 0]
    except (ValueError, KeyError, TypeError):
        return []


def _is_ours(pid: int) -> bool:
    """Tell whether a process runs and is still syncd's: its number may belong to another one by now."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError, OverflowError):
        return False
    command = Path(f"/proc/{pid}/cmdline")
    return b"syncd" in command.read_bytes() if command.exists() else True


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def write_settings(folder: Path, ready: dict[str, str], *, interval: str) -> None:
    """Write config.toml, the secret's file and the mappings: the starters, with the fences and writes switched on."""
    secret = folder / SECRET
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(ready["client_secret"] + "\n")
    text = CONFIG.format(url=ready["url"], client_id=ready["client_id"], secret_file=SECRET, interval=interval)
    (folder / "config.toml").write_text(text, encoding="utf-8")
    for name, source in starters():
        if name.startswith("mappings/"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(switched_on(name, source.read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "exports" / "marketo").mkdir(parents=True)


def switched_on(name: str, text: str) -> str:
    """Return a starter as somebody would have it after a month of observing."""
    if name.endswith("fences.toml"):
        return text.replace(OBSERVED, ENFORCED).replace(PATIENT, AT_ONCE)
    mode = "enroll" if name.endswith("nurture.toml") else "write"
    return re.sub(r'^(mode\s*=\s*)"observe"', rf'\g<1>"{mode}"', text, count=1, flags=re.MULTILINE)
