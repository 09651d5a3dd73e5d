"""Make the first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "cycles",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_index("cycles_by_start", "cycles", ["org", "started_at"], unique=False)
    op.create_table(
        "debts",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "object", "record_id", "field"),
    )
    op.create_table(
        "deferred",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("deferred_by_value", "deferred", ["org", "object", "record_id", "field", "value"], unique=True)
    op.create_table(
        "export_files",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("org", "sha256"),
    )
    op.create_table(
        "export_rows",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "sha256", "key", "line"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "flags",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("flag", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "flag", "person_id", "address", "source"),
    )
    op.create_index("flags_by_address", "flags", ["org", "address"], unique=False)
    op.create_index("flags_by_person", "flags", ["org", "person_id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("where", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.Text(), nullable=False),
        sa.Column("last_at", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("inbox_by_subject", "inbox", ["org", "kind", "subject"], unique=True)
    op.create_table(
        "lease",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("since_at", sa.Text(), nullable=False),
        sa.Column("heartbeat_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org"),
    )
    op.create_table(
        "ledger",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("cycle", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=True),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("related_id", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("before_hash", sa.Text(), nullable=True),
        sa.Column("after_hash", sa.Text(), nullable=True),
        sa.Column("actor_hash", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("fence", sa.Text(), nullable=True),
        sa.Column("rule_name", sa.Text(), nullable=True),
        sa.Column("rule_file", sa.Text(), nullable=True),
        sa.Column("rule_line", sa.Integer(), nullable=True),
        sa.Column("policy_hash", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("cause_seq", sa.BigInteger(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("leaf", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "seq"),
    )
    op.create_index(
        "ledger_by_actor_id",
        "ledger",
        ["org", "actor_id", "seq"],
        unique=False,
        sqlite_where=sa.text("actor_id IS NOT NULL"),
        postgresql_where=sa.text("actor_id IS NOT NULL"),
    )
    op.create_index("ledger_by_at", "ledger", ["org", "at", "seq"], unique=False)
    op.create_index(
        "ledger_by_field",
        "ledger",
        ["org", "field", "seq"],
        unique=False,
        sqlite_where=sa.text("field IS NOT NULL"),
        postgresql_where=sa.text("field IS NOT NULL"),
    )
    op.create_index(
        "ledger_by_key",
        "ledger",
        ["org", "key"],
        unique=True,
        sqlite_where=sa.text("kind = 'intent'"),
        postgresql_where=sa.text("kind = 'intent'"),
    )
    op.create_index("ledger_by_kind", "ledger", ["org", "kind", "seq"], unique=False)
    op.create_index(
        "ledger_by_outcome",
        "ledger",
        ["org", "outcome", "seq"],
        unique=False,
        sqlite_where=sa.text("outcome IS NOT NULL"),
        postgresql_where=sa.text("outcome IS NOT NULL"),
    )
    op.create_index(
        "ledger_by_record_id",
        "ledger",
        ["org", "record_id", "seq"],
        unique=False,
        sqlite_where=sa.text("record_id IS NOT NULL"),
        postgresql_where=sa.text("record_id IS NOT NULL"),
    )
    op.create_index(
        "ledger_by_related_id",
        "ledger",
        ["org", "related_id", "seq"],
        unique=False,
        sqlite_where=sa.text("related_id IS NOT NULL"),
        postgresql_where=sa.text("related_id IS NOT NULL"),
    )
    op.create_index(
        "ledger_by_rule_name",
        "ledger",
        ["org", "rule_name", "seq"],
        unique=False,
        sqlite_where=sa.text("rule_name IS NOT NULL"),
        postgresql_where=sa.text("rule_name IS NOT NULL"),
    )
    op.create_index(
        "ledger_by_team",
        "ledger",
        ["org", "team", "seq"],
        unique=False,
        sqlite_where=sa.text("team IS NOT NULL"),
        postgresql_where=sa.text("team IS NOT NULL"),
    )
    op.create_index(
        "ledger_by_verdict",
        "ledger",
        ["org", "verdict", "seq"],
        unique=False,
        sqlite_where=sa.text("verdict IS NOT NULL"),
        postgresql_where=sa.text("verdict IS NOT NULL"),
    )
    op.create_table(
        "ledger_head",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org"),
    )
    op.create_table(
        "ledger_values",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "seq", "part"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ledger_values_by_actor",
        "ledger_values",
        ["org", "value", "seq"],
        unique=False,
        sqlite_where=sa.text("part = 'actor'"),
        postgresql_where=sa.text("part = 'actor'"),
    )
    op.create_table(
        "marks",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.Text(), nullable=True),
        sa.Column("read_at", sa.Text(), nullable=True),
        sa.Column("read_id", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("org", "object"),
    )
    op.create_table(
        "outbox",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cycle", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "seq"),
    )
    op.create_table(
        "record_keys",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "object", "field", "value", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("record_keys_by_id", "record_keys", ["org", "object", "id"], unique=False)
    op.create_table(
        "records",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.Text(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "object", "id"),
    )
    op.create_table(
        "settings",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "key"),
    )
    op.create_table(
        "staged",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.Text(), nullable=False),
        sa.Column("order_at", sa.Text(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("org", "object", "id"),
    )
    op.create_index("staged_by_subject", "staged", ["org", "object", "subject_id"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "scope", "subject"),
        sqlite_with_rowid=False,
    )
