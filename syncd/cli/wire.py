"""Which adapters does this run work with? The only place that picks them.

Heavy imports stand inside the functions, so that `syncd --help` answers at once.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from syncd.cli import output
from syncd.core.nurture import parse_nurture
from syncd.core.policies import Policies
from syncd.core.policy import parse_fences
from syncd.errors import ConfigInvalid, OrgRefused, StoreUnusable

if TYPE_CHECKING:
    import typer

    from syncd.config import Config
    from syncd.core.fence_model import Condition, Fences
    from syncd.core.mapping import Formula
    from syncd.core.nurture import Nurture
    from syncd.core.tables import Table
    from syncd.core.values import Problem, Rule
    from syncd.engine.world import World
    from syncd.ports import OrgReader, StoreReader
    from syncd.ports.sources import Fetching
    from syncd.salesforce.org import SalesforceOrg
    from syncd.store.sql import SqlStore

    Work = tuple[World, SalesforceOrg]

FENCES = "fences.toml"
NURTURE = "nurture.toml"
FIELDS = "fields"
NEW_DATABASE = (
    "A new, empty database was made at {path}; this org is read as if for the first time.\n"
    "  next: if that is not the first run, stop and restore the old database: its ledger is your audit trail."
)
PASSWORD = (
    "{username} logs in with a password: Salesforce is retiring that, and newer orgs refuse it.\n"
    '  next: set up login = "jwt-bearer" or "client-credentials" under [org] as config.example.toml shows.'
)

_Parsed = TypeVar("_Parsed")


def config_of(context: typer.Context) -> Config:
    """Read the config that the options before the verb name. Raises ConfigInvalid."""
    from syncd.config import load_config

    return load_config(context.obj.config)


def command(context: typer.Context, words: str) -> str:
    """Return a command to be pasted: `syncd`, the --config that the user gave, and the words."""
    return output.as_called(f"syncd {words}", context.obj.config)


def open_org(config: Config) -> closing[SalesforceOrg]:
    """Give the org of the config for a `with` block; nothing is sent before it is asked something.

    Errors: ConfigInvalid where a secret is not here.
    """
    from syncd.salesforce.org import SalesforceOrg

    config.require_secrets()
    return closing(SalesforceOrg(config.org))


@contextmanager
def open_store_to_read(config: Config) -> Iterator[StoreReader]:
    """Give the database of the config's org, read only. Raises StoreUnusable when there is none yet."""
    from syncd.store.sql import open_store

    store = open_store(config.store_url, None, read_only=True)
    try:
        yield store
    finally:
        store.dispose()


@contextmanager
def open_store_to_write(config: Config, org_id: str) -> Iterator[SqlStore]:
    """Give the database of one org; a missing one is created, an older one brought up to date."""
    from syncd.store.sql import open_store

    store = open_store(config.store_url, org_id)
    store.site = _site(config)
    try:
        yield store
    finally:
        store.dispose()


def _site(config: Config) -> str:
    """Tell emulated orgs of this machine apart, which may have one id; real orgs have each their own."""
    parts = urlsplit(config.org.login_url)
    return parts.netloc if parts.hostname in ("127.0.0.1", "localhost", "::1") else ""


def known_org(config: Config) -> str | None:
    """Return the org whose state the database holds, without asking Salesforce; None when there is none yet, or several."""
    from syncd.store.sql import open_store

    try:
        store = open_store(config.store_url, None, read_only=True)
    except StoreUnusable:
        return None
    try:
        return store.org
    finally:
        store.dispose()


def refuse_other_org(config: Config, org_id: str) -> None:
    """Raise OrgRefused when the database holds another org than the one that was logged in to, such as a refreshed sandbox."""
    held = known_org(config)
    if held is not None and held != org_id:
        raise OrgRefused(
            f"The database holds org {held}, and {config.org.login_url} leads to org {org_id}: a sandbox was refreshed, or "
            "login_url or the database is another one than before. Nothing was read or written.",
            hint="If the new org is meant, name a new database under [store] in config.toml: the old one stays as the old org's "
            "audit trail, and the new org begins with a baseline of its own.",
        )


@contextmanager
def open_known_store(config: Config) -> Iterator[SqlStore | None]:
    """Give the database of the org that it holds, without asking Salesforce; None when there is none yet, or several."""
    org_id = known_org(config)
    if org_id is None:
        yield None
        return
    with open_store_to_write(config, org_id) as store:
        yield store


@contextmanager
def open_world(
    config: Config,
    *,
    await_org: Callable[[OrgReader], None] = lambda _: None,
    is_read_only: bool = False,
    is_stopping: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Work]:
    """Give everything that a cycle works with: the org, its store, the policies, the folders and the clocks.

    Shapes: `await_org` may wait for an org that does not answer; `is_read_only` leaves export files where they are, as a plan
    wants it; `tell` hears that a database was made.
    Errors: ConfigInvalid for policy files, LoginRefused or OrgUnreachable before the store is touched, StoreUnusable.
    """
    from syncd.engine.host_clock import HostClock
    from syncd.engine.world import Pace, World
    from syncd.exports.contact_points import ContactPoints
    from syncd.exports.folder import DropFolder
    from syncd.salesforce.access import Password

    _spare_collections()
    policies = load_policies(config.mappings)
    limits = config.limits
    with ExitStack() as stack:
        org = stack.enter_context(open_org(config))
        if isinstance(config.org.method, Password):
            tell(PASSWORD.format(username=config.org.method.username))
        await_org(org)
        refuse_other_org(config, org.identity().org_id)
        store = stack.enter_context(open_store_to_write(config, org.identity().org_id))
        if store.is_new:
            tell(NEW_DATABASE.format(path=store.where))
        clock = HostClock()
        world = World(
            org=org,
            store=store,
            policies=policies,
            exports=DropFolder(config.exports, clock, is_read_only=is_read_only),
            plans=config.plans,
            zone=config.zone,
            limits=limits.mass_change,
            pace=Pace(
                config.schedule.interval,
                config.schedule.slow_every,
                limits.hold_back,
                limits.api_calls_share_percent,
                limits.api_calls_reserve_percent,
                canary=limits.canary,
                regret_percent=limits.regret_percent,
            ),
            clock=clock,
            is_stopping=is_stopping,
            points=ContactPoints(),
            fetching=None if is_read_only else _fetching(config),
        )
        yield world, org


