"""Find what is open in the inbox among all that was closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    is_open = sa.text("resolved_at IS NULL")
    op.create_index("inbox_open", "inbox", ["org", "kind", "number"], sqlite_where=is_open, postgresql_where=is_open)
