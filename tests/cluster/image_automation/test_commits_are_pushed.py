"""Where commits go: branches, refspecs, hooks, races, options, signatures, SSH."""

import asyncio
import itertools
import subprocess

import asyncssh
import pytest

from shared.testing.git_upstream import git_environment
from shared.testing.ssh_server import SshServer

AUTHOR = {"name": "Bot", "email": "bot@example.org"}


def file_of(automations, **markers):
    lines = [f"{key}: x {automations.marker(policy)}" for key, policy in markers.items()]
    return "\n".join([*lines, ""])


async def prepared(automations, **spec):
    automations.upstream.commit({"a.yaml": file_of(automations, a="app")})
    await automations.source(**spec)
    await automations.policy()


def hook(automations, text, name="pre-receive"):
    path = automations.upstream.bare / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.case("image-38", "image-39")
async def test_another_branch_is_made_and_then_worked_on(automations):
    await prepared(automations)
    main = automations.head()
    await automations.create(git=automations.git_spec(push={"branch": "auto"}))
    ready = await automations.pushed()
    first = automations.head("auto")
    assert automations.head("auto^") == main == automations.head()
    assert ready["status"]["observedSourceRevision"] == f"main@sha1:{main}"
    assert ready["status"]["lastPushCommit"] == first
    await automations.policy(tag="v3")
    await automations.until(lambda obj: obj["status"]["lastPushCommit"] != first)
    assert automations.head("auto^") == first
    assert automations.count("auto") == 3


@pytest.mark.case("image-40")
async def test_a_refspec_is_pushed_as_well(automations):
    await prepared(automations)
    push = {"branch": "auto", "refspec": "refs/heads/auto:refs/heads/review"}
    await automations.create(git=automations.git_spec(push=push))
    ready = await automations.pushed()
    commit = ready["status"]["lastPushCommit"]
    assert automations.head("auto") == automations.head("review") == commit
    (event,) = await automations.events("Succeeded")
    text = f"pushed commit '{commit[:7]}' to branch 'auto' and refspecs 'refs/heads/auto:refs/heads/review'\n"
    assert event["message"].startswith(text)


@pytest.mark.case("image-41")
async def test_a_refspec_may_say_the_same_again(automations):
    await prepared(automations)
    push = {"branch": "auto", "refspec": "refs/heads/auto:refs/heads/auto"}
    await automations.create(git=automations.git_spec(push=push))
    ready = await automations.pushed()
    assert automations.head("auto") == ready["status"]["lastPushCommit"]


async def test_a_refspec_that_failed_is_pushed_later_and_only_then_is_the_commit_told(automations):
    await prepared(automations)
    closed = hook(automations, '[ "$1" = refs/heads/review ] && exit 1; exit 0', "update")
    push = {"branch": "auto", "refspec": "refs/heads/auto:refs/heads/review"}
    await automations.create(git=automations.git_spec(push=push))
    failed = await automations.fails("GitOperationFailed", "refs/heads/review")
    assert "lastPushCommit" not in failed["status"]
    closed.unlink()
    ready = await automations.pushed()
    assert automations.head("auto") == automations.head("review") == ready["status"]["lastPushCommit"]
    assert automations.count("auto") == 2
    (event,) = await automations.events("Succeeded")
    assert "and refspecs 'refs/heads/auto:refs/heads/review'" in event["message"]


@pytest.mark.case("image-42")
async def test_the_words_of_a_hook_are_told(automations):
    await prepared(automations)
    hook(automations, "echo 'no pushes on fridays' >&2; exit 1")
    await automations.create()
    failed = await automations.fails("GitOperationFailed", "no pushes on fridays")
    message = automations.condition(failed, "Ready")["message"]
    assert message.startswith("failed to update source: failed to push to remote: refs/heads/main: ")
    assert "lastPushCommit" not in failed["status"]
    assert automations.count() == 1


