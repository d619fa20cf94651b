"""Runs of automations against a real Git server, each with copies of its own, as processes have them."""

import subprocess
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest

from image_controllers.automation.update.files import Files
from image_controllers.automation.update.message import read
from image_controllers.automation.update.plans import Plan
from image_controllers.automation.update.policies import Choices
from image_controllers.automation.update.runs import Runs
from shared.api.decode import decode
from shared.api.image_v1 import ImageRef, ImageUpdateAutomation
from shared.api.source_v1 import GitRepositoryRef
from shared.git import GitClient, Remote
from shared.testing.git_server import GitServer
from shared.testing.git_upstream import Upstream, git_environment

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class Automation:
    """One automation in a process of its own."""

    def __init__(self, runs, remote, name, path):
        self.runs, self.remote, self.tag = runs, remote, "v2"
        self.obj = decode(
            ImageUpdateAutomation,
            {
                "apiVersion": "image.toolkit.fluxcd.io/v1",
                "kind": "ImageUpdateAutomation",
                "metadata": {"name": name, "namespace": "team", "generation": 1},
                "spec": {
                    "interval": "1h",
                    "sourceRef": {"kind": "GitRepository", "name": "app"},
                    "update": {"path": path, "strategy": "Setters"},
                    "git": {"commit": {"author": {"email": "bot@example.org"}}},
                },
            },
        )

    def plan(self, branch="main", refspec="", template="Update"):
        commit = self.obj.spec.git.commit
        ref = GitRepositoryRef(branch="main")
        return Plan(self.remote, ref, branch, branch != "main", refspec, (), commit, read(template), None)

    def choose(self):
        return Choices("team", {"app": ImageRef(name="app", tag=self.tag)})

    async def run(self, branch="main", refspec="", choose=None, template="Update"):
        plan = self.plan(branch, refspec, template)
        return await self.runs.run(self.obj, plan, choose or self.choose, lambda: WHEN, None)


class Place:
    """A repository and the automations that write to it."""

    def __init__(self, upstream, server, directory):
        self.upstream, self.directory = upstream, directory
        self.remote = Remote.parse(server.url(upstream.path))

    @asynccontextmanager
    async def automation(self, name="auto", path="", *, all_branches=True, force=True):
        async with aiohttp.ClientSession() as session:
            client = GitClient(self.directory / name, session)
            runs = Runs(client, Files(), all_branches=all_branches, force=force)
            try:
                yield Automation(runs, self.remote, name, path)
            finally:
                await client.close()

    def commit(self, *files, branch="main"):
        marker = '# {"$imagepolicy": "team:app"}'
        return self.upstream.commit(dict.fromkeys(files, f"image: app:v1 {marker}\n"), branch=branch)

    def git(self, *arguments):
        command = ["git", "-C", str(self.upstream.bare), *arguments]
        done = subprocess.run(command, env=git_environment(), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def head(self, branch="main"):
        return self.git("rev-parse", f"refs/heads/{branch}")

    def count(self, branch="main"):
        return int(self.git("rev-list", "--count", branch))

    def hook(self, text, name="update"):
        path = self.upstream.bare / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path


@pytest.fixture
async def place(tmp_path):
    root = tmp_path / "served"
    root.mkdir()
    upstream = Upstream(root)
    async with GitServer(root) as server:
        yield Place(upstream, server, tmp_path / "copies")
