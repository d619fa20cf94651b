"""A process starts into a server that is not well, and its leadership outlives refused renewals."""

import asyncio

from shared.testing.faulty_api import Answer, Rule

QUICK = (
    "--enable-leader-election",
    "--leader-election-lease-duration=15s",
    "--leader-election-renew-deadline=10s",
    "--leader-election-retry-period=200ms",
)


async def test_it_starts_while_the_server_refuses_everything(flux, api, config_map):
    with flux.own(through=api.kubeconfig) as process:
        process.kill()
        await flux.publish(config_map("a"))
        await flux.kustomization(labels=flux.mine)
        sick = Rule("", "", Answer(503))
        api.disturb(sick)
        starting = asyncio.create_task(asyncio.to_thread(process.start))
        await asyncio.to_thread(api.wait, lambda: len(sick.hits) > 5)
        api.heal()
        await starting
        await flux.ready()


async def test_refused_renewals_do_not_end_its_leadership(flux, api, config_map):
    with flux.own(*QUICK, through=api.kubeconfig) as process:
        await flux.publish(config_map("a"))
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        rules = [Rule("PATCH", "/leases/", Answer(status), times=2) for status in (409, 500, 503)]
        for rule in rules:
            api.disturb(rule)
            await asyncio.to_thread(api.wait, lambda hits=rule.hits: len(hits) == 2)
        await flux.publish(config_map("b"))
        await flux.ready()
        assert process.running
        assert await asyncio.to_thread(process.stop) == 0
