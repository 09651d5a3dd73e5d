"""How do exports from the drop folder come into the ledger, the flags and the outbox, whatever crashes in between?

    1. Stage.    A file is parsed to its end before anything in it counts; a refused file leaves nothing behind.
    2. Decide.   500 people a transaction: flags, ledger, intents, inbox and the cursor together.
    3. Finish.   The last of these transactions also marks the file as finished for ever; then it is moved to done/.

Killed before the end of 1, the file is staged anew; in 2, deciding goes on after the cursor; before the move, the file is
known by its hash and only moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from syncd.core.mapping import SourceMapping
from syncd.core.mapping_fit import schema_problems
from syncd.core.rows import ParsedRow
from syncd.core.values import InboxItem, Problem, digest
from syncd.engine.intake_again import end_again
from syncd.engine.intake_choices import CHOICE, KEPT
from syncd.engine.intake_context import Batch, IntakeContext, Tally
from syncd.engine.intake_creation import record_created
from syncd.engine.intake_people import People
from syncd.engine.intake_rows import decide_batch, row_of
from syncd.engine.intake_staging import StagedFile, is_outdated, keep_progress, progress, stage
from syncd.engine.intake_telling import told_together
from syncd.engine.opening import open_intents
from syncd.ports import ExportFile, ExportRow, Exports, Refused, StoreWriter

BATCH_GROUPS = 2000

TAKEN_BEFORE = "files taken before"

Groups = list[tuple[str, list[ExportRow]]]


def take_in(folder: Exports, mappings: Sequence[SourceMapping], context: IntakeContext) -> Mapping[str, int]:
    """Stage and decide all waiting files, one after the other in name order, and return the counts of the cycle.

    The counts of rows add up: rows = applied + unchanged + quarantined + unmatched + superseded.
    """
    total: Counter[str] = Counter()
    for mapping in mappings:
        files, problems = folder.waiting(mapping)
        paused: list[InboxItem] = []
        for file in files:
            if context.store.has_file(file.sha256):
                folder.done(file)
                total[TAKEN_BEFORE] += 1
                continue
            found = _staged(folder, file, mapping, context)
            if isinstance(found, StagedFile):
                total.update(_decided(folder, found, context))
            elif isinstance(found, InboxItem):
                paused.append(found)
        _tell_waiting(mapping, [*paused, *(_folder_item(mapping, problem) for problem in problems)], context)
    return dict(total)


def _decided(folder: Exports, one: StagedFile, context: IntakeContext) -> Mapping[str, int]:
    """Decide a staged file and put it away; return the counts of what this call did.

    A file waits, with its opt-outs latched, while writes of an earlier file of its source are still open: two open values
    for one field would race, and the older one could win.
    """
    total: Counter[str] = Counter()
    problems = _mapping_problems(one.mapping, context)
    if problems:
        _latch(one, total, context)
        _pause(one, problems, context)
    elif _has_open_writes(one, context):
        _latch_once(one, total, context)
        total["waiting"] += 1
    else:
        if is_outdated(progress(context).get(one.file.sha256, {}), context):
            again = stage(folder, one.file, one.mapping, context, is_decided_now=True)
            if not isinstance(again, StagedFile):
                return total  # the file changed since: it is judged as a new one, soon
        total.update(_decide(one, context))
        total["files"] += 1
        folder.done(one.file)
    return total


def _has_open_writes(one: StagedFile, context: IntakeContext) -> bool:
    """Tell whether the outbox holds values from other files of this source."""
    return any(
        intent.part == "map" and intent.rule.file == one.mapping.file and not intent.cause.startswith(one.file.sha256)
        for intent in (opened.intent for opened in context.store.open_intents())
    )


def _staged(folder: Exports, file: ExportFile, mapping: SourceMapping, context: IntakeContext) -> StagedFile | InboxItem | None:
    """Stage one file to its end; an inbox item when it has to wait for somebody, None when it is not to be decided now."""
    state = progress(context).get(file.sha256, {})
    if state.get("mapping") == mapping.sha256:
        if state.get("latched") == _pause_mark(mapping, context):
            return None
        if state.get("staged"):
            return StagedFile(file, mapping, tuple(state["extra"]))
    is_free = not _mapping_problems(mapping, context) and not _has_open_writes(StagedFile(file, mapping), context)
    found = stage(folder, file, mapping, context, is_decided_now=is_free)
    return _refuse(folder, file, mapping, found, context) if isinstance(found, Refused) else found


def _refuse(
    folder: Exports, file: ExportFile, mapping: SourceMapping, refused: Refused, context: IntakeContext
) -> InboxItem | None:
    """Take back what was staged of a file, and say why."""
    problem = refused.problem
    subject = f"{mapping.name}/{file.name}"
    where = f"{subject}:{problem.line}:{problem.column}"
    text = f"[{problem.code}] {problem.text} Nothing of the file was applied."
    with context.store.begin() as tx:
        tx.begin_file(file)
        if refused.kind == "refuse":
            tx.put_inbox([InboxItem("export-file", subject, where, text, problem.remedy)], context.now_at)
    if refused.kind == "refuse":
        folder.refused(file)
    return InboxItem("export-paused", subject, where, text, problem.remedy) if refused.kind == "pause" else None


def _folder_item(mapping: SourceMapping, problem: Problem) -> InboxItem:
    subject = f"{mapping.name}/{PurePath(problem.file).name}"
    return InboxItem("export-paused", subject, problem.file, f"[{problem.code}] {problem.text}", problem.remedy)


def _tell_waiting(mapping: SourceMapping, items: Sequence[InboxItem], context: IntakeContext) -> None:
    """Keep the inbox in step with what the folder holds: what is gone from it is settled."""
    now = {item.subject for item in items}
    gone = [
        item.subject
        for _, item, _ in context.store.inbox(kind="export-paused")
        if item.subject.startswith(f"{mapping.name}/") and item.subject not in now
    ]
    if items or gone:
        with context.store.begin() as tx:
            tx.put_inbox(items, context.now_at)
            tx.resolve_inbox("export-paused", gone, context.now_at)


def _mapping_problems(mapping: SourceMapping, context: IntakeContext) -> list[Problem]:
    return schema_problems(mapping, {name: schema.fields for name, schema in context.schema.items()})


def _pause_mark(mapping: SourceMapping, context: IntakeContext) -> str:
    """Name the reason for which a mapping is paused; an empty text when it is not."""
    problems = _mapping_problems(mapping, context)
    return digest(*map(str, problems)) if problems else "-"


def _decide(one: StagedFile, context: IntakeContext) -> Counter[str]:
    """Decide a staged file from its cursor on, one transaction a batch."""
    state = progress(context).get(one.file.sha256, {})
    lines = {key: list(some) for key, some in state.get("lines", {}).items()}
    examples = {key: list(some) for key, some in state.get("examples", {}).items()}
    tally = Tally(Counter(state.get("counts", {})), lines, examples, context.noted)
    # What the sieve counted belongs to the call that decides the first rows.
    before = Counter(tally.counts) if state.get("after") else Counter()
    for groups, is_last in _batches(one, state.get("after", ""), context):
        batch = decide_batch(context, one.mapping, one.file, groups, tally)
        with context.store.begin() as tx:
            _record(tx, batch, one.mapping, context)
            if is_last:
                _finish(tx, one, tally, state, context)
            else:
                kept = {"after": groups[-1][0], "counts": dict(tally.counts), "lines": tally.lines, "examples": tally.examples}
                keep_progress(tx, context, one.file, {**state, **kept})
    done = Counter(tally.counts)
    done.subtract(before)
    return done


def decide_again(file: ExportFile, mapping: SourceMapping, rows: Sequence[ExportRow], context: IntakeContext) -> bool:
    """Decide on rows of a finished file once more, because a person said whom they are about; tell whether it was done.

    It is left to the next export while the mapping does not fit the org, or values of its people are under way.
    """
    ids = {found.person.id for found in People(context, mapping).find(_parsed(rows)) if found.person is not None}
    if _mapping_problems(mapping, context) or any(_is_under_way(id, context) for id in ids):
        return False
    batch = decide_batch(context, mapping, file, [("", list(rows))], Tally())
    with context.store.begin() as tx:
        _record(tx, batch, mapping, context)
    return True


def _parsed(rows: Sequence[ExportRow]) -> list[ParsedRow]:
    return [row for row in map(row_of, rows) if isinstance(row, ParsedRow)]


def _is_under_way(record_id: str, context: IntakeContext) -> bool:
    return any(one.intent.record_id == record_id for one in context.store.open_intents())


def _latch_once(one: StagedFile, total: Counter[str], context: IntakeContext) -> None:
    """Keep the flags of a file that waits its turn, in its first cycle only."""
    state = progress(context).get(one.file.sha256, {})
    if not state.get("early"):
        _latch(one, total, context)
        with context.store.begin() as tx:
            keep_progress(tx, context, one.file, {**state, "early": True})


def _latch(one: StagedFile, total: Counter[str], context: IntakeContext) -> None:
    """Keep the flags of a file that is decided later. Cut short, it begins anew: a known flag is not kept twice."""
    tally = Tally()
    for groups, _ in _batches(one, "", context):
        batch = decide_batch(context, one.mapping, one.file, groups, tally, is_paused=True)
        with context.store.begin() as tx:
            _record(tx, batch, one.mapping, context)
    total["flags"] += tally.counts["flags"]


def _batches(one: StagedFile, after: str, context: IntakeContext) -> Iterator[tuple[Groups, bool]]:
    """Give the groups of a file in key order, and whether they are the last."""
    is_last = False
    while not is_last:
        groups = context.store.export_groups(one.file.sha256, after, BATCH_GROUPS + 1)
        is_last, groups = len(groups) <= BATCH_GROUPS, groups[:BATCH_GROUPS]
        after = groups[-1][0] if groups else after
        yield groups, is_last


def _record(tx: StoreWriter, batch: Batch, mapping: SourceMapping, context: IntakeContext) -> None:
    # First: what the batch says of somebody's address, or of the person, has their own rows looked at again.
    tx.put_known(mapping.name, list(batch.known.values()))
    tx.forget_rows(batch.forgotten)
    tx.add_flags(batch.facts)
    tx.renew_flags(batch.again)
    tx.add_consents(batch.consents)
    tx.clear_flags(batch.cleared)
    places = tx.append(batch.entries)
    opened = [(intent, None if at is None else places[at]) for intent, at in batch.intents]
    open_intents(tx, opened, context.now_at, context.cycle)
    tx.put_verdicts(f"inbox:{mapping.name}", batch.told)
    tx.put_verdicts(KEPT, {**dict.fromkeys(_questions(batch, mapping), ""), **batch.asked})
    record_created(tx, batch, mapping, context)
    tx.resolve_inbox("export-row", batch.settled, context.now_at)
    tx.resolve_inbox(CHOICE, batch.settled, context.now_at)
    tx.put_inbox(batch.items, context.now_at)


def _questions(batch: Batch, mapping: SourceMapping) -> list[str]:
    """Return those of the settled subjects that are questions: rows are kept for them."""
    return [subject for subject in batch.settled if subject.startswith(f"{mapping.name} ")]


def _pause(one: StagedFile, problems: Sequence[Problem], context: IntakeContext) -> None:
    """Leave the file where it is until the mapping fits the org again; its opt-outs are latched already."""
    text = "The mapping does not fit the org; its files wait, their opt-outs count. " + " ".join(
        f"{problem.file}:{problem.line} [{problem.code}] {problem.text}" for problem in problems
    )
    item = InboxItem("export-mapping", one.mapping.name, one.mapping.file, text, problems[0].remedy)
    state = {"mapping": one.mapping.sha256, "latched": _pause_mark(one.mapping, context)}
    with context.store.begin() as tx:
        tx.put_inbox([item], context.now_at)
        tx.begin_file(one.file)
        keep_progress(tx, context, one.file, state)


def _finish(tx: StoreWriter, one: StagedFile, tally: Tally, state: Mapping[str, Any], context: IntakeContext) -> None:
    tx.put_inbox(told_together(one.file, tally), context.now_at)
    tx.resolve_inbox("export-file", [f"{one.mapping.name}/{one.file.name}"], context.now_at)
    tx.resolve_inbox("export-mapping", [one.mapping.name], context.now_at)
    tx.finish_file(one.file.sha256, {**tally.counts, **state.get("read", {})}, context.now_at)
    keep_progress(tx, context, one.file, None)
    end_again(tx, context.store, one.file.sha256)
