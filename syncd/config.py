"""What did the admin set up: which org, how often, which folders, which limits?

`config.toml` holds no secret: it says where one is. Every problem of the file is listed in one run, with its place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from syncd.core.guard import Limits as MassChange
from syncd.core.tables import Path as KeyPath
from syncd.core.tables import Table
from syncd.core.values import Problem
from syncd.errors import ConfigInvalid
from syncd.exports.access import RemoteAccess, read_sources
from syncd.policies.documents import nearest, read_table
from syncd.salesforce.access import API_VERSION, OrgAccess, url_fault
from syncd.salesforce.credentials import read_credentials
from syncd.secrets import NOT_HERE, REFERENCE

ENV_PATH = "SYNCD_CONFIG"
SQLITE, POSTGRESQL = "sqlite:///", "postgresql://"
REFUSALS = ".refused-logins.json"
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(s|sec|seconds?|min|minutes?|h|hours?|d|days?)")
_NO_SECTION = {"model_type", "model_attributes_type"}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _span(value: object) -> timedelta:
    """Read "1 min", "90 s", 60 …"""
    if isinstance(value, timedelta):
        return _bounded(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounded(timedelta(seconds=value)) if abs(value) < 1e9 else _bounded(timedelta.max)
    found = _DURATION.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("span", "is not a length of time")
    return _bounded(timedelta(**{_UNITS[found[2][0]]: float(found[1])}) if float(found[1]) < 1e6 else timedelta.max)


def _bounded(span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise PydanticCustomError("span", "must be longer than nothing")
    if span > timedelta(days=1):
        raise PydanticCustomError("span", "is longer than a day")
    return span


def _off(value: object) -> object:
    return None if value == "off" else value


def _zone(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError) as cause:
        near = nearest(value, available_timezones())
        guess = f'; did you mean "{near}"?' if near else ""
        raise PydanticCustomError("zone", "is not a time zone{guess}", {"guess": guess}) from cause


def _version(value: object) -> object:
    return f"{float(value):.1f}" if isinstance(value, int | float) and not isinstance(value, bool) else value


def _login_url(value: str) -> str:
    fault = None if REFERENCE.search(value) else url_fault(value)
    if fault is not None:
        raise PydanticCustomError("login_url", "{fault}", {"fault": fault})
    return value.rstrip("/")


def _store_url(value: str) -> str:
    if value.startswith(SQLITE) and value.removeprefix(SQLITE).strip("/") and ":memory:" not in value:
        return value
    fault = "is not the URL of an SQLite file or of a PostgreSQL database"
    if value.startswith(POSTGRESQL):
        parts = urlsplit(value)
        if parts.password is None and "password" not in parts.query and parts.path.strip("/"):
            return value
        fault = "names no database"
        if parts.password is not None or "password" in parts.query:
            fault = "holds a password: give it in the environment variable PGPASSWORD, or in a file named by PGPASSFILE"
    raise PydanticCustomError("store_url", "{fault}", {"fault": fault})


Span = Annotated[timedelta, BeforeValidator(_span)]
Count = Annotated[Annotated[int, Field(gt=0)] | None, BeforeValidator(_off)]
Days = Annotated[Annotated[int, Field(gt=0, le=36_500)] | None, BeforeValidator(_off)]
Percent = Annotated[Annotated[float, Field(gt=0, le=100)] | None, BeforeValidator(_off)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Text = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class _Org(_Section):
    name: Text | None = Field(None, description="a short name for messages")
    login_url: Annotated[Text, AfterValidator(_login_url)] = Field(
        description="the org's My Domain: https://acme.my.salesforce.com"
    )
    login: Literal["client-credentials", "jwt-bearer", "refresh-token", "password"] = Field(
        "client-credentials", description='"client-credentials", "jwt-bearer", "refresh-token" or "password"'
    )
    client_id: Text = Field(description="the consumer key of the External Client App")
    client_secret: Text | None = Field(None, description='the name of an environment variable: "${SYNCD_CLIENT_SECRET}"')
    client_secret_file: Text | None = Field(None, description="the path of a file that only syncd's user can read")
    username: Text | None = Field(None, description="the integration user's name in Salesforce")
    private_key_file: Text | None = Field(None, description="the path of a PEM file that only syncd's user can read")
    audience: Text | None = Field(
        None, description='"https://login.salesforce.com", or "https://test.salesforce.com" for a sandbox'
    )
    refresh_token_file: Text | None = Field(None, description="the path of a file that syncd's user alone can read and replace")
    password: Text | None = Field(None, description='the name of an environment variable: "${SYNCD_PASSWORD}"')
    password_file: Text | None = Field(None, description="the path of a file that only syncd's user can read")
    security_token: Text | None = Field(None, description='the name of an environment variable: "${SYNCD_SECURITY_TOKEN}"')
    security_token_file: Text | None = Field(None, description="the path of a file that only syncd's user can read")
    api_version: Annotated[str, BeforeValidator(_version), Field(pattern=r"^\d\d\.0$")] = Field(
        API_VERSION, description=f'a version such as "{API_VERSION}"'
    )


class Schedule(_Section):
    """How often a cycle runs; the slow questions come with every `slow_every`th."""

    interval: Span = Field(timedelta(minutes=1), description='a length of time such as "1 min" or 60 (seconds)')
    slow_every: Annotated[int, Field(gt=0)] = Field(5, description="a whole number of cycles, 1 or more")


class _Store(_Section):
    url: Annotated[Text, AfterValidator(_store_url)] = Field(
        "sqlite:///syncd.db", description='a file: "sqlite:///syncd.db", or a database: "postgresql://syncd@host/syncd"'
    )


class _Folder(_Section):
    folder: Text | None = Field(None, description="the path of a folder")


class _Source(_Section):
    """One [exports.<source>]; `exports.access` says which settings go with which URL."""

    url: Text = Field(description='a URL that begins with "sftp://", "s3://", "gs://", "az://" or "file://"')
    after: Literal["leave", "delete", "move"] = Field("leave", description='"leave", "delete" or "move"')
    known_hosts_file: Text | None = Field(None, description="the path of a file with the server's host key")
    key_file: Text | None = Field(None, description="the path of a private key that only syncd's user can read")
    secret: Text | None = Field(None, description='the name of an environment variable: "${SYNCD_MARKETO_SECRET}"')
    secret_file: Text | None = Field(None, description="the path of a file that only syncd's user can read")
    access_key: Text | None = Field(None, description="the access key ID that the secret belongs to")
    account: Text | None = Field(None, description="the name of the storage account")
    endpoint: Text | None = Field(None, description="the https URL of a service that speaks the same protocol")
    region: Text | None = Field(None, description='a region such as "eu-central-1"')


class _Exports(_Folder):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Source]
    every: Span = Field(timedelta(minutes=5), description='a length of time such as "5 min" or 300 (seconds)')
    keep_days: Days = Field(30, description='a whole number of days, or "off" to keep originals for ever')


class Limits(_Section):
    """How much one cycle may change before it stops and asks, and what it may take from the org. None: no limit."""

    records_max: Count = Field(500, description='a whole number of records, or "off"')
    records_percent: Percent = Field(5.0, description='a percentage of all people up to 100, or "off"')
    records_min: Count = Field(25, description='a whole number of records, or "off"')
    owners_max: Count = Field(25, description='a whole number of records, or "off"')
    api_calls_share_percent: Percent = Field(25.0, description='a percentage of the org\'s daily API requests, or "off"')
    api_calls_reserve_percent: Percent = Field(20.0, description='a percentage of the org\'s daily API requests, or "off"')
    canary: Count = Field(5, description='a whole number of writes, or "off"')
    regret_percent: Percent = Field(2.0, description='a percentage of a rule\'s writes, or "off"')
    hold_back: Span = Field(timedelta(minutes=10), description='a length of time such as "10 min" or 600 (seconds)')

    @property
    def mass_change(self) -> MassChange:
        """Return the mass-change limit as the guard takes it."""
        return MassChange(self.records_max, self.records_percent, self.records_min or 0, self.owners_max)


class _Time(_Section):
    zone: Zone = Field(ZoneInfo("UTC"), description='a zone such as "UTC" or "Europe/Berlin"')


class Log(_Section):
    """How log lines look and which are written."""

    format: Literal["json", "console"] = Field("json", description='"json" or "console"')
    level: Literal["debug", "info", "warning", "error"] = Field("info", description='"debug", "info", "warning" or "error"')


class _Document(_Section):
    org: _Org = Field(description="a section [org]")
    schedule: Schedule = Field(Schedule(), description="a section [schedule]")
    store: _Store = Field(_Store(), description="a section [store]")
    mappings: _Folder = Field(_Folder(), description="a section [mappings]")
    exports: _Exports = Field(_Exports(), description="a section [exports]")
    plans: _Folder = Field(_Folder(), description="a section [plans]")
    limits: Limits = Field(Limits(), description="a section [limits]")
    time: _Time = Field(_Time(), description="a section [time]")
    log: Log = Field(Log(), description="a section [log]")


@dataclass(frozen=True, slots=True)
class Config:
    """A whole config.toml. Paths are absolute; `name` is what messages call the org.

    `sources` are fetched into the folder `exports` every `fetch_every`; originals are kept for `keep` (None: for ever).
    `not_here` says which secrets the file refers to that this account cannot see: only who logs in needs them.
    """

    path: Path
    name: str
    org: OrgAccess
    schedule: Schedule
    store_url: str
    mappings: Path
    exports: Path
    plans: Path
    limits: Limits
    zone: ZoneInfo
    log: Log
    sources: tuple[RemoteAccess, ...] = ()
    fetch_every: timedelta = timedelta(minutes=5)
    keep: timedelta | None = timedelta(days=30)
    not_here: tuple[Problem, ...] = ()

    def require_secrets(self) -> None:
        """Raise ConfigInvalid where a secret that the file refers to is not here."""
        if self.not_here:
            raise _invalid(self.not_here)

    @property
    def database_file(self) -> Path | None:
        """The file of the store, or None where it is a database of a PostgreSQL server."""
        return Path(self.store_url.removeprefix(SQLITE)) if self.store_url.startswith(SQLITE) else None


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check a config file.

    Shapes: without a path, $SYNCD_CONFIG, ./config.toml, ~/.config/syncd/config.toml and /etc/syncd/config.toml are tried; a
    folder means the config.toml in it. A secret that is not here is a problem only for who logs in: `Config.require_secrets`.
    Errors: ConfigInvalid listing every problem as `file:line:column [code] text remedy`. Secrets are never part of it.
    """
    environ = os.environ if environ is None else environ
    found = _find(path, environ)
    table, problems = read_table(found)
    if table is None:
        raise _invalid(problems)
    # A line of this file may hold a secret that does not belong there: no problem takes a line along, each points at its key.
    table = replace(table, keys={}, written={}, lines=())
    document = _document(table, problems)
    credentials, more = read_credentials(table, found.resolve().parent, environ)
    sources, wrong = read_sources(table, found.resolve().parent, environ)
    problems += [*more, *wrong]
    not_here = tuple(problem for problem in problems if problem.code in NOT_HERE)
    if document is None or credentials is None or len(problems) > len(not_here):
        raise _invalid(problems)
    access = OrgAccess(
        credentials.login_url, credentials.client_id, credentials.secret, document.org.api_version, method=credentials.method
    )
    config = replace(_config(found.resolve(), document, access), sources=sources, not_here=not_here)
    return replace(config, org=replace(access, refusals=config.plans / REFUSALS))


