"""Work of other threads beside one's own: what Polars, gzip and libpq do, they do without the interpreter lock."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")
_AHEAD: Final = 2


class _Ended(Generic[_T]):
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(items: Iterator[_T]) -> Iterator[_T]:
    """`items`, of which a background thread makes the next few while the caller works on one."""
    waiting: queue.Queue[_T | _Ended[_T]] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(item: _T | _Ended[_T]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as raised:  # noqa: BLE001  # it is raised again where the items are used
            error = raised
        put(_Ended(error))

    thread = threading.Thread(target=run, name="import-reader", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _Ended):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        thread.join()


class Writer:
    """Runs calls in order in one background thread, a few of them ahead; a failed one is raised at the next."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._pending: deque[Future[None]] = deque()

    def submit(self, call: Callable[[], None]) -> None:
        while len(self._pending) > _AHEAD * 8 or (self._pending and self._pending[0].done()):
            self._pending.popleft().result()
        self._pending.append(self._executor.submit(call))

    def finish(self) -> None:
        while self._pending:
            self._pending.popleft().result()


@contextmanager
def background_writer() -> Iterator[Writer]:
    """A writer whose work is done when the block ends well, and dropped when it does not."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import-writer") as executor:
        writer = Writer(executor)
        try:
            yield writer
            writer.finish()
        except BaseException:
            executor.shutdown(wait=True, cancel_futures=True)
            raise
