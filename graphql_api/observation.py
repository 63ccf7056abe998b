"""What of an operation may be seen by those who run the service: never the document, variables or rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Protocol

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class Outcome:
    operation: str
    """The operation's name if it is a known one, else `anonymous` or `other` (see Gate.shown_name)."""
    kind: str
    """`query`, `mutation`, `subscription`, or `none` where the document was refused."""
    code: str
    """`ok`, or the code of the first error."""
    seconds: float
    cost: int
    principal: str
    role: str


class Observer(Protocol):
    """Metrics, log and traces of operations."""

    def span(self, operation: str, kind: str) -> AbstractContextManager[Any]:
        """Around the execution."""

    def note(self, outcome: Outcome) -> None:
        """After the answer was made, or the request refused."""


class NoObserver:
    """Sees nothing."""

    def span(self, operation: str, kind: str) -> AbstractContextManager[Any]:  # noqa: ARG002  # nobody looks
        return nullcontext()

    def note(self, outcome: Outcome) -> None:
        """Forgotten."""


class Observers:
    """Tells several functions of each outcome, and opens the spans of one tracer."""

    def __init__(
        self,
        *notes: Callable[[Outcome], None],
        span: Callable[[str, str], AbstractContextManager[Any]] | None = None,
    ) -> None:
        self._notes = notes
        self._span = span

    def span(self, operation: str, kind: str) -> AbstractContextManager[Any]:
        return nullcontext() if self._span is None else self._span(operation, kind)

    def note(self, outcome: Outcome) -> None:
        for note in self._notes:
            note(outcome)
