"""Does what the org shows fit what the policy files need? Values in, findings out; nothing is asked here.

Source: real orgs, assumptions 1, 26 and 27 (docs/practices.md, Real orgs).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from syncd.cli.fence_findings import fences_writable
from syncd.cli.finding import FIELD_ACCESS, Finding, Level, at, bad, meant, ok, warn, wrong
from syncd.core.fence_fields import OWNER_FIELD, fields_named
from syncd.core.mapping import Column, SourceMapping, fields_needed
from syncd.core.mapping_file.keys import PEOPLE
from syncd.core.mapping_fit import HIDDEN, NOT_WRITABLE, schema_problems
from syncd.core.nurture import Nurture
from syncd.core.nurture_conditions import with_types
from syncd.core.policies import Policies
from syncd.core.privacy import INDIVIDUAL, LINK, PrivacySources, as_compared, asked_of
from syncd.core.values import OrgRecord
from syncd.engine.formulas import formulas_in
from syncd.engine.needs import ALL, needs_under, privacy_under
from syncd.policies.documents import nearest
from syncd.ports import ApiUsage, FieldSchema, ObjectSchema, RecordType
from syncd.salesforce.access import JwtBearer, Method, Password, RefreshToken

OPT_OUT = "HasOptedOutOfEmail"
BUDGET_WARNING_PERCENT = 80
VALUES_SHOWN = 5
_NURTURE_FIELDS = {
    "hold": (("date", "datetime"), "date field", "every {} with a value in it"),
    "opt_out": (("boolean",), "checkbox", "every {}"),
}
NOBODY = "What cannot be read counts as opted out, so nobody is enrolled."
PRIVACY_ACCESS = (
    "Setup > Data Protection and Privacy: switch data privacy records on. Then give syncd's permission set Read and View All on "
    "{0}, and Read on its fields. Or take [opt_out.{0}] out of nurture.toml."
)
TOLD_ABOVE = (HIDDEN, NOT_WRITABLE)


def fields_visible(policies: Policies | None, schema: Mapping[str, ObjectSchema]) -> Iterator[Finding]:
    """Say which objects and fields that a cycle or a mapping needs are not visible."""
    check = "visible fields"
    needed = {need.object: set(need.fields) - need.dispensable for need in ALL if not need.is_optional}
    for object, more in fields_needed(policies.sources if policies else ()).items():
        needed[object] |= set(more)
    for object, field in (policies.nurture.hold_field if policies and policies.nurture else {}).items():
        needed[object].add(field)
    for object, boxes in (policies.nurture.opt_outs if policies and policies.nurture else {}).items():
        needed[object] |= set(boxes)
    sources = privacy_under(policies) if policies is not None else PrivacySources()
    privacy = {object: {*fields} for object, (fields, _) in asked_of(sources).items()}
    needed |= privacy | ({object: needed[object] | {LINK} for object in PEOPLE} if privacy else {})
    lines = _lines_naming(policies.sources if policies else ())
    for one in fields_named(policies.fences.fences, policies.fences.sides) if policies else ():
        if one.is_own or one.field != OWNER_FIELD:  # not every object has owners
            needed.setdefault(one.object, set()).add(one.field)
            lines.setdefault((one.object, one.field), f"{at(one.rule)} ")
    count = 0
    for object, fields in needed.items():
        seen = schema.get(object)
        if seen is None and object in privacy:
            yield bad(check, f"nurture.toml [opt_out]: {object} is not there, or hidden. {NOBODY}", PRIVACY_ACCESS.format(object))
            continue
        if seen is None:
            access = FIELD_ACCESS.format(object=object, right="Read", field="it")
            yield bad(check, f"{object} is not visible to syncd's user.", access)
            continue
        plain = sorted(field for field in fields if "." not in field)
        count += len(plain)
        for field in plain:
            if field not in seen.fields:
                found = _hidden(check, object, field, seen, lines.get((object, field), ""))
                is_privacy = object in privacy or (privacy and field == LINK)
                yield replace(found, text=f"{found.text} {NOBODY}") if is_privacy else found
    yield ok(check, f"{count} fields of {len(needed)} objects were looked at")


def _lines_naming(sources: Sequence[SourceMapping]) -> dict[tuple[str, str], str]:
    """Return by (object, field) the line of the mapping that names it, ready to stand before a message."""
    columns = [column for source in sources for column in source.writing]
    named = {(object, field): f"{at(column.rule)} " for column in columns for object, field in column.fields.items()}
    keys = {(object, s.external_field): f"{s.file} [match] " for s in sources for object in PEOPLE if s.external_field}
    return {**keys, **named}


def _hidden(check: str, object: str, field: str, seen: ObjectSchema, line: str) -> Finding:
    access = FIELD_ACCESS.format(object=object, right="Read Access", field=field)
    if field == OPT_OUT:
        text = f"{line}{object}.{field} is hidden: what cannot be read counts as opted out, so no {object} is ever enrolled."
        return bad(check, text, access)
    near = nearest(field, seen.fields)
    guess = f"Did you mean {near!r}? If not: " if near and field.endswith("__c") else ""
    return bad(check, f"{line}{object}.{field} does not exist, or is hidden from syncd's user.", guess + access)


def formulas_read_again(policies: Policies, schema: Mapping[str, ObjectSchema], every: str) -> Iterator[Finding]:
    """Say which formulas and roll-ups a policy names: their values change without a stamp, so that they are up to so much old."""
    named = formulas_in(needs_under(policies, schema).values(), schema)
    for object, fields in named.items():
        text = (
            f"{object}: {', '.join(fields)}: Salesforce works these out without moving a stamp, so they are read every {every}."
        )
        remedy = f"Each time all rows of {object} are read. Take the column out of the mapping when nothing rests on it."
        yield warn("formula fields", text, remedy)


def fields_writable(policies: Policies, schema: Mapping[str, ObjectSchema]) -> Iterator[Finding]:
    """Say which fields that a mapping, a fence or the nurture rules would write may not be written."""
    check = "writable fields"
    found = [*_columns_writable(check, policies.sources, schema), *fences_writable(policies.fences, schema)]
    member = schema.get("CampaignMember")
    if policies.nurture is not None and member is not None and not member.is_createable:
        remedy = "Setup > Users > syncd's user: tick Marketing User, and give its permission set Create on Campaign Members."
        level = Level.WARNING if policies.nurture.mode == "observe" else Level.FINDING
        found.append(Finding(level, check, "campaign members may not be created by syncd's user.", remedy))
    yield from found or [ok(check, "everything that a policy would write may be written")]


def _columns_writable(check: str, sources: Iterable[SourceMapping], schema: Mapping[str, ObjectSchema]) -> Iterator[Finding]:
    for source in sources:
        for column in source.writing:
            for object, field in column.fields.items():
                seen = _field(schema, object, field)
                if seen is not None and not seen.is_updateable and column.side == "marketing":
                    text = f"{at(column.rule)} column {column.name!r} writes {object}.{field}, which syncd's user may not edit."
                    remedy = FIELD_ACCESS.format(object=object, right="Edit Access", field=field)
                    yield bad(check, text, remedy + " A formula or roll-up can never be written: take the column out.")


def mappings_fit(policies: Policies, schema: Mapping[str, ObjectSchema]) -> Iterator[Finding]:
    """Say where a mapping does not fit the org: types, lengths, lookups, formulas. Hidden and read-only fields are told above."""
    visible = {name: one.fields for name, one in schema.items()}
    found = [one for source in policies.sources for one in schema_problems(source, visible) if one.code not in TOLD_ABOVE]
    yield from (wrong("mapped fields", one) for one in found)
    for source in policies.sources:
        keys = [(object, _field(schema, object, source.external_field)) for object in PEOPLE if source.external_field]
        for object, field in keys:
            if field is not None and not field.is_external_id:
                text = f"{source.file} [match] {object}.{field.name} is no external id: two people may have the same."
                yield warn(
                    "mapped fields", text, "Tick External ID and Unique on the field; until then such rows wait in the inbox."
                )


def record_types_written(policies: Policies, schema: Mapping[str, ObjectSchema]) -> list[str]:
    """Name the objects whose records have types, and of which a mapping writes a picklist."""
    objects = {object for _, object, _ in _picklists_written(policies, schema)}
    return sorted(object for object in objects if _field(schema, object, "RecordTypeId") is not None)


def picklists_by_type(
    policies: Policies, schema: Mapping[str, ObjectSchema], types: Mapping[str, Sequence[RecordType]]
) -> Iterator[Finding]:
    """Name values that a mapping may write and records of some type do not have. `types` has the active ones by object."""
    for column, object, field in _picklists_written(policies, schema):
        for one in types.get(object, ()):
            lacking = [value for value in field.picklist if value not in one.picklists.get(field.name, field.picklist)]
            if lacking:
                shown = ", ".join(map(repr, lacking[:VALUES_SHOWN])) + (", …" if len(lacking) > VALUES_SHOWN else "")
                text = f"{at(column.rule)} {object} records of type {one.name!r} can't have {object}.{field.name} {shown}."
                remedy = "Add to the record type what the source says: a restricted picklist refuses the rest, told in the inbox."
                yield warn("mapped fields", text, remedy)


def _picklists_written(policies: Policies, schema: Mapping[str, ObjectSchema]) -> Iterator[tuple[Column, str, FieldSchema]]:
    for source in policies.sources:
        for column in source.writing:
            for object, name in column.fields.items() if column.side == "marketing" else ():
                field = _field(schema, object, name)
                if field is not None and field.picklist and field.type in ("picklist", "multipicklist"):
                    yield column, object, field


def _field(schema: Mapping[str, ObjectSchema], object: str, field: str) -> FieldSchema | None:
    seen = schema.get(object)
    return None if seen is None else seen.fields.get(field)


def stages_known(nurture: Nurture, schema: Mapping[str, ObjectSchema]) -> Iterator[Finding]:
    """Say which stages of nurture.toml the org does not have."""
    check = "stages"
    stage = _field(schema, "Opportunity", "StageName")
    if stage is None:
        return
    named = {rule.stage: rule.rule for rule in nurture.stall.values()}
    for track in nurture.tracks:
        named.update({name: track.rule for name in sorted(track.stages) if name not in named})
    missing = [name for name in named if name not in stage.picklist]
    for name in missing:
        text = f"{at(named[name])} {name!r} is not an Opportunity Stage of this org."
        yield bad(check, text, meant(name, stage.picklist))
    if not missing:
        yield ok(check, f"{len(named)} stages of nurture.toml exist")


def nurture_fields_fit(nurture: Nurture, schema: Mapping[str, ObjectSchema]) -> Iterator[Finding]:
    """Say which fields under [hold] and [opt_out] are of another type than a date and a checkbox."""
    check = "nurture fields"
    wanted = [(object, name, "hold") for object, name in nurture.hold_field.items()]
    boxes_of = {**nurture.opt_outs, INDIVIDUAL: nurture.privacy.boxes}
    wanted += [(object, name, "opt_out") for object, boxes in boxes_of.items() for name in boxes]
    fits = 0
    for object, name, table in wanted:
        seen = schema[object].fields.get(name) if object in schema else None
        types, what, who = _NURTURE_FIELDS[table]
        if seen is None or seen.type in types:  # one that is not visible is told as such
            fits += 1
            continue
        text = f"nurture.toml [{table}]: {object}.{name} is of type {seen.type}, no {what}: {who.format(object)} is kept out."
        yield bad(check, text, f"Name a {what}.")
    if fits == len(wanted) > 0:
        yield ok(check, f"{fits} fields of nurture.toml are of their type")


def privacy_left_aside(unnamed: Iterable[str]) -> Iterator[Finding]:
    """Say which data privacy records the org has that nurture.toml does not name: who opted out there alone is mailed."""
    names = list(unnamed)
    if names:
        text = f"The org keeps {', '.join(names)}, which nurture.toml [opt_out] does not name: what they say keeps nobody out."
        tables = " ".join(f"[opt_out.{name}]" for name in names)
        yield warn("data privacy", text, f"If opt-outs may stand there, add to nurture.toml, each on a line of its own: {tables}")


def purposes_known(nurture: Nurture, there: Iterable[str]) -> Iterator[Finding]:
    """Say which data use purposes of nurture.toml the org does not have; what has no purpose that is named covers all mail."""
    names = {as_compared(name): name for name in there}
    for object, scopes in nurture.privacy.purposes.items():
        for purpose, scope in scopes.items():
            if purpose not in names:
                where = f"nurture.toml [opt_out.{object}]"
                text = f"{where}: {purpose!r} is no data use purpose of this org: no consent is about {scope} alone."
                yield warn("consent purposes", text, meant(purpose, sorted(names.values())))


def nurture_conditions_fit(nurture: Nurture, schema: Mapping[str, ObjectSchema]) -> Iterator[Finding]:
    """Check the formulas of nurture.toml with what the org says their fields hold."""
    types = {name: {field.name: field.type for field in seen.fields.values()} for name, seen in schema.items()}
    for problem in with_types(nurture.screen, types)[1]:
        yield bad("conditions", f"{problem.file}:{problem.line} [{problem.code}] {problem.text}", problem.remedy)


def campaigns_ready(nurture: Nurture, campaigns: Iterable[OrgRecord], statuses: Iterable[OrgRecord]) -> Iterator[Finding]:
    """Say which campaigns of nurture.toml are missing, double or inactive, and which member status they do not have."""
    check = "campaigns"
    by_name: dict[str, list[OrgRecord]] = {}
    for campaign in campaigns:
        by_name.setdefault(campaign.text("Name") or "", []).append(campaign)
    labels: dict[str, list[str]] = {}
    for status in statuses:
        labels.setdefault(status.text("CampaignId") or "", []).append(status.text("Label") or "")
    found = []
    for track in nurture.tracks:
        rows, where = by_name.get(track.campaign, []), f"{at(track.rule)} campaign {track.campaign!r}"
        if not rows:
            remedy = "Create it, share it with syncd's user, or correct the name."
            found.append(bad(check, f"{where} does not exist, or is not visible.", remedy))
        elif len(rows) > 1:
            found.append(bad(check, f"{where} exists {len(rows)} times.", "Rename all but one."))
        elif not rows[0].fields.get("IsActive"):
            found.append(bad(check, f"{where} is not active.", "Tick Active on the campaign in Salesforce."))
        elif track.member_status is not None and track.member_status not in labels.get(rows[0].id, []):
            text = f"{where} has no member status {track.member_status!r}."
            found.append(bad(check, text, meant(track.member_status, labels.get(rows[0].id, []))))
    yield from found or [ok(check, f"{len(nurture.tracks)} campaigns exist, are active and have their member status")]


def budget_left(usage: ApiUsage, share_percent: float | None, reserve_percent: float | None = None) -> Finding:
    """Say how much of the org's daily API requests is used, and whether cycles would wait for that."""
    check = "API budget"
    ours = "no share of its own is set for syncd" if share_percent is None else f"syncd takes at most {share_percent:g} %"
    free = "" if reserve_percent is None else f" and leaves the last {reserve_percent:g} % to others"
    text = f"{usage.used:,} of {usage.allowed:,} API requests used in the last 24 hours; {ours}{free}"
    remedy = "Find the integration that uses them: Setup > System Overview > API Requests."
    if usage.allowed and usage.used >= usage.allowed * (1 - (reserve_percent or 0) / 100):
        waits = "cycles would wait now"
        return bad(check, f"{text}; {waits}", f"{remedy} Or lower api_calls_reserve_percent under [limits] in config.toml.")
    if usage.allowed and usage.used * 100 >= usage.allowed * BUDGET_WARNING_PERCENT:
        return warn(check, text, remedy)
    return ok(check, text)


