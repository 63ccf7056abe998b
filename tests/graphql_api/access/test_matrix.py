"""docs/reference/permissions.md is true: the API is asked every line of it as every role, inside and outside the scope."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from graphql_api.ids import encode_id
from graphql_api.permissions_page import render_permissions
from graphql_api.schema import SDL_FILE, schema
from tarazu.models.enums import Sector
from tarazu.security.permissions import Role

from .conftest import CANARY, ZONES, named

PAGE = SDL_FILE.parents[1] / "docs" / "reference" / "permissions.md"
SECTIONS = ("Root fields", "Types", "Fields", "Arguments")
PERIOD = 'from: "2025-01-01", to: "2025-03-01"'

# How each root field of reads is asked; `{zone}` names a zone, `{Kind}` the global id of its row of that kind.
READS = {
    "case": 'case(id: "{Case}") { assignee }',
    "caseSummary": "caseSummary(groupBy: [ASSIGNEE]) { assignee caseCount }",
    "cases": "cases { totalCount edges { node { assignee } } }",
    "collectionRatio": f"collectionRatio({PERIOD}, groupBy: [DISTRICT]) {{ district {{ name }} invoiceCount }}",
    "customer": 'customer(customerNo: "C-{zone}") { customerNo }',
    "customers": "customers { totalCount edges { node { customerNo } } }",
    "debtSummary": "debtSummary(groupBy: [DISTRICT, SECTOR]) { district { name } sector invoiceCount }",
    "debtors": "debtors { totalCount edges { node { usagePoint { subscriptionNo } } } }",
    "districts": "districts { totalCount edges { node { name } } }",
    "exchangePoints": "exchangePoints { totalCount edges { node { code } } }",
    "feederBalances": f"feederBalances({PERIOD}) {{ edges {{ node {{ feeder {{ code }} }} }} }}",
    "feeders": "feeders { totalCount edges { node { code } } }",
    "importRuns": "importRuns { totalCount }",
    "inspections": "inspections { totalCount edges { node { inspectionNo } } }",
    "invoices": "invoices { totalCount edges { node { invoiceNo } } }",
    "meter": 'meter(serialNo: "M-{zone}") { serialNo }',
    "meters": "meters { totalCount edges { node { serialNo } } }",
    "node": 'node(id: "{District}") { id ... on District { name } }',
    "quarantineSummary": "quarantineSummary(groupBy: [FILE]) { file rowCount }",
    "quarantinedRows": "quarantinedRows { totalCount edges { node { file } } }",
    "rules": "rules { ruleId }",
    "scanRuns": "scanRuns { totalCount }",
    "tipOffs": "tipOffs { totalCount edges { node { text } } }",
    "transformer": 'transformer(code: "{transformer}") { code }',
    "transformerBalances": f"transformerBalances({PERIOD}) {{ edges {{ node {{ transformer {{ code }} }} }} }}",
    "transformers": "transformers { totalCount edges { node { code } } }",
    "usagePoint": 'usagePoint(subscriptionNo: "S-{zone}") { subscriptionNo }',
    "usagePoints": "usagePoints { totalCount edges { node { subscriptionNo } } }",
}
# A version that no case has: who may do it and may see the case gets a ConflictError, and nothing is changed.
_OLD = "expectedVersion: 99"
_LIST = f'cases: [{{caseId: "{{Case}}", {_OLD}}}]'
MUTATIONS = {
    "assignCase": f'caseId: "{{Case}}", {_OLD}, assignee: null',
    "assignCases": f"{_LIST}, assignee: null",
    "commentCase": f'caseId: "{{Case}}", {_OLD}, text: "x"',
    "commentCases": 'caseIds: ["{Case}"], text: "x"',
    "dismissCase": f'caseId: "{{Case}}", {_OLD}, reason: INNOCENT_CAUSE',
    "dismissCases": f"{_LIST}, reason: INNOCENT_CAUSE",
    "linkCases": f'caseId: "{{Case}}", otherCaseId: "{{Other}}", kind: RELATED, {_OLD}',
    "mergeCase": f'caseId: "{{Case}}", {_OLD}, intoCaseId: "{{Other}}", intoExpectedVersion: 99',
    "orderInspection": f'caseId: "{{Case}}", {_OLD}',
    "orderInspections": _LIST,
    "recordInspectionOutcome": (
        'inspectionId: "{Inspection}", outcome: CLEAN, inspectedOn: "2025-05-01", expectedCaseVersion: 99'
    ),
    "recordTipOff": 'usagePointId: "{UsagePoint}", receivedOn: "2025-05-01", channel: LETTER, text: "x"',
    "reopenCase": f'caseId: "{{Case}}", {_OLD}, reason: "x"',
    "startCaseReview": f'caseId: "{{Case}}", {_OLD}',
}
# Tested over sockets in tests/graphql_api/subscriptions.
SUBSCRIPTIONS = {"caseFlagged"}
SCOPES = {
    "district": {"districts": ["D-own"]},
    "sector": {"sectors": [Sector.PRIVATE]},
    "both": {"districts": ["D-own"], "sectors": [Sector.PRIVATE]},
}
FOREIGN = {"district": ("abroad",), "sector": ("state",), "both": ("abroad", "state")}
# The network has no sector, and what has neither is seen by all or by the unrestricted.
OF_DISTRICTS = {"node", "districts", "transformer", "transformers"}
_numbers = itertools.count()


def matrix(section: str) -> dict[str, dict[str, bool]]:
    """The committed table of a section: by line, what each role may."""
    _, _, rest = PAGE.read_text("utf-8").partition(f"## {section}\n")
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {
        row[0].strip("`"): dict(zip(header[2:], (cell == "yes" for cell in row[2:]), strict=True))
        for row in rows
    }


@pytest.fixture(scope="module")
async def zones(company_of: Any) -> Any:
    return (await company_of(*ZONES, use="matrix"))[1]


@pytest.fixture(scope="module")
async def asking(company_of: Any, zones: Any, api_of: Any) -> Any:
    """The API on the three zones; `(role, scope)` → that principal's client, each made once."""
    settings, _ = await company_of(*ZONES, use="matrix")
    settings = settings.model_copy(
        update={"api_cost_per_minute": dict.fromkeys(settings.api_cost_per_minute, 10**12)}
    )
    made: dict[Any, Any] = {}
    async with api_of(settings) as api:

        async def as_(role: Role, scope: str | None = None) -> Any:
            if (role, scope) not in made:
                made[role, scope] = await api.as_(role, **({} if scope is None else SCOPES[scope]))
            return made[role, scope]

        yield as_