def has_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether a file is where `load_config` would look."""
    return any(candidate.exists() for candidate in _tried(path, os.environ if environ is None else environ))


def _tried(path: Path | None, environ: Mapping[str, str]) -> list[Path]:
    if path is not None:
        return [path / "config.toml" if path.is_dir() else path]
    if environ.get(ENV_PATH):
        return [Path(environ[ENV_PATH])]
    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/")) / ".config")
    return [Path("config.toml"), home / "syncd" / "config.toml", Path("/etc/syncd/config.toml")]


def _find(path: Path | None, environ: Mapping[str, str]) -> Path:
    tried = _tried(path, environ)
    for candidate in tried:
        if candidate.exists():
            return candidate
    where = ", ".join(str(candidate) for candidate in tried)
    text = f"There is no configuration file. Looked for: {where}."
    problem = Problem(str(tried[0]), 1, 1, "CFG-001", text, "Create one with: syncd init")
    raise ConfigInvalid(str(problem), hint="Create one, or name the one that there is with: --config PATH")


def _invalid(problems: Sequence[Problem]) -> ConfigInvalid:
    return ConfigInvalid("\n".join(str(problem) for problem in sorted(problems, key=lambda each: (each.line, each.column))))


def _document(table: Table, problems: list[Problem]) -> _Document | None:
    try:
        return _Document.model_validate(dict(table.values))
    except ValidationError as error:
        problems += [_problem(table, each) for each in error.errors(include_url=False, include_context=False)]
        return None


def _problem(table: Table, error: ErrorDetails) -> Problem:
    path: KeyPath = error["loc"]
    dotted, kind = ".".join(map(str, path)), error["type"]
    section, description = _described(path)
    accepted = f"Write {description}." if description else ""
    if kind in _NO_SECTION and path[0] == "exports" and len(path) == 2:
        return _unknown(table, path, _Exports)
    if kind == "extra_forbidden":
        return _unknown(table, path, section)
    if kind == "missing":
        return table.problem(path, "CFG-003", f"{dotted} is missing: nothing can run without it.", accepted)
    said = error["msg"] if kind in {"span", "zone", "login_url", "store_url"} else "is not usable"
    code = {"login_url": "CFG-009", "zone": "CFG-010", "span": "CFG-011", "store_url": "CFG-012"}.get(kind, "CFG-004")
    shown = f" = {_shown(error['input'])}" if _is_harmless(path, error["input"]) else ""
    return table.problem(path, code, f"{dotted}{shown} {said}{'' if said.endswith('?') else '.'}", accepted)


def _is_harmless(path: KeyPath, value: object) -> bool:
    """Tell whether a value may be repeated: a secret may have been pasted anywhere under [org] or a source, or into a URL."""
    if path[0] == "org":
        return str(value).startswith("http") and "@" not in str(value)
    if path[0] == "exports" and len(path) > 2 and path[-1] != "after":
        return False
    return path[0] != "store" and isinstance(value, str | int | float)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value[:60]}"' if isinstance(value, str) else str(value)[:60]


def _described(path: KeyPath) -> tuple[type[BaseModel], str]:
    """Find the section that a path stands in, and what may be written at it."""
    section: type[BaseModel] = _Document
    description = ""
    for part in path:
        known = section.model_fields.get(str(part))
        if known is None and section is _Exports:
            section = _Source
            continue
        if known is None:
            return section, ""
        description = known.description or ""
        if isinstance(known.annotation, type) and issubclass(known.annotation, BaseModel):
            section = known.annotation
    return section, description


def _unknown(table: Table, path: KeyPath, section: type[BaseModel]) -> Problem:
    key, dotted = str(path[-1]), ".".join(map(str, path))
    near = nearest(key, section.model_fields)
    guess = f'Did you mean "{near}"?' if near else f"Known here: {', '.join(section.model_fields)}."
    if section is _Exports and not near:
        guess += " A source is a table of its own: [exports.marketo]."
    what = f"[{dotted}] is not a section" if len(path) == 1 else f"{dotted} is not a setting"
    return table.problem(path, "CFG-002", f"{what} of syncd: it would have no effect.", guess)


def _config(path: Path, document: _Document, access: OrgAccess) -> Config:
    def folder(section: _Folder, default: str) -> Path:
        return (path.parent / Path(section.folder or default).expanduser()).resolve()

    def store_url(url: str) -> str:
        if not url.startswith(SQLITE):
            return url
        return f"{SQLITE}{(path.parent / Path(url.removeprefix(SQLITE)).expanduser()).resolve()}"

    return Config(
        path=path,
        name=document.org.name or access.login_url.split("//", 1)[-1],
        org=access,
        schedule=document.schedule,
        store_url=store_url(document.store.url),
        mappings=folder(document.mappings, "mappings"),
        exports=folder(document.exports, "exports"),
        plans=folder(document.plans, "plans"),
        limits=document.limits,
        zone=document.time.zone,
        log=document.log,
        fetch_every=document.exports.every,
        keep=None if document.exports.keep_days is None else timedelta(days=document.exports.keep_days),
    )


def settings() -> Iterator[tuple[str, str]]:
    """Give every setting as (dotted key, what may be written), for the documentation and its test."""
    for section, known in _Document.model_fields.items():
        if isinstance(known.annotation, type) and issubclass(known.annotation, BaseModel):
            for key, field in known.annotation.model_fields.items():
                yield f"{section}.{key}", field.description or ""
