"""Reads `weights.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graphql import GraphQLSchema, is_interface_type, is_object_type

from tarazu.errors import InputError
from tarazu.yaml_file import read_yaml

WEIGHTS_FILE: Final = Path(__file__).with_name("weights.yaml")


class WeightsError(InputError):
    """The file of weights is wrong, or does not fit the schema."""

    code = "graphql.weights"


@dataclass(frozen=True, slots=True)
class Weights:
    """What fields cost (by `Type.field`) beyond the objects that they return, and how long lists are."""

    roots: Mapping[str, int]
    root_count: int
    nested_count: int
    sizes: Mapping[str, int]
    default_size: int

    def check(self, schema: GraphQLSchema) -> None:
        """Raises WeightsError where a root field has no weight, or where the file names a field that is not there."""
        fields = {
            f"{name}.{field}"
            for name, kind in schema.type_map.items()
            if (is_object_type(kind) or is_interface_type(kind)) and not name.startswith("__")
            for field in kind.fields
        }
        roots = {
            f"{kind.name}.{field}"
            for kind in (schema.query_type, schema.mutation_type, schema.subscription_type)
            if kind is not None
            for field in kind.fields
        }
        if missing := roots - self.roots.keys():
            raise WeightsError(
                f"{WEIGHTS_FILE.name}: no weight for {', '.join(sorted(missing))}.",
                mend="Add each under `roots`; 10 for a list, more for what reads a whole table.",
            )
        if unknown := (self.roots.keys() - roots) | (self.sizes.keys() - fields):
            raise WeightsError(
                f"{WEIGHTS_FILE.name}: the schema has no {', '.join(sorted(unknown))}.", mend="Remove them."
            )


def load_weights(path: Path = WEIGHTS_FILE) -> Weights:
    """Raises WeightsError."""
    data = read_yaml(path, WeightsError).data
    sizes = dict(data["sizes"])
    return Weights(
        roots=data["roots"],
        root_count=data["counts"]["root"],
        nested_count=data["counts"]["nested"],
        default_size=sizes.pop("default"),
        sizes=sizes,
    )
