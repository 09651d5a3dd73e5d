"""Keep by person and source which row of an export was compared last, in place of the verdicts on how new it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SCOPE = "newest:"


def upgrade() -> None:
    """Make the change."""
    known = op.create_table(
        "export_known",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("row_hash", sa.Text(), nullable=True),
        sa.Column("newest", sa.Text(), nullable=False),
        sa.Column("would_write", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org", "person_id", "source"),
        sqlite_with_rowid=False,
    )
    verdicts = sa.table("verdicts", *(sa.column(name, sa.Text()) for name in ("org", "scope", "subject", "verdict")))
    mine = verdicts.c.scope.like(f"{_SCOPE}%")
    stamps = sa.select(
        verdicts.c.org,
        verdicts.c.subject,
        sa.func.substr(verdicts.c.scope, len(_SCOPE) + 1),
        verdicts.c.verdict,
        sa.literal(0),
    ).where(mine)
    op.execute(known.insert().from_select(["org", "person_id", "source", "newest", "would_write"], stamps))
    op.execute(sa.delete(verdicts).where(mine))
