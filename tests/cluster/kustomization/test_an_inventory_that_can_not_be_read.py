"""An inventory that somebody damaged: nothing is guessed, and the status says what helps."""

from shared.testing.flux import KUSTOMIZATION

BROKEN = "nothing-that-is-an-id"
WORDS = f"status.inventory can't be read: inventory id '{BROKEN}' is not of the form"


async def damage(flux):
    """Puts an entry into the inventory that names no object; gives the entries that were there."""
    entries = (await flux.live(KUSTOMIZATION, "app"))["status"]["inventory"]["entries"]
    await write(flux, [*entries, {"id": BROKEN, "v": "v1"}])
    return entries


async def write(flux, entries):
    inventory = {"status": {"inventory": {"entries": entries}}}
    await flux.edit(KUSTOMIZATION, "app", inventory, subresource="status")


async def test_nothing_is_applied_or_pruned_until_it_is_mended(flux, config_map):
    await flux.publish(config_map("a"), config_map("b"))
    await flux.kustomization()
    await flux.ready()
    entries = await damage(flux)
    # Of sources the controller hears by another stream than of the damage and of requests.
    await flux.reconcile()
    await flux.publish(config_map("b"), config_map("c"))
    await flux.sources_seen()
    await flux.reconcile()
    failed = await flux.fails("ReconciliationFailed", WORDS)
    assert "kubectl edit --subresource=status" in flux.condition(failed, "Ready")["message"]
    assert failed["status"]["history"][0]["lastReconciledStatus"] == "ReconciliationFailed"
    assert await flux.names() == ["a", "b"]
    await write(flux, entries)
    await flux.ready()
    assert await flux.names() == ["b", "c"]


async def test_a_deletion_waits_for_it_to_be_mended(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization()
    await flux.ready()
    entries = await damage(flux)
    await flux.delete(KUSTOMIZATION, "app")
    await flux.fails("PruneFailed", WORDS)
    assert await flux.names() == ["a"]
    await write(flux, entries)
    await flux.gone(KUSTOMIZATION, "app")
    assert await flux.names() == []


async def test_a_deletion_that_leaves_all_objects_needs_no_inventory(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(deletionPolicy="Orphan")
    await flux.ready()
    await damage(flux)
    await flux.remove()
    assert await flux.names() == ["a"]
