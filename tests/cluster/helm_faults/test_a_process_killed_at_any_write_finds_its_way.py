"""kill -9 before and after every single write of an installation, an upgrade, a rollback and a deletion.

One undisturbed run shows the writes. Then as many HelmReleases as there are moments do the same at once in
one process: each is held at another write, either before the server sees it or after the server has dealt
with it. When all are held the process is killed, and the next one has to bring all of them to their end,
with no revision twice and nothing left behind.
"""

import asyncio
import itertools
import re
from dataclasses import dataclass

import pytest

from shared.testing.faulty_api import Hold, Rule
from shared.testing.helm import HELM_RELEASE

WRITES = {"DELETE", "PATCH", "POST", "PUT"}
MANIFESTS = """
{{- define "object" }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}-{{ .number }}
  annotations: {{ .annotations | default dict | toJson }}
data: {word: {{ .word | quote }}}
{{- end }}
{{- $number := trimPrefix "app-" .Release.Name }}
{{- $word := .Values.word }}
{{- $drops := ternary "dropped" "added" (eq $word "one") }}
{{- $before := dict "helm.sh/hook" "pre-install,pre-upgrade,pre-rollback" }}
{{- $events := "post-install,post-upgrade,post-rollback,pre-delete" }}
{{- $after := dict "helm.sh/hook" $events "helm.sh/hook-delete-policy" "hook-succeeded" }}
{{ template "object" dict "name" "kept" "number" $number "word" $word }}
---
{{ template "object" dict "name" $drops "number" $number "word" $word }}
---
{{ template "object" dict "name" "before" "number" $number "word" $word "annotations" $before }}
---
{{ template "object" dict "name" "after" "number" $number "word" $word "annotations" $after }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-{{ $number }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: app-{{ $number }}}}
  template:
    metadata: {labels: {app: app-{{ $number }}}}
    spec: {containers: [{name: main, image: "main:1"}]}
"""


def counts(request):
    """Whether it is a write that the test is about.

    Events and leases aren't; nor is news about the progress of a turn, which only slow turns write.
    """
    if request.verb not in WRITES or re.search(r"/(events|leases)(/|$)", request.path):
        return False
    return set(request.content.get("status") or ("other",)) != {"conditions"}


def about(number):
    """An expression for paths of one HelmRelease, its objects and its records."""
    return rf"-{number}([/.]|$)"


def told(request, number):
    """A write as it reads for any HelmRelease; those of the same object differ by what they say."""
    status = tuple(sorted(request.content.get("status") or ()))
    labels = (request.content.get("metadata") or {}).get("labels") or {}
    name = (request.content.get("metadata") or {}).get("name") or ""
    path = f"{request.path}/{name}" if request.verb == "POST" else request.path
    return request.verb, re.sub(about(number), r"\1", path), status, labels.get("status")


@dataclass(frozen=True)
class Victim:
    """A HelmRelease that is held at a write; number 0 is never held."""

    number: int = 0
    write: tuple = ()
    nth: int = 1
    forward: bool = False

    @property
    def name(self):
        return f"app-{self.number}"

    def rule(self):
        """What holds it."""
        return Rule("", "", Hold(self.forward), first=self.nth, times=1, chosen=self._is_it)

    def _is_it(self, request):
        mine = counts(request) and concerns(request, self.number)
        return mine and told(request, self.number) == self.write


def concerns(request, number):
    name = str((request.content.get("metadata") or {}).get("name") or "")
    return bool(re.search(about(number), request.path) or re.search(about(number), name))


