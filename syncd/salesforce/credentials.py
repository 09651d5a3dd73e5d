"""Where are the secrets that config.toml refers to? They stand in the environment or in files, never in the config itself.

Nothing that is read here is ever part of a message.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from syncd.core.tables import Table
from syncd.core.values import Problem
from syncd.salesforce.access import (
    NO_SECRET,
    ClientCredentials,
    JwtBearer,
    Method,
    Password,
    RefreshToken,
    audience_of,
    shared_fault,
    url_fault,
)

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SECRET_BYTES_MAX = 10_000
MOUNTED_SECRETS = Path("/run/secrets")
METHODS = (ClientCredentials.name, JwtBearer.name, RefreshToken.name, Password.name)
_SECRET = ("client_secret", "client_secret_file")
KEYS_OF: Mapping[str, tuple[str, ...]] = {
    ClientCredentials.name: _SECRET,
    JwtBearer.name: ("username", "private_key_file", "audience"),
    RefreshToken.name: (*_SECRET, "refresh_token_file"),
    Password.name: (*_SECRET, "username", "password", "password_file", "security_token", "security_token_file"),
}
_OF_A_METHOD = tuple(dict.fromkeys(key for keys in KEYS_OF.values() for key in keys))
_WORDS = {"client_secret": "consumer secret", "password": "password", "security_token": "security token"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the login needs, with all references followed."""

    login_url: str
    client_id: str
    secret: SecretStr
    method: Method


class _Unusable(Exception):
    """One setting of [org] that leads nowhere."""

    def __init__(self, key: str, code: str, text: str, remedy: str) -> None:
        super().__init__(text)
        self.key, self.code, self.text, self.remedy = key, code, text, remedy


def read_credentials(table: Table, folder: Path, environ: Mapping[str, str]) -> tuple[Credentials | None, list[Problem]]:
    """Follow the references of [org]; relative paths start at `folder`.

    Shapes: the credentials and no problem, or None and every problem. A setting that is missing or not text is left to the
    check of the whole file, except what the chosen login cannot do without.
    """
    given = table.values.get("org")
    org: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    if not org:
        return None, []
    reader = _Reader(table, org, folder, environ)
    name = org.get("login", ClientCredentials.name)
    if name not in METHODS:
        return None, []  # the check of the whole file says which there are
    reader.refuse_keys_of_other_logins(name)
    login_url = reader.collected(lambda: _login_url(org, environ, name))
    client_id = reader.collected(lambda: _expanded(org, "client_id", environ))
    secret = "" if name == JwtBearer.name else reader.secret("client_secret", is_needed=name != RefreshToken.name)
    method = reader.method(name, login_url)
    if reader.problems or method is None or not (login_url and client_id):
        return None, reader.problems
    return Credentials(login_url, client_id, SecretStr(secret), method), []


