"""How are faults written down, in a file or a control request, and what is wrong with them?

A file is TOML (``[[faults]]`` tables) or JSON (``{"faults": [...]}``); the settings are listed in `syncd.sandbox.faults`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from syncd.sandbox.errors import ControlRefused
from syncd.sandbox.faults import CANNED, JOB, KINDS, ROWS, WIRE, Fault, When
from syncd.sandbox.ids import parse_id

Check = Callable[[Any], str | None]
_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")


def read_faults_file(path: Path) -> list[Fault]:
    """Read a file of faults.

    Errors: ControlRefused naming the file and every mistake in it.
    """
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".json":
            found: Any = orjson.loads(content)
        else:
            found = tomllib.loads(content.decode())
    except OSError as problem:
        raise ControlRefused(f"{path}: cannot be read ({problem.strerror}). Give --faults a TOML or JSON file.") from problem
    except ValueError as problem:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise ControlRefused(f"{path}: not valid {kind}: {problem}. Name JSON files .json; anything else is TOML.") from problem
    try:
        return read_faults(found)
    except ControlRefused as refusal:
        raise ControlRefused(f"{path}: {refusal}") from refusal


def read_faults(found: Any) -> list[Fault]:
    """Read ``{"faults": [{"does": ...}, ...]}``.

    Errors: ControlRefused with every mistake, each with the fault's place and what to write instead.
    """
    if not isinstance(found, dict) or set(found) != {"faults"} or not isinstance(found["faults"], list):
        raise ControlRefused('Faults are a list called "faults", such as {"faults": [{"does": "lose", "kind": "composite"}]}.')
    mistakes: list[str] = []
    faults: list[Fault] = []
    for place, given in enumerate(found["faults"], 1):
        wrong = _mistakes(given)
        mistakes += [f"fault {place}{_called(given)}: {each}" for each in wrong]
        if not wrong:
            faults.append(_fault(place, given))
    if mistakes:
        raise ControlRefused("\n".join(mistakes))
    return faults


def _called(given: Any) -> str:
    return f" ({given['name']})" if isinstance(given, dict) and isinstance(given.get("name"), str) else ""


def _one_of(*words: str) -> Check:
    return lambda value: None if value in words else f"takes {', '.join(words[:-1])} or {words[-1]}"


def _some_of(*words: str) -> Check:
    def check(value: Any) -> str | None:
        unknown = [each for each in _listed(value) if each not in words]
        return f"takes one or a list of {', '.join(words)}, not {unknown[0]!r}" if unknown else None

    return check


def _number(least: float, most: float | None = None, *, whole: bool = False) -> Check:
    said = ("a whole number" if whole else "a number") + (f" from {least:g}" + (f" to {most:g}" if most is not None else ""))

    def check(value: Any) -> str | None:
        kinds = int if whole else (int | float)
        good = isinstance(value, kinds) and not isinstance(value, bool) and value >= least and (most is None or value <= most)
        return None if good else f"takes {said}"

    return check


def _numbers(value: Any) -> str | None:
    count = _number(1, whole=True)
    good = _listed(value) and all(count(each) is None for each in _listed(value))
    return None if good else "takes a number from 1, or a list of them"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "takes text"


def _truth(value: Any) -> str | None:
    return None if isinstance(value, bool) else "takes true or false"


def _ids(value: Any) -> str | None:
    good = isinstance(value, list) and value and all(isinstance(each, str) and parse_id(each) for each in value)
    return None if good else "takes a list of record ids of 15 or 18 characters"


_WHEN: dict[str, Check] = {
    "name": _text,
    "request": _numbers,
    "nth": _numbers,
    "every": _number(1, whole=True),
    "probability": _number(0, 1),
    "seed": _number(0, whole=True),
    "times": _number(1, whole=True),
    "method": _some_of(*_METHODS),
    "kind": _some_of(*KINDS),
    "path": _text,
}
_HOW_IT_BREAKS: dict[str, Check] = {"how": _one_of("reset", "close")}
_BYTES: dict[str, Check] = {"bytes": _number(0, whole=True)}
_AFTER: dict[str, Check] = {"after": _truth}
_RETRY: dict[str, Check] = {"retry_after": _number(0, whole=True)}
_SECONDS = _number(0, 86_400)
_HOW: dict[str, dict[str, Check]] = {
    "refuse": _HOW_IT_BREAKS,
    "lose": _HOW_IT_BREAKS,
    "reset": _BYTES,
    "cut": _BYTES,
    "truncated_json": _BYTES,
    "slow": {"seconds": _SECONDS, "org_seconds": _SECONDS, "before": _truth},
    "trickle": {"bytes": _number(1, whole=True), "seconds": _SECONDS},
    "401": _AFTER,
    "412": _AFTER,
    "429": _AFTER | _RETRY,
    "503": _AFTER | _RETRY,
    "request_limit": _AFTER,
    "html": _AFTER | {"status": _number(200, 599, whole=True)},
    ROWS: {"ids": _ids, "object": _text, "every_row": _number(1, whole=True), "code": _text, "message": _text},
    JOB: {
        "end": _one_of("Failed", "Aborted", "JobComplete"),
        "after_rows": _number(0, whole=True),
        "operation": _text,
        "object": _text,
        "message": _text,
    },
}
assert set(_HOW) == {*WIRE, *CANNED, ROWS, JOB, "slow"}


def _mistakes(given: Any) -> list[str]:
    if not isinstance(given, dict):
        return [f"is {given!r}; write a table of settings with does = ..."]
    does = given.get("does")
    if not isinstance(does, str) or does not in _HOW:
        return [f"does = {does!r} is not a fault; write one of {', '.join(_HOW)}"]
    known = _WHEN | _HOW[does]
    wrong = [_unknown(name, does, known) for name in given if name not in known and name != "does"]
    for name, value in given.items():
        said = known[name](value) if name in known else None
        if said:
            wrong.append(f"{name} {said}, not {value!r}" if "not" not in said else f"{name} {said}")
    if does == "slow" and ("seconds" in given) == ("org_seconds" in given):
        wrong.append("slow takes either seconds (the machine's) or org_seconds (the org's clock)")
    if does == JOB and "end" not in given:
        wrong.append("bulk_job needs end; write Failed, Aborted or JobComplete")
    if "seed" in given and "probability" not in given:
        wrong.append("seed goes with probability; add probability = 0.1, or leave seed out")
    return wrong


def _unknown(name: str, does: str, known: Mapping[str, Check]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"unknown setting {name!r} for {does}; " + (f"write {near[0]}" if near else f"there are {', '.join(sorted(known))}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fault(place: int, given: Mapping[str, Any]) -> Fault:
    chosen: dict[str, Any] = {
        name: frozenset(_listed(given[name])) if name in ("request", "nth", "method", "kind") else given[name]
        for name in _WHEN
        if name in given and name != "name"
    }
    how = {name: value for name, value in given.items() if name not in _WHEN and name != "does"}
    return Fault(given.get("name") or f"{place} {given['does']}", given["does"], When(**chosen), how, dict(given))
