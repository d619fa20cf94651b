"""Starts image-automation-controller."""

from image_controllers.automation.app import NAME, build
from image_controllers.automation.settings import AutomationSettings
from shared.runtime.process import run


def main() -> None:
    """Runs until SIGTERM."""
    run(NAME, AutomationSettings, build)


if __name__ == "__main__":
    main()
