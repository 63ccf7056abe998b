"""The reference page of the ranking's signals.

`python -m rules.ranking.reference_page docs/reference/ranking.md` writes it; a test compares what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rules.ranking.reasons import SIGNALS


def render() -> str:
    """The page as Markdown."""
    parts = [
        (
            "<!-- Made from the declarations by `python -m rules.ranking.reference_page docs/reference/ranking.md`; "
            "do not edit. -->\n"
        ),
        "# Signals of the ranking\n",
        (
            "What the ranking learns from ([how to rank](../how-to/rank.md)). They look at the whole history and are no "
            "rule's input. A feature belongs to the signal with the longest prefix that its name begins with; the "
            "contributions of a signal's features to a point's probability are added up and said in its sentence. "
            "*Use* is kWh a month, a bill's months being taken as 1 to 24.\n"
        ),
    ]
    for signal in SIGNALS:
        prefixes = ", ".join(f"`{prefix}`" for prefix in signal.prefixes)
        parts.append(
            f"## {signal.name}\n\n{signal.title_en} · {signal.title_fa}\n\nFeatures: {prefixes}\n\n{signal.formula}\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
