"""With which credentials does config.toml let syncd log in? Nothing that is read here is ever part of a message."""

from __future__ import annotations

import os
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
from syncd.secrets import NOT_HERE, Settings, Unusable

METHODS = (ClientCredentials.name, JwtBearer.name, RefreshToken.name, Password.name)
_SECRET = ("client_secret", "client_secret_file")
KEYS_OF: Mapping[str, tuple[str, ...]] = {
    ClientCredentials.name: _SECRET,
    JwtBearer.name: ("username", "private_key_file", "audience"),
    RefreshToken.name: (*_SECRET, "refresh_token_file"),
    Password.name: (*_SECRET, "username", "password", "password_file", "security_token", "security_token_file"),
}
_OF_A_METHOD = tuple(dict.fromkeys(key for keys in KEYS_OF.values() for key in keys))
ROTATE = "Then rotate the secret in Salesforce: it may have been read already."
_WORDS = {"client_secret": "consumer secret", "password": "password", "security_token": "security token"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the login needs, with all references followed."""

    login_url: str
    client_id: str
    secret: SecretStr
    method: Method


def read_credentials(table: Table, folder: Path, environ: Mapping[str, str]) -> tuple[Credentials | None, list[Problem]]:
    """Follow the references of [org]; relative paths start at `folder`.

    Shapes: the credentials, or None, and every problem; where a secret is only not here (`secrets.NOT_HERE`), the credentials
    without it. A setting that is missing or not text is left to the check of the whole file, except what the chosen login
    cannot do without.
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
    login_url = reader.collected(lambda: _login_url(reader.settings, name))
    client_id = reader.collected(lambda: reader.settings.expanded("client_id"))
    secret = "" if name == JwtBearer.name else reader.secret("client_secret", is_needed=name != RefreshToken.name)
    method = reader.method(name, login_url)
    if reader.faults or method is None or not login_url or not (client_id or reader.problems):
        return None, reader.problems
    return Credentials(login_url, client_id, SecretStr(secret), method), reader.problems


class _Reader:
    """Reads the settings of one [org] section and collects what is wrong with them."""

    def __init__(self, table: Table, org: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> None:
        self.table, self.org, self.folder = table, org, folder
        self.settings = Settings("org", org, folder, environ)
        self.problems: list[Problem] = []

    @property
    def faults(self) -> int:
        """Count what is wrong wherever the file is read."""
        return sum(problem.code not in NOT_HERE for problem in self.problems)

    def collected(self, read: Callable[[], str]) -> str:
        """Return what was read, or an empty text with the problem noted."""
        try:
            return read()
        except Unusable as found:
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
        before = self.faults
        found: Method = ClientCredentials()
        if name == JwtBearer.name:
            username, key = self.text("username"), self.file("private_key_file", self._check_key)
            audience = self.collected(lambda: self.settings.expanded("audience")) or audience_of(login_url)
            found = JwtBearer(username, key, audience)
        elif name == RefreshToken.name:
            found = RefreshToken(self.file("refresh_token_file", self._check_token))
        elif name == Password.name:
            password = self.secret("password")
            token = self.secret("security_token", is_needed=False)
            found = Password(self.text("username"), SecretStr(password), SecretStr(token) if token else NO_SECRET)
        return found if self.faults == before else None

    def text(self, key: str) -> str:
        """Return a setting that the login cannot do without."""
        if key not in self.org:
            text = f'org.{key} is missing: login = "{self.org["login"]}" needs it.'
            self.problems.append(self.table.problem(("org", "login"), "CFG-003", text, f"Write {key} under [org]."))
        return self.collected(lambda: self.settings.expanded(key))

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
        return self.collected(lambda: self.settings.secret(key, f"SYNCD_{key.upper()}", _WORDS[key], ROTATE))

    def _check_key(self, key: str, path: Path) -> str:
        content = self.settings.private_text(key, path, "private key")
        if "PRIVATE KEY-----" not in content:
            remedy = "Put the private key in PEM form into it; the certificate alone belongs into the app's OAuth settings."
            raise Unusable(key, "CFG-007", f"org.{key}: {path} holds no private key in PEM form.", remedy)
        return content

    def _check_token(self, key: str, path: Path) -> str:
        """See to it that the token is there and its next one can be kept: a mounted secret cannot be replaced."""
        token = self.settings.from_file(key, path, "refresh token")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            remedy = "Salesforce replaces the token at a login: put the file into a folder that syncd's user may write to."
            raise Unusable(key, "CFG-007", f"org.{key}: the folder {path.parent} cannot be written to.", remedy)
        return token


def _login_url(settings: Settings, login: str) -> str:
    written, url = settings.values.get("login_url"), settings.expanded("login_url")
    fault = url_fault(url) if url and url != written else None
    if fault is None and login == ClientCredentials.name and url:
        fault = shared_fault(url) if url_fault(url) is None else None
    if fault is not None:
        shown = f"what {written} stands for" if url != written else written
        text = f"org.login_url: {shown} {fault}."
        raise Unusable("login_url", "CFG-009", text, "Set it to the org's My Domain, such as https://acme.my.salesforce.com")
    return url.rstrip("/")
