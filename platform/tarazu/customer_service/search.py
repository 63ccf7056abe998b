"""Looking up customers, usage points and meters by what people know of them.

Known by a number are: the customer number, national id, legal-entity id, agreement's usage points by subscription
number and bill id, and the meter's serial; all of these are looked up whole. A customer is also known by the name: each
word of the search begins a word of it, in any order. Letters, digits and spaces are compared in their search form, so
that «علي» finds «علی» and «۱۲» finds 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    any_,
    cast,
    exists,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from tarazu.errors import InputError
from tarazu.expressions import Given
from tarazu.filtering import Columns
from tarazu.models import (
    AgreementUsagePoint,
    Customer,
    Meter,
    MeterInstallation,
    SupplyAgreement,
    UsagePoint,
)
from tarazu.models.customer import NAME_WORDS
from tarazu.security import row_scope
from tarazu.security.row_scope import UNRESTRICTED, ScopeValues
from tarazu.text import normalize_digits, normalize_letters, search_key

# One letter would match a tenth of all customers; a hundred characters are longer than any name.
SEARCH_LENGTH_MIN: Final = 2
SEARCH_LENGTH_MAX: Final = 100


class SearchError(InputError):
    """A search must have 2 to 100 characters besides spaces."""

    code = "customer_service.search"


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """A search as the values that a statement compares with; or the parameters bound to them."""

    key: Given[str]
    """The search form of the text."""
    typed: Given[str]
    """The text as it was typed, but for digits: identifiers are stored as they are written, and the search form folds
    case."""
    upper: Given[str]
    """The search form in capitals."""
    name_query: Given[str]
    """The text of a tsquery: `'ali':* & 'rez':*`."""


Search: TypeAlias = SearchTerms | str
"""A text is read by `search_terms`."""


def search_terms(text: str) -> SearchTerms:
    """Raises SearchError."""
    key = search_key(text)
    if not SEARCH_LENGTH_MIN <= len(key) <= SEARCH_LENGTH_MAX:
        raise SearchError(
            f"A search must have {SEARCH_LENGTH_MIN} to {SEARCH_LENGTH_MAX} characters besides spaces.",
            mend="Give the beginning of a name, or a whole number.",
        )
    # In a quoted word of a tsquery the quote and the backslash are doubled.
    words = (word.replace("\\", "\\\\").replace("'", "''") for word in key.split())
    typed = normalize_digits(normalize_letters(text)).strip()
    return SearchTerms(key, typed, key.upper(), " & ".join(f"'{word}':*" for word in words))


def finds_customer(c: Columns, search: Search, scope: ScopeValues = UNRESTRICTED) -> ColumnElement[bool]:
    """That a row of `customer` is found by its own numbers or name, or by a point that supplies or supplied it.

    Only points in the scope count: who could find a customer by a point elsewhere would learn whose that point is. So in
    the other searches; the rows found are in scope themselves by the list's own condition.
    """
    terms = _terms(search)
    supplied = (
        select(SupplyAgreement.customer_id)
        .join(AgreementUsagePoint, AgreementUsagePoint.agreement_id == SupplyAgreement.id)
        .where(AgreementUsagePoint.usage_point_id == _any_of(*_numbered_points(terms, scope)))
    )
    found: ColumnElement[bool] = c.id == _any_of(*_customers(terms), supplied)
    return found


def finds_usage_point(c: Columns, search: Search, scope: ScopeValues = UNRESTRICTED) -> ColumnElement[bool]:
    """That a row of `usage_point` is found by its own numbers, its meters' or the customers supplied there ever."""
    terms = _terms(search)
    found: ColumnElement[bool] = c.id == _any_of(
        *_numbered_points(terms, UNRESTRICTED), _supplied_to(terms, scope)
    )
    return found


def finds_meter(c: Columns, search: Search, scope: ScopeValues = UNRESTRICTED) -> ColumnElement[bool]:
    """That a row of `meter` is found by its serial, or by a usage point at which it hangs or hung."""
    terms = _terms(search)
    installed = select(MeterInstallation.meter_id).where(
        MeterInstallation.usage_point_id
        == _any_of(
            *_numbered_points(terms, scope),
            _in_scope(_supplied_to(terms, scope), AgreementUsagePoint.usage_point_id, scope),
        )
    )
    found: ColumnElement[bool] = c.id == _any_of(
        select(Meter.id).where(_is(Meter.serial_no, terms)), installed
    )
    return found


def _terms(search: Search) -> SearchTerms:
    return search_terms(search) if isinstance(search, str) else search


def _supplied_to(terms: SearchTerms, scope: ScopeValues) -> Select[Any]:
    """The points that supply or supplied a customer in the scope."""
    return (
        select(AgreementUsagePoint.usage_point_id)
        .join(SupplyAgreement, SupplyAgreement.id == AgreementUsagePoint.agreement_id)
        .where(SupplyAgreement.customer_id == _any_of(*_customers(terms, scope)))
    )


def _numbered_points(terms: SearchTerms, scope: ScopeValues) -> list[Select[Any]]:
    hung = (
        select(MeterInstallation.usage_point_id)
        .join(Meter, Meter.id == MeterInstallation.meter_id)
        .where(_is(Meter.serial_no, terms))
    )
    return [
        _in_scope(select(UsagePoint.id).where(_is(UsagePoint.subscription_no, terms)), UsagePoint.id, scope),
        _in_scope(select(UsagePoint.id).where(UsagePoint.bill_id == terms.key), UsagePoint.id, scope),
        _in_scope(hung, MeterInstallation.usage_point_id, scope),
    ]


def _in_scope(points: Select[Any], point_id: ColumnElement[Any] | Any, scope: ScopeValues) -> Select[Any]:
    """Those of the points that are in the scope."""
    point = UsagePoint.__table__.alias()
    found = row_scope.usage_point(point.c, scope)
    return points if found is None else points.where(exists().where(point.c.id == point_id, found))


def _customers(terms: SearchTerms, scope: ScopeValues = UNRESTRICTED) -> list[Select[Any]]:
    words: ColumnElement[Any] = literal_column(NAME_WORDS, TSVECTOR)
    lookups = [
        select(Customer.id).where(_is(Customer.customer_no, terms)),
        select(Customer.id).where(Customer.national_id == terms.key),
        select(Customer.id).where(Customer.legal_entity_id == terms.key),
        select(Customer.id).where(words.bool_op("@@")(cast(cast(terms.name_query, Text), TSQUERY))),
    ]
    found = row_scope.customer(Customer.__table__.c, scope)
    return lookups if found is None else [lookup.where(found) for lookup in lookups]


def _is(column: Any, terms: SearchTerms) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.in_([terms.key, terms.typed, terms.upper])
    return found


def _any_of(*lookups: Select[Any]) -> ColumnElement[Any]:
    # An array, made once of index look-ups. PostgreSQL would otherwise guess how many rows a prefix finds, and by that
    # walk all customers in the order of the list: 220 ms against 0.1 ms for a rare name among 1.2 M.
    return any_(func.array(union_all(*lookups).scalar_subquery()))
