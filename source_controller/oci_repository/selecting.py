"""Which tag or digest `spec.ref` means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.api.source_v1 import OCIRepository
from shared.lang.digest import Digest, DigestError
from shared.lang.patterns import Pattern, PatternError
from shared.lang.semver import Constraint, SemverError, Version
from shared.oci import NoVersion, Registry

LATEST: Final = "latest"
CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class InvalidReference(Exception):
    """`spec.ref` can't name anything."""


async def select_tag(obj: OCIRepository, registry: Registry) -> str:
    """The tag that is wanted; tags are only listed for a range.

    Raises:
        InvalidReference: the range or its filter is none.
        NoVersion: no tag is in the range.
        OciError: the registry doesn't list its tags.
    """
    ref = obj.spec.ref
    if ref is None or not ref.semver:
        return (ref.tag if ref else None) or LATEST
    try:
        wanted = Constraint.parse(ref.semver)
    except SemverError as error:
        raise InvalidReference(f"semver '{ref.semver}' parse error: {error}") from error
    selector = obj.spec.layer_selector
    of_charts = selector is not None and selector.media_type == CHART_LAYER
    tags = filtered(await registry.tags(), ref.semver_filter or "")
    found = highest(tags, wanted, of_charts=of_charts)
    if found is None:
        raise NoVersion(f"no match found for semver: {ref.semver}")
    return found


def pinned(obj: OCIRepository) -> Digest | None:
    """The digest that is wanted, whatever tags name.

    Raises:
        InvalidReference: it is none.
    """
    ref = obj.spec.ref
    if ref is None or not ref.digest:
        return None
    try:
        return Digest.parse(ref.digest)
    except DigestError as error:
        raise InvalidReference(f"spec.ref.digest: {error}") from error


def filtered(tags: Iterable[str], pattern: str) -> list[str]:
    """The tags in which a regular expression of RE2 is found somewhere.

    Raises:
        InvalidReference: it is none.
    """
    if not pattern:
        return list(tags)
    try:
        expression = Pattern(pattern)
    except PatternError as error:
        raise InvalidReference(f"spec.ref.semverFilter is not a regular expression: {error}") from error
    return [tag for tag in tags if expression.matches(tag)]


def highest(tags: Iterable[str], wanted: Constraint, *, of_charts: bool = False) -> str | None:
    """The tag of the highest version in a range, as it is written; of equal ones the last by its letters.

    Tags of charts have `_` for `+`.
    """
    best: tuple[Version, str] | None = None
    for tag in tags:
        try:
            version = Version.parse_tag(tag.replace("_", "+") if of_charts else tag)
        except SemverError:
            continue
        if wanted.check(version) and (best is None or (version, tag) > best):
            best = version, tag
    return best[1] if best else None
