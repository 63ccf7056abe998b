"""What people may do with a case in which state, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tarazu.cases.refusals import InvalidTransitionError
from tarazu.models import Case
from tarazu.models.enums import CaseState, InspectionOutcome

_OPEN: Final = CaseState.OPEN
_REVIEW: Final = CaseState.IN_REVIEW
_ORDERED: Final = CaseState.INSPECTION_ORDERED
_CONFIRMED: Final = CaseState.CONFIRMED
_DISMISSED: Final = CaseState.DISMISSED
_MERGED: Final = CaseState.MERGED


class Verb(StrEnum):
    ASSIGN = "assign"
    COMMENT = "comment"
    LINK = "link"
    START_REVIEW = "start_review"
    DISMISS = "dismiss"
    ORDER_INSPECTION = "order_inspection"
    # What a visit does to its case, by what was found.
    RECORD_FOUND = "record_found"
    RECORD_CLEAN = "record_clean"
    RECORD_NO_ACCESS = "record_no_access"
    MERGE = "merge"
    # The other side of MERGE: the case that people go on with.
    TAKE_IN = "take_in"
    REOPEN = "reopen"


# A row says where the verb leads from each state; None: it may not be done there. A result of a visit is taken in every
# state, because none may be lost; it changes a decision only where something was found at a case that was dismissed.
_STATES: Final = (_OPEN, _REVIEW, _ORDERED, _CONFIRMED, _DISMISSED, _MERGED)
# fmt: off
_TABLE: Final[Mapping[Verb, tuple[CaseState | None, ...]]] = {
    Verb.ASSIGN:           (_OPEN,      _REVIEW,    _ORDERED,   None,       None,       None),
    Verb.COMMENT:          (_OPEN,      _REVIEW,    _ORDERED,   _CONFIRMED, _DISMISSED, _MERGED),
    Verb.LINK:             (_OPEN,      _REVIEW,    _ORDERED,   _CONFIRMED, _DISMISSED, _MERGED),
    Verb.START_REVIEW:     (_REVIEW,    None,       None,       None,       None,       None),
    Verb.DISMISS:          (_DISMISSED, _DISMISSED, _DISMISSED, None,       None,       None),
    Verb.ORDER_INSPECTION: (_ORDERED,   _ORDERED,   None,       None,       None,       None),
    Verb.RECORD_FOUND:     (_CONFIRMED, _CONFIRMED, _CONFIRMED, _CONFIRMED, _CONFIRMED, _MERGED),
    Verb.RECORD_CLEAN:     (_DISMISSED, _DISMISSED, _DISMISSED, _CONFIRMED, _DISMISSED, _MERGED),
    Verb.RECORD_NO_ACCESS: (_OPEN,      _REVIEW,    _ORDERED,   _CONFIRMED, _DISMISSED, _MERGED),
    Verb.MERGE:            (_MERGED,    _MERGED,    _MERGED,    None,       None,       None),
    Verb.TAKE_IN:          (_OPEN,      _REVIEW,    _ORDERED,   None,       None,       None),
    Verb.REOPEN:           (None,       None,       None,       _REVIEW,    _REVIEW,    _REVIEW),
}
# fmt: on

TRANSITIONS: Final[Mapping[Verb, Mapping[CaseState, CaseState]]] = {
    verb: {before: after for before, after in zip(_STATES, row, strict=True) if after is not None}
    for verb, row in _TABLE.items()
}

VERB_OF_OUTCOME: Final[Mapping[InspectionOutcome, Verb]] = {
    InspectionOutcome.THEFT: Verb.RECORD_FOUND,
    InspectionOutcome.METER_FAULT: Verb.RECORD_FOUND,
    InspectionOutcome.BILLING_ERROR: Verb.RECORD_FOUND,
    InspectionOutcome.CLEAN: Verb.RECORD_CLEAN,
    InspectionOutcome.NO_ACCESS: Verb.RECORD_NO_ACCESS,
}


def next_state(case: Case, verb: Verb) -> CaseState:
    """Where the verb leads. Raises InvalidTransitionError where it may not be done."""
    after = TRANSITIONS[verb].get(case.state)
    if after is None:
        allowed = ", ".join(state.name for state in TRANSITIONS[verb])
        raise InvalidTransitionError(
            f"Case {case.case_no} is {case.state.name}; `{verb.value}` needs one that is {allowed}.",
            state=case.state,
        )
    return after
