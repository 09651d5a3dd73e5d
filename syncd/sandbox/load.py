"""How does a folder of CSV files become an org?"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.sandbox import custom_objects, load_columns, load_picklists
from syncd.sandbox.bin import list_loaded
from syncd.sandbox.errors import LoadRefused
from syncd.sandbox.ids import parse_id
from syncd.sandbox.load_columns import Column, Later
from syncd.sandbox.objects_privacy import OBJECTS as PRIVACY
from syncd.sandbox.objects_teams import TERRITORIES
from syncd.sandbox.opportunities import fiscal
from syncd.sandbox.role_groups import add_all_role_groups
from syncd.sandbox.schema import SObject
from syncd.sandbox.seeds import seed_structure, seed_system_users

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

BATCH_ROWS = 5_000
_AUDIT_DATES = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
_AUDIT_USERS = ("CreatedById", "LastModifiedById")
Complete = Callable[[dict[str, Any]], None]


def load_folder(org: Org, folder: Path) -> None:
    """Load every CSV file of a folder, parents before children.

    Errors: LoadRefused naming file, line, offending text and remedy. The org is then half full: throw it away.
    """
    if not folder.is_dir():
        raise LoadRefused(f"{folder} is not a folder. --load takes a folder of CSV files named after objects, e.g. Lead.csv.")
    files = {path.stem.lower(): path for path in sorted(folder.glob("*.csv"))}
    _add_objects(org, files)
    unknown = [path.name for stem, path in files.items() if org.schema.find(stem) is None]
    if unknown:
        raise LoadRefused(
            f"{folder / unknown[0]}: this org has no object of that name. Name the file after one of: "
            f"{', '.join(each.name for each in org.schema.objects.values())}."
        )
    org.database.connection.execute("BEGIN")
    for name, sobject in list(org.schema.objects.items()):
        if name == "user":
            seed_structure(org)
        if name in files:
            _load_file(org, sobject, files[name])
        if name == "user":
            seed_system_users(org)
        if name == "group":
            add_all_role_groups(org)
    load_picklists.finish(org, files)
    org.database.connection.execute("COMMIT")
    org.database.connection.execute("ANALYZE")


def _add_objects(org: Org, files: Mapping[str, Path]) -> None:
    """Give the org the objects that not every org has and this folder brings along, switched on where that is what it takes."""
    for path in files.values():
        if custom_objects.is_custom(path.stem):
            custom_objects.add_custom_object(org, path.stem)
    if any(each.name.lower() in files for each in TERRITORIES):
        custom_objects.add_territories(org)
    if not PRIVACY.isdisjoint(files):
        org.settings.data_privacy = True


def _load_file(org: Org, sobject: SObject, path: Path) -> None:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream, strict=True)
        header = next(reader, None)
        if not header:
            raise LoadRefused(f"{path}: the file is empty. Give it a header row of API field names.")
        columns = load_columns.columns(org, sobject, header, path)
        sobject = org.schema.get(sobject.name)
        rebuilt = org.database.drop_indexes(sobject.name)
        for batch in _batches(_rows(org, sobject, columns, reader, path)):
            # Most fields of a load are empty, and a column that is not named costs nothing.
            names = [name for name in batch[0] if any(row[name] is not None for row in batch)]
            org.database.insert_many(sobject.name, names, ([row[name] for name in names] for row in batch))
        for statement in rebuilt:
            org.database.connection.execute(statement)
        load_columns.resolve_later(org, sobject, columns, path)
        list_loaded(org, sobject)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _rows(org: Org, sobject: SObject, columns: Sequence[Column], reader: Any, path: Path) -> Iterator[dict[str, Any]]:
    blank = _blank(sobject)
    complete = _completer(org, sobject, {column.field.name for column in columns})
    seen: set[str] = set()
    readers = [(column.field.name, column.read) for column in columns]
    later = [column for column in columns if isinstance(column, Later)]
    try:
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(columns):
                raise LoadRefused(
                    f"{path}:{reader.line_num}: {len(cells)} cells under {len(columns)} headers. Quote cells "
                    "that hold commas or line breaks."
                )
            row = dict(blank)
            try:
                for (name, read), cell in zip(readers, cells, strict=True):
                    if cell:
                        row[name] = read(cell)
                complete(row)
                row["Id"] = _id_of(org, sobject, row.get("Id"), seen)
            except ValueError as problem:
                raise LoadRefused(f"{path}:{reader.line_num}: {problem}") from problem
            for column in later:
                column.remember(row)
            yield row
    except csv.Error as problem:
        raise LoadRefused(
            f"{path}:{reader.line_num}: not valid CSV ({problem}). Double the quotes inside quoted cells."
        ) from problem


def _blank(sobject: SObject) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in sobject.fields.values():
        if field.stored:
            row[field.name] = 0 if field.type == "boolean" else None
            if field.default is not None:
                row[field.name] = int(field.default == "true") if field.type == "boolean" else field.default
    return row


def _id_of(org: Org, sobject: SObject, given: str | None, seen: set[str]) -> str:
    if given is None:
        record_id = org.mint.mint(sobject.key_prefix or "000")
        while record_id in seen:
            record_id = org.mint.mint(sobject.key_prefix or "000")
        seen.add(record_id)
        return record_id
    full = parse_id(given)
    if full is None or (sobject.key_prefix and not full.startswith(sobject.key_prefix)):
        raise ValueError(
            f"Id {given!r} is not a {sobject.name} id. Leave the cell empty to have one minted, or give 15 or "
            f"18 characters that start with {sobject.key_prefix}."
        )
    if full in seen:
        raise ValueError(f"Id {given!r} stands on two rows. Ids are unique.")
    seen.add(full)
    return full


def _completer(org: Org, sobject: SObject, given: set[str]) -> Complete:
    now = org.now_stamp()
    dates = [name for name in _AUDIT_DATES if sobject.has(name)]
    users = [name for name in _AUDIT_USERS if sobject.has(name)]
    has_compound_name = sobject.has_compound_name
    owned = sobject.find("OwnerId") if sobject.name != "Group" else None
    stages = load_picklists.StageFacts(org, given) if sobject.name == "Opportunity" else None
    kinds = {row["Id"]: row["UserType"] or "Standard" for row in org.database.where("Profile")} if sobject.name == "User" else {}

    def complete(row: dict[str, Any]) -> None:
        if dates:
            _stamps(row, dates, now)
        for name in users:
            row[name] = row[name] or (row.get("CreatedById") if name == "LastModifiedById" else None) or org.admin_id or None
        if owned is not None and row["OwnerId"] is None:
            row["OwnerId"] = org.admin_id
        if has_compound_name and not row["Name"]:
            row["Name"] = " ".join(part for part in (row["FirstName"], row["LastName"]) if part)
        if sobject.name == "User":
            row["UserType"] = row["UserType"] or kinds.get(row["ProfileId"], "Standard")
        if stages is not None:
            stages.complete(row)
            row.update(fiscal(row["CloseDate"]))
        if sobject.name == "Task" and "IsClosed" not in given:
            row["IsClosed"] = int(row["Status"] == "Completed")

    return complete


def _stamps(row: dict[str, Any], dates: Sequence[str], now: str) -> None:
    known = [stamp for stamp in (row.get("CreatedDate"), row.get("LastModifiedDate"), row.get("LastStageChangeDate")) if stamp]
    latest = max(known) if known else now
    for name in dates:
        if row[name] is None:
            row[name] = {"CreatedDate": min(known) if known else now}.get(name, latest)
