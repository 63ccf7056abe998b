"""What is set of the identity provider, checked, and which role and scope its groups have."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tarazu.errors import InputError
from tarazu.models.enums import Sector
from tarazu.security.permissions import Role
from tarazu.settings import Settings
from tarazu.yaml_file import YamlFile, read_yaml


class OidcSettingsError(InputError):
    """The settings of the identity provider do not fit together, or the file of groups is wrong."""

    code = "access.oidc_settings"


@dataclass(frozen=True, slots=True)
class Group:
    """What a group of the provider is here. None does not restrict."""

    role: Role
    districts: tuple[str, ...] | None = None
    sectors: tuple[Sector, ...] | None = None


@dataclass(frozen=True, slots=True)
class OidcSettings:
    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    jwks_url: str | None
    role_claim: str
    district_claim: str | None
    sector_claim: str | None
    leeway_seconds: int
    groups: Mapping[str, Group]
    """In the order of precedence: whoever is in several groups is what the first of them is."""


def oidc_settings(settings: Settings) -> OidcSettings | None:
    """The provider's settings; None where there is no provider.

    Raises OidcSettingsError.
    """
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_audience is None:
        raise OidcSettingsError(
            "TARAZU_OIDC_ISSUER is set without TARAZU_OIDC_AUDIENCE.",
            mend="Set the audience: without it a token for any other application would be taken.",
        )
    require_safe_url("TARAZU_OIDC_ISSUER", settings.oidc_issuer)
    if settings.oidc_jwks_url is not None:
        require_safe_url("TARAZU_OIDC_JWKS_URL", settings.oidc_jwks_url)
    file = settings.oidc_groups_file
    return OidcSettings(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        algorithms=tuple(settings.oidc_algorithms.split(",")),
        jwks_url=settings.oidc_jwks_url,
        role_claim=settings.oidc_role_claim,
        district_claim=settings.oidc_district_claim,
        sector_claim=settings.oidc_sector_claim,
        leeway_seconds=settings.oidc_leeway_seconds,
        groups={role.value: Group(role) for role in Role} if file is None else load_groups(file),
    )


def require_safe_url(name: str, url: str) -> None:
    """Whoever can change the keys on their way can be anybody: https, or this machine itself.

    Raises OidcSettingsError.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise OidcSettingsError(f"{name} must begin with https://.", mend="Give the provider's TLS address.")


def load_groups(path: Path) -> dict[str, Group]:
    """The groups of a file: `group: {role: …, districts: […], sectors: […]}`; the last two may be left out.

    Raises OidcSettingsError.
    """
    file = read_yaml(path, OidcSettingsError)
    if not isinstance(file.data, dict):
        raise OidcSettingsError(f"{file.place([])}: must be a mapping of groups.")
    return {str(name): _group(file, name, data) for name, data in file.data.items()}


def _group(file: YamlFile, name: Any, data: Any) -> Group:
    if not isinstance(data, dict) or "role" not in data or data.keys() - {"role", "districts", "sectors"}:
        raise OidcSettingsError(f"{file.place([name])}: must have role, and may have districts and sectors.")
    if data["role"] not in set(Role):
        raise OidcSettingsError(
            f"{file.place([name, 'role'])}: there is no such role.", mend=f"Known: {', '.join(Role)}."
        )
    districts, sectors = _texts(file, name, data, "districts"), _texts(file, name, data, "sectors")
    for sector in sectors or ():
        if sector not in set(Sector):
            raise OidcSettingsError(
                f"{file.place([name, 'sectors'])}: there is no sector {sector}.",
                mend=f"Known: {', '.join(Sector)}.",
            )
    return Group(Role(data["role"]), districts, None if sectors is None else tuple(map(Sector, sectors)))


def _texts(file: YamlFile, name: Any, data: Mapping[str, Any], field: str) -> tuple[str, ...] | None:
    if field not in data:
        return None
    values = data[field]
    # An unquoted 021 is the number 17 in YAML.
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise OidcSettingsError(f"{file.place([name, field])}: must be a list of quoted texts.")
    return tuple(values)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
