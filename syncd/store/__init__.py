"""The database: SQLAlchemy Core over SQLite. Start at `syncd.store.sql.open_store`."""
