"""Starts kustomize-controller."""

from kustomize_controller.app import NAME, build
from kustomize_controller.settings import KustomizeSettings
from shared.runtime.process import run


def main() -> None:
    """Runs until SIGTERM."""
    run(NAME, KustomizeSettings, build)


if __name__ == "__main__":
    main()
