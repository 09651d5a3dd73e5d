"""Where is the secret that config.toml refers to? It stands in the environment or in a file, never in the config itself.

Nothing that is read here is ever part of a message.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from syncd.core.tables import Table
from syncd.core.values import Problem
from syncd.salesforce.access import url_fault

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SECRET_BYTES_MAX = 10_000
MOUNTED_SECRETS = Path("/run/secrets")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the login needs, with all references followed."""

    login_url: str
    client_id: str
    secret: SecretStr


class _Unusable(Exception):
    """One setting of [org] that leads nowhere."""

    def __init__(self, key: str, code: str, text: str, remedy: str) -> None:
        super().__init__(text)
        self.key, self.code, self.text, self.remedy = key, code, text, remedy


def read_credentials(table: Table, folder: Path, environ: Mapping[str, str]) -> tuple[Credentials | None, list[Problem]]:
    """Follow the references of [org]; relative paths start at `folder`.

    Shapes: the credentials and no problem, or None and every problem. A setting that is missing or not text is left to the
    check of the whole file, except that one of client_secret and client_secret_file must be there.
    """
    given = table.values.get("org")
    org: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    problems: list[Problem] = []

    def collected(read: Callable[[], str]) -> str:
        try:
            return read()
        except _Unusable as found:
            problems.append(table.problem(("org", found.key), found.code, found.text, found.remedy))
            return ""

    login_url = collected(lambda: _login_url(org, environ))
    client_id = collected(lambda: _expanded(org, "client_id", environ))
    secret = collected(lambda: _secret(org, folder, environ)) if org else ""
    if problems or not (login_url and client_id and secret):
        return None, problems
    return Credentials(login_url, client_id, SecretStr(secret)), []


def _login_url(org: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    written, url = org.get("login_url"), _expanded(org, "login_url", environ)
    if url != written and url and (fault := url_fault(url)) is not None:
        text = f"org.login_url: what {written} stands for {fault}."
        raise _Unusable("login_url", "CFG-009", text, "Set it to the org's My Domain, such as https://acme.my.salesforce.com")
    return url.rstrip("/")


def _expanded(org: Mapping[str, Any], key: str, environ: Mapping[str, str]) -> str:
    written = org.get(key)
    if not isinstance(written, str):
        return ""
    return REFERENCE.sub(lambda found: _variable(key, found[1], environ), written)


def _variable(key: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        text = f"org.{key}: the environment variable {name} is not set."
        raise _Unusable(key, "CFG-006", text, f"Set it for syncd, for example with: export {name}=…")
    return value


def _secret(org: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> str:
    literal, file = org.get("client_secret"), org.get("client_secret_file")
    if literal is not None and file is not None:
        text = "org.client_secret and org.client_secret_file are both given."
        raise _Unusable("client_secret", "CFG-014", text, "Keep one of them.")
    if literal is None and file is None:
        text = "org.client_secret is missing: nothing can run without it."
        remedy = 'Write client_secret = "${SYNCD_CLIENT_SECRET}", or the path of a file as client_secret_file.'
        raise _Unusable("client_secret", "CFG-003", text, remedy)
    if file is not None:
        return _from_file(Path(_expanded(org, "client_secret_file", environ)), folder) if isinstance(file, str) else ""
    found = REFERENCE.fullmatch(literal.strip()) if isinstance(literal, str) else None
    if found is None:
        remedy = (
            'Write client_secret = "${SYNCD_CLIENT_SECRET}" and set that variable, or name a file in client_secret_file. '
            "Then rotate the secret in Salesforce: it may have been read already."
        )
        raise _Unusable("client_secret", "CFG-005", "org.client_secret holds the secret itself.", remedy)
    return _variable("client_secret", found[1], environ)


def _from_file(written: Path, folder: Path) -> str:
    key, path = "client_secret_file", folder / written.expanduser()
    try:
        known = path.stat()
        if known.st_mode & 0o077 and not _is_mounted(path):
            text = f"org.{key}: {path} can be used by other users of this machine."
            raise _Unusable(key, "CFG-008", text, f"Run: chmod 600 {path}")
        if known.st_size > SECRET_BYTES_MAX or not stat.S_ISREG(known.st_mode):
            raise _Unusable(key, "CFG-007", f"org.{key}: {path} is not a file with a secret.", "Put the secret alone into it.")
        value = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        remedy = "Create it with the consumer secret in it, readable by syncd's user alone."
        # Not the path: somebody may have put the secret itself there.
        raise _Unusable(key, "CFG-007", f"org.{key}: the file that it names cannot be read: {why}.", remedy) from None
    if not value:
        raise _Unusable(key, "CFG-007", f"org.{key}: {path} is empty.", "Put the consumer secret into it.")
    return value


def _is_mounted(path: Path) -> bool:
    """Tell whether a container engine put the file there: for this container alone, with a mode that chmod cannot change."""
    return path.is_relative_to(MOUNTED_SECRETS)
