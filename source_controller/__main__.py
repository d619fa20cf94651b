"""Starts source-controller."""

from shared.runtime.process import run
from source_controller.app import NAME, build
from source_controller.settings import SourceSettings


def main() -> None:
    """Runs until SIGTERM."""
    run(NAME, SourceSettings, build)


if __name__ == "__main__":
    main()
