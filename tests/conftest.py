"""What all tests share."""

import asyncio

import pytest
from hypothesis import settings

from shared.testing.cluster import cluster, namespace

__all__ = ["cluster", "namespace"]

# The same examples each time: whether a change is sound does not depend on luck.
# `--hypothesis-profile=search` looks for new ones.
settings.register_profile("headrace", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("headrace")


def pytest_configure(config):
    # Otherwise CPython makes a loop when pytest-asyncio asks for the current one, and nobody closes it.
    asyncio.set_event_loop(None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Those in clusters first, else in their random order: at the end nobody waits for a test that lasts."""
    items.sort(key=lambda item: "cluster" not in item.path.parts)