def login_method(method: Method) -> Iterator[Finding]:
    """Say what is to be known about the way syncd logs in."""
    if isinstance(method, Password):
        text = f"{method.username} logs in with a password: Salesforce is retiring that, and newer orgs refuse it."
        remedy = 'Set up login = "jwt-bearer" or "client-credentials" under [org] as config.example.toml shows.'
        yield warn("login", text, remedy)
    elif isinstance(method, RefreshToken):
        yield ok("login", f"the refresh token is in {method.token_file}; when Salesforce replaces it, so does syncd")
    elif isinstance(method, JwtBearer):
        yield ok("login", f"the app signs for {method.username} with {method.key_file}, for {method.audience}")


def no_excess(schema: Mapping[str, ObjectSchema]) -> Finding:
    """Warn when syncd's user may edit opportunities, which syncd never does."""
    check = "excess rights"
    deal = schema.get("Opportunity")
    if deal is not None and deal.is_updateable:
        editable = [name for name in ("Amount", "CloseDate", "StageName") if (f := deal.fields.get(name)) and f.is_updateable]
        fields = f", {', '.join(editable)} among its fields" if editable else ""
        remedy = "Take Edit on Opportunity from the permission set: syncd never writes one, and then nobody has to believe it."
        return warn(check, f"syncd's user may edit Opportunity{fields}.", remedy)
    return ok(check, "syncd's user may not edit Opportunity")
