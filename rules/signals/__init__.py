"""Signals: one number or fact about a subject, computed for a whole bucket at once.

Importing this package declares them all; a new kernel's module is added to the import below.
"""

from . import (
    agent_conduct,
    agent_excess,
    bill_identifiers,
    circumstances,
    debt,
    energy_balance,
    estimated_run,
    high_low,
    peer_level,
    period_tiling,
    register_arithmetic,
    register_regression,
    slow_decline,
    sudden_drop,
    tamper_event,
    use_after_cut,
    zero_run,
)
from .registry import Field, Signal, SignalValues, all_signals

__all__ = [
    "Field",
    "Signal",
    "SignalValues",
    "agent_conduct",
    "agent_excess",
    "all_signals",
    "bill_identifiers",
    "circumstances",
    "debt",
    "energy_balance",
    "estimated_run",
    "high_low",
    "peer_level",
    "period_tiling",
    "register_arithmetic",
    "register_regression",
    "slow_decline",
    "sudden_drop",
    "tamper_event",
    "use_after_cut",
    "zero_run",
]
