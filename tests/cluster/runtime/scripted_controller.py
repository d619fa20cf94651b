"""A controller process whose reconciler follows the names of its objects.

`fails-*` fail, `waits-*` wait until the file $SCRIPT_FOLDER/go is there and leave `started` when they begin;
everything else is done at once.
"""

import asyncio
import os
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from shared.api.kustomize_v1 import Kustomization
from shared.kube.informer import Informer
from shared.runtime.controller import Controller, Policy
from shared.runtime.header import Header
from shared.runtime.manager import Parts
from shared.runtime.outcome import Done, Failure, Gone
from shared.runtime.process import run
from shared.runtime.settings import Settings

NAME = "kustomize-controller"


class ByName:
    kind = Kustomization
    owned = frozenset({"Ready", "Reconciling", "Stalled"})

    def __init__(self, folder):
        self.folder = folder

    async def reconcile(self, obj, turn):
        if obj.name.startswith("fails-"):
            raise Failure("BuildFailed", "broken")
        if obj.name.startswith("waits-"):
            (self.folder / "started").touch()
            while not (self.folder / "go").exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.02)
        return Done(timedelta(minutes=5), "Succeeded", "fine")

    async def finalize(self, obj, turn):
        return Gone()


@asynccontextmanager
async def build(settings, frame):
    kind = Kustomization
    informer = Informer(
        frame.client, kind.GROUP, kind.KIND, Header.of, namespace=settings.watched_namespace,
        label_selector=settings.watch_label_selector,
    )  # fmt: skip
    policy = Policy(
        settings.concurrent,
        settings.min_retry_delay,
        settings.max_retry_delay,
        settings.interval_jitter_percentage,
        f"gotk-{NAME}",
    )
    reconciler = ByName(Path(os.environ["SCRIPT_FOLDER"]))
    controller = Controller(reconciler, informer, frame.client, frame.recorder, frame.clock, policy)
    yield Parts(frame.recorder, [informer], [controller], frame.servers, leadership=frame.leadership)


if __name__ == "__main__":
    run(NAME, Settings, build)
