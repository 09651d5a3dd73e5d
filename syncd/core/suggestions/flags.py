"""Which columns of an export say that somebody must get no mail?

None that looks like it is ever left out: what is not sure stands in the file as a question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncd.core.mapping_file.checks import OPT_OUT
from syncd.core.suggestions.cells import FITS_FROM, Look, spellings, status_words
from syncd.core.suggestions.names import (
    is_detail,
    other_channel,
    sounds_opted_in,
    sounds_opted_out,
    sounds_reachable,
    sounds_unreachable,
)
from syncd.core.suggestions.pairs import Agreement
from syncd.core.suggestions.suggesting import Evidence, Proposal

_KNOWN, _SURE, _LIKELY, _DOUBTFUL = 0.98, 0.92, 0.75, 0.5
_AGREES_FROM, _YES_FROM = 0.6, 5
_ODD_SHOWN, _WORD_SHOWN = 3, 60


def flags(found: Evidence) -> Iterator[Proposal]:
    """Propose every column that looks like an opt-out or a dead address."""
    for name in found.sample.header:
        one = _flag(found, name, found.looks[name])
        if one is not None:
            yield one


def _flag(found: Evidence, name: str, one: Look) -> Proposal | None:
    known = found.known.columns.get(name, {})
    if "flag" in known or "opted_out_when" in known or "unreachable_when" in known:
        return _known(found, name, one, known)
    words = _status(name, one)
    if words is not None:
        return words
    agreed = max(
        (found.agreement(name, object, OPT_OUT) for object in found.fields), key=lambda each: each.kappa, default=Agreement()
    )
    is_out, is_in = sounds_opted_out(name), sounds_opted_in(name)
    if not is_out and not is_in and agreed.kappa >= _AGREES_FROM and agreed.distinct >= 2 and _yes(one) >= _YES_FROM:
        return _boolean(found, name, one, "opted_out", _LIKELY, (f"{agreed.words()} with {OPT_OUT}",))
    if (is_out or is_in) and (channel := other_channel(name)):
        return _question(name, one, f"{'opt-out' if is_out else 'consent'}, but of {channel} rather than e-mail")
    if (is_out or is_in) and _is_yes_or_no(one) and not (is_detail(name) and one.filled == 0):
        why = "its name sounds like an opt-out" if is_out else "its name sounds like consent: whoever has none is opted out"
        return _boolean(found, name, one, "opted_out", _SURE if one.filled else _LIKELY, (why,), turned=is_in)
    if is_out or is_in:
        what = "opt-out" if is_out else "consent"
        return _question(name, one, f"{what}, but its cells are neither yes nor no ({_some(one)})")
    if (sounds_unreachable(name) or sounds_reachable(name)) and _is_yes_or_no(one) and not is_detail(name):
        turned = sounds_reachable(name)
        why = "its name sounds like an address that takes mail" if turned else "its name sounds like a dead address"
        return _boolean(found, name, one, "unreachable", _SURE if one.filled else _LIKELY, (why,), turned=turned)
    return None


def _yes(one: Look) -> int:
    return sum(one.values[word] for word in one.yes)


def _is_yes_or_no(one: Look) -> bool:
    return one.filled == 0 or one.fits.get("boolean", 0.0) >= FITS_FROM


def _known(found: Evidence, name: str, one: Look, known: Mapping[str, object]) -> Proposal:
    """Take what the vendor's column is known for, and add the spellings that the file has besides."""
    why = f"{found.known.title} is known to write this here"
    if "flag" not in known:
        out, never, dead = status_words(one)
        options = dict(known)
        if found.looks[name].distinct:
            options["opted_out_when"] = sorted({*_texts(known, "opted_out_when"), *out, *never})
            options["unreachable_when"] = sorted({*_texts(known, "unreachable_when"), *dead})
        options = {key: value for key, value in options.items() if value}
        others = _others(one, {*_texts(options, "opted_out_when"), *_texts(options, "unreachable_when")})
        return Proposal(name, "opted_out" if "opted_out_when" in options else "unreachable", _KNOWN, (why, *others), options)
    options = _silent(found, one, _without_field(found, known))
    reasons = [why, *_odd(one, options)]
    return Proposal(name, str(known["flag"]), _KNOWN if found.known.is_seen else _LIKELY, tuple(reasons), options)


