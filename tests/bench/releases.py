"""HelmReleases of one chart in a registry: what an install, an upgrade and a look without news cost."""

from __future__ import annotations

from bench import Bench
from drive import IMAGES, RELEASES
from load import ACCOUNT, NAMESPACE, app, app_chart, chart_image, tenant

from shared.testing.registry import CHART_CONFIG, CHART_LAYER, RegistryStore, packed, run_registry

_CHART = "app"
_FIRST, _SECOND = "1.0.0", "1.1.0"
_DIGITS = 12


async def releases(bench: Bench) -> None:
    """Install, nothing new twice, and a new version of the chart that changes one object of each."""
    await bench.drive.create(tenant())
    folder = bench.scratch / "charts"
    folder.mkdir()
    with run_registry(folder) as store:
        names = [f"release-{app(number)}" for number in range(bench.count)]
        sources = names if bench.source_each else [_CHART]
        version = _push(store, _FIRST)
        url = f"oci://{store.host}/charts/{_CHART}"
        with bench.measured(f"install of {bench.count} releases", bench.count):
            await bench.drive.create(
                [
                    *(chart_image(source, url) for source in sources),
                    *(release(name, name if bench.source_each else _CHART) for name in names),
                ]
            )
            await bench.drive.until_ready(RELEASES, names, commit=version)
        for which in ("first", "next"):
            with bench.measured(f"no-op of {bench.count} releases, {which}", bench.count):
                token = await bench.drive.request(RELEASES, names)
                await bench.drive.until_ready(RELEASES, names, token=token)
        version = _push(store, _SECOND)
        with bench.measured(f"upgrade of {bench.count} releases", bench.count):
            await bench.drive.request(IMAGES, sources)
            await bench.drive.until_ready(RELEASES, names, commit=version)


def release(name: str, source: str) -> dict:
    """A HelmRelease of the chart."""
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "interval": "60m",
            "timeout": "5m",
            "chartRef": {"kind": "OCIRepository", "name": source},
            "serviceAccountName": ACCOUNT,
            "values": {"replicas": 0},
        },
    }


def _push(store: RegistryStore, version: str) -> str:
    """Publishes a version of the chart; gives the end of the version that releases report."""
    files = {f"{_CHART}/{name}": text for name, text in app_chart(_CHART, version).items()}
    digest = store.push(
        f"charts/{_CHART}", version, layers=[(CHART_LAYER, packed(files))], config=(CHART_CONFIG, b"{}")
    )
    return f"{version}+{digest.hex[:_DIGITS]}"
