"""What image-automation-controller can be told, on top of what every controller can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.runtime.assembly import IdentitySettings
from shared.runtime.settings import Boolean, flag
from shared.runtime.ssh_settings import SshSettings


class AutomationSettings(IdentitySettings, SshSettings):
    """Flags of image-automation-controller."""

    gates: ClassVar[Mapping[str, bool]] = {
        **IdentitySettings.gates,
        "GitAllBranchReferences": True,
        "GitForcePushBranch": True,
        "GitShallowClone": True,
        "GitSparseCheckout": False,
    }
    absent: ClassVar[frozenset[str]] = frozenset({"requeue_dependency", "watch_configs_label_selector"})

    no_cross_namespace_refs: Boolean = flag(False, "refuse sources in other namespaces")
