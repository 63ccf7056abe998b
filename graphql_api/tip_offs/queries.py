"""`tipOffs`."""

from __future__ import annotations

import strawberry
from strawberry import UNSET

from graphql_api.compiler.arguments import PageReader
from graphql_api.connections import Connection
from graphql_api.fields import root_many
from graphql_api.tip_offs.types import TipOff
from tarazu.customer_service.repository import TIP_OFF_ORDER


@strawberry.type
class TipOffQueries:
    tip_offs: Connection[TipOff] = root_many(
        PageReader({UNSET: TIP_OFF_ORDER}), "Tip-offs, the newest first, a page of them."
    )
