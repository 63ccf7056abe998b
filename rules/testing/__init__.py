"""Tests that stand beside the rules: scenarios in domain words, run on both evaluators."""

from rules.testing.runner import ScenarioResult, run_tests
from rules.testing.scenario import Scenario, ScenarioFile, read_scenarios, scenario_file_of

__all__ = [
    "Scenario",
    "ScenarioFile",
    "ScenarioResult",
    "read_scenarios",
    "run_tests",
    "scenario_file_of",
]
