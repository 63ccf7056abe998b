"""Alembic's environment: runs on the connection that `migrations.runner` hands over."""

from __future__ import annotations

from alembic import context

from tarazu.models import Base


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    # Staging tables come and go with imports and scans; those of arrivals belong to the job queue.
    return not (kind == "schema" and name in {"staging", "arrivals"})


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_server_default=False,
    include_name=_is_ours,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
