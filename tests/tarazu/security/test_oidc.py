"""Access tokens against a provider whose clock, keys and outages the test turns."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import warnings
from dataclasses import dataclass, field

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from tarazu.models.enums import Sector
from tarazu.security.oidc import OidcVerifier
from tarazu.security.oidc_keys import IdentityProviderUnavailableError, ProviderKeys
from tarazu.security.oidc_settings import OidcSettingsError, load_groups, oidc_settings
from tarazu.security.permissions import Role
from tarazu.security.principal import EVERYTHING, PrincipalKind, RowScope
from tarazu.settings import Settings

ISSUER = "https://id.example/realms/company"
KEYS_URL = "https://id.example/keys"
NOW = 1_700_000_000
# Only a scope of districts is looked up.
NO_DATABASE = None
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
NEXT_KEY = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
CURVE_KEY = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Provider:
    """What the provider answers, and how often it was asked."""

    keys: list = field(default_factory=lambda: [KEY])
    issuer: str = ISSUER
    keys_url: str = KEYS_URL
    is_away: bool = False
    asked: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.is_away:
            raise httpx.ConnectError("away", request=request)
        if request.url.path.endswith("/.well-known/openid-configuration"):
            assert str(request.url) == f"{ISSUER}/.well-known/openid-configuration"
            return httpx.Response(200, json={"issuer": self.issuer, "jwks_uri": self.keys_url})
        assert str(request.url) == self.keys_url
        self.asked += 1
        # A provider that publishes a secret by mistake is part of the tests.
        keys = [key.as_dict(private=key.key_type == "oct") for key in self.keys]
        return httpx.Response(200, json={"keys": keys})


def configured(**given) -> Settings:
    return Settings(**{"oidc_issuer": ISSUER, "oidc_audience": "tarazu", **given})


class Parts:
    def __init__(self, provider: Provider, clock, **given) -> None:
        chosen = oidc_settings(configured(**given))
        self.keys = ProviderKeys(chosen, transport=httpx.MockTransport(provider), clock=clock)
        self.verifier = OidcVerifier(chosen, self.keys, clock=lambda: NOW)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def start(provider, clock):
    return lambda **given: Parts(provider, clock, **given)


@pytest.fixture
def principal_of(start):
    """The principal of a token, or None."""
    parts = start()

    async def run(text):
        credential = await parts.verifier.verify(text, NO_DATABASE)
        return credential and credential.principal

    return run


def claims(**given):
    made = {
        "iss": ISSUER,
        "aud": "tarazu",
        "sub": "f81d4fae",
        "exp": NOW + 300,
        "iat": NOW - 10,
        "groups": ["analyst"],
        "preferred_username": "sara",
        **given,
    }
    return {name: value for name, value in made.items() if value is not None}


def sign(key=KEY, algorithm="RS256", header=None, **given):
    head = {"alg": algorithm, "kid": key.kid, **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    return jws.serialize_compact(head, json.dumps(claims(**given)), key, algorithms=[algorithm])


def segment(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_of_the_provider_is_a_principal_without_personal_data_in_its_id(start):
    credential = await start().verifier.verify(sign(), NO_DATABASE)
    principal = credential.principal
    assert (principal.kind, principal.name, principal.role) == (PrincipalKind.OIDC, "sara", Role.ANALYST)
    assert principal.scope == EVERYTHING
    assert principal.id.startswith("oidc:")
    assert "f81d4fae" not in principal.id
    assert credential.expires_at.timestamp() == NOW + 300 + 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://id.example/realms/other"},
        {"iss": None},
        {"aud": "billing"},
        {"aud": ["billing", "shop"]},
        {"aud": None},
        {"exp": NOW - 31},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 1e300},
        {"nbf": NOW + 31},
        {"iat": NOW + 31},
        {"sub": None},
        {"sub": 5},
        {"groups": []},
        {"groups": None},
        {"groups": "nobody"},
        {"groups": {"analyst": True}},
    ],
    ids=str,
)
async def test_a_wrong_claim_is_refused(principal_of, wrong):
    assert await principal_of(sign(**wrong)) is None


@pytest.mark.parametrize(
    "right",
    [
        {"exp": NOW - 29},
        {"nbf": NOW + 29},
        {"aud": ["billing", "tarazu"]},
        {"groups": ["x", "analyst"]},
        {"groups": "analyst"},
        {"sub": "\ud800"},
        {"preferred_username": "\0\n"},
    ],
    ids=ascii,
)
async def test_clocks_may_differ_a_little_and_lists_hold_ours(principal_of, right):
    assert (await principal_of(sign(**right))).role is Role.ANALYST


async def test_another_signature_is_refused(principal_of):
    head, body, signature = sign().split(".")
    assert await principal_of(sign(STRANGER)) is None
    assert await principal_of(f"{head}.{segment(claims(groups=['administrator']))}.{signature}") is None
    assert await principal_of(f"{head}.{body}.") is None


async def test_a_mac_keyed_with_the_public_key_is_refused(principal_of):
    signed = f"{segment({'alg': 'HS256', 'kid': 'one'})}.{segment(claims())}"
    for public in (KEY.as_pem(private=False), KEY.as_der(private=False)):
        mac = hmac.digest(public, signed.encode(), "sha256")
        forged = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        assert await principal_of(forged) is None


async def test_no_signature_is_refused(principal_of):
    for algorithm in ("none", "None", "NONE"):
        head = segment({"alg": algorithm, "kid": "one"})
        assert await principal_of(f"{head}.{segment(claims())}.") is None


async def test_only_the_algorithms_that_were_set_are_taken(provider, start):
    provider.keys = [KEY, CURVE_KEY]
    strong, curve = sign(algorithm="RS512"), sign(CURVE_KEY, "ES256")
    only_default, both = start(), start(oidc_algorithms="RS512,ES256")
    for text in (strong, curve):
        assert await only_default.verifier.verify(text, NO_DATABASE) is None
        assert await both.verifier.verify(text, NO_DATABASE) is not None
    assert await both.verifier.verify(sign(), NO_DATABASE) is None
    # A key of the wrong kind under a right name.
    assert await both.verifier.verify(sign(CURVE_KEY, "ES256", {"kid": "one"}), NO_DATABASE) is None


async def test_a_key_in_the_token_itself_is_not_looked_at(principal_of):
    own = {"jwk": STRANGER.as_dict(private=False)}
    assert await principal_of(sign(STRANGER, header=own)) is None
    assert await principal_of(sign(STRANGER, header={"jku": "https://evil.example/keys"})) is None


@pytest.mark.parametrize("kid", [None, "", "unknown"])
async def test_a_missing_or_unknown_key_id_is_refused(principal_of, kid):
    assert await principal_of(sign(header={"kid": kid})) is None


async def test_symmetric_short_and_encryption_keys_of_the_provider_are_left_out(provider, start):
    secret = OctKey.import_key("a" * 64, {"kid": "mac"})
    unmarked = RSAKey.generate_key(2048, {"kid": "enc"})
    for_encryption = RSAKey.import_key({**unmarked.as_dict(private=True), "use": "enc"})
    with warnings.catch_warnings(category=SecurityWarning, action="ignore"):
        short = RSAKey.generate_key(1024, {"kid": "short"})
        provider.keys = [KEY, for_encryption, short, secret]
        parts = start()
        assert await parts.verifier.verify(sign(short), NO_DATABASE) is None
    assert await parts.verifier.verify(sign(unmarked), NO_DATABASE) is None
    assert await parts.verifier.verify(sign(secret, "HS256"), NO_DATABASE) is None
    assert await parts.verifier.verify(sign(), NO_DATABASE) is not None


async def test_a_new_key_is_fetched_when_a_token_names_it_once_a_minute_at_most(provider, start, clock):
    parts = start()
    assert await parts.verifier.verify(sign(), NO_DATABASE)
    assert provider.asked == 1
    provider.keys = [KEY, NEXT_KEY]
    clock.now += 59
    for _ in range(5):
        assert await parts.verifier.verify(sign(NEXT_KEY), NO_DATABASE) is None
    assert provider.asked == 1
    clock.now += 1
    assert await parts.verifier.verify(sign(NEXT_KEY), NO_DATABASE)
    assert await parts.verifier.verify(sign(), NO_DATABASE)
    assert provider.asked == 2


async def test_a_key_that_was_withdrawn_is_refused_after_the_refresh(provider, start):
    parts = start()
    assert await parts.verifier.verify(sign(), NO_DATABASE)
    provider.keys = [NEXT_KEY]
    assert await parts.keys.refresh()
    assert await parts.verifier.verify(sign(), NO_DATABASE) is None


async def test_the_old_keys_serve_while_the_provider_is_away(provider, start, clock):
    parts = start()
    assert await parts.verifier.verify(sign(), NO_DATABASE)
    provider.is_away = True
    assert not await parts.keys.refresh()
    clock.now += 3600
    assert await parts.verifier.verify(sign(), NO_DATABASE)
    assert await parts.verifier.verify(sign(NEXT_KEY), NO_DATABASE) is None


async def test_a_provider_that_never_answered_is_an_outage_not_a_refusal(provider, start, clock):
    provider.is_away = True
    parts = start()
    with pytest.raises(IdentityProviderUnavailableError):
        await parts.verifier.verify(sign(), NO_DATABASE)
    provider.is_away = False
    assert await parts.keys.refresh()
    assert await parts.verifier.verify(sign(), NO_DATABASE)


@pytest.mark.parametrize(
    "fault",
    [
        {"issuer": "https://evil.example"},
        {"keys_url": "http://id.example/keys"},
        {"keys": []},
        {"keys": [OctKey.generate_key(256, {"kid": "one"})]},
    ],
    ids=["issuer", "plain", "none", "symmetric"],
)
async def test_a_wrong_discovery_document_gives_no_keys(provider, start, fault):
    for name, value in fault.items():
        setattr(provider, name, value)
    assert not await start().keys.refresh()


async def test_keys_are_fetched_in_the_background_from_the_start(provider, start):
    async with start(oidc_jwks_url=KEYS_URL).keys as keys:
        for _ in range(100):
            if provider.asked:
                break
            await asyncio.sleep(0)
        assert (await keys.find("one")).key_type == "RSA"
    assert provider.asked == 1


GROUPS = """
heads: {role: office_manager}
officers-21: {role: collection_officer, districts: ["21", "11"], sectors: [private]}
"""


@pytest.mark.parametrize(
    ("given", "role", "codes", "sectors"),
    [
        ({"groups": ["officers-21"]}, Role.COLLECTION_OFFICER, {"11", "21"}, {Sector.PRIVATE}),
        ({"groups": ["officers-21", "heads"]}, Role.OFFICE_MANAGER, None, None),
        (
            {"groups": ["officers-21"], "districts": ["21", "12"]},
            Role.COLLECTION_OFFICER,
            {"21"},
            {Sector.PRIVATE},
        ),
        ({"groups": ["officers-21"], "districts": ["12"]}, Role.COLLECTION_OFFICER, set(), {Sector.PRIVATE}),
        (
            {"groups": ["heads"], "districts": "12", "sectors": ["government", "x"]},
            Role.OFFICE_MANAGER,
            {"12"},
            {Sector.GOVERNMENT},
        ),
        ({"groups": ["heads"], "districts": "\0"}, Role.OFFICE_MANAGER, set(), None),
    ],
    ids=["group", "first group", "both", "nothing in common", "claims", "odd claim"],
)
async def test_the_scope_is_what_group_and_claims_both_let_be_seen(
    start, sessions, districts, tmp_path, given, role, codes, sectors
):
    file = tmp_path / "groups.yaml"
    file.write_text(GROUPS, encoding="utf-8")
    chosen = {name: "*" for name in ("districts", "sectors") if name not in given}
    parts = start(oidc_groups_file=file, oidc_district_claim="districts", oidc_sector_claim="sectors")
    principal = (await parts.verifier.verify(sign(**chosen | given), sessions)).principal
    assert principal.role is role
    ids = None if codes is None else frozenset(districts[code] for code in codes)
    assert principal.scope == RowScope(ids, None if sectors is None else frozenset(sectors))


async def test_a_token_without_the_claim_that_decides_sees_nothing(start, sessions, districts):
    parts = start(oidc_district_claim="districts")
    principal = (await parts.verifier.verify(sign(), sessions)).principal
    assert principal.scope.district_ids == frozenset()


async def test_names_of_our_roles_mean_nothing_where_groups_are_set(start, tmp_path):
    file = tmp_path / "groups.yaml"
    file.write_text(GROUPS, encoding="utf-8")
    parts = start(oidc_groups_file=file)
    assert await parts.verifier.verify(sign(groups=["administrator"]), NO_DATABASE) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    head=st.one_of(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda v: (
                st.lists(v) | st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ", "x"]), v)
            ),
            max_leaves=6,
        ),
        st.fixed_dictionaries(
            {"alg": st.just("RS256"), "kid": st.just("one")},
            optional={"crit": st.lists(st.text()), "b64": st.booleans(), "typ": st.integers()},
        ),
    ),
    body=st.binary(max_size=20),
    signature=st.text(alphabet="AZaz09-_.", max_size=30),
)
def test_no_text_makes_anything_but_a_refusal(head, body, signature):
    async def run():
        parts = Parts(Provider(), lambda: 0.0)
        payload = base64.urlsafe_b64encode(body).rstrip(b"=").decode()
        return await parts.verifier.verify(f"{segment(head)}.{payload}.{signature}", None)

    assert asyncio.run(run()) is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"oidc_audience": None}, "TARAZU_OIDC_AUDIENCE"),
        ({"oidc_issuer": "http://id.example"}, "TARAZU_OIDC_ISSUER"),
        ({"oidc_jwks_url": "http://id.example/keys"}, "TARAZU_OIDC_JWKS_URL"),
    ],
)
def test_unsafe_settings_are_refused(given, named):
    with pytest.raises(OidcSettingsError, match=named):
        oidc_settings(configured(**given))


def test_symmetric_algorithms_and_none_cannot_be_set():
    for algorithms in ("HS256", "none", "RS256,HS256", "rs256", ""):
        with pytest.raises(ValueError, match="oidc_algorithms"):
            configured(oidc_algorithms=algorithms)


def test_without_an_issuer_there_is_no_provider():
    assert oidc_settings(Settings()) is None
    assert oidc_settings(configured(oidc_issuer="http://127.0.0.1:8080")).issuer == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("- a", "mapping of groups"),
        ("a: {role: janitor}", "a.role: there is no such role"),
        ("a: {district: ['1']}", "must have role"),
        ("a: {role: analyst, districts: [21]}", "a.districts: must be a list of quoted texts"),
        ("a: {role: analyst, sectors: [public]}", "there is no sector public"),
    ],
)
def test_a_wrong_file_of_groups_is_refused_with_the_place(tmp_path, text, named):
    file = tmp_path / "groups.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(OidcSettingsError) as caught:
        load_groups(file)
    assert named in str(caught.value)
    assert f"{file}:1" in str(caught.value)
