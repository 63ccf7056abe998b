"""The limits of a document. Each is an error class that holds its number and the reason for it.

`docs/reference/limits.md` is made from this list (`python -m graphql_api.limits.page`).
"""

from __future__ import annotations

from typing import ClassVar, Final

from graphql_api.refusals import RefusedError


class LimitError(RefusedError):
    """A document exceeds a limit."""

    code = "graphql.limit"
    maximum: ClassVar[int]
    unit: ClassVar[str]
    """What is counted, after a number: "tokens in a document"."""
    why: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, found: int | None = None) -> None:
        """`found` is the number counted, or None where counting stopped at the limit."""
        much = f"More than {self.maximum:,}" if found is None else f"{found:,}"
        super().__init__(f"{much} {self.unit}; the limit is {self.maximum:,}.", mend=self.remedy)


class CharactersError(LimitError):
    """The text of the document is too long."""

    code = "graphql.limit.characters"
    maximum = 32_768
    unit = "characters in a document"
    why = (
        "The longest query in the documentation has 1,500; reading 32,768 takes the lexer a few milliseconds."
    )
    remedy = "Send values as variables, and several smaller documents."


class TokensError(LimitError):
    """The document has too many tokens."""

    code = "graphql.limit.tokens"
    maximum = 1_500
    unit = "tokens in a document"
    why = (
        "Reading and validating costs up to 20 µs a token, so no document takes more than some 30 ms; the "
        "introspection query of the usual clients has 250 tokens."
    )
    remedy = "Send values as variables, and several smaller documents."


class CommentsError(LimitError):
    """The document has too many comments."""

    code = "graphql.limit.comments"
    maximum = 200
    unit = "comments in a document"
    why = "Comments are no tokens, but are kept as such by the parser."
    remedy = "Leave comments out of what is sent."


class DepthError(LimitError):
    """Fields are nested too deeply, fragments counted in."""

    code = "graphql.limit.depth"
    maximum = 16
    unit = "levels of fields"
    why = "From a feeder to a finding through four connections are 14; each level is a join."
    remedy = "Start nearer to what is wanted, or ask again by id."


class AliasesError(LimitError):
    """Too many fields are renamed."""

    code = "graphql.limit.aliases"
    maximum = 30
    unit = "aliases in a document"
    why = "An alias repeats a field, so it is the plain way to multiply work; a dashboard has a dozen."
    remedy = "Send several documents, or ask for a list with a filter `in`."


class RootFieldsError(LimitError):
    """The operation begins with too many fields, fragments counted in."""

    code = "graphql.limit.root_fields"
    maximum = 20
    unit = "fields at the root of an operation"
    why = "Each is a statement of its own; a dashboard has ten."
    remedy = "Send several documents."


class RepeatsError(LimitError):
    """The same fields are named in one place again and again."""

    code = "graphql.limit.repeats"
    maximum = 1_000
    unit = "pairs of fields that have one name in one place, fragments written out"
    why = (
        "Validation compares each pair, 10 µs; thirty fragments on one type that all name `id` and `__typename` "
        "make 870."
    )
    remedy = "Name each field once."


class DirectivesError(LimitError):
    """One place of the document has too many directives."""

    code = "graphql.limit.directives"
    maximum = 5
    unit = "directives in one place"
    why = "There are two that a query can use, `@skip` and `@include`, and each once."
    remedy = "Remove the others."


class FragmentsError(LimitError):
    """Too many fragments are defined."""

    code = "graphql.limit.fragments"
    maximum = 30
    unit = "fragments in a document"
    why = "Validation compares fragments in pairs; a generated client has about one for each component on a page."
    remedy = "Send several documents."


class SpreadsError(LimitError):
    """Fragments are used too often."""

    code = "graphql.limit.spreads"
    maximum = 100
    unit = "uses of fragments (`...`) in a document"
    why = "Validation compares the fragments of a selection in pairs."
    remedy = "Send several documents."


class FieldsError(LimitError):
    """The operations have too many fields when fragments are written out."""

    code = "graphql.limit.fields"
    maximum = 1_500
    unit = "fields in a document with its fragments written out"
    why = "Fragments in fragments double with each level; with this limit they allow no more than tokens do."
    remedy = "Use each fragment once."


class OperationsError(LimitError):
    """The document has too many operations."""

    code = "graphql.limit.operations"
    maximum = 20
    unit = "operations in a document"
    why = "Only one of them runs; all are parsed and validated."
    remedy = "Send only the operation that is to run."


class BatchError(LimitError):
    """The body is a list of requests."""

    code = "graphql.limit.batch"
    maximum = 1
    unit = "requests in a body"
    why = "A list would let one request of HTTP pass for many in every other limit."
    remedy = "Send one JSON object for each operation; connections are kept open."


class VariableValuesError(LimitError):
    """The variables hold too many values."""

    code = "graphql.limit.variable_values"
    maximum = 5_000
    unit = "values in variables"
    why = "The largest list of a filter has 100; each value is checked against its type, 2 µs."
    remedy = "Split the request."


class ValueDepthError(LimitError):
    """A value of a variable or an argument is nested too deeply."""

    code = "graphql.limit.value_depth"
    maximum = 20
    unit = "levels of lists and objects in a value"
    why = "A filter may have 5 levels of `and`, `or`, `not`, which are 12 levels of lists and objects."
    remedy = "Flatten the value."


DOCUMENT_LIMITS: Final[tuple[type[LimitError], ...]] = (
    CharactersError,
    TokensError,
    CommentsError,
    DepthError,
    AliasesError,
    RootFieldsError,
    RepeatsError,
    DirectivesError,
    FragmentsError,
    SpreadsError,
    FieldsError,
    OperationsError,
    BatchError,
    VariableValuesError,
    ValueDepthError,
)
