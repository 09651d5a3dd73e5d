"""Let the lease say which run of which machine and which process holds it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("lease", sa.Column("boot", sa.Text(), nullable=True))
    op.add_column("lease", sa.Column("token", sa.Text(), nullable=True))
    op.add_column("lease", sa.Column("beat_s", sa.Float(), nullable=True))
