"""Stops the work of a request whose client has gone away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

Result = TypeVar("Result")

# Most answers take less; for them there is no second task.
WATCH_AFTER_SECONDS: Final = 0.1


async def run_until_disconnect(
    receive: Receive, work: Awaitable[Result], *, watch_after_seconds: float = WATCH_AFTER_SECONDS
) -> Result:
    """The result of `work`, or ClientDisconnect when the client goes away first; the work is cancelled then.

    The body of the request must have been read: what `receive` gives from now on is that the client has gone.
    """
    task = asyncio.current_task()
    assert task is not None
    watcher: asyncio.Task[None] | None = None
    has_gone = False

    async def watch() -> None:
        nonlocal has_gone
        while (await receive())["type"] != "http.disconnect":
            pass
        has_gone = True
        task.cancel()

    def begin() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(watch())

    timer = asyncio.get_running_loop().call_later(watch_after_seconds, begin)
    try:
        return await work
    except asyncio.CancelledError:
        # Others may cancel too (a server that shuts down); that goes on to them.
        if has_gone and task.uncancel() <= 0:
            raise ClientDisconnect from None
        raise
    finally:
        timer.cancel()
        if watcher is not None and not watcher.done():
            watcher.cancel()
