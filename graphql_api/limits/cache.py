"""A bounded memory of what was computed for a document."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class WeightedCache(Generic[Key, Value]):
    """The values used last, together at most `weight_max` heavy."""

    def __init__(self, weight_max: int) -> None:
        self.weight_max = weight_max
        self.weight = 0
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        """Not a use: the order stays."""
        return key in self._entries

    def get(self, key: Key) -> Value | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Key, value: Value, weight: int = 1) -> None:
        self.pop(key)
        self._entries[key] = (value, weight)
        self.weight += weight
        while self.weight > self.weight_max and len(self._entries) > 1:
            _, (_, dropped) = self._entries.popitem(last=False)
            self.weight -= dropped

    def pop(self, key: Key) -> tuple[Value, int] | None:
        """The value with its weight, forgotten."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.weight -= entry[1]
        return entry
