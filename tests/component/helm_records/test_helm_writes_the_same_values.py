"""The text of which digests of values are made, against the one that helm writes of the same record."""

import os
import random
import subprocess

from helm_controller.release.digest import config_text
from localcluster import programs
from shared.lang import json, yaml

SIGNS = [
    *"aby nN0123456789.-+:_eExXoOtT#'\"\\{}[]&*!|>%@`,?~=<\n \t",
    *("\r", "é", "漢", "\U0001f600", "\u00a0", "\u200b", "\ue000"),
    *("yes", "no", "null", "true", ".inf", ": ", " #", "- ", "\n\n", "word ", "2001-12-14", "1:20"),
]
LENGTHS = (0, 1, 2, 3, 5, 8, 20, 60, 200)


class Dice:
    """Throws values."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def text(self):
        return "".join(self._random.choice(SIGNS) for _ in range(self._random.choice(LENGTHS)))

    def number(self):
        dice = self._random
        return dice.choice(
            [
                dice.randint(-(10 ** dice.randint(1, 15)), 10 ** dice.randint(1, 15)),
                dice.uniform(-1, 1) * 10 ** dice.randint(-30, 15),
                float(dice.randint(0, 10**7)),
                round(dice.uniform(0, 100), 2),
            ]
        )

    def value(self, depth=0):
        kind = self._random.random()
        if depth < 4 and kind < 0.1:
            return {self.text() or "key": self.value(depth + 1)}
        if depth < 4 and kind < 0.25:
            return [self.value(depth + 1) for _ in range(self._random.randint(0, 4))]
        if kind < 0.45:
            return self.number()
        if kind < 0.5:
            return self._random.choice([True, False, None, {}, []])
        return self.text()


def helms(config, folder):
    """What helm writes of the values of a release."""
    record = {"name": "app", "namespace": "team", "version": 1, "info": {"status": "deployed"}}
    record |= {"chart": {"metadata": {"name": "demo", "version": "1.0.0"}}, "config": config, "manifest": ""}
    history = folder / "history"
    history.write_bytes(json.dumps_for_yaml([record]))
    done = subprocess.run(
        [programs.ensure("helm"), "get", "values", "app", "--namespace=team", "--output=yaml"],
        env={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "HELM_DRIVER": "memory",
            "HELM_MEMORY_DRIVER_DATA": str(history),
        },
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode()


def test_any_value(tmp_path):
    dice = Dice(17)
    items = [dice.value() for _ in range(3000)]
    theirs = helms({"list": items}, tmp_path)
    if config_text({"list": items}) == theirs:
        return
    # Which of them it was:
    read = yaml.load(theirs)["list"]
    for item, found in zip(items, read, strict=True):
        assert config_text({"list": [item]}) == config_text({"list": [found]}), item
    assert config_text({"list": items}) == theirs
