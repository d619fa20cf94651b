"""Starts notification-controller."""

from notification_controller.app import NAME, build
from notification_controller.settings import NotificationSettings
from shared.runtime.process import run


def main() -> None:
    """Runs until SIGTERM."""
    run(NAME, NotificationSettings, build)


if __name__ == "__main__":
    main()
