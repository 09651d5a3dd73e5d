"""Would a cycle work here: files, folders, login, permissions, fields, picklists, history tracking?

Works without a store and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli import output, wire
from syncd.errors import StoreOutdated, StoreUnusable, SyncdError

if TYPE_CHECKING:
    from syncd.cli.finding import Finding
    from syncd.config import Config
    from syncd.core.nurture import Nurture
    from syncd.core.policies import Policies
    from syncd.core.values import Scalar
    from syncd.ports import ObjectSchema
    from syncd.salesforce.org import SalesforceOrg

SKEW_MAX = timedelta(minutes=1)
LEVEL_WIDTH = 9


def check(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Check config, mappings, folders, login, permissions, fields, picklists, campaigns, teams, history tracking and API budget.

    Exit 0 without findings (warnings may be there), 1 with findings, 2 when config.toml cannot be used. Without a secret that it
    refers to, everything is checked but what has to be asked.
    """
    from syncd.cli.finding import Level

    config = wire.config_of(context)
    found = list(_all(config))
    findings = [each for each in found if each.level is Level.FINDING]
    if as_json:
        output.as_json({"schema": 1, "findings": len(findings), "checks": found})
    else:
        output.data("\n".join(_told(found)))
        warnings = sum(each.level is Level.WARNING for each in found)
        output.message(_verdict(len(findings), warnings, wire.command(context, "run --once")))
    if findings:
        raise typer.Exit(1)


def _all(config: Config) -> Iterator[Finding]:
    from syncd.cli.finding import Finding, Level, wrong

    yield from [wrong("config", each) for each in config.not_here] or [Finding(Level.OK, "config", str(config.path))]
    policies, problems = wire.read_policies(config.mappings)
    yield from (wrong("mappings", each) for each in problems)
    if policies is not None:
        files = ", ".join(policies.hashes)
        yield Finding(Level.OK, "mappings", f"{config.mappings}: {files}")
    yield from _folders(config, policies)
    if config.not_here:
        yield Finding(
            Level.FINDING, "org", "Without the secret the org was not asked.", "Give it as said above, then check again."
        )
        return
    with wire.open_org(config) as org:
        try:
            yield from _org(config, org, policies)
        except SyncdError as problem:
            yield Finding(Level.FINDING, "org", output.one_stop(str(problem)), problem.hint)


def _folders(config: Config, policies: Policies | None) -> Iterator[Finding]:
    from syncd.cli import paths
    from syncd.cli.export_files import files_fit
    from syncd.cli.source_check import sources_ready

    database = config.database_file
    yield from paths.server_ready(config.store_url) if database is None else _database(config, database)
    if policies is not None:
        yield from paths.exports_ready(config.exports, config.mappings, tuple(source.name for source in policies.sources))
        yield from () if config.not_here else sources_ready(config, policies.sources)
        yield from files_fit(config.exports, policies.sources)
    yield paths.plans_ready(config.plans)


def _database(config: Config, database: Path) -> Iterator[Finding]:
    """Say whether the database may be where it is, and whether the one that is there can be read by this syncd."""
    from syncd.cli import paths
    from syncd.cli.finding import Finding, Level
    from syncd.store.sql import open_store

    ready = list(paths.database_ready(database))
    if database.is_file() and ready[0].level is Level.OK:
        try:
            open_store(config.store_url, "", read_only=True).dispose()
        except StoreOutdated:
            ready[0] = replace(ready[0], text=f"{ready[0].text}; a cycle brings its tables up to date")
        except StoreUnusable as problem:
            ready[0] = Finding(Level.FINDING, "database", output.one_stop(str(problem)), problem.hint)
    yield from ready


