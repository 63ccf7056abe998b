"""Runs the subscriptions of a socket: nothing else than subscriptions, errors told as everywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from graphql import GraphQLError
from strawberry.schema.base import BaseSchema
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from graphql_api.errors import INTERNAL, UNAVAILABLE, tell
from graphql_api.refusals import RefusedError
from graphql_api.request import GraphqlRequest
from graphql_api.subscriptions.connection import Connection
from graphql_api.subscriptions.context import SubscriptionContext

# After one of these an event may not have been told of in full.
_BROKEN: Final = frozenset({INTERNAL, UNAVAILABLE})


class Operations:
    """Stands for the schema before strawberry's handler, which asks it for `stream` alone."""

    def __init__(self, schema: BaseSchema) -> None:
        self._schema = schema

    async def stream(
        self, query: str, *, context_value: Connection, **given: Any
    ) -> AsyncGenerator[ExecutionResult]:
        asked = GraphqlRequest(query, None, given.get("operation_name"), given.get("variable_values") or {})
        try:
            admitted = await context_value.admit(asked)
        except RefusedError as error:
            return _refused(error)
        context = context_value.operation_context()
        results = await self._schema.stream(
            query,
            context_value=context,
            allowed_operation_types=(OperationType.SUBSCRIPTION,),
            **given,
        )
        return _told(results, context, admitted.document.name)


async def _refused(error: RefusedError) -> AsyncGenerator[ExecutionResult]:
    told = [
        GraphQLError(problem["message"], extensions=problem["extensions"])
        for problem in error.write()["errors"]
    ]
    yield PreExecutionError(data=None, errors=told)


async def _told(
    results: AsyncGenerator[Any], context: SubscriptionContext, name: str | None
) -> AsyncGenerator[ExecutionResult]:
    is_first = True
    try:
        async with aclosing(results):
            async for result in results:
                # Written down before anybody sees it; where that fails, the subscription ends in a fault.
                await context.audit_personal(name)
                await context.renew()
                if not result.errors:
                    yield result
                else:
                    told = _tell_of(result)
                    broken = any(error.extensions["code"] in _BROKEN for error in told)
                    if is_first and result.data is None:
                        yield PreExecutionError(data=None, errors=told)
                        return
                    # Without data: a client must not keep the cursor of an event that it has not got in full.
                    yield dataclasses.replace(result, errors=told, data=None if broken else result.data)
                    if broken:
                        return
                is_first = False
    finally:
        await context.close()


def _tell_of(result: ExecutionResult) -> list[Any]:
    executed = not isinstance(result, PreExecutionError)
    # What the source of events raises has no path, which otherwise says that nothing was executed.
    return [
        tell(_with_path(error) if executed and error.path is None and error.original_error else error)
        for error in result.errors or ()
    ]


def _with_path(error: GraphQLError) -> GraphQLError:
    return GraphQLError(error.message, path=["subscription"], original_error=error.original_error)
