"""Arguments of fields, as the signatures of resolvers that strawberry reads them from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import strawberry
from strawberry import UNSET

from graphql_api.compiler.arguments import PAGE_SIZE
from graphql_api.connections import After, First


def parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY if default is not inspect.Parameter.empty else _PLACE
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


PARENT: Final[Any] = strawberry.Parent[Any]  # type: ignore[misc]  # an alias of Annotated
_PLACE: Final = inspect.Parameter.POSITIONAL_OR_KEYWORD
PAGE_PARAMETERS: Final = (
    parameter("first", First, PAGE_SIZE),
    parameter("after", After, UNSET),
)


def filter_parameter(filter_type: Any) -> inspect.Parameter:
    return argument("filter", filter_type | None, "Which rows; without it, all.")


def with_signature(
    resolve: Callable[..., Any], parameters: Sequence[inspect.Parameter]
) -> Callable[..., Any]:
    """The function with these parameters: strawberry reads arguments from signatures."""
    resolve.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]  # inspect honours it
    resolve.__annotations__ = {each.name: each.annotation for each in parameters}
    return resolve


def argument(
    name: str,
    annotation: Any,
    description: str,
    default: Any = UNSET,
    *,
    required: bool = False,
    graphql_name: str | None = None,
) -> inspect.Parameter:
    """An argument of a root field; absent ones are UNSET. `graphql_name` where Python reserves the name."""
    return parameter(
        name,
        Annotated[annotation, strawberry.argument(description=description, name=graphql_name)],
        default=inspect.Parameter.empty if required else default,
    )


def with_parameters(
    resolve: Callable[..., Any], info: Any, *parameters: inspect.Parameter
) -> Callable[..., Any]:
    """A resolver of a root field with these arguments."""
    return with_signature(resolve, [parameter("info", info), *parameters])
