"""kill -9 before and after every single write of an install, an upgrade and a deletion.

One undisturbed run shows the writes. Then as many Kustomizations as there are moments do the same at once in
one process: each is held at another write, either before the server sees it or after the server has dealt
with it. When all are held the process is killed, and the next one has to bring all of them to their end. For
each moment there is one Kustomization with which nothing happens while no process is there, one that gets a
revision without any of its objects, and one that is deleted.
"""

import asyncio
import itertools
import re
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from shared.testing.faulty_api import Hold, Rule
from shared.testing.flux import KUSTOMIZATION

KINDS = ("ConfigMap", "Widget.faults.headrace.io")
WRITES = {"DELETE", "PATCH", "POST", "PUT"}
NOTHING, NEWS, DELETION = "nothing", "a revision without its objects", "its deletion"
OWNER = "kustomize.toolkit.fluxcd.io/name"
# All victims move at once.
PATIENCE = 90


def counts(request):
    """Whether it is a write that the test is about.

    Events and leases aren't; nor is news about the progress of a turn, which only slow turns write.
    """
    if request.verb not in WRITES or re.search(r"/(events|leases)(/|$)", request.path):
        return False
    status = set(request.content.get("status") or ("other",))
    return not status <= {"conditions", "lastAttemptedRevision"}


def about(number):
    """An expression for paths of one Kustomization and its objects."""
    return rf"-{number}(/|$)"


def told(request, number):
    """A write as it reads for any Kustomization; the last one of a turn is told from those before."""
    last = "lastAppliedRevision" in (request.content.get("status") or ())
    return request.verb, re.sub(about(number), r"\1", request.path), last


@dataclass(frozen=True)
class Victim:
    """A Kustomization that is held at a write; number 0 is never held."""

    number: int = 0
    write: tuple[str, str, bool] = ()
    forward: bool = False
    meanwhile: str = NOTHING

    def rule(self):
        """What holds it."""
        return Rule("", about(self.number), Hold(self.forward), times=1, chosen=self._is_it)

    def _is_it(self, request):
        return counts(request) and told(request, self.number) == self.write


class Crowd:
    """Kustomizations alike, told apart by a number at the end of all names."""

    def __init__(self, flux, api, process, config_map):
        self.flux = flux
        self.api = api
        self.process = process
        self.recreates = False
        self._config_map = config_map

    def objects(self, number, revision):
        if revision == "three":
            return [self._config_map(f"last-{number}")]
        widget = {
            "apiVersion": "faults.headrace.io/v1",
            "kind": "Widget",
            "metadata": {"name": f"{'dropped' if revision == 'one' else 'added'}-{number}"},
        }
        kept = self._config_map(f"kept-{number}", revision=revision)
        return [
            kept | {"immutable": True} if self.recreates else kept,
            self._config_map(f"guarded-{number}", annotations={"prune": "disabled"}),
            widget,
        ]

    async def publish(self, number, revision):
        await self.flux.publish(*self.objects(number, revision), source=f"app-{number}")

    async def install(self, number):
        await self.publish(number, "one")
        name = f"app-{number}"
        await self.flux.kustomization(name, source=name, labels=self.flux.mine, force=self.recreates)

    async def upgrade(self, number):
        await self.publish(number, "two")

    async def delete(self, number):
        await self.flux.delete(KUSTOMIZATION, f"app-{number}")

    async def ready(self, number):
        return await self.flux.ready(f"app-{number}", seconds=PATIENCE)

    async def gone(self, number):
        await self.flux.gone(KUSTOMIZATION, f"app-{number}", PATIENCE)

    async def killed_at_every_write(self, act, ended, meanwhiles, prepare=None):
        """Lets the process die at all moments of `act` and starts the next one; gives the victims."""
        writes = await self._writes(act, ended, prepare)
        moments = itertools.product(writes, (False, True), meanwhiles)
        victims = [Victim(number, *moment) for number, moment in enumerate(moments, 1)]
        if prepare is not None:
            await self._for_all(victims, prepare)
            await self._for_all(victims, self.ready)
        rules = [victim.rule() for victim in victims]
        self.api.disturb(*rules)
        await self._for_all(victims, act)
        await asyncio.to_thread(self.api.wait, lambda: all(rule.hits for rule in rules), PATIENCE)
        self.process.kill()
        self.api.heal()
        for victim in victims:
            if victim.meanwhile == NEWS:
                await self.publish(victim.number, "three")
            elif victim.meanwhile == DELETION:
                await self.delete(victim.number)
        self.process.start()
        return [Victim(), *victims]

    async def _writes(self, act, ended, prepare):
        """What an undisturbed run writes."""
        if prepare is not None:
            await prepare(0)
            await self.ready(0)
        before = len(self.api.requests)
        await act(0)
        await ended(0)
        requests = [request for request in self.api.requests[before:] if counts(request)]
        mine = [told(request, 0) for request in requests if re.search(about(0), request.path)]
        # A write that the server refused for a conflict is sent twice.
        return list(dict.fromkeys(mine))

    @staticmethod
    async def _for_all(victims, act):
        await asyncio.gather(*(act(victim.number) for victim in victims))

    async def ends(self, victim, revision=""):
        """Waits for the end of a victim at a revision, or without one; gives the ids of what may be there
        then, after a look at what is.
        """
        guarded = self.flux.id_of("ConfigMap", f"guarded-{victim.number}")
        wanted, listed = set(), []
        if revision and victim.meanwhile != DELETION:
            listed = self.flux.inventory(await self.ready(victim.number))
            wanted = self.ids(victim.number, "three" if victim.meanwhile == NEWS else revision)
        else:
            await self.gone(victim.number)
        there = await self.existing(victim.number)
        assert sorted(listed) == sorted(wanted), victim
        assert there - {guarded} == wanted - {guarded}, victim
        assert victim.meanwhile != NOTHING or guarded in there, victim
        return wanted | {guarded}

    async def existing(self, number):
        """Inventory ids of what carries the labels of a Kustomization."""
        found = set()
        for kind in KINDS:
            resource = await self.flux.resource(kind)
            page = await self.flux.client.list(
                resource, self.flux.namespace, label_selector=f"{OWNER}=app-{number}"
            )
            names = [obj["metadata"]["name"] for obj in page["items"]]
            found |= {self.flux.id_of(resource.kind, name, resource.group) for name in names}
        return found

    def ids(self, number, *revisions):
        """Inventory ids of all objects of the revisions."""
        objects = [obj for revision in revisions for obj in self.objects(number, revision)]
        return {
            self.flux.id_of(obj["kind"], obj["metadata"]["name"], obj["apiVersion"].rpartition("/")[0])
            for obj in objects
        }

    async def now(self):
        """A point in time for `deleted`, per kind."""
        lists = {
            kind: await self.flux.client.list(await self.flux.resource(kind), self.flux.namespace)
            for kind in KINDS
        }
        return {kind: page["metadata"]["resourceVersion"] for kind, page in lists.items()}

    async def deleted(self, since):
        """Inventory ids of what was deleted since then, each as often as it was."""
        found = Counter()
        for kind, version in since.items():
            resource = await self.flux.resource(kind)
            marker = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": "end"}}
            await self.flux.create(marker)
            stream = self.flux.client.watch(resource, self.flux.namespace, resource_version=version)
            async with asyncio.timeout(PATIENCE), aclosing(stream) as events:
                async for event in events:
                    name = event.object["metadata"]["name"]
                    if name == "end":
                        break
                    if event.type == "DELETED":
                        found[self.flux.id_of(resource.kind, name, resource.group)] += 1
        return found