def _texts(options: Mapping[str, object], key: str) -> list[str]:
    value = options.get(key)
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def _boolean(
    found: Evidence, name: str, one: Look, flag: str, confidence: float, reasons: tuple[str, ...], *, turned: bool = False
) -> Proposal:
    yes, no = spellings(one)
    true, false = (no, yes) if turned else (yes, no)
    options: dict[str, object] = {"type": "boolean", "true": list(true), "false": list(false), "flag": flag}
    if flag == "opted_out":
        options["field"] = OPT_OUT
    options = _silent(found, one, _without_field(found, options))
    said = [f"its cells are {', '.join(map(repr, (*one.yes, *one.no)))}" if one.filled else "it is empty in all rows looked at"]
    return Proposal(name, flag, confidence, (*reasons, *said, *_odd(one, options)), options)


def _silent(found: Evidence, one: Look, options: dict[str, object]) -> dict[str, object]:
    """Let an opt-out that has no value in any row opt nobody out: everybody would count as opted out by a blank."""
    null = {*one.nullish, *([""] if one.blank else [])} - {*_texts(options, "true"), *_texts(options, "false")}
    is_silent = options["flag"] == "opted_out" and not one.filled and null and null <= {"", *found.known.null}
    return {**options, "null": sorted(null)} if is_silent else options


def _without_field(found: Evidence, options: Mapping[str, object]) -> dict[str, object]:
    """Leave the org's own opt-out out where no person has the field."""
    has_field = not found.is_org_known or any(OPT_OUT in fields for fields in found.fields.values())
    return {key: value for key, value in options.items() if key != "field" or has_field}


def _odd(one: Look, options: Mapping[str, object]) -> list[str]:
    """Say which cells are no yes and no no: these people count as opted out until somebody says what is meant."""
    if "null" in options:
        return ["no row says anything: such a cell opts nobody out, any other still counts"]
    known, said = {*_texts(options, "true"), *_texts(options, "false")}, []
    odd = {cell: count for cell, count in (*one.values.items(), *one.nullish.items()) if cell not in known}
    if odd:
        shown = ", ".join(repr(cell) for cell in list(odd)[:_ODD_SHOWN])
        said.append(f"{_cells(sum(odd.values()))} neither ({shown}): unreadable, so counted as opted out until you say")
    if one.blank and "" not in known:
        said.append(f'{_cells(one.blank)} blank: unreadable too; add "" to false if a blank means no')
    return said


def _cells(count: int) -> str:
    return "1 cell is" if count == 1 else f"{count} cells are"


def _status(name: str, one: Look) -> Proposal | None:
    """Propose a column of words such as UNSUBSCRIBED or BOUNCED."""
    out, never, dead = status_words(one)
    if not out and not (never and sounds_opted_in(name)) and not (dead and sounds_unreachable(name)):
        return None
    options: dict[str, object] = {"type": "text"}
    if out or never:
        options["opted_out_when"] = [*out, *never]
    if dead:
        options["unreachable_when"] = list(dead)
    words = (*out, *never, *dead)
    reasons = (f"its cells hold the words {', '.join(map(repr, words))}", *_others(one, set(words)))
    return Proposal(name, "opted_out" if out or never else "unreachable", _SURE, reasons, options)


def _others(one: Look, known: set[str]) -> list[str]:
    """Name the words of a column that raise no flag: the one that matters may be among them."""
    others = [cell for cell in one.values if cell not in known]
    shown = ", ".join(repr(cell[:_WORD_SHOWN]) for cell in others[:6]) + (", …" if len(others) > 6 else "")
    return [f"check that none of the others means an opt-out or a dead address: {shown}"] if others else []


def _question(name: str, one: Look, what: str) -> Proposal:
    """Ask about a column whose name sounds like an opt-out, and why that is not sure."""
    reasons = (
        f"its name sounds like {what}",
        "name the values that mean an opt-out, or leave it out if another column says it",
    )
    options = {"type": "text", "opted_out_when": [cell for cell in list(one.values)[:_ODD_SHOWN] if len(cell) <= 60]}
    return Proposal(name, "opted_out", _DOUBTFUL, reasons, options)


def _some(one: Look) -> str:
    return ", ".join(repr(cell) for cell in list(one.values)[:_ODD_SHOWN]) or "nothing"
