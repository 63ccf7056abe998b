"""The reference page of the reasons for which an import refuses a row, made from their declarations.

`python -m etl.reasons_page docs/reference/import-reasons.md` writes it; a test compares what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from etl.reasons import EXPLANATIONS, Reason


def render_reasons() -> str:
    """The whole page, as Markdown."""
    lines = [
        "# Why an import refuses a row",
        "",
        "<!-- Made from the declarations by `python -m etl.reasons_page docs/reference/import-reasons.md`; do not edit. -->",
        "",
        (
            "A refused row goes to quarantine with its file, row number, column, one of these codes and the raw "
            "values; the good rest of the file is loaded. Mend the rows at their source and import the file again: "
            "what is already in counts as unchanged."
        ),
        "",
        "| code | meaning | mend | معنی | چاره |",
        "|---|---|---|---|---|",
    ]
    for reason in Reason:
        told = EXPLANATIONS[reason]
        lines.append(f"| `{reason.value}` | {told.en} | {told.en_mend} | {told.fa} | {told.fa_mend} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render_reasons(), encoding="utf-8")
