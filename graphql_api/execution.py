"""Runs an admitted operation: reads by their compiled statements, what those cannot say by resolvers, changes once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import ExecutionResult, GraphQLError, execute
from strawberry import Schema

from graphql_api.compiler.errors import NotCompilableError
from graphql_api.compiler.mapping import ReadingLimits
from graphql_api.compiler.prepared import Compiler, Read
from graphql_api.context import Context, company_day
from graphql_api.documents import Document, OperationKind
from graphql_api.errors import UNAVAILABLE, tell
from graphql_api.gate import Admitted
from graphql_api.observation import OK
from graphql_api.once import mutation_call, settle
from graphql_api.reads import Answered, answer
from tarazu.customer_service.reporters import Reporters
from tarazu.database import ReadPool, Sessions, WriteSession
from tarazu.idempotency import Answer, run_once
from tarazu.security.audit import AuditAction, AuditEntry, AuditWriter
from tarazu.security.principal import ForbiddenError, Principal
from tarazu.settings import Settings

RETRY_AFTER_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what the process has for the answer."""

    principal: Principal
    sessions: Sessions
    reads: ReadPool
    audit: AuditWriter
    reporters: Reporters
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Executed:
    """The body of the answer, its status, and the code of its first error."""

    body: bytes
    code: str = OK

    @property
    def status(self) -> int:
        return 503 if self.code == UNAVAILABLE else 200


class Execution:
    """Runs the operations of one schema."""

    def __init__(self, schema: Schema, settings: Settings) -> None:
        self.compiler = Compiler(schema)
        self._schema = self.compiler.graphql_schema
        self._settings = settings

    async def run(self, admitted: Admitted, variables: Mapping[str, Any], caller: Caller) -> Executed:
        """The whole answer. `variables` are those the client sent: graphql-core coerces them itself."""
        document = admitted.document
        if document.kind is OperationKind.MUTATION:
            return await self._change(admitted, variables, caller)
        if self._settings.api_compiler:
            try:
                read = self._compile(admitted, caller.principal)
            except NotCompilableError:
                pass
            except GraphQLError as error:
                if isinstance(error.original_error, ForbiddenError):
                    await self._audit_refusal(document, caller, error)
                return _told(b"null", [tell(error)], admitted)
            except Exception as fault:  # noqa: BLE001  # a fault of the compiler is masked and logged as a resolver's is
                told = tell(GraphQLError("compile", path=["query"], original_error=fault))
                return _told(b"null", [told], admitted)
            else:
                return await self._read(read, admitted, caller)
        return await self._resolve(admitted, variables, caller, None)

    def _compile(self, admitted: Admitted, principal: Principal) -> Read:
        document = admitted.document
        return self.compiler.read(
            (document.sha256, document.name),
            document.ast,
            document.operation,
            admitted.variables,
            principal,
            ReadingLimits(self._settings.page_size_max, company_day(), principal.permissions),
        )

    async def _read(self, read: Read, admitted: Admitted, caller: Caller) -> Executed:
        timeout_ms = self._settings.statement_timeout_of(caller.principal.statement_timeout_ms)
        answered: Answered = await answer(read, caller.reads, timeout_ms=timeout_ms)
        # Written down before anybody sees it; where that fails, nothing is shown.
        refused = await self._audit_personal(read.personal_fields, admitted.document, caller)
        if refused is not None:
            return _told(b"null", [refused], admitted)
        return _told(answered.data, [tell(error) for error in answered.errors], admitted)

    async def _resolve(
        self,
        admitted: Admitted,
        variables: Mapping[str, Any],
        caller: Caller,
        session: WriteSession | None,
    ) -> Executed:
        document = admitted.document
        context = Context(
            caller.sessions,
            principal=caller.principal,
            types=self.compiler.types,
            settings=self._settings,
            today=company_day(),
            request_id=caller.request_id,
            write_session=session,
            reporters=caller.reporters,
        )
        try:
            result = execute(
                self._schema,
                document.ast,
                context_value=context,
                variable_values=dict(variables),
                operation_name=document.name,
                hide_suggestions=not self._settings.api_development,
            )
            if inspect.isawaitable(result):
                result = await result
        finally:
            await context.close()
        assert isinstance(result, ExecutionResult)
        refused = await self._audit_personal(tuple(context.personal_fields), document, caller)
        if refused is not None:
            return _told(b"null", [refused], admitted)
        return _told(orjson.dumps(result.data), [tell(error) for error in result.errors or ()], admitted)

    async def _change(self, admitted: Admitted, variables: Mapping[str, Any], caller: Caller) -> Executed:
        """A mutation, in the one transaction that also keeps its answer."""
        document = admitted.document
        field = "mutation"

        async def change(session: WriteSession) -> Answer:
            executed = await self._resolve(admitted, variables, caller, session)
            return settle(executed.body, executed.status)

        try:
            call = mutation_call(document.ast, document.name, variables, document.sha256)
            if call is None:
                executed = await self._resolve(admitted, variables, caller, None)
                return Executed(executed.body, executed.code)
            field = call.field
            kept = await run_once(
                caller.sessions,
                caller.principal,
                call.key,
                call.body_sha256,
                change,
                keep_days=self._settings.idempotency_keep_days,
            )
        except Exception as error:  # noqa: BLE001  # `tell` says what the client may know, and logs the rest
            told = tell(GraphQLError(str(error), path=[field], original_error=error))
            return _told(b"null", [told], admitted)
        errors = orjson.loads(kept.body).get("errors")
        return Executed(kept.body, errors[0]["extensions"]["code"] if errors else OK)

    async def _audit_personal(
        self, fields: Sequence[str], document: Document, caller: Caller
    ) -> GraphQLError | None:
        if not fields:
            return None
        entry = AuditEntry(
            AuditAction.SENSITIVE_READ,
            caller.principal,
            subject_type="graphql",
            subject_id=document.sha256,
            details={"operation": document.name, "fields": list(fields)},
            request_id=caller.request_id,
        )
        try:
            await caller.audit.write(entry)
        except Exception as error:  # noqa: BLE001  # whatever it is, what cannot be written down is not shown
            return tell(GraphQLError(str(error), path=["audit"], original_error=error))
        return None

    async def _audit_refusal(self, document: Document, caller: Caller, error: GraphQLError) -> None:
        entry = AuditEntry(
            AuditAction.AUTHZ_FAIL,
            caller.principal,
            subject_type="graphql",
            subject_id=document.sha256,
            details={"operation": document.name, "path": [str(part) for part in error.path or ()]},
            request_id=caller.request_id,
        )
        try:
            await caller.audit.write(entry)
        except Exception as fault:  # noqa: BLE001  # it is refused either way; the fault is told in the log
            tell(GraphQLError("audit", path=["audit"], original_error=fault))


def _told(data: bytes, errors: Sequence[GraphQLError], admitted: Admitted) -> Executed:
    extensions = orjson.dumps(admitted.extensions)
    if not errors:
        return Executed(b'{"data":%s,"extensions":%s}' % (data, extensions))
    written = orjson.dumps([error.formatted for error in errors])
    codes = [str((error.extensions or {}).get("code")) for error in errors]
    code = UNAVAILABLE if UNAVAILABLE in codes else codes[0]
    return Executed(b'{"data":%s,"errors":%s,"extensions":%s}' % (data, written, extensions), code)
