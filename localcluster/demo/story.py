"""The acts of the demo."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from localcluster import Access, programs
from localcluster.demo.chat import DemoChat
from localcluster.demo.live import Live, Report
from localcluster.demo.registry import DemoRegistry
from localcluster.demo.repository import DemoRepository
from localcluster.demo.screen import Screen

_NAMESPACE: Final = "flux-system"
_ROOT: Final = (_NAMESPACE, "flux-system")
MAIL: Final = ("mail", "mail")
CHAIN: Final = (_ROOT, (_NAMESPACE, "infrastructure"), (_NAMESPACE, "database"), ("shop", "shop"))
_IMAGES: Final = {
    "ImageRepository": (_NAMESPACE, "shop"),
    "ImagePolicy": (_NAMESPACE, "shop"),
    "ImageUpdateAutomation": (_NAMESPACE, "apps"),
}
_BOOTSTRAP: Final = Path(__file__).parents[2] / "examples" / "bootstrap.yaml"
_RESOURCES: Final = {
    "GitRepository": "gitrepositories.source.toolkit.fluxcd.io",
    "OCIRepository": "ocirepositories.source.toolkit.fluxcd.io",
    "Kustomization": "kustomizations.kustomize.toolkit.fluxcd.io",
    "ImageRepository": "imagerepositories.image.toolkit.fluxcd.io",
}
_PLACEHOLDER: Final = "http://127.0.0.1:0/demo.git"


class Story:
    """Plays the acts one after the other."""

    def __init__(
        self,
        access: Access,
        repository: DemoRepository,
        registry: DemoRegistry,
        chat: DemoChat,
        live: Live,
        screen: Screen,
    ) -> None:
        self._access = access
        self._repository = repository
        self._registry = registry
        self._chat = chat
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
        await self._released_chart()
        await self._broken_chart()
        await self._repaired_chart()
        await self._new_image()

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
        self._screen.title("5. A broken commit is told to a chat and leaves the cluster as it was")
        self._screen.do("kubectl apply -f chat.yaml   # a Provider of type slack, an Alert on what fails")
        await self._kubectl("apply", "--server-side", "-f", "-", stdin=self._chat.objects)
        self._repository.replace("apps/demo/kustomization.yaml", "path: resources.yaml", "path: missing.yaml")
        await self._push(self._repository.commit("Give the shop more room"), "Give the shop more room")

        def reported() -> bool:
            report = self._live.report("Kustomization", "shop", "shop")
            return report is not None and (report.ready, report.reason) == ("False", "BuildFailed")

        await self._live.until(reported, "Kustomization/shop/shop to report the broken commit")
        await self._chat.show_next(self._screen)
        await self._push(self._repository.revert(), 'Revert "Give the shop more room"')
        await self._rolled_out(self._revision())

    async def _released_chart(self) -> None:
        self._screen.title("6. A commit releases a Helm chart from a registry")
        await self._publish("1.0.0")
        variables = "clusters/demo/cluster-vars.yaml"
        self._repository.replace(
            variables, "registry: registry.example.com", f"registry: {self._registry.host}"
        )
        self._repository.replace(
            "clusters/demo/kustomization.yaml",
            "  - database.yaml\n",
            "  - database.yaml\n  - releases.yaml\n",
        )
        await self._roll("Release the mail service from its chart")
        await self._released(lambda report: report.ready == "True", "to be ready", "1.0.0")

    async def _broken_chart(self) -> None:
        self._screen.title("7. A version of the chart that does not get ready is rolled back")
        chart = "charts/mail"
        self._repository.replace(f"{chart}/values.yaml", "replicas: 0", "replicas: 1")
        self._repository.replace(
            f"{chart}/values.yaml", "nodes: {}", "nodes: {demo.example.com/disk: fast} # there are none"
        )
        self._repository.replace(f"{chart}/Chart.yaml", "version: 1.0.0", "version: 1.1.0")
        self._repository.replace(f"{chart}/Chart.yaml", '"3.2"', '"3.3"')
        self._screen.say(
            "version 1.1.0 wants a pod on a node with a fast disk, which no cluster of a demo has"
        )
        await self._publish("1.1.0")
        await self._look_for_charts()
        await self._released(
            lambda report: report.reason == "RollbackSucceeded", "to be rolled back", "1.1.0"
        )
        await self._show_release()

    async def _repaired_chart(self) -> None:
        self._screen.title("8. The repaired version takes its place")
        chart = "charts/mail"
        self._repository.replace(f"{chart}/values.yaml", "replicas: 1", "replicas: 0")
        self._repository.replace(f"{chart}/Chart.yaml", "version: 1.1.0", "version: 1.1.1")
        await self._publish("1.1.1")
        await self._look_for_charts()
        await self._released(lambda report: report.ready == "True", "to be ready", "1.1.1")
        await self._show_release()

    async def _new_image(self) -> None:
        self._screen.title("9. A new image appears: its tag is committed, rolls out, and is told to the chat")
        await self._push_image("1.5.0")
        self._repository.replace(
            "clusters/demo/kustomization.yaml", "  - database.yaml\n", "  - database.yaml\n  - images.yaml\n"
        )
        await self._roll("Keep the image of the shop up to date")
        await self._live.until(lambda: self._says("ImagePolicy", "1.5.0"), "ImagePolicy to choose 1.5.0")
        await self._live.until(
            lambda: self._says("ImageUpdateAutomation", ""), "ImageUpdateAutomation to look at the repository"
        )
        await self._push_image("1.6.0")
        self._screen.do("flux reconcile image repository shop")
        await self._annotate("ImageRepository", *_IMAGES["ImageRepository"])
        await self._chat.show_next(self._screen)
        self._commit = await asyncio.to_thread(self._repository.pull)
        for line in (await asyncio.to_thread(self._repository.show)).splitlines():
            if line and not line.startswith(("diff ", "index ", "--- ", "+++ ", "@@ ")):
                self._screen.say(f"  {line}")
        self._screen.do("# the push calls a webhook, which asks for a look")
        await self._annotate("GitRepository", *_ROOT)
        await self._rolled_out(self._revision())
        image = await self._kubectl(
            "get", "deployment", "shop", "-n", "shop", "-o", "jsonpath={..containers[0].image}"
        )
        self._screen.say(f"the Deployment in the cluster: {image}")

    async def _push_image(self, tag: str) -> None:
        self._screen.do(f"docker push {self._registry.host}/demo/shop:{tag}")
        await asyncio.to_thread(self._registry.push, "demo/shop", tag)

    def _says(self, kind: str, text: str) -> bool:
        report = self._live.report(kind, *_IMAGES[kind])
        return report is not None and report.ready == "True" and text in report.message

    async def _publish(self, version: str) -> None:
        self._screen.do(
            f"helm package charts/mail; helm push mail-{version}.tgz oci://{self._registry.host}/charts"
        )
        chart = self._repository.worktree / "charts" / "mail"
        published = await asyncio.to_thread(self._registry.publish, chart)
        if published != f"mail-{version}.tgz":
            raise RuntimeError(f"the chart is {published}, not version {version}")

    async def _look_for_charts(self) -> None:
        self._screen.do("flux reconcile source oci mail -n mail")
        await self._annotate("OCIRepository", *MAIL)

    async def _released(self, so: Callable[[Report], bool], what: str, version: str) -> None:
        def settled() -> bool:
            report = self._live.report("HelmRelease", *MAIL)
            return report is not None and report.revision.startswith(f"{version}+") and so(report)

        await self._live.until(settled, f"HelmRelease/mail/mail {what} at version {version} of its chart")

    async def _show_release(self) -> None:
        """What Helm itself says, and what runs."""
        command = [str(programs.path("helm")), "history", "mail", "--namespace=mail"]
        command += [f"--kubeconfig={self._access.kubeconfig}", "--output=json"]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=True, timeout=60
        )
        self._screen.say("helm history mail:")
        for each in json.loads(done.stdout):
            self._screen.say(
                f"  {each['revision']}  {each['status']:<11} {each['chart']:<26} {each['description']}"
            )
        image = await self._kubectl(
            "get", "deployment", "mail", "-n", "mail", "-o", "jsonpath={..containers[0].image}"
        )
        self._screen.say(f"the Deployment in the cluster: {image}")

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