@pytest.mark.case("image-43")
async def test_a_commit_in_between_is_no_failure(automations, tmp_path):
    await prepared(automations)
    work = tmp_path / "other"
    roles = [f"GIT_{role}_{part}=o" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")]
    identity = " ".join(roles)
    other = (
        f'[ -e "{work}" ] && exit 0; unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY '
        f"GIT_ALTERNATE_OBJECT_DIRECTORIES; export {identity}; "
        f'git clone -q "{automations.upstream.bare}" "{work}" >&2; cd "{work}"; '
        'echo x > other; git add other; git commit -q -m other >&2; git push -q "$PWD/../served/app.git" '
        "HEAD:main >&2"
    )
    # While the first push is being received somebody else pushes, and is faster.
    hook(automations, other)
    await automations.create()
    ready = await automations.pushed()
    assert automations.count() == 3
    assert automations.head() == ready["status"]["lastPushCommit"]
    assert automations.git("log", "--format=%s", "main").splitlines()[1] == "other"
    assert await automations.events("GitOperationFailed", at_least=0) == []


@pytest.mark.case("image-44")
async def test_two_automations_of_one_branch(automations):
    automations.upstream.commit(
        {"one/a.yaml": file_of(automations, a="app"), "two/b.yaml": file_of(automations, b="app")}
    )
    await automations.source()
    await automations.policy()
    await asyncio.gather(
        automations.create("one", update={"path": "one"}), automations.create("two", update={"path": "two"})
    )
    await automations.pushed("one")
    await automations.pushed("two")
    assert automations.count() == 3
    for name in ("one", "two"):
        assert await automations.events("GitOperationFailed", name, at_least=0) == []


@pytest.mark.case("image-45")
async def test_push_options_reach_the_server(automations, tmp_path):
    await prepared(automations)
    automations.upstream.configure("receive.advertisePushOptions", "true")
    hook(automations, f'set | grep ^GIT_PUSH_OPTION_ > "{tmp_path}/options"')
    options = {"merge_request.create": "", "merge_request.target": "main"}
    await automations.create(git=automations.git_spec(push={"options": options}))
    await automations.pushed()
    told = (tmp_path / "options").read_text()
    assert "GIT_PUSH_OPTION_0='merge_request.create='\n" in told
    assert "GIT_PUSH_OPTION_1='merge_request.target=main'\n" in told


class Keys:
    """Keys that sign, and the configuration with which git trusts them."""

    def __init__(self, folder):
        self.folder = folder
        self.ring = folder / "gpg"
        self.ring.mkdir(mode=0o700)
        self._numbers = itertools.count()

    def ssh(self, passphrase=""):
        path = self.folder / f"ssh-{next(self._numbers)}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path))
        with (self.folder / "allowed").open("a") as allowed:
            allowed.write(f"{AUTHOR['email']} {path.with_suffix('.pub').read_text()}")
        return path.read_text()

    def gpg(self, name, passphrase=""):
        self._gpg(f"--passphrase={passphrase}", "--quick-gen-key", name, "ed25519", "sign", "never")
        return self._gpg(f"--passphrase={passphrase}", "--armor", "--export-secret-keys", name)

    def _gpg(self, *arguments):
        return run(
            "gpg", "--batch", "--quiet", "--pinentry-mode=loopback", *arguments, GNUPGHOME=str(self.ring)
        )

    def verify(self, repository, commit):
        allowed = f"gpg.ssh.allowedSignersFile={self.folder}/allowed"
        command = ("git", "-C", str(repository), "-c", allowed, "verify-commit", commit)
        run(*command, GNUPGHOME=str(self.ring))

    def close(self):
        run("gpgconf", "--kill", "all", GNUPGHOME=str(self.ring))


def run(*command, **environment):
    environ = git_environment() | environment
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def keys(tmp_path):
    keys = Keys(tmp_path)
    yield keys
    keys.close()


@pytest.mark.case("image-46")
async def test_commits_are_signed(automations, keys):
    await automations.secret("ssh", identity=keys.ssh())
    await automations.secret("ssh-locked", identity=keys.ssh("secret"), password="secret")
    await automations.secret("ssh-mute", identity=keys.ssh("secret"))
    await automations.secret("gpg", **{"git.asc": keys.gpg("plain")})
    await automations.secret("gpg-locked", **{"git.asc": keys.gpg("locked", "pass"), "passphrase": "pass"})
    await automations.secret("gpg-mute", **{"git.asc": keys.gpg("mute", "pass")})
    await automations.secret("nothing", other="x")
    signed = ("ssh", "ssh-locked", "gpg", "gpg-locked")
    names = (*signed, "ssh-mute", "gpg-mute", "nothing", "missing")
    automations.upstream.commit({f"{name}/a.yaml": file_of(automations, a="app") for name in names})
    await automations.source()
    await automations.policy()
    for name in names:
        key = {"secretRef": {"name": name}, "type": name.partition("-")[0] if "-" in name else None}
        if name in {"ssh", "gpg"}:
            key["type"] = name
        git = {"commit": {"author": AUTHOR, "signingKey": {k: v for k, v in key.items() if v}}}
        await automations.create(name, git=git, update={"path": name})
    for name in signed:
        commit = (await automations.pushed(name))["status"]["lastPushCommit"]
        keys.verify(automations.upstream.bare, commit)
    can_not = "can not use passphrase protected signing key without"
    for name, text in {
        "ssh-mute": f"{can_not} 'password' field present in secret ssh-mute",
        "gpg-mute": f"{can_not} 'passphrase' field present in secret gpg-mute",
        "nothing": "signing key secret 'nothing' does not contain a 'git.asc' key",
        "missing": "could not find signing key secret 'missing': ",
    }.items():
        failed = await automations.fails("SourceManagerFailed", text, name)
        message = automations.condition(failed, "Ready")["message"]
        assert message.startswith("failed configuring source manager: ")


@pytest.mark.case("image-47")
async def test_over_ssh_and_only_to_the_right_host(automations, root):
    automations.upstream.commit({"a.yaml": file_of(automations, a="app")})
    await automations.policy()
    async with SshServer(root) as server:
        await automations.secret("right", **server.secret_texts())
        await automations.source("right", url=server.url(), secretRef={"name": "right"})
        stranger = server.known_hosts(asyncssh.generate_private_key("ssh-ed25519"))
        await automations.secret("wrong", **(server.secret_texts() | {"known_hosts": stranger}))
        await automations.source("wrong", url=server.url(), secretRef={"name": "wrong"})
        await automations.create("wrong", sourceRef={"kind": "GitRepository", "name": "wrong"})
        await automations.fails("GitOperationFailed", "failed to checkout source: ", "wrong")
        assert (server.logins, server.commands) == (0, [])
        await automations.create("right", sourceRef={"kind": "GitRepository", "name": "right"})
        ready = await automations.pushed("right")
        assert automations.head() == ready["status"]["lastPushCommit"]


async def test_a_source_that_follows_a_tag_needs_a_branch(automations):
    await prepared(automations, ref={"tag": "v1"})
    await automations.create()
    text = "push spec not provided, and cannot be inferred from .spec.git.checkout.ref"
    await automations.fails("SourceManagerFailed", text)
    automations.upstream.tag("v1")
    await automations.change(git={"push": {"branch": "main"}})
    await automations.ready()
    assert automations.count() == 2


async def test_login_and_refusal(automations):
    await prepared(automations, secretRef={"name": "login"})
    await automations.create()
    await automations.fails("SourceManagerFailed", "failed to get secret")
    automations.server.access.basic = ("bot", "pass word")
    await automations.secret("login", username="bot", password="wrong")
    await automations.fails("GitOperationFailed", "authentication required")
    await automations.client.merge_patch(
        (await automations.client.discovery.find("", "Secret")),
        automations.namespace,
        "login",
        {"stringData": {"password": "pass word"}},
        manager="test",
    )
    await automations.ready()
    log = automations.process.log.read_text()
    assert "pass word" not in log
    assert "bot:" not in log


@pytest.mark.case("image-53")
async def test_a_death_after_the_push_makes_no_second_commit(automations, another, tmp_path):
    process = another(f"mortal={automations.namespace}", name="image-automation-mortal")
    await prepared(automations)
    process.start()
    (tmp_path / "pid").write_text(str(process._process.pid))
    # The last thing that the server does for a push is to end who pushes.
    killing = hook(automations, f'kill -9 "$(cat {tmp_path}/pid)"', "post-receive")
    await automations.create(labels={"mortal": automations.namespace})
    await asyncio.to_thread(process._process.wait, 30)
    assert automations.count() == 2
    assert "lastPushCommit" not in (await automations.get())["status"]
    killing.unlink()
    process.start()
    ready = await automations.ready()
    assert automations.count() == 2
    assert ready["status"]["observedSourceRevision"] == f"main@sha1:{automations.head()}"


@pytest.mark.case("image-54")
async def test_sources_elsewhere_may_be_forbidden(automations, another):
    other = f"{automations.namespace}-b"
    namespaces = await automations.client.discovery.find("", "Namespace")
    await automations.client.create(
        namespaces, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}}
    )
    automations.upstream.commit({"a.yaml": file_of(automations, a="app")})
    await automations.policy()
    await automations.source(namespace=other)
    where = {"kind": "GitRepository", "name": "app", "namespace": other}
    await automations.create("open", sourceRef=where)
    await automations.ready("open")
    label = {"strict": automations.namespace}
    strict = another(
        f"strict={automations.namespace}", "--no-cross-namespace-refs", name="image-automation-strict"
    )
    strict.start()
    await automations.create("closed", sourceRef=where, labels=label)
    text = f"can't access 'GitRepository/{other}/app', cross-namespace references have been blocked"
    await automations.stalls("AccessDenied", text, "closed")
    assert strict.stop() == 0