def _org(config: Config, org: SalesforceOrg, policies: Policies | None) -> Iterator[Finding]:
    from syncd.cli import findings
    from syncd.cli.fence_check import fences_fit, queues_fit
    from syncd.cli.finding import Finding, Level
    from syncd.cli.reaction_check import reactions_fit
    from syncd.cli.team_check import names_of, teams_fit
    from syncd.engine.needs import OBJECTS, objects_under
    from syncd.engine.world import Pace

    org.try_login_at_once()  # somebody may have put right just now what was refused before
    yield from findings.login_method(config.org.method)
    me = org.identity()
    yield Finding(Level.OK, "login", f"{config.name}: org {me.org_id}, user {me.user_id}, {me.instance_url}")
    wire.refuse_other_org(config, me.org_id)
    schema = org.schema(OBJECTS if policies is None else objects_under(policies))
    types_of = cache(org.record_types)
    yield from findings.fields_visible(policies, schema)
    if policies is not None:
        yield from findings.fields_writable(policies, schema)
        yield from findings.mappings_fit(policies, schema)
        yield from findings.formulas_read_again(policies, schema, output.span(Pace().formula_every))
        types = {name: types_of(name) for name in findings.record_types_written(policies, schema)}
        yield from findings.picklists_by_type(policies, schema, types)
    yield from fences_fit(org, policies.fences if policies is not None else None, schema, types_of)
    if policies is not None and policies.nurture is not None:
        yield from findings.stages_known(policies.nurture, schema)
        yield from findings.nurture_fields_fit(policies.nurture, schema)
        yield from findings.nurture_conditions_fit(policies.nurture, schema)
        yield from _campaigns(org, policies.nurture)
        yield from _privacy(org, policies.nurture, schema)
    if policies is not None:
        names = names_of(org, policies, schema)
        yield from teams_fit(config, names, policies)
        yield from queues_fit(policies.fences, names.people)
        yield from reactions_fit(org, policies.fences, names.people, org.now().astimezone(config.zone).date())
    limits = config.limits
    yield findings.budget_left(org.usage(), limits.api_calls_share_percent, limits.api_calls_reserve_percent)
    yield findings.no_excess(schema)
    skew = org.skew()
    if abs(skew) > SKEW_MAX:
        way = "behind" if skew > timedelta(0) else "ahead of"
        text = f"this host's clock is {output.span(abs(skew))} {way} the org's; decisions use the org's."
        yield Finding(Level.WARNING, "clock", text, "Set the host's clock by NTP.")


def _campaigns(org: SalesforceOrg, nurture: Nurture) -> Iterator[Finding]:
    from syncd.cli import findings

    names: list[Scalar] = [*dict.fromkeys(track.campaign for track in nurture.tracks)]
    campaigns = org.find("Campaign", ("Name", "IsActive"), {"Name": names}).records
    statuses = org.find("CampaignMemberStatus", ("CampaignId", "Label"), {"CampaignId": list(campaigns)}).records
    yield from findings.campaigns_ready(nurture, campaigns.values(), statuses.values())


def _privacy(org: SalesforceOrg, nurture: Nurture, schema: Mapping[str, ObjectSchema]) -> Iterator[Finding]:
    from syncd.cli import findings
    from syncd.core.privacy import CONSENTS, INDIVIDUAL, PURPOSE, asked_of

    unnamed = [name for name in (INDIVIDUAL, *CONSENTS) if name not in asked_of(nurture.privacy)]
    yield from findings.privacy_left_aside(org.schema(unnamed))
    names: list[Scalar] = [*dict.fromkeys(name for scopes in nurture.privacy.purposes.values() for name in scopes)]
    if names and "Name" in (schema[PURPOSE].fields if PURPOSE in schema else {}):
        there = org.find(PURPOSE, ("Name",), {"Name": names}).records.values()
        yield from findings.purposes_known(nurture, (name for row in there if (name := row.text("Name"))))


def _told(found: Iterable[Finding]) -> Iterator[str]:
    for each in found:
        level = output.coloured(each.level.value) + " " * (LEVEL_WIDTH - len(each.level.value))
        yield f"{level}{each.check:<16} {output.visible(each.text)}"
        yield from (f"{'':<22}{line}" for line in each.source)
        if each.remedy:
            yield f"{'':<26}next: {output.visible(each.remedy)}"


def _verdict(findings: int, warnings: int, first_cycle: str) -> str:
    besides = f", {output.many(warnings, 'warning')}" if warnings else ""
    if not findings:
        return f"no findings{besides}: a cycle would work. Next: {first_cycle}"
    return f"{output.many(findings, 'finding')}{besides}. Nothing was changed anywhere."
