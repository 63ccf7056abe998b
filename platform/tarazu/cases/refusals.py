"""Why a change of a case is refused. Beside these: `NotFoundError`, and `ForbiddenError` of the principal."""

from __future__ import annotations

from tarazu.errors import InputError
from tarazu.models.enums import CaseState


class ConflictError(InputError):
    """The case has changed since the caller read it. `current_version` is what it has now."""

    code = "cases.conflict"

    def __init__(self, message: str, *, current_version: int, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.current_version = current_version


class InvalidTransitionError(InputError):
    """The state of the case does not allow this. `state` is the one it has."""

    code = "cases.transition"

    def __init__(self, message: str, *, state: CaseState | None, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.state = state


class InvalidInputError(InputError):
    """A value is missing, too long, out of bounds, or does not fit another. `field` names it as code does."""

    code = "cases.input"

    def __init__(self, message: str, *, field: str, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.field = field
