"""GraphQL documents: parsed, held against the limits, validated once, and remembered.

A document that is met for the second time costs a hash of its text. Refused documents are remembered too, apart from
the good ones, so that a flood of either cannot push out what applications send all day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    ValidationRule,
    parse,
    print_ast,
    specified_rules,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values

from graphql_api.limits.cache import WeightedCache
from graphql_api.limits.document_limits import (
    CharactersError,
    CommentsError,
    DepthError,
    TokensError,
    ValueDepthError,
    VariableValuesError,
)
from graphql_api.limits.shape import check_shape
from graphql_api.refusals import (
    DocumentInvalidError,
    DocumentSyntaxError,
    HiddenNames,
    OperationChoiceError,
    Problem,
    RefusedError,
    VariablesError,
    problems_of,
)

# A token of a parsed document takes about 1 KB: 60 MB of documents that were used twice, 15 MB of newcomers.
_KNOWN_CHARACTERS_MAX: Final = 300_000
_NEW_CHARACTERS_MAX: Final = 75_000
_REFUSED_MAX: Final = 500
# More would only help to explore the schema.
_PROBLEMS_MAX: Final = 5


class OperationKind(StrEnum):
    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Document:
    """One operation of a valid document. The same text and name give the same object while it is remembered."""

    ast: DocumentNode
    operation: OperationDefinitionNode
    name: str | None
    kind: OperationKind
    sha256: str
    """Of the text in UTF-8, as hexadecimal digits; the document's id in a list of trusted ones."""


_Operations = Mapping[str | None, Document]


