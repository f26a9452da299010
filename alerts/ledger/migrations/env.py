"""Alembic's environment. The caller passes an open connection; there is no settings file."""

from alembic import context

from alerts.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    on_version_apply=context.config.attributes.get("on_version_apply"),
    render_as_batch=True,  # SQLite alters some things only by copying the table
)
with context.begin_transaction():
    context.run_migrations()
