"""Only what stands in the text itself, and only what the operator allows."""

import base64
import copy

import pytest
from yarl import URL

from shared.auth import BasicAuth, BearerToken
from shared.auth.remote import Allowed, KubeconfigError, read_kubeconfig
from shared.lang.json import dumps

NOTHING = Allowed()
ALL = Allowed(plugins=True, insecure=True)
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "login"}


def config(cluster=None, user=None, **more):
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "https://one:6443"} | (cluster or {})}],
        "users": [{"name": "u", "user": {"token": "t0ken"} if user is None else user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    return dumps(document | more)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def test_everything_that_stands_in_the_text_is_taken():
    cluster = {
        "server": "https://one:6443/k8s/clusters/c-1/",
        "certificate-authority-data": encoded("authority"),
        "tls-server-name": "two",
        "proxy-url": "socks5h://me:p4ss@proxy:1080/",
    }
    user = {"client-certificate-data": encoded("pair"), "client-key-data": encoded("k3y"), "token": "t0ken\n"}
    found = read_kubeconfig(config(cluster, user), NOTHING)
    assert found.server == "https://one:6443/k8s/clusters/c-1"
    assert (found.server_name, found.proxy) == ("two", URL("socks5://me:p4ss@proxy:1080"))
    assert (found.tls.authorities, found.tls.certificate, found.tls.key) == (b"authority", b"pair", b"k3y")
    assert found.credentials == BearerToken("t0ken")
    assert not any(secret in repr(found) for secret in ("k3y", "t0ken", "p4ss"))


def test_yaml_is_read_as_kubectl_reads_it():
    text = b"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
    text += b"clusters: [{name: c, cluster: {server: one}}]\n"
    text += b"users: [{name: u, user: {username: me, password: 12}}]"
    found = read_kubeconfig(text, NOTHING)
    assert (found.server, found.credentials) == ("https://one", BasicAuth("me", "12"))


def test_a_user_may_be_nobody():
    contexts = [{"name": "x", "context": {"cluster": "c"}}]
    assert read_kubeconfig(config(contexts=contexts), NOTHING).credentials is None


@pytest.mark.parametrize(
    ("cluster", "user", "allowed", "insecure", "plugin", "hints"),
    [
        ({"insecure-skip-tls-verify": True}, None, NOTHING, False, False, 1),
        ({"insecure-skip-tls-verify": True}, None, ALL, True, False, 0),
        ({}, {"exec": PLUGIN, "token": "t"}, NOTHING, False, False, 1),
        ({}, {"exec": PLUGIN}, ALL, False, True, 0),
        ({}, {"as": "system:admin", "token": "t"}, ALL, False, False, 0),
    ],
)
def test_what_needs_leave_is_left_out_without_it(cluster, user, allowed, insecure, plugin, hints):
    found = read_kubeconfig(config(cluster, user), allowed)
    assert (found.insecure, found.plugin is not None, len(found.hints)) == (insecure, plugin, hints)


@pytest.mark.parametrize(
    ("cluster", "user", "more", "text"),
    [
        ({}, None, {"current-context": ""}, "current-context is not set"),
        ({}, None, {"current-context": "y"}, "current-context names nothing in contexts"),
        ({}, None, {"clusters": []}, "the cluster of the context names nothing in clusters"),
        ({}, None, {"users": {}}, "the user of the context names nothing in users"),
        ({"server": ""}, None, {}, "cluster.server is not set"),
        ({"server": "ftp://one"}, None, {}, "cluster.server is not a URL"),
        ({"server": "https://me:p4ss@one"}, None, {}, "cluster.server is not a URL"),
        ({"server": ["one"]}, None, {}, "server is no text"),
        ({"proxy-url": "gopher://p4ss"}, None, {}, "cluster.proxy-url is not a URL"),
        ({"certificate-authority": "/ca"}, None, {}, "cluster.certificate-authority names a file"),
        ({"certificate-authority-data": "!"}, None, {}, "cluster.certificate-authority-data is not base64"),
        ({}, {"client-certificate": "/c"}, {}, "user.client-certificate names a file"),
        ({}, {"client-certificate-data": "YQ=="}, {}, "user.client-key-data is missing"),
        ({}, {"client-key-data": "YQ=="}, {}, "user.client-certificate-data is missing"),
        ({}, {"tokenFile": "/t"}, {}, "user.tokenFile names a file"),
        ({}, {"auth-provider": {"name": "p"}}, {}, "user.auth-provider is not supported"),
        ({}, {"token": "t", "username": "u"}, {}, "exclude each other"),
        ({}, {"token": "p4ss\r\nHost: x"}, {}, "user.token has characters that can't be sent"),
        ({}, {"exec": PLUGIN}, {}, "--insecure-kubeconfig-exec"),
        ({}, {"exec": PLUGIN | {"apiVersion": "v1"}}, {}, "user.exec.apiVersion is none of"),
        ({}, {"exec": PLUGIN | {"command": ""}}, {}, "user.exec.command is not set"),
        ({}, {"exec": PLUGIN | {"interactiveMode": "Always"}}, {}, "nobody is there to answer"),
        ({}, {"exec": PLUGIN | {"args": "p4ss"}}, {}, "user.exec.args is not a list of texts"),
    ],
)
def test_what_can_not_be_used_is_named_by_its_field(cluster, user, more, text):
    with pytest.raises(KubeconfigError, match=text) as failed:
        read_kubeconfig(config(cluster, user, **more), NOTHING)
    assert "p4ss" not in str(failed.value)


def test_trust_in_everybody_and_in_one_exclude_each_other():
    cluster = {"insecure-skip-tls-verify": True, "certificate-authority-data": encoded("authority")}
    assert read_kubeconfig(config(cluster), NOTHING).tls.authorities
    with pytest.raises(KubeconfigError, match="exclude each other"):
        read_kubeconfig(config(cluster), ALL)


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff\xfe", b"a: [", b"x" * (2 << 20), b"a: &a [*a]", b"null"])
def test_other_texts_are_none(text):
    with pytest.raises(KubeconfigError):
        read_kubeconfig(copy.copy(text), NOTHING)
