"""Which export files came in, and which of their rows wait for a decision?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Select, delete, select, update

from syncd.ports import ExportFile, ExportRow, TakenFile
from syncd.store.base import Reads, Writes, replace
from syncd.store.encoding import from_json, to_json, to_moment, to_text
from syncd.store.inserting import insert_rows
from syncd.store.tables import export_files, export_rows

_STAGED = ("org", "sha256", "key", "line", "version", "payload")


class ExportReads(Reads):
    """Files and their staged rows."""

    def has_file(self, sha256: str) -> bool:
        """Tell whether an export with these bytes was finished before."""
        with self._reading() as connection:
            return connection.execute(_finished(self.org, sha256)).first() is not None

    def taken_files(self, limit: int, source: str | None = None) -> list[TakenFile]:
        """Return the files that were taken in last, newest first; of one source, or of all."""
        file = export_files.c
        mine = (file.org == self.org, file.finished_at.is_not(None), *((file.source == source,) if source else ()))
        query = select(file.source, file.name, file.finished_at, file.counts, file.sha256).where(*mine)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(file.finished_at.desc(), file.name).limit(limit)).all()
        return [TakenFile(source, name, to_moment(at), from_json(counts), sha256) for source, name, at, counts, sha256 in rows]

    def export_groups(self, sha256: str, after_key: str, limit: int) -> list[tuple[str, list[ExportRow]]]:
        """Return the next staged rows of a file grouped by key, in key order, strictly after `after_key`.

        Shapes: at most `limit` groups; the rows of one group are in line order.
        """
        row = export_rows.c
        waiting = (row.org == self.org, row.sha256 == sha256, row.key > after_key)
        with self._reading() as connection:
            keys = connection.execute(select(row.key).where(*waiting).distinct().order_by(row.key).limit(limit)).scalars().all()
            if not keys:
                return []
            query = select(row.key, row.line, row.version, row.payload).where(*waiting, row.key <= keys[-1])
            rows = connection.execute(query.order_by(row.key, row.line)).all()
        return [
            (key, [ExportRow(line, key, version, from_json(payload)) for _, line, version, payload in group])
            for key, group in groupby(rows, key=lambda found: str(found[0]))
        ]


def _finished(org: str, sha256: str) -> Select[str]:
    return select(export_files.c.sha256).where(
        export_files.c.org == org, export_files.c.sha256 == sha256, export_files.c.finished_at.is_not(None)
    )


class ExportWrites(Writes):
    """Staging of files."""

    def begin_file(self, file: ExportFile) -> None:
        """Start staging a file; rows of an earlier unfinished attempt are dropped."""
        if self.connection.execute(_finished(self.org, file.sha256)).first() is not None:
            raise AssertionError(f"{file.name} was finished before and is staged again: ask has_file() first")
        self._drop_rows(file.sha256)
        row = {
            "org": self.org,
            "sha256": file.sha256,
            "source": file.source,
            "name": file.name,
            "size_bytes": file.size_bytes,
        }
        replace(self.connection, export_files, [row], ["source", "name", "size_bytes"])

    def stage_rows(self, sha256: str, rows: Sequence[ExportRow]) -> None:
        """Stage parsed rows of a file."""
        values = [(self.org, sha256, row.key, row.line, row.version, to_json(dict(row.payload))) for row in rows]
        insert_rows(self.connection, export_rows, _STAGED, values, ("version", "payload"))

    def finish_file(self, sha256: str, counts: Mapping[str, int], at: datetime) -> None:
        """Mark a file as finished and drop its staged rows."""
        changed = self.connection.execute(
            update(export_files)
            .where(export_files.c.org == self.org, export_files.c.sha256 == sha256)
            .values(counts=to_json(dict(counts)), finished_at=to_text(at))
        )
        if changed.rowcount != 1:
            raise AssertionError(f"a file is finished that was never begun: {sha256}")
        self._drop_rows(sha256)

    def reopen_file(self, sha256: str) -> None:
        """Have a finished file taken in once more when it comes; nothing happens to one that is not finished."""
        mine = (export_files.c.org == self.org, export_files.c.sha256 == sha256)
        self.connection.execute(update(export_files).where(*mine).values(finished_at=None))

    def _drop_rows(self, sha256: str) -> None:
        self.connection.execute(delete(export_rows).where(export_rows.c.org == self.org, export_rows.c.sha256 == sha256))
