"""durable_rules 2.0.28 inside the narrow part of it that is right and safe.

What the package cannot bear, and what is done instead (docs/decisions/0004 has the evidence):

* background threads walk freed states (segfault)  → a host that starts none;
* more than one live state, or one whose slot never fired (segfault)  → one subject at a time in state "0", deleted
  after each, and a sentinel fact whose rule always fires;
* a batch is cut short without an error at a number it cannot read  → slim typed copies of facts (`rules.facts`), and
  the sentinel last: if its rule has not fired, the batch was cut;
* joins with comparisons, `$or`, arithmetic (segfault, wrong)  → only tests of one fact, co-occurrence and `$not`;
* `$not` depends on the order of assertion  → suppressors are asserted first, as copies under another name;
* facts that match nothing make the public call raise although they were stored  → the extension is driven directly.

It can still kill the process, so it never runs in the web process. No type of the package leaves this module.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from rules.conditions import OPERATORS, Condition
from tarazu.moments import reach

if TYPE_CHECKING:
    from rules.facts import Facts
    from rules.rule import Rule

_STATE = "0"
_SENTINEL = "_end"
_SUPPRESSOR = "!"
# More patterns than this in one rule, or more rules that test one signal, and the package fails (codes 304, 303).
_MOST_PATTERNS, _MOST_RULES_A_SIGNAL = 16, 63
_ruleset_number = itertools.count()

# glibc's mallopt parameters (malloc.h). A state's pools exceed the 128 kB above which glibc maps and unmaps memory
# at every subject; keeping it took a fresh process from 7,000 to 32,000 subjects a second.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


@functools.cache
def _keep_memory() -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # not glibc: its allocator is left as it is
        return
    mallopt(_M_MMAP_THRESHOLD, 256 << 20)
    mallopt(_M_TRIM_THRESHOLD, 256 << 20)
    mallopt(_M_TOP_PAD, 16 << 20)


class EngineUnavailableError(Exception):
    """durable_rules is not installed or does not load on this Python."""


class EngineFailedError(Exception):
    """The engine did not confirm that it read all facts of a subject."""


class DurableEvaluator:
    """Evaluates subjects of one parameter variant. One a thread; `close` it once."""

    def __init__(self, rules: Sequence[Rule], tariff_class: str | None) -> None:
        """
        Raises:
            EngineUnavailableError: the package cannot be loaded.
            ValueError: the rules are outside the package's limits.
        """
        try:
            import durable_rules_engine as extension
            from durable import engine
        except ImportError as error:
            raise EngineUnavailableError(str(error)) from error

        class Host(engine.Host):  # type: ignore[misc]  # the package has no types
            def _run(self) -> None:
                """Start no background threads."""

        _keep_memory()
        self._extension: Any = extension
        self._lock = threading.Lock()
        self._order = {rule.id: i for i, rule in enumerate(rules)}
        self._suppressors = frozenset(c.signal for rule in rules for c in rule.unless)
        self._positives = frozenset(c.signal for rule in rules for c in rule.when)
        name = f"tarazu-{next(_ruleset_number)}"
        host = Host()
        host.set_rulesets({name: _definition(rules, tariff_class)})
        self._handle = host.get_ruleset(name)._handle  # noqa: SLF001 - frozen since 2020, pinned exactly
        self._host = host
        # The first firing initialises the slot; deleting one that never fired would end the process.
        self.evaluate({})

    def evaluate(self, facts: Facts) -> list[str]:
        """Ids of the rules that fire, in the order of the rules.

        Raises:
            EngineFailedError: the engine stopped before the last fact; the subject must be judged another way.
        """
        reach("scan.engine")
        batch: list[dict[str, Any]] = [
            *({"signal": _SUPPRESSOR + name, **facts[name]} for name in self._suppressors if name in facts),
            *({"signal": name, **fact} for name, fact in facts.items() if name in self._positives),
            {"signal": _SENTINEL},
        ]
        for i, message in enumerate(batch):
            message["id"] = str(i)
            message["sid"] = _STATE
        with self._lock:
            try:
                fired = self._fire(orjson.dumps(batch).decode())
            except Exception as error:
                self._forget()
                raise EngineFailedError(f"the engine refused a subject's facts: {error}") from error
            if _SENTINEL not in fired:
                self._forget()
                raise EngineFailedError("the engine did not read all facts of a subject")
            self._extension.delete_state(self._handle, _STATE)
        fired.discard(_SENTINEL)
        return sorted(fired, key=self._order.__getitem__)

    def _fire(self, batch: str) -> set[str]:
        """Assert the facts and run all that fires; the state remains."""
        fired: set[str] = set()
        _, state = self._extension.assert_facts(self._handle, batch)
        started = self._extension.start_action_for_state(self._handle, state)
        firing = started[1] if started else None
        while firing:
            # `{"T02":{…}}`: the rule's id is the first key; the rest is a copy of the facts.
            fired.add(firing[2 : firing.index('"', 2)])
            firing = self._extension.complete_and_start_action(self._handle, state)
        return fired

    def _forget(self) -> None:
        """Delete a state in which the sentinel may not have fired, or the next subject would meet this one's facts.

        Deleting a state that never fired is not safe, so the sentinel is made to fire first, under an id of its own.
        """
        self._fire(f'[{{"signal":"{_SENTINEL}","id":"{_SENTINEL}","sid":"{_STATE}"}}]')
        self._extension.delete_state(self._handle, _STATE)

    def close(self) -> None:
        """Free the ruleset; all its states have been deleted."""
        with self._lock:
            if self._handle is not None:
                self._extension.delete_ruleset(self._handle)
                self._handle = None


def _definition(rules: Sequence[Rule], tariff_class: str | None) -> dict[str, Any]:
    """The package's own form: a rule is the co-occurrence of one pattern a signal, and of none of the suppressors."""
    tested: dict[str, int] = {}
    definition: dict[str, Any] = {}
    for rule in rules:
        parameters = rule.parameter_values(tariff_class)
        patterns: list[dict[str, Any]] = []
        for i, signal in enumerate(rule.when_signals):
            conditions = [condition for condition in rule.when if condition.signal == signal]
            patterns.append({f"w{i}": _pattern(signal, conditions, parameters)})
            tested[signal] = tested.get(signal, 0) + 1
        for i, condition in enumerate(rule.unless):
            name = _SUPPRESSOR + condition.signal
            patterns.append({f"u{i}$not": _pattern(name, [condition], parameters)})
            tested[name] = tested.get(name, 0) + 1
        if len(patterns) > _MOST_PATTERNS:
            raise ValueError(
                f"rule {rule.id} has {len(patterns)} patterns; the engine bears {_MOST_PATTERNS}"
            )
        definition[rule.id] = {"all": patterns, "run": _do_nothing}
    for signal, count in tested.items():
        if count > _MOST_RULES_A_SIGNAL:
            raise ValueError(f"{count} rules test {signal}; the engine bears {_MOST_RULES_A_SIGNAL}")
    definition[_SENTINEL] = {"all": [{"e": {"signal": _SENTINEL}}], "run": _do_nothing}
    return definition


def _pattern(signal: str, conditions: list[Condition], parameters: dict[str, float]) -> dict[str, Any]:
    tests: list[dict[str, Any]] = [{"signal": signal}]
    for condition in conditions:
        if condition.field is None or condition.op is None:
            continue
        test = {condition.field: condition.threshold(parameters)}
        key = OPERATORS[condition.op].durable
        tests.append({key: test} if key else test)
    return tests[0] if len(tests) == 1 else {"$and": tests}


def _do_nothing(_: Any) -> None:
    """The firing itself is the answer."""
