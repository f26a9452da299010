"""Alembic's environment: it is handed an open connection and never reads a file of settings."""

from alembic import context

from alerts.ledger.base import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