@pytest.fixture
async def crowd(flux, api, widgets, config_map):
    with flux.own("--concurrent=99", through=api.kubeconfig) as process:
        yield Crowd(flux, api, process, config_map)


async def test_an_install(crowd):
    since = await crowd.now()
    victims = await crowd.killed_at_every_write(crowd.install, crowd.ready, (NOTHING, NEWS, DELETION))
    allowed = set()
    for victim in victims:
        stays = await crowd.ends(victim, "one")
        allowed |= crowd.ids(victim.number, "one") - stays
    deleted = await crowd.deleted(since)
    assert set(deleted) <= allowed
    assert set(deleted.values()) == {1}


async def test_an_upgrade_that_drops_objects(crowd):
    since = await crowd.now()
    victims = await crowd.killed_at_every_write(
        crowd.upgrade, crowd.ready, (NOTHING, NEWS, DELETION), prepare=crowd.install
    )
    needed, allowed = set(), set()
    for victim in victims:
        stays = await crowd.ends(victim, "two")
        needed |= crowd.ids(victim.number, "one") - stays
        allowed |= crowd.ids(victim.number, "one", "two") - stays
    deleted = await crowd.deleted(since)
    assert needed <= set(deleted) <= allowed
    assert set(deleted.values()) == {1}


async def test_an_upgrade_that_makes_an_object_anew(crowd):
    crowd.recreates = True
    since = await crowd.now()
    victims = await crowd.killed_at_every_write(crowd.upgrade, crowd.ready, (NOTHING,), prepare=crowd.install)
    needed = set()
    for victim in victims:
        needed |= crowd.ids(victim.number, "one") - await crowd.ends(victim, "two")
        kept = f"kept-{victim.number}"
        assert (await crowd.flux.live("ConfigMap", kept))["data"] == {"revision": "two"}, victim
        needed.add(crowd.flux.id_of("ConfigMap", kept))
    assert await crowd.deleted(since) == Counter(needed)


async def test_a_deletion(crowd):
    since = await crowd.now()
    victims = await crowd.killed_at_every_write(
        crowd.delete, crowd.gone, (NOTHING, NEWS), prepare=crowd.install
    )
    needed = set()
    for victim in victims:
        needed |= crowd.ids(victim.number, "one") - await crowd.ends(victim)
    assert await crowd.deleted(since) == Counter(needed)
