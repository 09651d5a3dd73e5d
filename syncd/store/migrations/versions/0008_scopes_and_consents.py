"""Give opt-outs a scope, and keep consents and what people were known by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = ("org", "flag", "person_id", "address", "source")
COLUMNS = (*KEY, "evidence", "seen_at")


def upgrade() -> None:
    """Make the change. The key of a table cannot be widened everywhere, so the rows are put aside and brought back."""
    op.create_table("flags_aside", *(sa.Column(name, sa.Text(), nullable=False) for name in COLUMNS))
    names = ", ".join(COLUMNS)
    op.execute(f"INSERT INTO flags_aside ({names}) SELECT {names} FROM flags")  # noqa: S608 - names of our own
    op.drop_table("flags")
    op.create_table(
        "flags",
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*KEY, "scope", "evidence", "seen_at", "said_at")),
        sa.PrimaryKeyConstraint(*KEY, "scope"),
    )
    op.execute(f"INSERT INTO flags ({names}, scope, said_at) SELECT {names}, 'global', seen_at FROM flags_aside")  # noqa: S608 - names of our own
    op.drop_table("flags_aside")
    op.create_index("flags_by_person", "flags", ["org", "person_id"])
    op.create_index("flags_by_address", "flags", ["org", "address"])
    op.create_table(
        "consents",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("org", "person_id", "address", "scope", "given_at", "source")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("wording", "noted_by", "noted_at")),
        sa.PrimaryKeyConstraint("org", "person_id", "address", "scope", "given_at", "source"),
    )
    op.create_index("consents_by_address", "consents", ["org", "address"])
    op.create_table(
        "former_handles",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("org", "person_id", "handle")),
        sa.PrimaryKeyConstraint("org", "person_id", "handle"),
        sqlite_with_rowid=False,
    )
    op.create_index("former_handles_by_handle", "former_handles", ["org", "handle"])