class NoIntrospectionRule(ValidationRule):
    """Refuses `__schema` and `__type`; `__typename` tells nothing that the answer does not."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value in ("__schema", "__type"):
            self.report_error(GraphQLError("The schema cannot be asked for itself here.", node))


class Documents:
    """The documents of one schema.

    `development` allows introspection, and lets messages tell names of the schema and guess which one was meant.
    """

    def __init__(self, schema: GraphQLSchema, *, development: bool = False) -> None:
        self.schema = schema
        self._hides_suggestions = not development
        self._hidden_names = HiddenNames(schema)
        self._rules: tuple[type[ASTValidationRule], ...] = (
            specified_rules if development else (NoIntrospectionRule, *specified_rules)
        )
        # A newcomer moves to the known ones when it comes again: documents that are used once, such as those with
        # values written into them, push out only each other.
        self._known = WeightedCache[str, _Operations](_KNOWN_CHARACTERS_MAX)
        self._new = WeightedCache[str, _Operations](_NEW_CHARACTERS_MAX)
        self._refused = WeightedCache[str, RefusedError](_REFUSED_MAX)

    def get(self, text: str, operation_name: str | None = None) -> Document:
        """The operation of that name, or the only one.

        Raises LimitError, DocumentSyntaxError, DocumentInvalidError, OperationChoiceError.
        """
        operations = self._operations(text)
        document = operations.get(operation_name)
        if document is not None:
            return document
        if operation_name is None:
            raise OperationChoiceError(
                "The document has several operations.", mend="Name one of them as `operationName`."
            )
        raise OperationChoiceError(
            "The document has no operation of the name given as `operationName`.",
            mend="Use a name that stands in the document.",
        )

    def remembers(self, text: str) -> bool:
        """Whether `get` costs no more than a hash: the text was read before, or is too long to be read at all."""
        if len(text) > CharactersError.maximum:
            return True
        sha256 = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return any(sha256 in memory for memory in (self._known, self._new, self._refused))

    def check(self, text: str) -> set[str]:
        """The names of all operations. Raises as `get` does, but for the choice among several."""
        return {name for name in self._operations(text) if name is not None}

    def coerce(self, document: Document, variables: Mapping[str, Any]) -> VariableValues:
        """The variables as the types of the operation want them. Raises VariablesError, LimitError."""
        check_variables(variables)
        values = get_variable_values(
            self.schema,
            document.operation.variable_definitions or (),
            dict(variables),
            max_errors=_PROBLEMS_MAX,
            hide_suggestions=self._hides_suggestions,
        )
        if isinstance(values, list):
            # The names of keys were sent too.
            sent = f"{print_ast(document.ast)} {dict(variables)!r}"
            raise VariablesError("The variables do not fit.", problems=self._problems(values, sent))
        return values

    def _problems(self, errors: list[GraphQLError], sent: str) -> list[Problem]:
        hide = partial(self._hidden_names.hide, sent=sent) if self._hides_suggestions else None
        return problems_of(errors[:_PROBLEMS_MAX], hide=hide)

    def _operations(self, text: str) -> _Operations:
        # Before the hash, which is linear in the text.
        if len(text) > CharactersError.maximum:
            raise CharactersError(len(text))
        try:
            sha256 = hashlib.sha256(text.encode()).hexdigest()
        except UnicodeEncodeError:
            raise DocumentSyntaxError(
                "The document holds half a character (a lone surrogate).", mend="Send valid Unicode."
            ) from None
        if (operations := self._known.get(sha256)) is not None:
            return operations
        if (entry := self._new.pop(sha256)) is not None:
            self._known.put(sha256, *entry)
            return entry[0]
        if (refusal := self._refused.get(sha256)) is not None:
            # Without the trail of the request before.
            raise refusal.with_traceback(None)
        try:
            operations = self._read(text, sha256)
        except RefusedError as error:
            self._refused.put(sha256, error)
            raise
        # The parsed document grows with its tokens, which are about as many as half its characters at most.
        self._new.put(sha256, operations, len(text))
        return operations

    def _read(self, text: str, sha256: str) -> _Operations:
        ast = _parse(text)
        check_shape(ast)
        problems = validate(
            self.schema,
            ast,
            self._rules,
            max_errors=_PROBLEMS_MAX,
            hide_suggestions=self._hides_suggestions,
        )
        if problems:
            raise DocumentInvalidError(
                "The document does not fit the schema.", problems=self._problems(problems, text)
            )
        operations: dict[str | None, Document] = {}
        for definition in ast.definitions:
            if isinstance(definition, OperationDefinitionNode):
                name = definition.name.value if definition.name else None
                operations[name] = Document(
                    ast, definition, name, OperationKind(definition.operation.value), sha256
                )
        if not operations:
            raise DocumentInvalidError("The document has no operation.", mend="Add a query or a mutation.")
        if len(operations) == 1:
            # Clients need not name it.
            operations.setdefault(None, next(iter(operations.values())))
        return operations


def _parse(text: str) -> DocumentNode:
    try:
        return parse(
            text,
            max_lexical_tokens=TokensError.maximum,
            max_comments=CommentsError.maximum,
            max_source_length=CharactersError.maximum,
        )
    except GraphQLSyntaxError as error:
        # graphql-core has one class for all; a test holds these words against it.
        if "more than" in error.message and "tokens" in error.message:
            raise TokensError from None
        if "more than" in error.message and "comments" in error.message:
            raise CommentsError from None
        if "nested too deeply" in error.message:
            raise DepthError from None
        raise DocumentSyntaxError(error.message, problems=problems_of([error])) from None


def check_variables(variables: Mapping[str, Any]) -> int:
    """How many values there are. Raises VariableValuesError, ValueDepthError."""
    count = 0
    level: list[Any] = [variables]
    depth = 0
    while level:
        depth += 1
        if depth > ValueDepthError.maximum + 1:
            raise ValueDepthError
        below: list[Any] = []
        for value in level:
            inner = value.values() if isinstance(value, Mapping) else value
            count += len(inner)
            if count > VariableValuesError.maximum:
                raise VariableValuesError
            below += [part for part in inner if isinstance(part, dict | list)]
        level = below
    return count
