"""What all tests share."""

import asyncio

from shared.testing.cluster import cluster, namespace

__all__ = ["cluster", "namespace"]


def pytest_configure(config):
    # Otherwise CPython makes a loop when pytest-asyncio asks for the current one, and nobody closes it.
    asyncio.set_event_loop(None)
