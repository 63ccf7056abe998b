"""What a document may ask at most, checked before anything is executed."""

from __future__ import annotations

from typing import Final

from graphql import ASTValidationRule
from strawberry.extensions import AddValidationRules, MaxTokensLimiter, SchemaExtension
from strawberry.extensions.max_aliases import create_validator as aliases_rule
from strawberry.extensions.query_depth_limiter import create_validator as depth_rule

# The introspection query of the usual clients has about 250 tokens, 14 levels and no alias.
TOKENS_MAX: Final = 2_000
DEPTH_MAX: Final = 16
ALIASES_MAX: Final = 30

# Built once: a rule class of each request's own would defeat a cache of validated documents.
_RULES: Final[list[type[ASTValidationRule]]] = [depth_rule(DEPTH_MAX, None), aliases_rule(ALIASES_MAX)]


class LimitDocuments(AddValidationRules):
    """Refuses documents that are nested too deep or repeat fields under too many names."""

    def __init__(self) -> None:
        super().__init__(_RULES)


def limit_tokens() -> SchemaExtension:
    """Stops the parser of a document that is too long."""
    return MaxTokensLimiter(TOKENS_MAX)
