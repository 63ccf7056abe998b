"""A synthetic electricity distribution company, for demonstration, tests and scale. All of it is made up.

`frames` streams it as tables, `write_utility` as the CSV files that a billing system exports.
"""

from etl.synth.chunk import DEFAULT_END, SynthChunk, frames
from etl.synth.kinds import EXPECTED_RULES, THEFT, Planted, Shares
from etl.synth.writer import SynthSummary, write_utility

__all__ = [
    "DEFAULT_END",
    "EXPECTED_RULES",
    "THEFT",
    "Planted",
    "Shares",
    "SynthChunk",
    "SynthSummary",
    "frames",
    "write_utility",
]
