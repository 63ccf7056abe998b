"""The reference page of settings, made from their declarations.

`python -m tarazu.settings_page docs/reference/settings.md` writes it; a test compares what is committed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tarazu.settings import SETTINGS_FILE_NAME, Settings, environment_name

# Defaults that each machine has of its own.
_COMPUTED_DEFAULTS: Final = {
    "home": "`tarazu` in the user's data folder",
    "dask_workers": "the usable processors",
    "api_cost_per_minute": "the numbers named there",
}


def render_settings() -> str:
    """The whole page, as Markdown."""
    lines = [
        "# Settings",
        "",
        "<!-- Made from the declarations by `python -m tarazu.settings_page docs/reference/settings.md`; do not edit. -->",
        "",
        (
            f"Each is a variable of the environment, or a line `NAME=value` of the file `{SETTINGS_FILE_NAME}` in "
            f"the folder `{environment_name('home')}`. The environment wins over the file, the file over the "
            "default; an empty variable counts as unset. `tarazu doctor` says what is in force."
        ),
        "",
        "| variable | meaning | default | allowed |",
        "|---|---|---|---|",
    ]
    properties = Settings.model_json_schema()["properties"]
    for name, field in Settings.model_fields.items():
        default = _COMPUTED_DEFAULTS[name] if field.default_factory else _default(field.default)
        allowed = "; ".join(_allowed(properties[name]))
        lines.append(_row(f"`{environment_name(name)}`", field.description or "", default, allowed))
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    return "unset" if value is None else f"`{value}`"


def _allowed(schema: dict[str, Any]) -> Iterator[str]:
    """The bounds of a value; an optional one has its own among the alternatives."""
    for part in (schema, *schema.get("anyOf", ())):
        if "minimum" in part and "maximum" in part:
            yield f"{part['minimum']:,} to {part['maximum']:,}"
        if "pattern" in part:
            yield f"matches `{part['pattern']}`"
        if "enum" in part:
            yield ", ".join(f"`{choice}`" for choice in part["enum"])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render_settings(), encoding="utf-8")
