"""The reference page of limits, made from their declarations.

`python -m graphql_api.limits.page docs/reference/limits.md` writes it; a test compares what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from graphql_api.filters import COMPARISONS_MAX, VALUES_MAX
from graphql_api.filters import DEPTH_MAX as FILTER_DEPTH_MAX
from graphql_api.limits.document_limits import DOCUMENT_LIMITS
from graphql_api.limits.rate import RateError, TooManyRefusalsError
from graphql_api.limits.weights import load_weights
from graphql_api.resolving import NESTED_ROWS_MAX
from tarazu.settings import COST_PER_MINUTE, COST_PER_MINUTE_OF_APPLICATIONS, Settings


def render_limits() -> str:
    """The whole page, as Markdown."""
    weights = load_weights()
    cost_max = Settings.model_fields["api_cost_max"].default
    page_max = Settings.model_fields["page_size_max"].default
    timeout_ms = Settings.model_fields["statement_timeout_ms"].default
    failures = Settings.model_fields["api_failed_attempts_per_minute"].default
    refusals = Settings.model_fields["api_refusals_per_minute"].default
    lines = [
        "# Limits of the API",
        "",
        "<!-- Made from the declarations by `python -m graphql_api.limits.page docs/reference/limits.md`; do not edit. -->",
        "",
        (
            "A request beyond a limit is refused before anything is executed: HTTP 400 and an error whose "
            "`extensions.code` is below, with the number found and the mend in its message."
        ),
        "",
        "## Documents and variables",
        "",
        "| code | at most | of | why |",
        "|---|---|---|---|",
        *(
            f"| `{limit.code}` | {limit.maximum:,} | {limit.unit} | {limit.why} |"
            for limit in DOCUMENT_LIMITS
        ),
        "",
        "A document that is met again costs a look-up: parsed and refused documents are remembered.",
        (
            "Introspection is refused (`graphql.invalid`) and messages suggest no names, unless "
            "`TARAZU_API_DEVELOPMENT` is set."
        ),
        "",
        "## Cost",
        "",
        (
            f"An operation may cost {cost_max:,} (`TARAZU_API_COST_MAX`), computed from the document and the sizes of "
            "its pages before it runs; beyond that it is refused with `graphql.limit.cost`. An object costs 1, a "
            "scalar nothing; a list multiplies what is selected inside by `first`, by its default, or by the length "
            "that the list has in practice, whichever is less. What `@skip` and `@include` leave out is free. Each "
            "answer says what was charged: `extensions.cost` has `charged`, the `limit` of one operation, and what is "
            "`remaining` of the budget."
        ),
        "",
        f"`totalCount` costs {weights.root_count:,} at the root and {weights.nested_count} below an object.",
        "These fields cost more than their objects:",
        "",
        "| field | costs besides |",
        "|---|---|",
        *(f"| `{place}` | {weight:,} |" for place, weight in sorted(weights.roots.items())),
        "",
        f"Of these lists no more rows are counted, whatever `first` says ({weights.default_size} of other plain lists):",
        "",
        "| list | rows |",
        "|---|---|",
        *(f"| `{place}` | {size} |" for place, size in sorted(weights.sizes.items())),
        "",
        "## Rate",
        "",
        (
            f"A principal may cost {COST_PER_MINUTE:,} in a minute, an application {COST_PER_MINUTE_OF_APPLICATIONS:,} "
            f"(`TARAZU_API_COST_PER_MINUTE`). Beyond that the answer is HTTP 429 with `Retry-After` and "
            f"`{RateError.code}`; what is refused is not charged. An address that fails to authenticate "
            f"{failures} times in a minute (`TARAZU_API_FAILED_ATTEMPTS_PER_MINUTE`) has to wait."
        ),
        "",
        (
            f"A principal of whom {refusals} requests were refused in a minute (`TARAZU_API_REFUSALS_PER_MINUTE`) gets "
            f"HTTP 429 and `{TooManyRefusalsError.code}` for documents that were not met before, and for more than a few "
            "variables: reading what is hostile would keep others waiting. Documents that were accepted before go on. A "
            "refusal for the rate does not count, nor does the same refused document again."
        ),
        "",
        "## Lists, filters, statements",
        "",
        "| limit | at most |",
        "|---|---|",
        f"| rows of a page (`TARAZU_PAGE_SIZE_MAX`) | {page_max} |",
        f"| rows of one nested list over all its parents | {NESTED_ROWS_MAX:,} |",
        f"| comparisons of a filter | {COMPARISONS_MAX} |",
        f"| levels of `and`, `or`, `not` | {FILTER_DEPTH_MAX} |",
        f"| values of `in` | {VALUES_MAX} |",
        f"| milliseconds of a statement (`TARAZU_STATEMENT_TIMEOUT_MS`) | {timeout_ms:,} |",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render_limits(), encoding="utf-8")
