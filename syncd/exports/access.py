"""Where does config.toml say that exports come from, and with which credentials?

One URL for each source: sftp://, s3://, gs://, az:// or file://. A secret stands in the environment or in a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from syncd.core.tables import Table
from syncd.core.values import Problem
from syncd.policies.documents import nearest
from syncd.secrets import NOT_HERE, Settings, Unusable

SFTP, S3, GS, AZ, FILE = "sftp", "s3", "gs", "az", "file"
_SECRET = ("secret", "secret_file")
KEYS_OF: Mapping[str, tuple[str, ...]] = {
    SFTP: ("known_hosts_file", "key_file", *_SECRET),
    S3: ("access_key", *_SECRET, "endpoint", "region"),
    GS: ("key_file", "endpoint"),
    AZ: ("account", *_SECRET, "endpoint"),
    FILE: (),
}
_WORDS = {SFTP: "password", S3: "secret access key", AZ: "account key or SAS token"}
_OF_A_SCHEME = tuple(dict.fromkeys(key for keys in KEYS_OF.values() for key in keys))
_EXAMPLES = {
    SFTP: "sftp://syncd@files.example.com/out/marketo",
    S3: "s3://bucket/folder",
    GS: "gs://bucket/folder",
    AZ: "az://container/folder",
    FILE: "file:///mnt/share/marketo",
}
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NO_SECRET = SecretStr("")


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """One source of exports with all references followed.

    `root` is the bucket or container (empty for sftp and file), `path` the folder in it, without a slash at its end.
    """

    name: str
    scheme: str
    host: str
    port: int
    user: str
    root: str
    path: str
    after: str
    known_hosts_file: Path | None = None
    key_file: Path | None = None
    secret: SecretStr = _NO_SECRET
    access_key: str = ""
    account: str = ""
    endpoint: str = ""
    region: str = ""

    @property
    def address(self) -> str:
        """Return the URL as messages show it; it holds no secret."""
        if self.scheme == SFTP:
            port = f":{self.port}" if self.port != 22 else ""
            return f"sftp://{self.user}@{self.host}{port}{self.path}"
        return f"{self.scheme}://{self.root}/{self.path}" if self.root else f"file://{self.path}"


def read_sources(table: Table, folder: Path, environ: Mapping[str, str]) -> tuple[tuple[RemoteAccess, ...], list[Problem]]:
    """Follow the references of every [exports.<source>]; relative paths start at `folder`.

    Shapes: the sources that can be used, those whose secret is only not here (`secrets.NOT_HERE`) among them, and every problem.
            What is no text is left to the check of the whole file.
    """
    exports = table.values.get("exports")
    sections = exports.items() if isinstance(exports, Mapping) else ()
    found: list[RemoteAccess] = []
    problems: list[Problem] = []
    for name, values in sections:
        if isinstance(values, Mapping) and isinstance(values.get("url"), str):
            one = _Section(table, str(name), values, folder, environ)
            access = one.read()
            problems += one.problems
            found += [access] if access is not None else []
    return tuple(found), problems


class _Section:
    """Reads one [exports.<source>] and collects what is wrong with it."""

    def __init__(self, table: Table, name: str, values: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> None:
        self.table, self.name, self.values, self.folder = table, name, values, folder
        self.settings = Settings(f"exports.{name}", values, folder, environ)
        self.problems: list[Problem] = []

    def read(self) -> RemoteAccess | None:
        """Return the source, or None when something of it cannot be used."""
        if _NAME.fullmatch(self.name) is None:
            text = f"[exports.{self.name!r}] cannot be the name of a source."
            self._note("", "CFG-016", text, "Name it as its mapping file: [exports.marketo] for mappings/fields/marketo.toml")
        url = self._collected(lambda: self.settings.expanded("url"))
        target = self._target(url) if url else None
        scheme = url.partition("://")[0]
        if scheme not in KEYS_OF:
            return None
        for key in _OF_A_SCHEME:
            if key in self.values and key not in KEYS_OF[scheme]:
                fitting = ", ".join(f"{each}://" for each, keys in KEYS_OF.items() if key in keys)
                text = f"exports.{self.name}.{key} has no effect with a URL that begins with {scheme}://."
                self._note(key, "CFG-013", text, f"Take it out: it belongs to {fitting}.")
        known_hosts = self._known_hosts(scheme)
        key_file = self._key_file(scheme)
        secret = self._secret(scheme, key_file)
        endpoint = self._collected(self._endpoint)
        access_key, account, region = (
            self._collected(partial(self.settings.expanded, key)) for key in ("access_key", "account", "region")
        )
        self._check_pairs(scheme, access_key, account, endpoint)
        if target is None or any(problem.code not in NOT_HERE for problem in self.problems):
            return None
        host, port, user, root, path = target
        return RemoteAccess(
            self.name, scheme, host, port, user, root, path, str(self.values.get("after", "leave")),
            known_hosts, key_file, SecretStr(secret), access_key, account, endpoint, region,
        )  # fmt: skip

    def _note(self, key: str, code: str, text: str, remedy: str) -> None:
        path = ("exports", self.name, key) if key else ("exports", self.name)
        self.problems.append(self.table.problem(path, code, text, remedy))

    def _collected(self, read: Callable[[], str]) -> str:
        try:
            return read()
        except Unusable as found:
            self._note(found.key, found.code, found.text, found.remedy)
            return ""

    def _target(self, url: str) -> tuple[str, int, str, str, str] | None:
        """Return (host, port, user, bucket, path) of a URL, or None with its problem noted."""
        fault = remedy = ""
        try:
            parts = urlsplit(url)
            port = parts.port or 22
        except ValueError:
            parts, port, fault = urlsplit(""), 22, "is not a URL"
        scheme, path = parts.scheme, "/" + unquote(parts.path).strip("/")
        if not fault and parts.password is not None:
            remedy = f'Take it out, change it at the server, and give the new one as secret = "${{{self._variable()}}}".'
            self._note("url", "CFG-005", f"exports.{self.name}.url holds a password.", remedy)
            return None
        if not fault and scheme not in KEYS_OF:
            near = nearest(scheme, KEYS_OF) if scheme else None
            fault = (
                f"begins with {scheme[:20]!r}, which is no kind of source" if scheme else "does not begin with a kind of source"
            )
            remedy = f"Did you mean {near}://?" if near else ""
        elif not fault:
            fault = "".join(_faults(scheme, parts.hostname, parts.username, parts.query or parts.fragment, path))
        if fault:
            known = "Write one such as " + ", ".join(_EXAMPLES.get(scheme, each) for each in _EXAMPLES.values())
            known = f'Write one such as "{_EXAMPLES[scheme]}".' if scheme in _EXAMPLES else f"{known}."
            self._note("url", "CFG-015", f"exports.{self.name}.url {fault}.", remedy or known)
            return None
        if scheme == SFTP:
            return parts.hostname or "", port, unquote(parts.username or ""), "", path
        return ("", 0, "", parts.netloc, path.strip("/")) if scheme != FILE else ("", 0, "", "", path)

    def _known_hosts(self, scheme: str) -> Path | None:
        if scheme != SFTP:
            return None
        if not isinstance(self.values.get("known_hosts_file"), str):
            text = f"exports.{self.name}.known_hosts_file is missing: without it anybody could pretend to be the server."
            remedy = 'Write known_hosts_file = "known_hosts", then run `syncd check`: it shows the line that belongs there.'
            self._note("url", "CFG-003", text, remedy)
            return None
        written = self._collected(lambda: self.settings.expanded("known_hosts_file"))
        return self.folder / Path(written).expanduser()

    def _key_file(self, scheme: str) -> Path | None:
        if "key_file" not in KEYS_OF[scheme] or not isinstance(self.values.get("key_file"), str):
            return None
        path = self.folder / Path(self._collected(lambda: self.settings.expanded("key_file"))).expanduser()
        self._collected(lambda: self.settings.private_text("key_file", path, "key"))
        return path

    def _secret(self, scheme: str, key_file: Path | None) -> str:
        """Return the secret of a source, or an empty text where it needs none."""
        if "secret" not in KEYS_OF[scheme]:
            return ""
        is_given = any(key in self.values for key in _SECRET)
        if not is_given and scheme == SFTP and "key_file" not in self.values:
            text = f"exports.{self.name}: nothing says how syncd logs in at the server."
            remedy = f'Write key_file = "the path of a private key", or secret = "${{{self._variable()}}}" for a password.'
            self._note("url", "CFG-003", text, remedy)
        if not is_given:
            return ""
        what = "passphrase of the key" if key_file is not None else _WORDS[scheme]
        told = "Then change the secret where it was given: it may have been read already."
        return self._collected(lambda: self.settings.secret("secret", self._variable(), what, told))

    def _endpoint(self) -> str:
        endpoint = self.settings.expanded("endpoint").rstrip("/")
        parts = urlsplit(endpoint)
        if endpoint and not (parts.hostname and (parts.scheme == "https" or parts.hostname in _LOOPBACK)):
            text = f"exports.{self.name}.endpoint is not an https URL: whoever listens could read the exports."
            raise Unusable("endpoint", "CFG-015", text, 'Write one such as "https://storage.example.com".')
        return endpoint

    def _check_pairs(self, scheme: str, access_key: str, account: str, endpoint: str) -> None:
        has_secret = any(key in self.values for key in _SECRET)
        if scheme == S3 and has_secret != ("access_key" in self.values):
            text = f"exports.{self.name}: access_key and secret belong together, and one of them is missing."
            remedy = "Give both, or neither: then the machine's own role or the usual AWS settings are used."
            self._note("secret" if has_secret else "access_key", "CFG-003", text, remedy)
        if scheme == AZ and not account:
            text = f"exports.{self.name}.account is missing: a container is known by its storage account."
            self._note("url", "CFG-003", text, 'Write account = "the name of the storage account".')

    def _variable(self) -> str:
        return f"SYNCD_{re.sub(r'[^A-Z0-9]', '_', self.name.upper())}_SECRET"


def _faults(scheme: str, host: str | None, user: str | None, rest: str, path: str) -> Iterator[str]:
    """Say the first thing that is wrong with the parts of a URL."""
    if rest:
        yield "holds a ? or a #, which mean nothing here"
    elif scheme == FILE:
        if host:
            yield f"names the host {host}: a file:// URL has three slashes"
        elif path == "/":
            yield "names no folder"
    elif not host:
        yield "names no server" if scheme == SFTP else "names no bucket"
    elif scheme == SFTP and not user:
        yield "names no user"
    elif scheme != SFTP and user:
        yield "names a user, which a bucket has not"
    elif any(part in (".", "..") for part in path.split("/")):
        yield "leads up with . or .."
