"""Why a change was refused, as types that a client selects from the union of an answer."""

from __future__ import annotations

import strawberry

from tarazu.cases import refusals
from tarazu.errors import InputError
from tarazu.errors import NotFoundError as NotFound
from tarazu.models.enums import CaseState
from tarazu.security.principal import ForbiddenError as Forbidden

_CODE = "Stable dotted code of the reason, for programs."
_MESSAGE = "The reason in a sentence, with what to do."


@strawberry.interface(
    description="A change was refused, and nothing was changed. The key of the request is used up."
)
class MutationError:
    code: str = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)


@strawberry.type(description="The case has changed since it was read: read it again, then decide.")
class ConflictError(MutationError):
    current_version: int = strawberry.field(description="The version that the case has now.")


@strawberry.type(description="There is no such row among those that the caller may see.")
class NotFoundError(MutationError):
    pass


@strawberry.type(description="The state of the case does not allow the change.")
class InvalidTransitionError(MutationError):
    state: CaseState | None = strawberry.field(
        description="The state that the case has; null for an inspection of no case."
    )


@strawberry.type(description="A value of the input is missing, out of its bounds, or does not fit another.")
class InvalidInputError(MutationError):
    # Not `field`: that would hide strawberry.field in this class.
    field_name: str | None = strawberry.field(
        name="field", description="Which value; null where it is several."
    )


@strawberry.type(description="The caller lacks the permission.")
class ForbiddenError(MutationError):
    pass


def told(refusal: InputError) -> MutationError:
    """The refusal as a type of the schema."""
    code, message = refusal.code, str(refusal)
    match refusal:
        case refusals.ConflictError():
            return ConflictError(code=code, message=message, current_version=refusal.current_version)
        case refusals.InvalidTransitionError():
            return InvalidTransitionError(code=code, message=message, state=refusal.state)
        case NotFound():
            return NotFoundError(code=code, message=message)
        case Forbidden():
            return ForbiddenError(code=code, message=message)
        case refusals.InvalidInputError():
            return InvalidInputError(code=code, message=message, field_name=refusal.field)
        case _:
            return InvalidInputError(code=code, message=message, field_name=None)
