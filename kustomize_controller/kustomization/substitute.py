"""Fill variables into the text of each manifest (`spec.postBuild`).

Variables are expanded in text, and the text is then read again as YAML 1.1: that is how `"${n}"` becomes
a number. kustomize writes its texts so that they mean the same in YAML 1.1, hence a text that expansion
doesn't change keeps its meaning, its bytes and its place in the digest, and needs no second look.

Values may come from Secrets: no message holds one, nor a piece of an expanded text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kustomize_controller.kustomization.request import BuildFailed, Substitution
from shared.api import wire
from shared.lang import yaml
from shared.lang.envsubst import SubstitutionError, expand
from shared.lang.json import JsonObject

OPT_OUT = wire.KUSTOMIZE_SUBSTITUTE
"""A label or annotation; its value `disabled` keeps a manifest as it is."""

_NAME_PATTERN = "^[_[:alpha:]][_[:alpha:][:digit:]]*$"
_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")


def substituted(documents: list[str], substitution: Substitution | None) -> list[str]:
    """The texts with all variables filled in; the same list if nothing is to be done."""
    if substitution is None:
        return documents
    if not (substitution.variables or substitution.not_text or substitution.always):
        return documents
    variables = _checked(substitution)
    return [_expanded(document, variables, strict=substitution.strict) for document in documents]


@dataclass(frozen=True, slots=True)
class _Variables(Mapping[str, str]):
    """The variables by name; looking at one that is not text is an error, having it is none."""

    texts: Mapping[str, str]
    not_text: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        where = self.not_text.get(name)
        if where is not None:
            raise SubstitutionError(f"the value of key '{name}' in {where} is not text")
        return self.texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self.texts, *self.not_text))

    def __len__(self) -> int:
        return len(self.texts) + len(self.not_text)


def _checked(substitution: Substitution) -> _Variables:
    for name in (*substitution.variables, *substitution.not_text):
        if not _NAME.fullmatch(name):
            raise BuildFailed(f"'{name}' var name is invalid, must match '{_NAME_PATTERN}'")
    values = {name: value.replace("\n", "") for name, value in substitution.variables.items()}
    return _Variables(values, substitution.not_text)


def _expanded(document: str, variables: Mapping[str, str], *, strict: bool) -> str:
    if "$" not in document or _opted_out(document):
        return document
    try:
        text = expand(document, variables, strict=strict)
    except SubstitutionError as error:
        reason = f"envsubst error: variable substitution failed: {error}"
        raise BuildFailed(f"post build failed for '{_identity(document)}': {reason}") from error
    if text == document:
        return document
    return yaml.dump(_read_again(text, document))


def _read_again(text: str, document: str) -> JsonObject:
    problem = (
        f"post build failed for '{_identity(document)}': the text isn't one YAML mapping after substitution"
    )
    try:
        values = [value for value in yaml.load_all_yaml11(text) if value is not None]
    except yaml.YamlError:
        # The cause is cut off on purpose: it may quote the values of Secrets.
        raise BuildFailed(f"{problem}; check quotes and line breaks around its variables") from None
    if len(values) != 1 or not isinstance(values[0], dict):
        raise BuildFailed(problem)
    return values[0]


def _opted_out(document: str) -> bool:
    if OPT_OUT not in document:
        return False
    metadata = yaml.load(document).get("metadata") or {}
    return any((metadata.get(field) or {}).get(OPT_OUT) == "disabled" for field in ("labels", "annotations"))


def _identity(document: str) -> str:
    """`<Kind>.<version>.<group>/<name>`, as kustomize names a resource."""
    manifest = yaml.load(document)
    group, _, version = str(manifest.get("apiVersion", "")).rpartition("/")
    name = (manifest.get("metadata") or {}).get("name", "")
    return f"{manifest.get('kind', '')}.{version}.{group or '[noGrp]'}/{name}"
