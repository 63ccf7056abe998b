"""The argument `search` of lists that people look things up in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import ColumnElement

from graphql_api.compiler.arguments import Search
from graphql_api.filters import plain_text
from tarazu.customer_service.search import SEARCH_LENGTH_MAX, SEARCH_LENGTH_MIN, SearchTerms, search_terms
from tarazu.filtering import Columns
from tarazu.security.permissions import Permission
from tarazu.security.row_scope import ScopeValues

SEARCH_DESCRIPTION: Final = (
    "Beginnings of words of the customer's name, in any order; or in full the customer number, national id, legal-entity "
    "id, bill id, subscription number or meter serial. Persian and Arabic letters and digits count alike. "
    f"{SEARCH_LENGTH_MIN} to {SEARCH_LENGTH_MAX} characters. Needs the permission `personal_data.read`."
)


def search_by(finds: Callable[[Columns, SearchTerms, ScopeValues], ColumnElement[bool]]) -> Search:
    """The search of a list whose rows `finds` tells."""

    def values(text: str) -> tuple[str, ...]:
        terms = search_terms(plain_text(text, "search"))
        return tuple(getattr(terms, name) for name in SearchTerms.__slots__)

    # Whoever finds a name or a national id learns whose it is.
    return Search(
        values,
        lambda columns, bound, scope: finds(columns, SearchTerms(*bound), scope),
        Permission.READ_PERSONAL_DATA,
    )
