"""What clusters leave on disk, so that whoever comes next can find or clean them.

Each cluster has a folder of its own with `state.json`: the owner, the components and how to connect. An
owner of None means that the cluster was started to outlive the command that started it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from localcluster.component import Identity


def clusters() -> Path:
    """The folder of all clusters of this user."""
    folder = Path(tempfile.gettempdir()) / f"headrace-clusters-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user, remove it or set TMPDIR")
    return folder


@dataclass(frozen=True, slots=True)
class State:
    """One cluster as its folder tells."""

    folder: Path
    owner: Identity | None
    components: dict[str, Identity]
    server: str

    @classmethod
    def load(cls, folder: Path) -> State | None:
        """The state in a folder; None while there is none."""
        try:
            known = json.loads((folder / "state.json").read_text())
        except (OSError, ValueError):
            return None
        owner = known["owner"]
        return cls(
            folder,
            Identity(**owner) if owner else None,
            {name: Identity(**identity) for name, identity in known["components"].items()},
            known["server"],
        )

    def save(self) -> None:
        """Writes the state as a whole."""
        target = self.folder / "state.json"
        scratch = target.with_suffix(".new")
        scratch.write_text(
            json.dumps(
                {
                    "owner": asdict(self.owner) if self.owner else None,
                    "components": {name: asdict(identity) for name, identity in self.components.items()},
                    "server": self.server,
                }
            )
        )
        scratch.replace(target)

    @property
    def abandoned(self) -> bool:
        """Whether nobody needs the cluster any more: its owner is gone, or nothing of it runs."""
        if self.owner is not None:
            return not self.owner.alive
        return not any(identity.alive for identity in self.components.values())

    def clean(self) -> None:
        """Ends what still runs and removes the folder."""
        for identity in reversed(self.components.values()):
            identity.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def sweep() -> list[Path]:
    """Cleans abandoned clusters; gives their folders."""
    swept = []
    for folder in sorted(clusters().iterdir()):
        state = State.load(folder)
        if state is not None and state.abandoned:
            state.clean()
            swept.append(folder)
    return swept
