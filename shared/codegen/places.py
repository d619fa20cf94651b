"""Where generated files belong: a definition goes into the chart of the controller of its kind,
and each kind has a page in the reference.
"""

from typing import Final

from shared.api import helm_v2, kustomize_v1, source_v1
from shared.codegen.crds import KINDS, file_name, render
from shared.codegen.reference import page

CHARTS: Final = {
    source_v1.GROUP: "source-controller",
    kustomize_v1.GROUP: "kustomize-controller",
    helm_v2.GROUP: "helm-controller",
}
"""Chart of the controller that owns an API group."""


def definitions() -> dict[str, str]:
    """Path below the repository and content of every definition."""
    return {f"charts/{CHARTS[kind.GROUP]}/files/crds/{file_name(kind)}": render(kind) for kind in KINDS}


def pages() -> dict[str, str]:
    """Path below the repository and content of every page of the API reference."""
    return {f"docs/reference/api/{kind.KIND.lower()}-{kind.VERSION}.md": page(kind) for kind in KINDS}
