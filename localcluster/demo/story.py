"""The acts of the demo."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from localcluster import Access
from localcluster.demo.live import Live
from localcluster.demo.repository import DemoRepository
from localcluster.demo.screen import Screen

_NAMESPACE: Final = "flux-system"
_ROOT: Final = (_NAMESPACE, "flux-system")
CHAIN: Final = (_ROOT, (_NAMESPACE, "infrastructure"), (_NAMESPACE, "database"), ("shop", "shop"))
_BOOTSTRAP: Final = Path(__file__).parents[2] / "examples" / "bootstrap.yaml"
_RESOURCES: Final = {
    "GitRepository": "gitrepositories.source.toolkit.fluxcd.io",
    "Kustomization": "kustomizations.kustomize.toolkit.fluxcd.io",
}
_PLACEHOLDER: Final = "http://127.0.0.1:0/demo.git"


class Story:
    """Plays the acts one after the other."""

    def __init__(self, access: Access, repository: DemoRepository, live: Live, screen: Screen) -> None:
        self._access = access
        self._repository = repository
        self._live = live
        self._screen = screen
        self._commit = ""

    async def play(self) -> None:
        """All acts; each ends when the cluster is where it should be."""
        await self._first_commit()
        await self._changed_commit()
        await self._pruned_object()
        await self._live_edit()
        await self._broken_commit()

    async def _first_commit(self) -> None:
        self._screen.title("1. A repository rolls out, in the order of its dependencies")
        self._screen.do(f"kubectl apply -f bootstrap.yaml   # follows {self._repository.url}")
        text = _BOOTSTRAP.read_text().replace(_PLACEHOLDER, self._repository.url)
        await self._kubectl("apply", "--server-side", "-f", "-", stdin=text)
        await self._rolled_out(self._revision())

    async def _changed_commit(self) -> None:
        self._screen.title("2. A commit changes the image and a setting of the shop")
        files = "apps/demo/kustomization.yaml"
        self._repository.replace(files, "newTag: 1.4.2", "newTag: 1.5.0")
        self._repository.replace(files, ":5432/shop", ":5432/shop?pool=20")
        await self._roll("Shop 1.5.0 with a bigger pool")
        image = await self._kubectl(
            "get", "deployment", "shop", "-n", "shop", "-o", "jsonpath={..containers[0].image}"
        )
        self._screen.say(
            f"the Deployment in the cluster: {image}; the ConfigMap with the old setting was pruned"
        )

    async def _pruned_object(self) -> None:
        self._screen.title("3. A commit removes a Service: it is pruned")
        (self._repository.worktree / "apps/base/service.yaml").unlink()
        self._repository.replace("apps/base/kustomization.yaml", "  - service.yaml\n", "")
        await self._roll("Remove the Service of the shop")
        left = await self._kubectl("get", "services", "-n", "shop", "-o", "name")
        self._screen.say(f"Services left in the namespace shop: {left.strip() or 'none'}")

    async def _live_edit(self) -> None:
        self._screen.title("4. Somebody edits the live Deployment: the next reconciliation puts it right")
        wrong = "registry.example.com/demo/shop:hotfix"
        self._screen.do(f"kubectl -n shop set image deployment/shop shop={wrong}")
        await self._kubectl("-n", "shop", "set", "image", "deployment/shop", f"shop={wrong}")
        await self._request("Kustomization", "shop", "shop")
        image = await self._kubectl(
            "get", "deployment", "shop", "-n", "shop", "-o", "jsonpath={..containers[0].image}"
        )
        self._screen.say(f"the Deployment in the cluster: {image}")

    async def _broken_commit(self) -> None:
        self._screen.title(
            "5. A broken commit is reported and leaves the cluster as it was; the next one heals it"
        )
        self._repository.replace("apps/demo/kustomization.yaml", "path: resources.yaml", "path: missing.yaml")
        await self._push(self._repository.commit("Give the shop more room"), "Give the shop more room")

        def reported() -> bool:
            report = self._live.report("Kustomization", "shop", "shop")
            return report is not None and (report.ready, report.reason) == ("False", "BuildFailed")

        await self._live.until(reported, "Kustomization/shop/shop to report the broken commit")
        await self._push(self._repository.revert(), 'Revert "Give the shop more room"')
        await self._rolled_out(self._revision())

    async def _roll(self, message: str) -> None:
        await self._push(self._repository.commit(message), message)
        await self._rolled_out(self._revision())

    async def _push(self, commit: str, message: str) -> None:
        self._screen.do(
            f'git commit -m "{message}"; git push   # {commit[:8]}, then a webhook asks for a look'
        )
        self._commit = commit
        await self._annotate("GitRepository", *_ROOT)

    def _revision(self) -> str:
        return f"main@sha1:{self._commit}" if self._commit else ""

    async def _rolled_out(self, revision: str) -> None:
        def settled() -> bool:
            reports = [self._live.report("Kustomization", *key) for key in CHAIN]
            return all(
                report is not None
                and report.ready == "True"
                and report.observed == report.generation
                and (not revision or report.revision == revision)
                for report in reports
            )

        await self._live.until(settled, f"all Kustomizations to be ready at {revision or 'the first commit'}")

    async def _request(self, kind: str, namespace: str, name: str) -> None:
        stamp = await self._annotate(kind, namespace, name)

        def handled() -> bool:
            report = self._live.report(kind, namespace, name)
            return report is not None and report.handled == stamp and report.ready == "True"

        await self._live.until(handled, f"{kind}/{namespace}/{name} to answer the request")

    async def _annotate(self, kind: str, namespace: str, name: str) -> str:
        stamp = datetime.now(UTC).isoformat()
        patch = json.dumps({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": stamp}}})
        await self._kubectl(
            "patch",
            _RESOURCES[kind],
            name,
            "-n",
            namespace,
            "--type=merge",
            "-p",
            patch,
            "--field-manager=flux",
        )
        return stamp

    async def _kubectl(self, *arguments: str, stdin: str = "") -> str:
        return await asyncio.to_thread(self._access.kubectl, *arguments, stdin=stdin)
