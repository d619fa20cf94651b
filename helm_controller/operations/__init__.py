"""What can be done to a release: install, upgrade, roll back, test, uninstall, unlock.

Each operation is Helm's of the same name: it writes the same records in the same order, with the same
descriptions, so that `helm history` reads on.
"""

from helm_controller.operations.install import install
from helm_controller.operations.means import Means, OperationFailed, Options
from helm_controller.operations.rollback import rollback
from helm_controller.operations.testing import run_tests
from helm_controller.operations.uninstall import AlreadyUninstalled, NoRelease, uninstall
from helm_controller.operations.unlock import unlock
from helm_controller.operations.upgrade import upgrade

__all__ = [
    "AlreadyUninstalled",
    "Means",
    "NoRelease",
    "OperationFailed",
    "Options",
    "install",
    "rollback",
    "run_tests",
    "uninstall",
    "unlock",
    "upgrade",
]