class Crowd:
    """HelmReleases alike, told apart by a number at the end of all names."""

    def __init__(self, releases, api, process):
        self.releases = releases
        self.api = api
        self.process = process

    async def install(self, number):
        await self.releases.release(
            f"app-{number}",
            labels=self.releases.mine,
            values={"word": "one", "replicas": 0},
            upgrade={"timeout": "2s", "remediation": {"retries": 0, "remediateLastFailure": True}},
        )

    async def upgrade(self, number):
        await self.releases.change(f"app-{number}", values={"word": "two", "replicas": 0}, upgrade=None)

    async def fail(self, number):
        await self.releases.change(f"app-{number}", values={"word": "two", "replicas": 1})

    async def delete(self, number):
        await self.releases.delete(HELM_RELEASE, f"app-{number}")

    async def ready(self, number):
        def met(obj):
            conditions = [self.releases.condition(obj, type_)["status"] for type_ in ("Ready", "Reconciling")]
            observed = obj["status"].get("observedGeneration")
            return conditions[0] == "True" != conditions[1] and observed == obj["metadata"]["generation"]

        return await self.releases.until(HELM_RELEASE, f"app-{number}", met, 90)

    async def stalled(self, number):
        return await self.releases.states("Stalled", "RetriesExceeded", name=f"app-{number}", seconds=90)

    async def gone(self, number):
        await self.releases.gone(HELM_RELEASE, f"app-{number}", 90)

    async def killed_at_every_write(self, act, ended, *, prepare=True):
        """Lets the process die at all moments of `act` and starts the next one; gives the victims."""
        writes = await self._writes(act, ended, prepare=prepare)
        moments = itertools.product(writes, (False, True))
        victims = [Victim(number, *write, forward) for number, (write, forward) in enumerate(moments, 1)]
        if prepare:
            await asyncio.gather(*(self.install(victim.number) for victim in victims))
            await asyncio.gather(*(self.ready(victim.number) for victim in victims))
        rules = [victim.rule() for victim in victims]
        self.api.disturb(*rules)
        await asyncio.gather(*(act(victim.number) for victim in victims))
        await asyncio.to_thread(self.api.wait, lambda: all(rule.hits for rule in rules), 90)
        self.process.kill()
        self.api.heal()
        self.process.start()
        return [Victim(), *victims]

    async def _writes(self, act, ended, *, prepare):
        """What an undisturbed run writes, each with how many of its like came before."""
        if prepare:
            await self.install(0)
            await self.ready(0)
        before = len(self.api.requests)
        await act(0)
        await ended(0)
        requests = [
            told(request, 0)
            for request in self.api.requests[before:]
            if counts(request) and concerns(request, 0)
        ]
        return [(write, requests[: at + 1].count(write)) for at, write in enumerate(requests)]

    async def objects(self, number):
        """Names and words of what is there."""
        found = {}
        for name in ("kept", "dropped", "added", "before", "after"):
            live = await self.releases.live("ConfigMap", f"{name}-{number}")
            if live is not None:
                found[name] = live["data"]["word"]
        return found

    async def revisions(self, number):
        records = await self.releases.records(f"app-{number}")
        versions = [record["version"] for record in records]
        assert versions == sorted(set(versions)), versions
        return records


@pytest.fixture
async def crowd(releases, api):
    await releases.chart({"all.yaml": MANIFESTS})
    flags = ("--concurrent=99", "--graceful-shutdown-timeout=10s")
    with releases.own(*flags, through=api.kubeconfig) as process:
        yield Crowd(releases, api, process)


async def deployed(crowd, victim, word):
    """Looks at the end of a victim that has what was wanted."""
    obj = await crowd.ready(victim.number)
    records = await crowd.revisions(victim.number)
    states = [record["info"]["status"] for record in records]
    assert states[-1] == "deployed", victim
    assert states.count("deployed") == 1, victim
    assert not [state for state in states if state.startswith("pending")], victim
    assert obj["status"]["history"][0]["version"] == records[-1]["version"], victim
    wanted = {"kept": word, "dropped" if word == "one" else "added": word, "before": word}
    assert await crowd.objects(victim.number) == wanted, victim


async def test_an_installation(crowd):
    for victim in await crowd.killed_at_every_write(crowd.install, crowd.ready, prepare=False):
        await deployed(crowd, victim, "one")


@pytest.mark.case("helm-52")
async def test_an_upgrade(crowd):
    for victim in await crowd.killed_at_every_write(crowd.upgrade, crowd.ready):
        await deployed(crowd, victim, "two")


async def test_a_failing_upgrade_and_its_rollback(crowd):
    for victim in await crowd.killed_at_every_write(crowd.fail, crowd.stalled):
        obj = await crowd.stalled(victim.number)
        records = await crowd.revisions(victim.number)
        assert not [each for each in records if each["info"]["status"].startswith("pending")], victim
        assert crowd.releases.condition(obj, "Ready")["reason"] == "RollbackSucceeded", victim
        assert await crowd.objects(victim.number) == {"kept": "one", "dropped": "one", "before": "one"}, (
            victim
        )


async def test_a_deletion(crowd):
    for victim in await crowd.killed_at_every_write(crowd.delete, crowd.gone):
        await crowd.gone(victim.number)
        assert await crowd.revisions(victim.number) == [], victim
        # What a hook made is not part of the release.
        assert await crowd.objects(victim.number) == {"before": "one"}, victim
