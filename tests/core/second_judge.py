"""How would somebody else judge a record's history, by the words of the policy alone and with none of syncd's code?

Where something on the record is not known, every record that it can be is judged: what is not the same for all of them, for the
same reason, cannot be known. `tests/core/second_judge_words.py` has the words in which it is told.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from tests.core.second_judge_words import FOLLOWED_UP, RUNGS, UNKNOWNS, Held, Law, Record, Save, Told, Value, Way


def holder(held: Held, record: Record) -> Value:
    part = next((side for side, source in held.split if source in (None, record["Source"])), held.team)
    return held.types.get(str(record["Type"])) or part


def at_gate(way: Way | None, team: Value, record: Record) -> str:
    if way is None or team not in way.by:
        return "no gate"
    empty = "need" if way.need and not record["Need"] else "reason" if way.reasons and record["Reason"] != "good" else ""
    return empty or ("open" if way.source in (None, record["Source"]) else "shut")


def status_in(law: Law, old: Value, new: Value, team: Value, was: Record, now: Record) -> set[str]:
    before, after, way = law.values.get(str(old)), law.values.get(str(new)), law.way(old, new)
    if before is None or after is None or before.legacy or after.legacy or not after.by_hand:
        return {"?" if before is None or after is None else "lawful" if before.legacy or after.legacy else "by hand"}
    here, there, gate = holder(before, was), holder(after, now), at_gate(way, team, now)
    through = {f"lawful with {way.owner}"} if way and gate == "open" else set[str]()
    freely = {"lawful"} if team is not None and here == there == team else set[str]()
    return through | freely or {gate if gate != "no gate" else "?" if None in (here, there) else f"{here} to {there}"}


def owner_in(law: Law, old: Value, new: Value, team: Value, was: Record, now: Record) -> set[str]:
    here, there = law.owners.get(old), law.owners.get(new)
    if there in law.never or (new in law.gone and "inactive user" in law.never):
        return {"never"}
    gate = at_gate(law.owner_way(old, new), team, now)
    if here and there and (gate == "open" or here == there == team):
        return {"lawful"}
    return {"?" if not here or not there or (here == "machine" and gate == "no gate") else gate}


def in_all_worlds(law: Law, save: Save, name: str, base: Value, held: Record) -> str:
    judge_in, unknown = (status_in if name == "Status" else owner_in), [each for each in UNKNOWNS if each not in held]
    guesses = [{**held, **dict(zip(unknown, guess, strict=True))} for guess in product(*(UNKNOWNS[each] for each in unknown))]
    found = [judge_in(law, base, save.news[name], save.team, guess, {**guess, **save.news}) for guess in guesses]
    return max(set.intersection(*found), default="?")


def how_far(law: Law, name: str, save: Save, judged: str, lead: str, base: Value) -> tuple[str, bool]:
    if name == "Reason":
        return (lead if lead in FOLLOWED_UP and save.proof == "history" else "allow"), True
    if save.proof != "history" or save.team is None or save.kind in ("shared", "unknown") or judged == "?":
        return "note", False
    highest = "warn" if law.is_quiet or (name == "Owner" and law.object != "Lead") else "revert"
    is_followed = save.kind in ("person", "tool", "automation") and save.minute >= law.since and not law.is_first_sight
    verdict = min(law.far[name].get(save.kind, "note"), highest, key=RUNGS.index) if is_followed else "note"
    verdict = lead if name == "Owner" and law.object == "Lead" and lead in FOLLOWED_UP else verdict
    return (min(verdict, "warn", key=RUNGS.index) if name == "Owner" and base in law.gone else verdict), True


def judge(law: Law, record: Record, saves: tuple[Save, ...], owed: Record) -> tuple[list[Told], Record]:
    """Say of each save, by field, (verdict, value to restore, can it be known), and which values are owed at the end."""
    held, good, all_told = dict(record), {**record, **owed}, list[Told]()
    for save in saves:
        team = None if save.own else law.owners[held["Owner"]] if save.team == "record owner" else save.team
        save = save if team == save.team else replace(save, team=team, proof="automation" if save.own else save.proof)
        told, passed = Told(), ""
        for name, old, new in save.in_order:
            base, verdict, is_known = (good[name] if held.get(name) == old and name in good else old), "allow", True
            if name not in save.own and new != base and not save.event:
                judged = in_all_worlds(law, save, name, base, held) if name != "Reason" else "with the status"
                if name == "Owner" and judged != "never" and (law.is_rule(base, new, save) or law.goes_with(passed, new)):
                    judged = "lawful"
                passed = passed or judged
                if not judged.startswith("lawful"):
                    verdict, is_known = how_far(law, name, save, judged, told.get("Status", ("",))[0], base)
            good[name] = base if verdict in FOLLOWED_UP else new
            told |= {} if name in save.own else {name: (verdict, base if verdict in FOLLOWED_UP else None, is_known)}
        held, all_told = held | save.news, [*all_told, told]
        good |= {"Reason": held["Reason"]} if good["Status"] == held["Status"] and "Reason" in held else {}
    return all_told, {name: value for name, value in good.items() if held[name] != value}
