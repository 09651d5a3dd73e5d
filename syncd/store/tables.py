"""Which tables does the database have?

All state is keyed by org. Times are text in UTC with microseconds (`2026-03-01T12:00:00.000000Z`), so that they sort as
they stand and an auditor can read them with any tool; JSON is text too. Empty text stands for "none" where a column is
part of a key.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text

metadata = MetaData()


def _text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null, primary_key=key)


settings = Table("settings", metadata, _text("org", key=True), _text("key", key=True), _text("value"))

marks = Table(
    "marks",
    metadata,
    _text("org", key=True),
    _text("object", key=True),
    _text("decided_at", null=True),
    _text("read_at", null=True),
    _text("read_id", null=True),
    _text("deleted_at", null=True),
)

# The names of the values in `fields` of `staged` and `records`, by a number that follows from object and names.
layouts = Table(
    "layouts",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _text("object"),
    _text("names"),
)

# `fields` is an array of values in the order of the layout's names. It is null in a row that is only known to be gone;
# `order_at` says which of two readings is the newer one.
staged = Table(
    "staged",
    metadata,
    _text("org", key=True),
    _text("object", key=True),
    _text("id", key=True),
    _text("subject_id"),
    _text("modified_at"),
    _text("order_at"),
    Column("is_deleted", Boolean, nullable=False),
    Column("layout", BigInteger),
    _text("fields", null=True),
)
Index("staged_by_subject", staged.c.org, staged.c.object, staged.c.subject_id)

# `found_by` is an array of what the row is looked up by, in the order of the indexed fields' names; null when it is not.
records = Table(
    "records",
    metadata,
    _text("org", key=True),
    _text("object", key=True),
    _text("id", key=True),
    _text("modified_at"),
    Column("is_deleted", Boolean, nullable=False),
    Column("layout", BigInteger, nullable=False),
    _text("fields"),
    _text("found_by", null=True),
    sqlite_with_rowid=False,
)

# `lookup` is a number that follows from org, object and field.
record_keys = Table(
    "record_keys",
    metadata,
    Column("lookup", BigInteger, primary_key=True, autoincrement=False),
    _text("value", key=True),
    _text("id", key=True),
    sqlite_with_rowid=False,
)

flags = Table(
    "flags",
    metadata,
    _text("org", key=True),
    _text("flag", key=True),
    _text("person_id", key=True),
    _text("address", key=True),
    _text("source", key=True),
    _text("scope", key=True),
    _text("evidence"),
    _text("seen_at"),
    _text("said_at"),
)
Index("flags_by_person", flags.c.org, flags.c.person_id)
Index("flags_by_address", flags.c.org, flags.c.address)

consents = Table(
    "consents",
    metadata,
    _text("org", key=True),
    _text("person_id", key=True),
    _text("address", key=True),
    _text("scope", key=True),
    _text("given_at", key=True),
    _text("source", key=True),
    _text("wording"),
    _text("noted_by"),
    _text("noted_at"),
)
Index("consents_by_address", consents.c.org, consents.c.address)

# What leads and contacts were known by until it changed: an address, an external id as `Field=value`, a record that was merged
# or converted into this one as `id=…`.
former_handles = Table(
    "former_handles",
    metadata,
    _text("org", key=True),
    _text("person_id", key=True),
    _text("handle", key=True),
    sqlite_with_rowid=False,
)
Index("former_handles_by_handle", former_handles.c.org, former_handles.c.handle)

verdicts = Table(
    "verdicts",
    metadata,
    _text("org", key=True),
    _text("scope", key=True),
    _text("subject", key=True),
    _text("verdict"),
    sqlite_with_rowid=False,
)

debts = Table(
    "debts",
    metadata,
    _text("org", key=True),
    _text("object", key=True),
    _text("record_id", key=True),
    _text("field", key=True),
    _text("value"),
    _text("due_at", null=True),
    _text("wait", null=True),
)
Index(
    "debts_by_due",
    debts.c.org,
    debts.c.due_at,
    sqlite_where=debts.c.due_at.is_not(None),
    postgresql_where=debts.c.due_at.is_not(None),
)

# What a row of the directory was until it changed; `fields` is null where it was not there. Until `unsure_from` it surely was so.
former_people = Table(
    "former_people",
    metadata,
    _text("org", key=True),
    _text("object", key=True),
    _text("id", key=True),
    _text("until_at", key=True),
    _text("unsure_from"),
    _text("fields", null=True),
    sqlite_with_rowid=False,
)

export_files = Table(
    "export_files",
    metadata,
    _text("org", key=True),
    _text("sha256", key=True),
    _text("source"),
    _text("name"),
    Column("size_bytes", BigInteger, nullable=False),
    _text("counts", null=True),
    _text("finished_at", null=True),
)

export_rows = Table(
    "export_rows",
    metadata,
    _text("org", key=True),
    _text("sha256", key=True),
    _text("key", key=True),
    Column("line", BigInteger, primary_key=True, autoincrement=False),
    _text("version"),
    _text("payload"),
    sqlite_with_rowid=False,
)

# What was last seen of a person in the exports of a source: how new it was, and the row that was compared with the mirror's
# very record and led to nothing. Whatever changes that record, or who shares a key with it, empties `row_hash`.
# `would_write` counts the fields that the row would write while its mapping only observes.
export_known = Table(
    "export_known",
    metadata,
    _text("org", key=True),
    _text("person_id", key=True),
    _text("source", key=True),
    _text("row_hash", null=True),
    _text("newest"),
    Column("would_write", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The row holds salted commitments to what is personal; the values themselves can be erased and the leaf still stands.
ledger = Table(
    "ledger",
    metadata,
    _text("org", key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _text("at"),
    _text("cycle"),
    _text("kind"),
    _text("object", null=True),
    _text("record_id", null=True),
    _text("related_id", null=True),
    _text("field", null=True),
    _text("before_hash", null=True),
    _text("after_hash", null=True),
    _text("actor_hash", null=True),
    _text("changed_at", null=True),
    _text("actor_id", null=True),
    _text("actor_kind", null=True),
    _text("proof", null=True),
    _text("team", null=True),
    _text("verdict", null=True),
    _text("fence", null=True),
    _text("rule_name", null=True),
    _text("rule_file", null=True),
    Column("rule_line", Integer),
    _text("policy_hash", null=True),
    _text("reason", null=True),
    _text("evidence", null=True),
    Column("cause_seq", BigInteger),
    _text("key", null=True),
    _text("outcome", null=True),
    _text("request_id", null=True),
    _text("leaf"),
)


def _ledger_index(name: str, *, unique: bool = False, only: str | None = None) -> None:
    column = ledger.c[name]
    condition = column.is_not(None) if only is None else ledger.c.kind == only
    columns = (ledger.c.org, column) if unique else (ledger.c.org, column, ledger.c.seq)
    Index(f"ledger_by_{name}", *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


for _name in ("record_id", "related_id", "field", "actor_id", "team", "verdict", "rule_name", "outcome"):
    _ledger_index(_name)
Index("ledger_by_kind", ledger.c.org, ledger.c.kind, ledger.c.seq)
Index("ledger_by_at", ledger.c.org, ledger.c.at, ledger.c.seq)
_ledger_index("key", unique=True, only="intent")

ledger_values = Table(
    "ledger_values",
    metadata,
    _text("org", key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _text("part", key=True),
    _text("salt"),
    _text("value"),
    sqlite_with_rowid=False,
)
_is_actor = ledger_values.c.part == "actor"
Index(
    "ledger_values_by_actor",
    ledger_values.c.org,
    ledger_values.c.value,
    ledger_values.c.seq,
    sqlite_where=_is_actor,
    postgresql_where=_is_actor,
)

ledger_head = Table(
    "ledger_head",
    metadata,
    _text("org", key=True),
    Column("size", BigInteger, nullable=False),
    _text("frontier"),
)

outbox = Table(
    "outbox",
    metadata,
    _text("org", key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _text("cycle"),
    _text("payload"),
)

deferred = Table(
    "deferred",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _text("org"),
    _text("object"),
    _text("record_id"),
    _text("field"),
    _text("value"),
    _text("payload"),
)
Index(
    "deferred_by_value",
    deferred.c.org,
    deferred.c.object,
    deferred.c.record_id,
    deferred.c.field,
    deferred.c.value,
    unique=True,
)

inbox = Table(
    "inbox",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _text("org"),
    _text("kind"),
    _text("subject"),
    _text("where"),
    _text("text"),
    _text("remedy"),
    _text("detail"),
    Column("times", Integer, nullable=False),
    _text("first_at"),
    _text("last_at"),
    _text("resolved_at", null=True),
)
Index("inbox_by_subject", inbox.c.org, inbox.c.kind, inbox.c.subject, unique=True)
_is_open = inbox.c.resolved_at.is_(None)  # what was closed stays for ever
Index("inbox_open", inbox.c.org, inbox.c.kind, inbox.c.number, sqlite_where=_is_open, postgresql_where=_is_open)

cycles = Table(
    "cycles",
    metadata,
    _text("org", key=True),
    _text("id", key=True),
    _text("started_at"),
    _text("ended_at"),
    _text("counts"),
    _text("error", null=True),
)
Index("cycles_by_start", cycles.c.org, cycles.c.started_at)

lease = Table(
    "lease",
    metadata,
    _text("org", key=True),
    _text("host"),
    Column("pid", BigInteger, nullable=False),
    _text("since_at"),
    _text("heartbeat_at"),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    _text("boot", null=True),
    _text("token", null=True),
    Column("beat_s", Float),
)

# A row stands here before Salesforce is asked for the job: one without `job_id` may or may not have been created there.
jobs = Table(
    "jobs",
    metadata,
    _text("org", key=True),
    _text("key", key=True),
    _text("kind"),
    _text("object"),
    _text("job_id", null=True),
    _text("state"),
    _text("payload"),
    _text("created_at"),
    _text("updated_at"),
)

requests = Table(
    "requests",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _text("org"),
    _text("verb"),
    _text("payload"),
    _text("asked_by"),
    _text("asked_at"),
    _text("taken_at", null=True),
    _text("done_at", null=True),
    _text("result", null=True),
)
Index("requests_by_done", requests.c.org, requests.c.done_at, requests.c.number)
