"""Where generated files belong: a definition goes into the chart of the controller of its kind,
and each kind has a page in the reference.
"""

from typing import Final

from shared.api import helm_v2, image_v1, kustomize_v1, notification_v1, source_v1
from shared.api.meta import StaticResource
from shared.codegen.crds import KINDS, file_name, render
from shared.codegen.reference import page

CHARTS: Final = {
    source_v1.GROUP: "source-controller",
    kustomize_v1.GROUP: "kustomize-controller",
    helm_v2.GROUP: "helm-controller",
    notification_v1.GROUP: "notification-controller",
    image_v1.GROUP: "image-reflector-controller",
}
"""Chart of the controller that owns an API group."""

_ELSEWHERE: Final = {image_v1.ImageUpdateAutomation.KIND: "image-automation-controller"}
"""Charts of kinds that do not belong to the controller of their group."""


def chart_of(kind: type[StaticResource]) -> str:
    """The chart that installs the definition of a kind."""
    return _ELSEWHERE.get(kind.KIND) or CHARTS[kind.GROUP]


def definitions() -> dict[str, str]:
    """Path below the repository and content of every definition."""
    return {f"charts/{chart_of(kind)}/files/crds/{file_name(kind)}": render(kind) for kind in KINDS}


def pages() -> dict[str, str]:
    """Path below the repository and content of every page of the API reference."""
    return {f"docs/reference/api/{kind.KIND.lower()}-{kind.VERSION}.md": page(kind) for kind in KINDS}
