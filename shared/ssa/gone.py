"""Waiting until deleted objects are really gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from shared.kube.client import KubeClient
from shared.ssa.errors import StillThere
from shared.ssa.identity import ObjectId
from shared.ssa.vigil import Vigil
from shared.ssa.watches import SharedWatches


async def wait_gone(
    watches: SharedWatches, client: KubeClient, uids: Mapping[ObjectId, str], *, timeout: timedelta
) -> None:
    """Waits until none of the objects is there; another object of the same name doesn't count.

    Raises:
        StillThere: the time is over; the error names what is left.
    """
    left = dict(uids)
    with Vigil(watches, client) as vigil:
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await vigil.over(left)
                while left:
                    for identity in await vigil.changed():
                        if identity in left and _is_gone(vigil, identity, left[identity]):
                            del left[identity]
        except TimeoutError:
            raise StillThere(tuple(sorted(left))) from None


def _is_gone(vigil: Vigil, identity: ObjectId, uid: str) -> bool:
    obj = vigil.newest(identity)
    if obj is None:
        return vigil.lacks(identity)
    return bool(uid) and obj["metadata"].get("uid") != uid
