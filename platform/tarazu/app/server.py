"""Serves the application over HTTP."""

from __future__ import annotations

import uvicorn

from tarazu.app.factory import create_app
from tarazu.app.logging import configure_logging
from tarazu.app.websocket_protocol import websocket_options
from tarazu.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM; requests under way are finished first."""
    configure_logging(settings)
    uvicorn.run(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        log_level=settings.log_level.lower(),
        # Ours leaves out what may identify people; uvicorn's writes whole URLs.
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=20,
        **websocket_options(),
    )
