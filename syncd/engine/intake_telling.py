"""What does the inbox say of rows of one file that are told of all together?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from shlex import quote

from syncd.core.mapped import FieldWrite
from syncd.core.twice_encoded import meant_by
from syncd.core.unreadable import short
from syncd.core.values import InboxItem
from syncd.engine.intake_context import Tally
from syncd.ports import ExportFile

TWICE = "encoded twice"


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one row or person, and of several: as the inbox counts them, and then what is so."""

    kind: str
    one: tuple[str, str]
    many: tuple[str, str]
    remedy: str


GROUPED = {
    "unmatched": Told(
        "export-unmatched", ("row", "fits nobody in Salesforce; nobody was created."),
        ("rows", "fit nobody in Salesforce; nobody was created."), "Create them, or leave them be.",
    ),
    "incomplete": Told(
        "export-incomplete", ("row", "fits nobody and lacks what [create] wants filled; nobody was created."),
        ("rows", "fit nobody and lack what [create] wants filled; nobody was created."),
        "Fill the columns in the source, or leave them out of filled.",
    ),
    "tomorrow": Told(
        "export-tomorrow", ("row", "fits nobody and was too many for one day; nobody was created for it."),
        ("rows", "fit nobody and were too many for one day; nobody was created for them."),
        "They are looked at again with the next export; raise per_day under [create] if so many are right.",
    ),
    "older": Told(
        "export-older", ("row", "is older than what was read before; only its opt-outs count."),
        ("rows", "are older than what was read before; only their opt-outs count."), "Nothing to do.",
    ),
    "consent": Told(
        "export-consent", ("person", "is said to be subscribed again and stays opted out."),
        ("people", "are said to be subscribed again and stay opted out."),
        "Consent counts only with its source, time and wording: store it with syncd consent add, and clear the opt-out where it "
        "was given.",
    ),
    "more": Told(
        "export-rows", ("more row", "was set aside."), ("more rows", "were set aside."),
        "Correct the export; their lines are in done/.",
    ),
    TWICE: Told(
        "export-letters", ("row", "brings letters that look as if they had been encoded twice; they are taken as they are."),
        ("rows", "bring letters that look as if they had been encoded twice; they are taken as they are."),
        "Look at how the source writes its files, and at encoding in the mapping; then export again.",
    ),
}  # fmt: skip
FILE_KINDS = frozenset(("export-row", *(told.kind for told in GROUPED.values())))
"""What the inbox tells of rows by their place in a file."""


def note_letters(tally: Tally, line: int, writes: Iterable[FieldWrite]) -> None:
    """Note a row of which a value would be written that looks as if it had been encoded twice."""
    for write in writes:
        if isinstance(write.after, str) and (meant := meant_by(write.after)) is not None:
            tally.note(TWICE, line, f"line {line}, {write.field}: {short(write.after)} for {short(meant)}")
            return


def told_together(file: ExportFile, tally: Tally) -> list[InboxItem]:
    """Return one item for each kind of rows of which there were some, with the first lines."""
    items = []
    for what, told in GROUPED.items():
        if count := tally.counts[what]:
            first = sorted(tally.lines[what])
            lines = "lines " + ", ".join(map(str, first)) + (", …" if count > len(first) else "")
            of_what, what_is_so = told.one if count == 1 else told.many
            text, remedy = f"{count} {of_what} {what_is_so}", told.remedy
            if examples := tally.examples.get(what):
                text = f"{text} Such as {'; '.join(examples)}."
            if count > len(first):
                remedy = f"{remedy} All of them: syncd exports rows {quote(file.name)} --source {file.source} --kind {told.kind}"
            items.append(InboxItem(told.kind, file.name, f"{file.name}:{first[0]}", text, remedy, lines))
    return items
