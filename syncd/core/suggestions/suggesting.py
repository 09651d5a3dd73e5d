"""Which column of an export probably means what, how sure is that, and why?

Names and cells speak for themselves, and for people that the org knows too each column is compared with each field. What the
vendor of a tool is known to write counts most. Nothing here is in force: a person looks at each line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default

from syncd.core.field_facts import NamedField
from syncd.core.suggestions.cells import Look, Reads, look, null_words
from syncd.core.suggestions.names import Alike
from syncd.core.suggestions.pairs import Agreement, agreement, plain, truth_of
from syncd.core.values import Scalar

SURE_FROM, MENTIONED_FROM = 0.7, 0.35


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the tool that wrote the export: the columns for its keys, and the options of columns it is known for."""

    title: str = ""
    email: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    newest: tuple[str, ...] = ()
    null: tuple[str, ...] = ("",)
    columns: Mapping[str, Mapping[str, object]] = default(default_factory=dict)
    is_seen: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of an export. `people` has (row, fields of the person) by object, for rows whose person the org knows."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    people: Mapping[str, Sequence[tuple[int, Mapping[str, Scalar]]]] = default(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one column probably means.

    `role` is "email", "id" or "external" (keys of [match]), "newest", "opted_out", "unreachable", "field" or "none";
    `options` are the lines of the column's table. A proposal that `is_sure` stands in the file, another one in a comment.
    """

    column: str
    role: str
    confidence: float
    reasons: tuple[str, ...]
    options: Mapping[str, object] = default(default_factory=dict)

    @property
    def is_sure(self) -> bool:
        """Tell whether the proposal may stand in the file as it is."""
        return self.role != "none" and self.confidence >= SURE_FROM


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of the columns of one export."""

    sample: Sample
    known: Known
    fields: Mapping[str, Mapping[str, NamedField]]
    looks: Mapping[str, Look]
    null: tuple[str, ...]
    alike: Alike
    agreements: Mapping[tuple[str, str, str], Agreement]
    is_org_known: bool

    def agreement(self, column: str, object: str, field: str) -> Agreement:
        """Return how a column compares with a field."""
        return self.agreements.get((column, object, field), Agreement())


def evidence(
    sample: Sample,
    known: Known,
    fields: Mapping[str, Mapping[str, NamedField]],
    *,
    alike: Alike,
    reads: Reads,
    is_org_known: bool = True,
) -> Evidence:
    """Look at every column once, and compare it with every field of the people that the org knows.

    Shapes: `fields` are the visible fields by object; `is_org_known` is False where they are only those that any org has.
    """
    cells = {name: [row[place] for row in sample.rows] for place, name in enumerate(sample.header)}
    looks = {name: look(column, reads) for name, column in cells.items()}
    null = tuple(dict.fromkeys((*known.null, *null_words(looks.values()))))
    agreements = {}
    columns = {name: ["" if cell in looks[name].nullish else plain(cell) for cell in column] for name, column in cells.items()}
    truths = {name: [truth_of(cell) for cell in column] for name, column in columns.items()}
    for object, people in sample.people.items():
        for field in sorted({name for _, person in people for name in person} & fields.get(object, {}).keys()):
            values = [(row, plain(person.get(field))) for row, person in people]
            of = truths if fields[object][field].type == "boolean" else columns
            for name, column in of.items():
                found = agreement([(column[row], value) for row, value in values])
                if found.pairs:
                    agreements[name, object, field] = found
    return Evidence(sample, known, fields, looks, null, alike, agreements, is_org_known)
