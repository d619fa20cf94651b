"""Loads only the part of kubernetes_asyncio that Headrace uses: configuration and credentials.

Importing the whole package builds several hundred generated model classes, which costs about 33 MiB and
half a second in every pod. The package's own `__init__` modules are therefore replaced by empty ones that
know where the sub-modules are; the sub-modules themselves are the library's, unchanged. A process that
already imported the full library keeps it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = "kubernetes_asyncio"


def _hollow(name: str, folder: Path) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module
    return module


def _load() -> tuple[type[Any], ModuleType]:
    if _PACKAGE not in sys.modules:
        spec = importlib.util.find_spec(_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise ImportError(f"{_PACKAGE} is not installed")
        root = Path(spec.submodule_search_locations[0])
        package = _hollow(_PACKAGE, root)
        client = _hollow(f"{_PACKAGE}.client", root / "client")
        package.client = client  # type: ignore[attr-defined]
        configuration = importlib.import_module(f"{_PACKAGE}.client.configuration").Configuration
        client.Configuration = configuration  # type: ignore[attr-defined]
        client.ApiClient = object  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = importlib.import_module(f"{_PACKAGE}.config")
    return sys.modules[f"{_PACKAGE}.client"].Configuration, config


Configuration, config = _load()

__all__ = ["Configuration", "config"]
