"""Where are the secrets that config.toml refers to? They stand in the environment or in files, never in the config itself.

Nothing that is read here is ever part of a message.
"""

from __future__ import annotations

import re
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SECRET_BYTES_MAX = 10_000
MOUNTED_SECRETS = Path("/run/secrets")
NOT_HERE = frozenset(("CFG-006", "CFG-007", "CFG-008"))
"""Secrets that only another account or machine has: who reads the database alone needs none of them."""


class Unusable(Exception):
    """One setting that leads nowhere."""

    def __init__(self, key: str, code: str, text: str, remedy: str) -> None:
        super().__init__(text)
        self.key, self.code, self.text, self.remedy = key, code, text, remedy


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one section of config.toml (`section` is its dotted name), and where their references lead.

    Relative paths start at `folder`. Errors: Unusable, with the key that is to be corrected.
    """

    section: str
    values: Mapping[str, Any]
    folder: Path
    environ: Mapping[str, str]

    def expanded(self, key: str) -> str:
        """Return a text with its `${NAME}` followed, or an empty one when there is none."""
        written = self.values.get(key)
        if not isinstance(written, str):
            return ""
        return REFERENCE.sub(lambda found: self.variable(key, found[1]), written)

    def variable(self, key: str, name: str) -> str:
        """Return what an environment variable holds."""
        value = self.environ.get(name)
        if not value:
            text = f"{self.section}.{key}: the environment variable {name} is not set."
            raise Unusable(key, "CFG-006", text, f"Set it for syncd, for example with: export {name}=…")
        return value

    def secret(self, key: str, variable: str, what: str, told: str) -> str:
        """Return a secret by reference: `key` names a variable, or `key`_file a file.

        Shapes: `variable` is the name to propose, `what` the secret's name, `told` what to do once it stood in the config.
        """
        literal, file = self.values.get(key), self.values.get(f"{key}_file")
        if literal is not None and file is not None:
            text = f"{self.section}.{key} and {self.section}.{key}_file are both given."
            raise Unusable(key, "CFG-014", text, "Keep one of them.")
        if literal is None and file is None:
            text = f"{self.section}.{key} is missing: nothing can run without it."
            remedy = f'Write {key} = "${{{variable}}}", or the path of a file as {key}_file.'
            raise Unusable(key, "CFG-003", text, remedy)
        if file is not None:
            written = Path(self.expanded(f"{key}_file"))
            return self.from_file(f"{key}_file", self.folder / written.expanduser(), what) if isinstance(file, str) else ""
        found = REFERENCE.fullmatch(literal.strip()) if isinstance(literal, str) else None
        if found is None:
            remedy = f'Write {key} = "${{{variable}}}" and set that variable, or name a file in {key}_file. {told}'
            raise Unusable(key, "CFG-005", f"{self.section}.{key} holds the secret itself.", remedy)
        return self.variable(key, found[1])

    def from_file(self, key: str, path: Path, what: str) -> str:
        """Return the secret that a file holds alone."""
        value = self.private_text(key, path, what).strip()
        if not value:
            raise Unusable(key, "CFG-007", f"{self.section}.{key}: {path} is empty.", f"Put the {what} into it.")
        return value

    def private_text(self, key: str, path: Path, what: str) -> str:
        """Read a small text file that only syncd's user may read."""
        try:
            known = path.stat()
            if known.st_mode & 0o077 and not _is_mounted(path):
                text = f"{self.section}.{key}: {path} can be used by other users of this machine."
                raise Unusable(key, "CFG-008", text, f"Run: chmod 600 {shlex.quote(str(path))}")
            if known.st_size > SECRET_BYTES_MAX or not stat.S_ISREG(known.st_mode):
                text = f"{self.section}.{key}: {path} is not a file with a secret."
                raise Unusable(key, "CFG-007", text, "Put the secret alone into it.")
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
            remedy = f"Create it with the {what} in it, readable by syncd's user alone."
            # Not the path: somebody may have put the secret itself there.
            text = f"{self.section}.{key}: the file that it names cannot be read: {why}."
            raise Unusable(key, "CFG-007", text, remedy) from None


def _is_mounted(path: Path) -> bool:
    """Tell whether a container engine put the file there: for this container alone, with a mode that chmod cannot change."""
    return path.is_relative_to(MOUNTED_SECRETS)
