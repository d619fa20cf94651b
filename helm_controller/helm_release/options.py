"""What the spec of a HelmRelease says about how each operation is done."""

from __future__ import annotations

from dataclasses import dataclass

from helm_controller.operations import Options
from helm_controller.release.model import SERVER_SIDE, Release
from shared.api.helm_v2 import HelmRelease, Install, Rollback, Upgrade


@dataclass(frozen=True, slots=True)
class Choices:
    """Reads options; what is left open is decided by the defaults of the controller."""

    #: Whether installations are server-side where nothing else is said.
    server_side: bool = True

    def install(self, obj: HelmRelease) -> Options:
        """For an installation."""
        chosen = obj.install.server_side_apply
        return _release(
            obj,
            obj.install,
            server_side=self.server_side if chosen is None else chosen,
            create_namespace=obj.install.create_namespace and obj.spec.target_namespace is not None,
        )

    def upgrade(self, obj: HelmRelease, last: Release) -> Options:
        """For an upgrade of the newest revision."""
        return _release(
            obj,
            obj.upgrade,
            server_side=_server_side(obj.upgrade, last),
            replace=obj.upgrade.force,
            cleanup_on_fail=obj.upgrade.cleanup_on_fail,
        )

    def rollback(self, obj: HelmRelease, target: Release) -> Options:
        """For a rollback; what is left open is done as the target was."""
        spec = obj.rollback
        return Options(
            obj.limit(spec),
            wait=not spec.disable_wait,
            wait_for_jobs=not spec.disable_wait_for_jobs,
            hooks=not spec.disable_hooks,
            server_side=_server_side(spec, target),
            replace=spec.force,
            cleanup_on_fail=spec.cleanup_on_fail,
            max_history=obj.max_history,
        )

    def uninstall(self, obj: HelmRelease) -> Options:
        """For an uninstallation."""
        spec = obj.uninstall
        return Options(
            obj.limit(spec),
            wait=not spec.disable_wait,
            hooks=not spec.disable_hooks,
            keep_history=spec.keep_history,
            propagation=spec.deletion_propagation,
        )


def _release(
    obj: HelmRelease,
    action: Install | Upgrade,
    *,
    server_side: bool,
    replace: bool = False,
    cleanup_on_fail: bool = False,
    create_namespace: bool = False,
) -> Options:
    """What installations and upgrades have in common."""
    return Options(
        obj.limit(action),
        wait=not action.disable_wait,
        wait_for_jobs=not action.disable_wait_for_jobs,
        hooks=not action.disable_hooks,
        server_side=server_side,
        replace=replace,
        take_ownership=not action.disable_take_ownership,
        create_namespace=create_namespace,
        cleanup_on_fail=cleanup_on_fail,
        max_history=obj.max_history,
    )


def _server_side(action: Upgrade | Rollback, earlier: Release) -> bool:
    """As the action says, or else as an earlier revision was applied."""
    if action.server_side_apply in (None, "auto"):
        return earlier.apply_method == SERVER_SIDE
    return action.server_side_apply == "enabled"
