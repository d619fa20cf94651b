"""Trust policies of notation: which statement is about a repository, and how strict it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from shared.lang.json import JsonError, JsonObject, loads_object, mapping

_ANY: Final = "*"
_SUBJECT: Final = "x509.subject:"
_STORES: Final = ("ca", "signingAuthority", "tsa")
_REQUIRED: Final = ("C", "ST", "O")
_MOST: Final = 1000


class PolicyRefused(Exception):
    """The document is no trust policy; says where."""


class Check(StrEnum):
    """What is looked at."""

    INTEGRITY = "integrity"
    AUTHENTICITY = "authenticity"
    TIMESTAMP = "authenticTimestamp"
    EXPIRY = "expiry"
    REVOCATION = "revocation"


class Action(StrEnum):
    """What becomes of a check that fails."""

    ENFORCE = "enforce"
    LOG = "log"
    SKIP = "skip"


_LEVELS: Final[Mapping[str, Mapping[Check, Action]]] = {
    "strict": dict.fromkeys(Check, Action.ENFORCE),
    "permissive": dict.fromkeys(Check, Action.LOG)
    | {Check.INTEGRITY: Action.ENFORCE, Check.AUTHENTICITY: Action.ENFORCE},
    "audit": dict.fromkeys(Check, Action.LOG) | {Check.INTEGRITY: Action.ENFORCE},
    "skip": dict.fromkeys(Check, Action.SKIP),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What has to hold of signatures in some repositories."""

    name: str
    scopes: tuple[str, ...]
    actions: Mapping[Check, Action]
    skips: bool
    """Whether nothing is looked at."""
    stores: frozenset[str]
    """The types of trust stores that it names."""
    identities: tuple[Mapping[str, str], ...] | None
    """Subjects of certificates that are trusted; None for all."""

    def trusts(self, subject: Mapping[str, str]) -> bool:
        """Whether a subject has all parts of one that is trusted."""
        if self.identities is None:
            return True
        return any(wanted.items() <= subject.items() for wanted in self.identities)


@dataclass(frozen=True, slots=True)
class Policy:
    """All statements of a document."""

    statements: tuple[Statement, ...]

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """A trust policy document.

        Raises:
            PolicyRefused: it is none.
        """
        try:
            raw = loads_object(text)
        except JsonError as error:
            raise PolicyRefused(str(error)) from None
        if raw.get("version") != "1.0":
            raise PolicyRefused('trust policy document has unsupported version, use "1.0"')
        listed = raw.get("trustPolicies")
        if not isinstance(listed, list) or not listed or len(listed) > _MOST:
            raise PolicyRefused("trust policy document can not have zero trust policy statements")
        statements = tuple(_statement(mapping(one)) for one in listed)
        _check_unique([one.name for one in statements], "name")
        _check_unique([scope for one in statements for scope in one.scopes], "registry scope")
        return cls(statements)

    def applicable(self, repository: str) -> Statement | None:
        """The statement about a repository (`host/path`): one that names it, or the one about all."""
        for scope in (repository, _ANY):
            for statement in self.statements:
                if scope in statement.scopes:
                    return statement
        return None


def _statement(raw: JsonObject) -> Statement:
    name = raw.get("name")
    if not isinstance(name, str) or not name:
        raise PolicyRefused("a trust policy statement is missing a name, every statement requires a name")
    where = f"trust policy statement {name[:80]!r}"
    scopes = _texts(raw, "registryScopes", where)
    if not scopes or (_ANY in scopes and len(scopes) > 1):
        raise PolicyRefused(f"{where} needs registryScopes: repositories, or '*' alone")
    verification = mapping(raw.get("signatureVerification"))
    level = verification.get("level")
    if not isinstance(level, str) or level not in _LEVELS:
        raise PolicyRefused(f"{where} has an invalid verification level, use one of {', '.join(_LEVELS)}")
    actions = dict(_LEVELS[level]) | _overrides(verification.get("override"), level, where)
    if level == "skip":
        # Stores and identities of such a statement mean nothing.
        return Statement(name, scopes, actions, True, frozenset(), None)
    stores = _texts(raw, "trustStores", where)
    identities = _texts(raw, "trustedIdentities", where)
    if not stores or not identities:
        raise PolicyRefused(f"{where} is either missing trust stores or trusted identities")
    kinds = {store.partition(":")[0] for store in stores}
    if not kinds <= set(_STORES) or any(not store.partition(":")[2] for store in stores):
        raise PolicyRefused(f"{where} has a trust store that is not <{'|'.join(_STORES)}>:<name>")
    if _ANY in identities and len(identities) > 1:
        raise PolicyRefused(f"{where} uses a wildcard trusted identity '*' beside others")
    wanted = None if _ANY in identities else tuple(_identity(one, where) for one in identities)
    return Statement(name, scopes, actions, False, frozenset(kinds), wanted)


def _overrides(raw: Any, level: str, where: str) -> dict[Check, Action]:
    found: dict[Check, Action] = {}
    for key, value in mapping(raw).items():
        try:
            check, action = Check(key), Action(value)
        except ValueError:
            raise PolicyRefused(f"{where} has an override that is none: {str(key)[:80]!r}") from None
        if level == "skip" or check is Check.INTEGRITY:
            raise PolicyRefused(f"{where}: {check} of the level {level} can not be overridden")
        if action is Action.SKIP and check is not Check.REVOCATION:
            raise PolicyRefused(f"{where}: {check} can not be skipped")
        found[check] = action
    return found


def _identity(text: str, where: str) -> dict[str, str]:
    if not text.startswith(_SUBJECT):
        raise PolicyRefused(f"{where} has a trusted identity without the prefix '{_SUBJECT}'")
    found = distinguished(text.removeprefix(_SUBJECT))
    if found is None or not all(found.get(key) for key in _REQUIRED):
        raise PolicyRefused(f"{where} has a trusted identity that lacks one of {', '.join(_REQUIRED)}")
    return found


def distinguished(text: str) -> dict[str, str] | None:
    """The parts of a distinguished name; `S` counts as `ST`. None if it is none."""
    found: dict[str, str] = {}
    for part in _split(text):
        key, equals, value = part.partition("=")
        key = key.strip().upper()
        key = "ST" if key == "S" else key
        if not equals or not key or key in found:
            return None
        found[key] = value.strip().replace("\\", "")
    return found


def _split(text: str) -> list[str]:
    """At commas and plus signs that have no backslash before them."""
    parts, escaped = [""], False
    for char in text:
        if char in ",+" and not escaped:
            parts.append("")
        else:
            parts[-1] += char
        escaped = char == "\\" and not escaped
    return parts


def _texts(raw: JsonObject, key: str, where: str) -> tuple[str, ...]:
    found = raw.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise PolicyRefused(f"{where}: {key} has to be a list of texts")
    return tuple(found)


def _check_unique(values: list[str], what: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise PolicyRefused(f"trust policy statements have the {what} {value[:80]!r} more than once")