class _Reader:
    """Reads the settings of one [org] section and collects what is wrong with them."""

    def __init__(self, table: Table, org: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> None:
        self.table, self.org, self.folder, self.environ = table, org, folder, environ
        self.problems: list[Problem] = []

    def collected(self, read: Callable[[], str]) -> str:
        """Return what was read, or an empty text with the problem noted."""
        try:
            return read()
        except _Unusable as found:
            self.problems.append(self.table.problem(("org", found.key), found.code, found.text, found.remedy))
            return ""

    def refuse_keys_of_other_logins(self, name: str) -> None:
        """Note each key that the chosen login makes no use of."""
        for key in _OF_A_METHOD:
            if key in self.org and key not in KEYS_OF[name]:
                fitting = next(method for method in METHODS if key in KEYS_OF[method])
                text = f'org.{key} has no effect with login = "{name}".'
                remedy = f'Take it out, or choose login = "{fitting}".'
                if fitting == Password.name:
                    remedy = "Take it out: Salesforce is retiring login with a password" + (
                        ' (where the org still has it: login = "password").'
                    )
                self.problems.append(self.table.problem(("org", key), "CFG-013", text, remedy))

    def method(self, name: str, login_url: str) -> Method | None:
        """Return the login with its own settings, or None when one of them cannot be used."""
        before = len(self.problems)
        found: Method = ClientCredentials()
        if name == JwtBearer.name:
            username, key = self.text("username"), self.file("private_key_file", _check_key)
            audience = self.collected(lambda: _expanded(self.org, "audience", self.environ)) or audience_of(login_url)
            found = JwtBearer(username, key, audience)
        elif name == RefreshToken.name:
            found = RefreshToken(self.file("refresh_token_file", _check_token))
        elif name == Password.name:
            password = self.secret("password")
            token = self.secret("security_token", is_needed=False)
            found = Password(self.text("username"), SecretStr(password), SecretStr(token) if token else NO_SECRET)
        return found if len(self.problems) == before else None

    def text(self, key: str) -> str:
        """Return a setting that the login cannot do without."""
        if key not in self.org:
            text = f'org.{key} is missing: login = "{self.org["login"]}" needs it.'
            self.problems.append(self.table.problem(("org", "login"), "CFG-003", text, f"Write {key} under [org]."))
        return self.collected(lambda: _expanded(self.org, key, self.environ))

    def file(self, key: str, check: Callable[[str, Path], str]) -> Path:
        """Return the path of a file that the login reads itself."""
        written = self.text(key)
        path = self.folder / Path(written).expanduser()
        if written:
            self.collected(lambda: check(key, path))
        return path

    def secret(self, key: str, *, is_needed: bool = True) -> str:
        """Return a secret by reference, or an empty text when it may be and is left out."""
        if not is_needed and key not in self.org and f"{key}_file" not in self.org:
            return ""
        return self.collected(lambda: _secret(key, self.org, self.folder, self.environ))


def _login_url(org: Mapping[str, Any], environ: Mapping[str, str], login: str) -> str:
    written, url = org.get("login_url"), _expanded(org, "login_url", environ)
    fault = url_fault(url) if url and url != written else None
    if fault is None and login == ClientCredentials.name and url:
        fault = shared_fault(url) if url_fault(url) is None else None
    if fault is not None:
        shown = f"what {written} stands for" if url != written else written
        text = f"org.login_url: {shown} {fault}."
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


def _secret(key: str, org: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> str:
    literal, file = org.get(key), org.get(f"{key}_file")
    variable = f"SYNCD_{key.upper()}"
    if literal is not None and file is not None:
        text = f"org.{key} and org.{key}_file are both given."
        raise _Unusable(key, "CFG-014", text, "Keep one of them.")
    if literal is None and file is None:
        text = f"org.{key} is missing: nothing can run without it."
        remedy = f'Write {key} = "${{{variable}}}", or the path of a file as {key}_file.'
        raise _Unusable(key, "CFG-003", text, remedy)
    if file is not None:
        written = Path(_expanded(org, f"{key}_file", environ))
        return _from_file(f"{key}_file", written, folder, _WORDS[key]) if isinstance(file, str) else ""
    found = REFERENCE.fullmatch(literal.strip()) if isinstance(literal, str) else None
    if found is None:
        remedy = (
            f'Write {key} = "${{{variable}}}" and set that variable, or name a file in {key}_file. '
            "Then rotate the secret in Salesforce: it may have been read already."
        )
        raise _Unusable(key, "CFG-005", f"org.{key} holds the secret itself.", remedy)
    return _variable(key, found[1], environ)


def _from_file(key: str, written: Path, folder: Path, what: str) -> str:
    path = folder / written.expanduser()
    value = _read_private(key, path, what).strip()
    if not value:
        raise _Unusable(key, "CFG-007", f"org.{key}: {path} is empty.", f"Put the {what} into it.")
    return value


def _read_private(key: str, path: Path, what: str) -> str:
    """Read a small text file that only syncd's user may read."""
    try:
        known = path.stat()
        if known.st_mode & 0o077 and not _is_mounted(path):
            text = f"org.{key}: {path} can be used by other users of this machine."
            raise _Unusable(key, "CFG-008", text, f"Run: chmod 600 {path}")
        if known.st_size > SECRET_BYTES_MAX or not stat.S_ISREG(known.st_mode):
            raise _Unusable(key, "CFG-007", f"org.{key}: {path} is not a file with a secret.", "Put the secret alone into it.")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        remedy = f"Create it with the {what} in it, readable by syncd's user alone."
        # Not the path: somebody may have put the secret itself there.
        raise _Unusable(key, "CFG-007", f"org.{key}: the file that it names cannot be read: {why}.", remedy) from None


def _check_key(key: str, path: Path) -> str:
    content = _read_private(key, path, "private key")
    if "PRIVATE KEY-----" not in content:
        remedy = "Put the private key in PEM form into it; the certificate alone belongs into the app's OAuth settings."
        raise _Unusable(key, "CFG-007", f"org.{key}: {path} holds no private key in PEM form.", remedy)
    return content


def _check_token(key: str, path: Path) -> str:
    """See to it that the token is there, and that Salesforce's next one can be kept: a mounted secret cannot be replaced."""
    token = _from_file(key, path, path.parent, "refresh token")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        remedy = "Salesforce replaces the token at a login: put the file into a folder that syncd's user may write to."
        raise _Unusable(key, "CFG-007", f"org.{key}: the folder {path.parent} cannot be written to.", remedy)
    return token


def _is_mounted(path: Path) -> bool:
    """Tell whether a container engine put the file there: for this container alone, with a mode that chmod cannot change."""
    return path.is_relative_to(MOUNTED_SECRETS)