def filled(text: str, zone: Any) -> str:
    ids = {
        "{Case}": ("Case", "case"),
        "{Other}": ("Case", "other_case"),
        "{District}": ("District", "district"),
        "{Inspection}": ("Inspection", "inspection"),
        "{UsagePoint}": ("UsagePoint", "point"),
    }
    for mark, (kind, row) in ids.items():
        text = text.replace(mark, encode_id(kind, str(zone.rows[row].id)))
    return text.replace("{transformer}", zone.transformer.code).replace("{zone}", named(zone.name))


def change(name: str, zone: Any) -> str:
    arguments = f'clientMutationKey: "matrix-{next(_numbers):06d}", {filled(MUTATIONS[name], zone)}'
    inside = "... on MutationError { code }"
    results = "".join(
        f"... on {payload} {{ results {{ result {{ __typename }} }} }} "
        for payload in ("CasesPayload", "CommentsPayload", "OrdersPayload")
        if f"{payload[:-7]}Result" == get_named_type(schema._schema.mutation_type.fields[name].type).name
    )
    return f"mutation {{ {name}(input: {{{arguments}}}) {{ __typename {results}{inside} }} }}"


async def outcome(api: Any, name: str, zone: Any) -> str:
    """The type of a mutation's answer; of a list's, that of its one result."""
    body = (await api.post(change(name, zone))).json()
    assert "errors" not in body, body
    answer = body["data"][name]
    return answer["results"][0]["result"]["__typename"] if "results" in answer else answer["__typename"]


async def refusal(api: Any, query: str) -> str | None:
    """The code of the first error; None where there is none."""
    body = (await api.post(query)).json()
    return body["errors"][0]["extensions"]["code"] if "errors" in body else None


def test_the_page_is_that_of_the_declarations() -> None:
    assert PAGE.read_text("utf-8") == render_permissions(), (
        "run `python -m graphql_api.permissions_page docs/reference/permissions.md`"
    )


