"""What each change needs."""

from __future__ import annotations

import datetime as dt

import strawberry

from tarazu.models.enums import CaseLinkKind, DismissReason, InspectionOutcome, MeasuredQuantity

MUTATION_KEY = (
    "Names this change, 8 to 100 printable ASCII characters, such as a UUID. Sent again with the same request, it has no "
    "further effect and gets the same answer, for at least 30 days; with another request it is refused."
)
_CASE = "Global id of the case."
_VERSION = "The `version` of the case as the caller read it; another one is a ConflictError."
_VERSION_OPTIONAL = f"{_VERSION} Without it, every version will do."
_ASSIGNEE = "Name of whoever works on it, 1 to 100 characters; null: nobody."
_COMMENT = "The comment, 1 to 4000 characters."
_REASON = "Why it is given up."
_REASON_TEXT = "The reason in words, up to 500 characters; needed with OTHER."
_CASES = "The cases, 1 to 200, each once."


@strawberry.input(description="A case, as the caller read it.")
class CaseVersionInput:
    case_id: strawberry.ID = strawberry.field(description=_CASE)
    expected_version: int = strawberry.field(description=_VERSION)


@strawberry.input(description="Who is to work on a case.")
class AssignCaseInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_id: strawberry.ID = strawberry.field(description=_CASE)
    expected_version: int = strawberry.field(description=_VERSION)
    assignee: str | None = strawberry.field(description=_ASSIGNEE)


@strawberry.input(description="Who is to work on cases.")
class AssignCasesInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    cases: list[CaseVersionInput] = strawberry.field(description=_CASES)
    assignee: str | None = strawberry.field(description=_ASSIGNEE)


@strawberry.input(description="A comment on a case.")
class CommentCaseInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_id: strawberry.ID = strawberry.field(description=_CASE)
    text: str = strawberry.field(description=_COMMENT)
    expected_version: int | None = strawberry.field(default=None, description=_VERSION_OPTIONAL)


@strawberry.input(description="The same comment on several cases.")
class CommentCasesInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_ids: list[strawberry.ID] = strawberry.field(
        description="Global ids of the cases, 1 to 200, each once."
    )
    text: str = strawberry.field(description=_COMMENT)


@strawberry.input(description="A new case that somebody begins to look into.")
class StartCaseReviewInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_id: strawberry.ID = strawberry.field(description=_CASE)
    expected_version: int = strawberry.field(description=_VERSION)


@strawberry.input(description="A case to close as no loss, or none worth the work.")
class DismissCaseInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_id: strawberry.ID = strawberry.field(description=_CASE)
    expected_version: int = strawberry.field(description=_VERSION)
    reason: DismissReason = strawberry.field(description=_REASON)
    text: str | None = strawberry.field(default=None, description=_REASON_TEXT)


@strawberry.input(description="Cases to close as no loss, or none worth the work, all for one reason.")
class DismissCasesInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    cases: list[CaseVersionInput] = strawberry.field(description=_CASES)
    reason: DismissReason = strawberry.field(description=_REASON)
    text: str | None = strawberry.field(default=None, description=_REASON_TEXT)


@strawberry.input(description="A closed or merged case to take up again.")
class ReopenCaseInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_id: strawberry.ID = strawberry.field(description=_CASE)
    expected_version: int = strawberry.field(description=_VERSION)
    reason: str = strawberry.field(description="Why, 1 to 500 characters; kept as a comment.")


@strawberry.input(description="Two cases that belong together.")
class LinkCasesInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_id: strawberry.ID = strawberry.field(description="Global id of one case.")
    other_case_id: strawberry.ID = strawberry.field(description="Global id of the other case.")
    kind: CaseLinkKind = strawberry.field(description="How they belong together.")
    expected_version: int | None = strawberry.field(default=None, description=_VERSION_OPTIONAL)
    other_expected_version: int | None = strawberry.field(
        default=None, description="The same, of the other case."
    )


@strawberry.input(description="A live case that is worked on in another one from now on.")
class MergeCaseInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_id: strawberry.ID = strawberry.field(
        description="Global id of the case to merge; it becomes MERGED."
    )
    expected_version: int = strawberry.field(description=_VERSION)
    into_case_id: strawberry.ID = strawberry.field(description="Global id of the live case to go on with.")
    into_expected_version: int = strawberry.field(description="The `version` of that case.")


@strawberry.input(description="A visit to the site of a case.")
class OrderInspectionInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    case_id: strawberry.ID = strawberry.field(description=_CASE)
    expected_version: int = strawberry.field(description=_VERSION)
    usage_point_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Global id of the usage point to visit; needed where the case is about a customer or a transformer.",
    )


@strawberry.input(description="Visits to the sites of cases that are about usage points.")
class OrderInspectionsInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    cases: list[CaseVersionInput] = strawberry.field(description=_CASES)


@strawberry.input(description="A value measured on site.")
class MeasurementInput:
    quantity: MeasuredQuantity = strawberry.field(description="What was measured.")
    value: float = strawberry.field(description="The value, in the unit of the quantity's name.")
    phase: int = strawberry.field(
        default=0, description="1, 2 or 3; 0: all together, or the meter as a whole."
    )


@strawberry.input(description="What a visit found.")
class RecordInspectionOutcomeInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    inspection_id: strawberry.ID = strawberry.field(description="Global id of the inspection.")
    outcome: InspectionOutcome = strawberry.field(
        description="What was found. With NO_ACCESS the case waits for another visit, which is ordered at once."
    )
    inspected_on: dt.date = strawberry.field(description="Day of the visit.")
    inspector_name: str | None = strawberry.field(
        default=None, description="Who went there, up to 100 characters; without it, the caller."
    )
    unregistered_energy_kwh: float | None = strawberry.field(
        default=None,
        description="Energy that was used and not registered, kWh; none with CLEAN and NO_ACCESS.",
    )
    note: str | None = strawberry.field(
        default=None, description="The inspector's own words, up to 4000 characters."
    )
    measurements: list[MeasurementInput] = strawberry.field(
        default_factory=list, description="Values measured on site, up to 50; each quantity once a phase."
    )
    seal_numbers: list[str] = strawberry.field(
        default_factory=list,
        description="Numbers of the seals that the inspector left, up to 20, of up to 50 characters each.",
    )
    expected_case_version: int | None = strawberry.field(
        default=None,
        description="The `version` of its case as the caller read it. Without it, every version will do.",
    )