def _fetching(config: Config) -> Fetching:
    """Give the places that exports are fetched from; nothing is asked of them before they are due."""
    from syncd.exports.archive import FolderArchive
    from syncd.exports.incoming import FolderIncoming
    from syncd.exports.remote.sources import sources_of
    from syncd.ports.sources import Fetching

    folder = config.exports
    return Fetching(sources_of(config.sources), FolderIncoming(folder), FolderArchive(folder), config.fetch_every, config.keep)


def _spare_collections() -> None:
    """Have the collector look seldom: a cycle makes many values and hardly a ring of them."""
    gc.set_threshold(50_000, 20, 100)


def load_policies(folder: Path) -> Policies:
    """Read every policy file of a folder.

    Shapes: `fences.toml` must be there, `nurture.toml` may be, each `fields/<source>.toml` is one source. A rule is named by
            the folder's own name and the file (`mappings/fences.toml`), so that the ledger reads the same on every machine.
    Errors: ConfigInvalid lists every problem of every file at once.
    """
    policies, problems = read_policies(folder)
    if policies is None:
        raise ConfigInvalid(_listed(folder, problems))
    return policies


def read_policies(folder: Path) -> tuple[Policies | None, list[Problem]]:
    """Read every policy file of a folder: the policies and no problem, or None and every problem of every file."""
    from syncd.core.fence_clashes import fenced_columns
    from syncd.core.mapping import clashes
    from syncd.core.mapping_file.parsing import parse_mapping

    problems: list[Problem] = []
    hashes: dict[str, str] = {}

    def parsed(name: str, parse: Callable[[Table], tuple[_Parsed | None, list[Problem]]]) -> _Parsed | None:
        table = _table(folder, name, problems)
        if table is None:
            return None
        hashes[name] = table.sha256
        value, found = parse(table)
        problems.extend(found)
        return value

    fences = parsed(FENCES, partial(parse_fences, compile_condition=_compiled))
    has_nurture = (folder / NURTURE).exists()
    nurture = parsed(NURTURE, lambda table: _nurture(table, fences)) if has_nurture else None
    files = sorted((folder / FIELDS).glob("*.toml"))
    read = partial(partial, parse_mapping, compile_formula=compiled_formula)
    sources = [parsed(f"{FIELDS}/{file.name}", read(file.stem)) for file in files]
    valid = tuple(source for source in sources if source is not None)
    problems += clashes(valid)
    if fences is not None:
        problems += fenced_columns(fences, valid)
    if fences is None or problems:
        return None, problems
    return Policies(fences, nurture, valid, hashes), []


def read_fences(folder: Path) -> Fences | None:
    """Read fences.toml of a folder, or return None where it is not there or cannot be read."""
    table = _table(folder, FENCES, [])
    return None if table is None else parse_fences(table, compile_condition=_compiled)[0]


def _compiled(text: str, rule: Rule) -> Condition | Problem:
    """Compile a condition; most files have none, and then the compiler is not even loaded."""
    from syncd.policies.conditions import compile_condition

    return compile_condition(text, rule)


def compiled_formula(
    text: str, rule: Rule, columns: Sequence[tuple[str, str]], *, is_condition: bool = False
) -> Formula | Problem:
    """Compile a formula of a mapping file, for `parse_mapping`; the compiler is loaded with the first one."""
    from syncd.policies.mapping_formulas import compile_formula

    return compile_formula(text, rule, columns, is_condition=is_condition)


def _table(folder: Path, name: str, problems: list[Problem]) -> Table | None:
    from syncd.policies.documents import read_table

    label = f"{folder.resolve().name}/{name}"
    table, found = read_table(folder / name)
    problems.extend(replace(problem, file=label) for problem in found)
    return None if table is None else replace(table, file=label)


def _nurture(table: Table, fences: Fences | None) -> tuple[Nurture | None, list[Problem]]:
    """Read nurture.toml and hold its teams against those of fences.toml."""
    from syncd.policies.documents import nearest

    nurture, problems = parse_nurture(table, _compiled)
    if nurture is None or fences is None:
        return nurture, problems
    known = sorted({team.name for team in fences.teams} | {team.side for team in fences.teams})
    for team in sorted(nurture.activity.by - set(known)):
        near = nearest(team, known)
        remedy = f"Did you mean {near!r}?" if near else "Known teams: " + ", ".join(known)
        path = ("activity", "by")
        problems.append(table.problem(path, "MAP-063", f"activity counts for {team!r}, which is no team of {FENCES}.", remedy))
    return (None if problems else nurture), problems


def _listed(folder: Path, problems: list[Problem]) -> str:
    count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
    lines = "".join(f"\n  {line}" for problem in problems for line in (str(problem), *output.pointed(problem)))
    return f"{count} in the policy files of {folder}; nothing was changed:{lines}"
