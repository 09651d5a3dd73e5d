"""Do the settings somebody asks for make sense in this org?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox.access import check_access
from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.flows import public_key
from syncd.sandbox.formulas import check_formulas
from syncd.sandbox.schema import SObject

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

Table = Mapping[str, Any]


def check_switches(org: Org, wanted: Table) -> None:
    """Look at settings before any is changed.

    Errors: ControlRefused naming the setting, what is wrong, and how it is written.
    """
    if wanted.get("jwt_public_key"):
        public_key(str(wanted["jwt_public_key"]))
    if isinstance(wanted.get("formula_fields"), dict):
        check_formulas(org, wanted["formula_fields"])
    if wanted.get("late_commit") is not None:
        _late_commit(org, wanted["late_commit"])
    if wanted.get("access_by_permission_set") is not None:
        check_access(wanted["access_by_permission_set"])
    for name, (check, known) in _RULES.items():
        for rule in wanted.get(name) or ():
            if not isinstance(rule, dict) or set(rule) - known:
                raise ControlRefused(f"A rule of {name} is a table of {', '.join(sorted(known))}, not {rule!r}.")
            check(org, name, rule)


def _late_commit(org: Org, rule: object) -> None:
    example = '{"object": "Lead", "minutes": 7, "every": 3}'
    if not isinstance(rule, dict) or set(rule) - {"object", "minutes", "every"} or "object" not in rule:
        raise ControlRefused(f"late_commit takes {example} or null, not {rule!r}.")
    _object(org, "late_commit", rule)
    for name in ("minutes", "every"):
        number = rule.get(name, 1)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ControlRefused(f"late_commit: {name} takes a whole number from 1, not {number!r}.")
    if "minutes" not in rule:
        raise ControlRefused(f"late_commit: minutes is missing; write {example}.")


def _object(org: Org, setting: str, rule: Table) -> SObject:
    sobject = org.schema.find(str(rule.get("object", "")))
    if sobject is None:
        raise ControlRefused(f"{setting}: there is no object {rule.get('object')!r} in this org.")
    return sobject


def _stored(setting: str, sobject: SObject, name: str) -> None:
    field = sobject.find(name)
    if field is None or not field.stored:
        raise ControlRefused(f"{setting}: {sobject.name} has no field {name!r} with a value of its own.")


def _condition(org: Org, setting: str, rule: Table, *, needed: bool) -> SObject:
    sobject = _object(org, setting, rule)
    when = rule.get("when", {})
    if not isinstance(when, dict) or (needed and not when):
        raise ControlRefused(f'{setting}: when takes fields and values, e.g. {{"Status": "MQL"}}, not {when!r}.')
    for name in when:
        _stored(setting, sobject, name)
    return sobject


def _validation(org: Org, setting: str, rule: Table) -> None:
    sobject = _condition(org, setting, rule, needed=True)
    if not rule.get("message"):
        raise ControlRefused(f"{setting}: a rule needs a message, the text that a refused user reads.")
    if rule.get("field"):
        _stored(setting, sobject, str(rule["field"]))


def _trigger(org: Org, setting: str, rule: Table) -> None:
    _condition(org, setting, rule, needed=False)
    if rule.get("kind", "trigger") not in ("trigger", "flow"):
        raise ControlRefused(f"{setting}: kind is trigger or flow, not {rule['kind']!r}.")


def _workflow(org: Org, setting: str, rule: Table) -> None:
    sobject = _condition(org, setting, rule, needed="changed" not in rule)
    changed = rule.get("changed", ["Id"])
    if not isinstance(changed, list) or not changed:
        raise ControlRefused(f'{setting}: changed takes a list of fields, e.g. ["Status"], not {changed!r}.')
    for name in changed:
        _stored(setting, sobject, str(name))
    if not isinstance(rule.get("set"), dict) or not rule["set"]:
        raise ControlRefused(f'{setting}: set takes fields and values, e.g. {{"Rating": "Hot"}}, not {rule.get("set")!r}.')
    for name in rule["set"]:
        _stored(setting, sobject, name)
    if rule.get("as", "user") not in ("user", "process"):
        raise ControlRefused(f"{setting}: as is user or process, not {rule['as']!r}.")


def _duplicate(org: Org, setting: str, rule: Table) -> None:
    sobject = _object(org, setting, rule)
    match, against = rule.get("match"), rule.get("against", [sobject.name])
    if not isinstance(match, list) or not match or not isinstance(against, list):
        raise ControlRefused(f'{setting}: match and against take lists, e.g. ["Email"] and ["Lead", "Contact"].')
    for name in match:
        _stored(setting, sobject, str(name))
    for each in against:
        _object(org, setting, {"object": each})
    if rule.get("action", "alert") not in ("alert", "block"):
        raise ControlRefused(f"{setting}: action is alert or block, not {rule['action']!r}.")


def _bulk_job(org: Org, setting: str, rule: Table) -> None:
    if rule.get("end") not in ("Failed", "Aborted", "JobComplete"):
        raise ControlRefused(f"{setting}: end is Failed, Aborted or JobComplete, not {rule.get('end')!r}.")
    rows = rule.get("after_rows", 0)
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
        raise ControlRefused(f"{setting}: after_rows takes a whole number from 0, not {rows!r}.")
    if "object" in rule:
        _object(org, setting, rule)


_RULES: dict[str, tuple[Callable[[Org, str, Table], None], frozenset[str]]] = {
    "validation_rules": (_validation, frozenset({"object", "when", "message", "field"})),
    "failing_triggers": (_trigger, frozenset({"object", "when", "message", "kind"})),
    "workflow_rules": (_workflow, frozenset({"object", "when", "set", "as", "name", "changed"})),
    "bulk_jobs": (_bulk_job, frozenset({"operation", "object", "end", "after_rows", "message"})),
    "duplicate_rules": (_duplicate, frozenset({"object", "name", "match", "against", "action"})),
}
