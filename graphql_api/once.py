"""Which change a request asks for, so that the endpoint can do it once (`tarazu.idempotency.run_once`).

A mutation operation has exactly one field, and its `input` a `clientMutationKey`: a key belongs to one effect. Whether
an answer stands depends on its errors: one that has any has changed nothing, and the same key may try again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    value_from_ast_untyped,
)

from tarazu.errors import InputError
from tarazu.idempotency import Answer

_ARGUMENT: Final = "input"
_KEY: Final = "clientMutationKey"


class MutationShapeError(InputError):
    """A mutation operation has several fields, or its field stands in a fragment or under a condition."""

    code = "graphql.mutation"


@dataclass(frozen=True, slots=True)
class MutationCall:
    """One change, as a request asks for it."""

    field: str
    key: str
    body_sha256: bytes


def mutation_call(
    document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any], query: str
) -> MutationCall | None:
    """The change of a parsed document; None for a query, and for what validation will refuse. `query` names the document.

    Raises MutationShapeError.
    """
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is not OperationType.MUTATION:
        return None
    fields = operation.selection_set.selections
    if len(fields) != 1 or not isinstance(fields[0], FieldNode) or fields[0].directives:
        raise MutationShapeError(
            "A mutation has exactly one field, written directly and without a directive.",
            mend="Send each change as a request of its own; for many cases there are mutations of a list.",
        )
    key = _key(operation, fields[0], variables)
    if key is None:
        return None
    whole = orjson.dumps([query, operation_name, variables], option=orjson.OPT_SORT_KEYS)
    return MutationCall(fields[0].name.value, key, hashlib.sha256(whole).digest())


def settle(body: bytes, status: int) -> Answer:
    """The answer of an executed mutation: one with errors is not final, and claims no effect."""
    told = orjson.loads(body)
    if not told.get("errors"):
        return Answer(body, status)
    return Answer(orjson.dumps(told | {"data": None}), status, final=False)


def _key(operation: OperationDefinitionNode, field: FieldNode, variables: Mapping[str, Any]) -> str | None:
    defaults = {
        defined.variable.name.value: value_from_ast_untyped(defined.default_value)
        for defined in operation.variable_definitions or ()
        if defined.default_value is not None
    }
    for argument in field.arguments or ():
        if argument.name.value == _ARGUMENT:
            value = value_from_ast_untyped(argument.value, {**defaults, **variables})
            key = value.get(_KEY) if isinstance(value, dict) else None
            return key if isinstance(key, str) else None
    return None
