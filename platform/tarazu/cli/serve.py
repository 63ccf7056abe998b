"""`tarazu serve`: the API."""

from __future__ import annotations

from tarazu.cli.context import reporting, settings_with_database
from tarazu.cli.output import err


def serve() -> None:
    """Serve the API until Ctrl-C (address: TARAZU_API_HOST, TARAZU_API_PORT)."""
    from tarazu.app import serve as serve_app

    with reporting():
        settings = settings_with_database()
        err.print(
            f"GraphQL at http://{settings.api_host}:{settings.api_port}/graphql; Ctrl-C ends", markup=False
        )
        serve_app(settings)
