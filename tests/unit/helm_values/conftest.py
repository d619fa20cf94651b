"""A cluster in memory, as far as composing needs one, and references as a HelmRelease has them."""

import base64

import pytest

from helm_controller.values.composing import ValuesComposer
from shared.api.helm_v2 import ValuesReference
from shared.kube.errors import NotFound


class Objects:
    """Answers as an API server; `refusal` is raised in place of an answer."""

    def __init__(self):
        self.known = {}
        self.asked = []
        self.refusal = None

    async def get(self, resource, namespace, name):
        self.asked.append((resource.kind, namespace, name))
        if self.refusal is not None:
            raise self.refusal
        if (resource.kind, name) not in self.known:
            raise NotFound(404, "NotFound", f'{resource.plural} "{name}" not found')
        return self.known[resource.kind, name]

    def config_map(self, name, **data):
        self.known["ConfigMap", name] = {"data": {key.replace("__", "."): text for key, text in data.items()}}

    def secret(self, name, **data):
        encoded = {
            key.replace("__", "."): base64.b64encode(
                text if isinstance(text, bytes) else text.encode()
            ).decode()
            for key, text in data.items()
        }
        self.known["Secret", name] = {"data": encoded}


@pytest.fixture
def objects():
    return Objects()


@pytest.fixture
def compose(objects):
    """Composes values of references that are given as in a manifest."""

    async def compose(*references, inline=None):
        models = [ValuesReference.model_validate(reference) for reference in references]
        return await ValuesComposer(objects).compose("apps", models, inline)

    return compose


@pytest.fixture
def composed(compose):
    """Like `compose`, only the values."""

    async def composed(*references, inline=None):
        return (await compose(*references, inline=inline)).values

    return composed