def test_every_root_field_and_type_has_a_line_and_a_test() -> None:
    graph = schema._schema
    for root, asked in (
        (graph.query_type, set(READS)),
        (graph.mutation_type, set(MUTATIONS)),
        (graph.subscription_type, SUBSCRIPTIONS),
    ):
        assert asked == set(root.fields)
        assert {f"{root.name}.{name}" for name in asked} == {
            line for line in matrix("Root fields") if line.startswith(f"{root.name}.")
        }
    cells = [cell for section in SECTIONS for line in matrix(section).values() for cell in line]
    assert len(cells) >= 700
    assert set(cells) == set(Role)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_is_answered_or_refused_each_read_as_the_page_says(
    asking: Any, zones: Any, role: Role
) -> None:
    lines = matrix("Root fields")
    api = await asking(role)
    for name, text in READS.items():
        code = await refusal(api, f"{{ {filled(text, zones['own'])} }}")
        expected = None if lines[f"Query.{name}"][role.value] else "access.forbidden"
        # A field of the rows may belong to a type that the role may not read; the page has a line for that.
        assert code == expected, (role, name)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_may_change_what_the_page_says_and_only_inside_its_scope(
    asking: Any, zones: Any, role: Role
) -> None:
    lines = matrix("Root fields")
    for scope in ("district", "sector"):
        api = await asking(role, scope)
        for name in MUTATIONS:
            if not lines[f"Mutation.{name}"][role.value]:
                assert await outcome(api, name, zones["own"]) == "ForbiddenError", (role, scope, name)
                continue
            inside = await outcome(api, name, zones["own"])
            assert inside in ("ConflictError", "CommentPayload", "TipOffPayload"), (role, scope, name, inside)
            for zone in FOREIGN[scope]:
                assert await outcome(api, name, zones[zone]) == "NotFoundError", (role, scope, name, zone)


@pytest.mark.parametrize("scope", list(SCOPES))
@pytest.mark.parametrize("role", list(Role))
async def test_a_read_shows_nothing_outside_the_scope(
    asking: Any, zones: Any, role: Role, scope: str
) -> None:
    lines = matrix("Root fields")
    api = await asking(role, scope)
    everybody = await asking(Role.OFFICE_MANAGER)
    for name, text in READS.items():
        if not lines[f"Query.{name}"][role.value]:
            continue
        for zone in FOREIGN[scope]:
            query = f"{{ {filled(text, zones[zone])} }}"
            answer = (await api.post(query)).json()
            assert "errors" not in answer, (name, answer)
            told = str(answer["data"])
            if zone == "abroad" or name not in OF_DISTRICTS:
                assert f"{CANARY}-{zone}" not in told, (role, name, zone)
                if re.search(r"\{\w+\}", text):
                    # A row that is named.
                    assert answer["data"] == {name: None}, (role, name, zone)
            # It is there: who may see everything is told.
            whole = (await everybody.post(query)).json()["data"]
            assert whole[name] not in (None, [], {"edges": []}), name


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_reads_each_type_as_the_page_says_by_whichever_way(
    asking: Any, zones: Any, role: Role
) -> None:
    """From every node along each of its fields that gives rows: both types are needed."""
    lines = matrix("Types")
    api = await asking(role)
    ids = nodes(zones["own"])
    reached = set()
    for name, id_ in ids.items():
        code = await refusal(api, f'{{ node(id: "{id_}") {{ id }} }}')
        assert code == (None if lines[name][role.value] else "access.forbidden"), (role, name)
        for field, definition in schema._schema.type_map[name].fields.items():
            target = rows_of(definition.type)
            if target is None or any(is_required_argument(argument) for argument in definition.args.values()):
                continue
            reached.add(target)
            inner = (
                "edges { node { __typename } }"
                if "edges" in get_named_type(definition.type).fields
                else "__typename"
            )
            query = f'{{ node(id: "{id_}") {{ ... on {name} {{ {field} {{ {inner} }} }} }} }}'
            allowed = lines[name][role.value] and lines[target][role.value]
            assert await refusal(api, query) == (None if allowed else "access.forbidden"), (role, name, field)
    # Rows of sums are those of root fields.
    assert (
        lines.keys() - reached - ids.keys()
        == {
            "CaseSummaryRow",
            "CollectionRatioRow",
            "DebtSummaryRow",
            "Debtor",
            "Evidence",
            "FeederBalanceRow",
            "QuarantineSummaryRow",
            "Rule",
            "TransformerBalanceRow",
        }
        - reached
    )


