"""Starts helm-controller."""

from helm_controller.app import NAME, build
from helm_controller.settings import HelmSettings
from shared.runtime.process import run


def main() -> None:
    """Runs until SIGTERM."""
    run(NAME, HelmSettings, build)


if __name__ == "__main__":
    main()
