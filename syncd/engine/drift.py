"""What is different about an object's fields since they were last described, and who names these fields?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from syncd.core.fence_fields import fields_named
from syncd.core.policies import Policies
from syncd.core.privacy import LINK, asked_of
from syncd.ports import FieldSchema, ObjectSchema

VALUES_SHOWN = 5
OPT_OUT_TABLE = "nurture.toml [opt_out]"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `field` is None when it is the object's own; `is_serious`: a person should look whether rules still fit;
    `is_settled`: what was told of the field before is over."""

    object: str
    field: str | None
    before: str | None
    after: str | None
    text: str
    is_serious: bool = False
    is_settled: bool = False


def differences(
    object: str, before: ObjectSchema | None, after: ObjectSchema | None, names: Iterable[str]
) -> Iterator[Difference]:
    """Compare two descriptions of an object in the fields that are asked for."""
    if before is None and after is None:
        return
    if before is None:
        yield Difference(object, None, None, "visible", f"{object} is visible again")
        return
    if after is None:
        yield Difference(object, None, "visible", None, f"{object} is no longer visible to syncd's user")
        return
    new = [field for name, field in after.fields.items() if name not in before.fields]
    for name in names:
        here, there = before.fields.get(name), after.fields.get(name)
        if here is not None and there is None:
            yield _gone(object, here, new)
        elif here is None and there is not None:
            yield Difference(object, name, None, there.type, f"{object}.{name} is visible again", is_settled=True)
        elif here is not None and there is not None and here != there:
            yield from _altered(object, here, there)


def _gone(object: str, field: FieldSchema, new: Sequence[FieldSchema]) -> Difference:
    """Tell of a field that vanished; one of the same make that came at the same moment may be its new name."""
    alike = [
        one.name for one in new if (one.type, one.length, one.is_external_id) == (field.type, field.length, field.is_external_id)
    ]
    guess = f"; {' or '.join(sorted(alike)[:3])} is new there and of the same type: was it renamed?" if alike else ""
    text = f"{object}.{field.name} was deleted, renamed or hidden from syncd's user{guess}"
    return Difference(object, field.name, field.type, None, text)


def _altered(object: str, here: FieldSchema, there: FieldSchema) -> Iterator[Difference]:
    name = f"{object}.{there.name}"
    if here.type != there.type:
        text = f"{name} is of type {there.type} now, no longer {here.type}"
        yield Difference(object, there.name, here.type, there.type, text, is_serious=True)
    if here.length != there.length:
        text = f"{name} takes {there.length} characters now, no longer {here.length}"
        yield Difference(object, there.name, str(here.length), str(there.length), text, is_serious=there.length < here.length)
    if here.is_updateable != there.is_updateable:
        may = "may be edited" if there.is_updateable else "may no longer be edited"
        text = f"{name} {may} by syncd's user"
        yield Difference(object, there.name, None, None, text)
    gone = [value for value in here.picklist if value not in there.picklist]
    come = [value for value in there.picklist if value not in here.picklist]
    if gone:
        text = f"{name} no longer has the picklist value{_values(gone)}{f'; new are{_values(come)}: renamed?' if come else ''}"
        yield Difference(object, there.name, ";".join(gone), ";".join(come) or None, text, is_serious=True)
    elif come:
        yield Difference(object, there.name, None, ";".join(come), f"{name} has the new picklist value{_values(come)}")


def _values(values: Sequence[str]) -> str:
    shown = ", ".join(repr(value) for value in values[:VALUES_SHOWN])
    more = f" and {len(values) - VALUES_SHOWN} more" if len(values) > VALUES_SHOWN else ""
    return f"{'s' if len(values) > 1 else ''} {shown}{more}"


def field_users(policies: Policies) -> dict[tuple[str, str], str]:
    """Return by (object, field) what names it, such as `fields/marketo.toml:12`."""
    found: dict[tuple[str, str], str] = {}
    named = sorted(fields_named(policies.fences.fences, policies.fences.sides), key=lambda one: not one.is_own)
    for one in named:
        found.setdefault((one.object, one.field), f"{one.rule.file}:{one.rule.line}")
    for source in policies.sources:
        for object in ("Lead", "Contact"):
            if source.external_field:
                found.setdefault((object, source.external_field), f"{source.file} [match]")
        for column in source.writing:
            where = f"{column.rule.file}:{column.rule.line}"
            for object, field in column.fields.items():
                asked = (name for formula in column.formulas for name in formula.fields)
                found |= dict.fromkeys(((object, name) for name in asked), where)
                found[object, field] = where
    if policies.nurture is not None:
        found |= dict.fromkeys(policies.nurture.hold_field.items(), "nurture.toml [hold]")
        found |= {(object, name): OPT_OUT_TABLE for object, boxes in policies.nurture.opt_outs.items() for name in boxes}
        privacy = asked_of(policies.nurture.privacy)
        found |= {(object, name): OPT_OUT_TABLE for object, (fields, _) in privacy.items() for name in ("", *fields)}
        found |= {(object, LINK): OPT_OUT_TABLE for object in ("Lead", "Contact") if privacy}
        for object, condition in policies.nurture.screen.conditions():
            for name in sorted(condition.fields):
                found.setdefault((object, name), f"{condition.rule.file}:{condition.rule.line}")
    return found
