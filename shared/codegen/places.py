"""Where generated files belong: a definition goes into the chart of the controller of its kind."""

from typing import Final

from shared.api import kustomize_v1, source_v1
from shared.codegen.crds import KINDS, file_name, render

CHARTS: Final = {
    source_v1.GROUP: "source-controller",
    kustomize_v1.GROUP: "kustomize-controller",
}
"""Chart of the controller that owns an API group."""


def files() -> dict[str, str]:
    """Path below the repository and content of every generated file."""
    return {f"charts/{CHARTS[kind.GROUP]}/files/crds/{file_name(kind)}": render(kind) for kind in KINDS}
