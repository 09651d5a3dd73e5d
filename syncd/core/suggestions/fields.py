"""Which field of a lead or a contact does each column of an export belong in?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from syncd.core.field_facts import NamedField
from syncd.core.suggestions.cells import Look
from syncd.core.suggestions.names import CLOSE, KNOWN, VENDOR, name_score, sounds_changed_at
from syncd.core.suggestions.suggesting import MENTIONED_FROM, Evidence, Proposal

TYPE_OF = {
    "string": "text", "textarea": "text", "picklist": "text", "multipicklist": "text", "combobox": "text", "phone": "text",
    "url": "text", "encryptedstring": "text", "email": "email", "double": "number", "currency": "number", "percent": "number",
    "int": "integer", "long": "integer", "boolean": "boolean", "date": "date", "datetime": "datetime",
}  # fmt: skip
_VOLATILE = ("number", "integer")
_AGREED_FACTOR = 0.9
_KEY = "Email"  # people are found by it: an export that wrote it would cut the branch that it sits on


@dataclass(frozen=True, slots=True)
class _Pair:
    column: str
    field: str
    type: str
    confidence: float
    reasons: tuple[str, ...]


def fields(found: Evidence, taken: Collection[str], refused: Mapping[str, str]) -> Iterator[Proposal]:
    """Propose fields for the columns that are not `taken`; each field has one column, the surest pair goes first.

    Shapes: `refused` says by field why no export may write it: a column that belongs there is told so.
    """
    chosen: dict[str, dict[str, _Pair]] = {}
    for object, known in found.fields.items():
        pairs = sorted(_pairs(found, object, known, taken, refused), key=lambda pair: (-pair.confidence, pair.column, pair.field))
        fields_used: set[str] = set()
        for pair in pairs:
            if pair.field not in fields_used and object not in chosen.get(pair.column, {}):
                fields_used.add(pair.field)
                chosen.setdefault(pair.column, {})[object] = pair
    for name in found.sample.header:
        if name in chosen:
            yield _proposal(name, found.looks[name], chosen[name], refused)


def _pairs(
    found: Evidence, object: str, known: Mapping[str, NamedField], taken: Collection[str], refused: Mapping[str, str]
) -> Iterator[_Pair]:
    for name in found.sample.header:
        if name in taken:
            continue
        for field in known.values():
            pair = _pair(found, name, object, field, is_refused=field.name in refused)
            if pair is not None:
                yield pair


def _pair(found: Evidence, name: str, object: str, field: NamedField, *, is_refused: bool) -> _Pair | None:
    kind = TYPE_OF.get(field.type)
    if ((kind is None or not field.is_updateable) and not is_refused) or field.name == _KEY:
        return None
    by_name, why = name_score(name, field.name, field.label, found.alike)
    if _is_known_for(found, name, object, field.name):
        by_name, why = VENDOR, f"{found.known.title}: this column is usually kept in {field.name}"
    agreed = found.agreement(name, object, field.name)
    by_people = agreed.confidence
    if sounds_changed_at(name) and by_name < CLOSE:
        return None
    if is_refused:
        return _Pair(name, field.name, "text", by_name, (why,)) if by_name >= KNOWN else None
    if max(by_name, by_people) < MENTIONED_FROM or kind is None:
        return None
    look = found.looks[name]
    if look.filled and not look.reads_as(kind) and look.fits.get(kind, 0.0) < 0.5:
        return None
    confidence = 1 - (1 - by_name) * (1 - by_people)
    factor, more = _doubts(look, field, kind)
    who = f"{object.lower()}s"
    if agreed.speaks_against and kind not in _VOLATILE:
        factor, more = factor * 0.7, [*more, f"but {agreed.words(who)}"]
    reasons = [why] if why else []
    if by_people:
        factor = max(factor, _AGREED_FACTOR)  # what the org holds itself, it takes
        reasons.append(agreed.words(who))
    return _Pair(name, field.name, kind, confidence * factor, (*reasons, *more))


def _is_known_for(found: Evidence, name: str, object: str, field: str) -> bool:
    written = found.known.columns.get(name, {}).get("field")
    return written.get(object) == field if isinstance(written, Mapping) else written == field


def _doubts(look: Look, field: NamedField, kind: str) -> tuple[float, list[str]]:
    """Say what in the cells speaks against a field, and how much."""
    if not look.filled:
        return 0.9, ["it is empty in all rows looked at"]
    factor, words = 1.0, []
    if not look.reads_as(kind):
        factor, words = 0.6, [f"only {look.fits.get(kind, 0.0):.0%} of its cells can be read as {kind}"]
    if kind in ("date", "datetime") and len(look.formats) > 1:
        shown = " or ".join(map(repr, look.formats))
        factor, words = 0.6, [*words, f"its days and months cannot be told apart ({shown}): keep the right one"]
    if field.picklist and field.type in ("picklist", "multipicklist"):
        cells = {part for cell in look.values for part in (cell.split(";") if field.type == "multipicklist" else [cell])}
        strange = sorted(cell for cell in cells if cell.strip() not in field.picklist)
        share = 1 - len(strange) / len(cells)
        words.append(f"{len(cells) - len(strange)} of its {len(cells)} values are in the picklist")
        if strange:
            words[-1] += f"; rows with {', '.join(map(repr, strange[:3]))} would wait in the inbox"
        factor *= 0.65 if share < 0.5 and field.type == "picklist" else 1.0
    elif 0 < field.length < look.longest and kind == "text":
        words.append(f"its longest cell has {look.longest} characters, the field takes {field.length}")
    return factor, words


def _proposal(name: str, look: Look, by_object: Mapping[str, _Pair], refused: Mapping[str, str]) -> Proposal:
    best = max(by_object.values(), key=lambda pair: pair.confidence)
    if best.field in refused:
        return Proposal(name, "none", best.confidence, (*best.reasons, refused[best.field]))
    # A column has one type, and is one proposal: the objects on which it is about as sure as on the surest one.
    kept = {o: pair for o, pair in by_object.items() if pair.type == best.type and pair.confidence >= best.confidence - 0.3}
    kept = {o: pair for o, pair in kept.items() if pair.field not in refused}
    names = {object: pair.field for object, pair in kept.items()}
    target: object = names if len(names) == 1 or len(set(names.values())) > 1 else best.field
    options: dict[str, object] = {"field": target, "type": best.type}
    if best.type == "text":
        options["transform"] = "trim"
    if best.type in ("date", "datetime") and look.formats:
        options["formats"] = list(look.formats)
    if best.type == "boolean":
        from syncd.core.suggestions.cells import spellings

        true, false = spellings(look)
        options |= {"true": list(true), "false": list(false)}
    changes = best.type in _VOLATILE or best.type == "boolean"
    options |= {"side": "marketing", "conflict": "overwrite" if changes else "fill"}
    reasons = dict.fromkeys(reason for pair in kept.values() for reason in pair.reasons)
    return Proposal(name, "field", best.confidence, tuple(reasons), options)
