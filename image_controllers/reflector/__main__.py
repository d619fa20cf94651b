"""Starts image-reflector-controller."""

from image_controllers.reflector.app import NAME, build
from image_controllers.reflector.settings import ReflectorSettings
from shared.runtime.process import run


def main() -> None:
    """Runs until SIGTERM."""
    run(NAME, ReflectorSettings, build)


if __name__ == "__main__":
    main()
