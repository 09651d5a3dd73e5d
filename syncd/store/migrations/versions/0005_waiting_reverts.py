"""Let a debt wait: for its time, or for a person's word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("debts", sa.Column("due_at", sa.Text(), nullable=True))
    op.add_column("debts", sa.Column("wait", sa.Text(), nullable=True))
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index("debts_by_due", "debts", ["org", "due_at"], sqlite_where=is_due, postgresql_where=is_due)
