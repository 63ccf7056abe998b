"""What all tables share: the naming of constraints, column types, and how a table says its natural key.

A natural key is the unique key by which source systems name a row (`info={"natural_key": (…)}` on the table).
Imports resolve parents by it, and content hashes replace surrogate ids by it.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    Double,
    Enum,
    Identity,
    MetaData,
    Text,
    func,
)
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar = {
        str: Text(),
        int: BigInteger(),
        float: Double(),
        dt.date: Date(),
        dt.datetime: DateTime(timezone=True),
    }


# The surrogate key. `BY DEFAULT` lets COPY restore rows with their ids.
Key = Annotated[int, mapped_column(BigInteger, Identity(always=False), primary_key=True)]
CreatedAt = Annotated[dt.datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


def choice(kind: type[StrEnum]) -> Enum:
    """An enumeration kept as text with a CHECK: a bulk load needs no cast, a new member no ALTER TYPE."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=_snake(kind.__name__),
        values_callable=lambda members: [member.value for member in members],
    )


def validity_check() -> CheckConstraint:
    """Validity is half open: `valid_from` belongs to the period, `valid_to` is the first day after it."""
    return CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="validity")


def bucket_class() -> Computed:
    """12 bits of the md5 of the subscription number: which lake bucket a usage point belongs to.

    md5, not `hashtext`: the value must be the same in every PostgreSQL version and in Python (`etl.lake`).
    """
    return Computed("('x' || substr(md5(subscription_no), 1, 3))::bit(12)::int", persisted=True)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