@pytest.mark.parametrize("role", list(Role))
async def test_a_guarded_field_is_null_where_the_page_says_no(asking: Any, zones: Any, role: Role) -> None:
    types, fields = matrix("Types"), matrix("Fields")
    api = await asking(role)
    ids = nodes(zones["own"])
    for line, cells in fields.items():
        name, _, field = line.partition(".")
        if not types[name][role.value] or line == "TipOff.reporter":
            continue  # the latter is tested in tests/graphql_api/tip_offs
        if name == "CaseSummaryRow":
            (value,) = (await api.ask(f"{{ caseSummary(groupBy: []) {{ {field} }} }}"))["caseSummary"]
        else:
            value = (await api.ask(f'{{ node(id: "{ids[name]}") {{ ... on {name} {{ {field} }} }} }}'))[
                "node"
            ]
        assert (value[field] is not None) == cells[role.value], (role, line)


@pytest.mark.parametrize("role", list(Role))
async def test_a_guarded_argument_is_refused_where_the_page_says_no(
    asking: Any, zones: Any, role: Role
) -> None:
    types = matrix("Types")
    api = await asking(role)
    ids = nodes(zones["own"])
    for line, cells in matrix("Arguments").items():
        place, given = re.fullmatch(r"([\w.]+)\((.*)\)", line).groups()
        name, _, field = place.partition(".")
        if name == "Subscription":
            continue
        given = re.sub(r"\{(\w+)\}", r"{\1: {gte: 1}}", given).replace("search", 'search: "own"')
        if field == "caseSummary":
            query = f"{{ caseSummary(groupBy: [], {given}) {{ caseCount }} }}"
            types_needed = ["Case"]
        elif name == "Query":
            query = f"{{ {field}({given}) {{ totalCount }} }}"
            types_needed = [rows_of(schema._schema.query_type.fields[field].type)]
        else:
            query = (
                f'{{ node(id: "{ids[name]}") {{ ... on {name} {{ {field}({given}) {{ totalCount }} }} }} }}'
            )
            types_needed = [name, rows_of(schema._schema.type_map[name].fields[field].type)]
        allowed = cells[role.value] and all(types[each][role.value] for each in types_needed)
        assert await refusal(api, query) == (None if allowed else "access.forbidden"), (role, line)


def nodes(zone: Any) -> dict[str, str]:
    """The global id of a row of each node type."""
    rows = {
        "Case": zone.case.id,
        "Customer": zone.customer.id,
        "DistributionTransformer": zone.transformer.id,
        "District": zone.district.id,
        "EndDeviceEvent": zone.event.id,
        "ExchangePoint": zone.exchange.id,
        "Feeder": zone.feeder.id,
        "Finding": zone.finding.id,
        "ImportRun": zone.rows["import"].id,
        "Inspection": zone.inspection.id,
        "Invoice": zone.invoice.id,
        "Meter": zone.meter.id,
        "MeterInstallation": zone.installation.id,
        "MeterReading": zone.reading.id,
        "Payment": zone.payment.id,
        "QuarantinedRow": zone.refused.id,
        "RuleVersion": "T02@1",
        "ScanRun": zone.scan.id,
        "SupplyAgreement": zone.agreement.id,
        "TipOff": zone.tip_off.id,
        "UsagePoint": zone.point.id,
    }
    assert rows.keys() == {
        each.name for each in schema._schema.get_possible_types(schema._schema.type_map["Node"])
    }
    return {name: encode_id(name, str(key)) for name, key in rows.items()}


def rows_of(kind: Any) -> str | None:
    """The type of the rows that a field gives; None where it gives none."""
    named_type = get_named_type(kind)
    if is_leaf_type(named_type) or not isinstance(named_type, GraphQLObjectType):
        return None
    if "edges" in named_type.fields:
        named_type = get_named_type(get_named_type(named_type.fields["edges"].type).fields["node"].type)
    return named_type.name if named_type.name in matrix("Types") else None


async def test_without_a_token_nothing_but_health_answers(company_of: Any, api_of: Any) -> None:
    settings, _ = await company_of(*ZONES, use="matrix")
    async with api_of(settings) as api:
        del api.http.headers["authorization"]
        for path in (
            "/",
            "/graphql",
            "/auth/logout",
            "/docs",
            "/metrics/",
            "/livez/",
            "/readyz/x",
            "/graphql/",
        ):
            for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
                response = await api.http.request(method, path, json={"query": READS["districts"]})
                assert response.status_code == 401, (method, path)
        assert (
            await api.http.post("/auth/login", json={"username": "x", "password": "y"})
        ).status_code == 401
        assert (await api.http.get("/metrics", headers={"x-forwarded-for": "203.0.113.7"})).status_code == 404
        assert [(await api.http.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 200]
