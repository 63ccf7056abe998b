"""uvicorn's WebSockets, with limits, and without what identifies people in the log."""

from __future__ import annotations

import logging
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# A subscription's document and variables stay below 4 KB.
MESSAGE_BYTES_MAX: Final = 64 * 1024
PING_SECONDS: Final = 20.0
PONG_SECONDS: Final = 20.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # At INFO it writes the client's address and the whole URL.
        self.logger = logging.getLogger("tarazu.app.websocket")
        self.logger.setLevel(logging.WARNING)

    def keepalive_timeout(self) -> None:
        """A peer that answers no ping is cut off.

        uvicorn closes politely, which waits for what is still to be sent; a peer that reads nothing would hold the
        connection for ever.
        """
        super().keepalive_timeout()
        self.transport.abort()


def websocket_options() -> dict[str, Any]:
    """For `uvicorn.Config`."""
    return {
        "ws": WebSocketProtocol,
        "ws_max_size": MESSAGE_BYTES_MAX,
        "ws_ping_interval": PING_SECONDS,
        "ws_ping_timeout": PONG_SECONDS,
        # Messages are small; a compressor costs a connection more memory than all else.
        "ws_per_message_deflate": False,
    }
