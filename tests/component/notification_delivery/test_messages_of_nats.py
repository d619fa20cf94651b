"""Events are published to a real NATS server, by whoever it lets in; what it refuses is reported."""

import asyncio
import base64
import binascii
import json
import ssl

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from notification_controller.delivery import Unusable
from notification_controller.notification import NotDelivered
from shared.testing.nats import run_nats
from shared.testing.provider_cases import all_cases

CASES = [case for case in all_cases() if case.kind == "nats"]
SUBSCRIBER = '{user: "sub", password: "sub-pw"}'


def checked(raw):
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def pair():
    """The seed of a user and the public key that belongs to it, as nkeys write them."""
    private = Ed25519PrivateKey.generate()
    user, seed = 20 << 3, 18 << 3
    raw = bytes((seed | user >> 5, (user & 31) << 3)) + private.private_bytes_raw()
    return checked(raw), checked(bytes((user,)) + private.public_key().public_bytes_raw())


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_message_is_the_event(case, tmp_path, deliver, provider):
    async with run_nats(tmp_path) as nats:
        spec = case.provider(f"nats://127.0.0.1:{nats.port}")
        await deliver(provider(spec.pop("type"), **spec), case.event)
        subject, body = await nats.arrived.get()
        assert {"subject": subject, "text": body.decode()} == case.want["message"]


async def test_anybody_may_publish_where_nothing_is_asked(tmp_path, deliver, provider, info):
    async with run_nats(tmp_path) as nats:
        for address in (f"nats://127.0.0.1:{nats.port}", f"127.0.0.1:{nats.port}"):
            await deliver(provider("nats", address, channel="flux.apps"))
            assert await nats.arrived.get() == ("flux.apps", info.encoded())


async def test_the_next_server_is_taken_when_one_is_away(tmp_path, deliver, provider, info):
    async with run_nats(tmp_path) as nats:
        await deliver(provider("nats", f"nats://127.0.0.1:1, nats://127.0.0.1:{nats.port}", channel="flux"))
        assert await nats.arrived.get() == ("flux", info.encoded())


async def test_a_user_logs_in_by_the_secret_or_by_the_address(tmp_path, deliver, provider, cluster):
    users = f'authorization {{users: [{SUBSCRIBER}, {{user: "flux", password: "p4ss"}}]}}'
    async with run_nats(tmp_path, users, login=("sub", "sub-pw")) as nats:
        cluster.add("s", username="flux", password="p4ss")
        await deliver(provider("nats", f"nats://127.0.0.1:{nats.port}", channel="a", secretRef="s"))
        await deliver(provider("nats", f"nats://flux:p4ss@127.0.0.1:{nats.port}", channel="b"))
        assert [(await nats.arrived.get())[0] for _ in range(2)] == ["a", "b"]
        cluster.add("s", username="flux", password="wr0ng")
        with pytest.raises(NotDelivered) as caught:
            await deliver(provider("nats", f"nats://127.0.0.1:{nats.port}", channel="a", secretRef="s"))
        assert "Authorization Violation" in str(caught.value)
        assert "wr0ng" not in str(caught.value)


async def test_a_key_signs_what_the_server_asks_for(tmp_path, deliver, provider, cluster):
    seed, public = pair()
    users = f"authorization {{users: [{SUBSCRIBER}, {{nkey: {public}}}]}}"
    async with run_nats(tmp_path, users, login=("sub", "sub-pw")) as nats:
        # The key wins over a login that would be refused.
        cluster.add("s", nkey=f"{seed}\n", username="nobody", password="nothing")
        await deliver(provider("nats", f"nats://127.0.0.1:{nats.port}", channel="a", secretRef="s"))
        assert (await nats.arrived.get())[0] == "a"
        cluster.add("s", nkey=pair()[0])
        with pytest.raises(NotDelivered, match="Authorization Violation"):
            await deliver(provider("nats", f"nats://127.0.0.1:{nats.port}", channel="a", secretRef="s"))


def token(claims, private, issuer):
    """A JWT as NATS signs it."""
    full = {"iat": 1767323045, "iss": issuer, "jti": "1", "name": "n"} | claims
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, full)
    ]
    signed = b".".join(encoded)
    return (signed + b"." + base64.urlsafe_b64encode(private.sign(signed)).rstrip(b"=")).decode()


async def test_credentials_of_a_user_let_in(tmp_path, deliver, provider, cluster, info):
    operator, account, user = (Ed25519PrivateKey.generate() for _ in range(3))
    kinds = {"operator": (operator, 14), "account": (account, 0), "user": (user, 20)}
    names = {
        kind: checked(bytes((prefix << 3,)) + key.public_key().public_bytes_raw())
        for kind, (key, prefix) in kinds.items()
    }
    limits = {
        "subs": -1,
        "data": -1,
        "payload": -1,
        "conn": -1,
        "imports": -1,
        "exports": -1,
        "wildcards": True,
    }
    by_operator = token(
        {"sub": names["operator"], "nats": {"type": "operator", "version": 2}}, operator, names["operator"]
    )
    by_account = token(
        {"sub": names["account"], "nats": {"type": "account", "version": 2, "limits": limits}},
        operator,
        names["operator"],
    )
    rights = {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}
    by_user = token({"sub": names["user"], "nats": rights}, account, names["account"])
    seed = checked(bytes((18 << 3 | (20 << 3) >> 5, (20 << 3 & 31) << 3)) + user.private_bytes_raw())
    (tmp_path / "operator.jwt").write_text(by_operator)
    resolver = f"resolver: MEMORY\nresolver_preload: {{{names['account']}: {by_account}}}"
    creds = (
        f"-----BEGIN NATS USER JWT-----\n{by_user}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
    cluster.add("s", creds=creds, nkey=pair()[0])
    async with run_nats(tmp_path, f"operator: {tmp_path}/operator.jwt\n{resolver}", subscribes=False) as nats:
        address = f"nats://127.0.0.1:{nats.port}"
        await deliver(provider("nats", address, channel="a", secretRef="s"))
        cluster.add("s", creds=creds.replace(seed, pair()[0]))
        with pytest.raises(NotDelivered, match="Authorization Violation"):
            await deliver(provider("nats", address, channel="a", secretRef="s"))


async def test_what_a_user_may_not_publish_is_reported(tmp_path, deliver, provider, cluster):
    allowed = '{user: "flux", password: "p4ss", permissions: {publish: "flux.>"}}'
    users = f"authorization {{users: [{SUBSCRIBER}, {allowed}]}}"
    async with run_nats(tmp_path, users, login=("sub", "sub-pw")) as nats:
        cluster.add("s", username="flux", password="p4ss")
        with pytest.raises(NotDelivered, match="Permissions Violation"):
            await deliver(provider("nats", f"nats://127.0.0.1:{nats.port}", channel="other", secretRef="s"))
        assert nats.arrived.empty()


async def test_tls_is_spoken_where_the_server_wants_it(tmp_path, deliver, provider, cluster, authority):
    pair = authority.server()
    (tmp_path / "cert.pem").write_bytes(pair.certificate)
    (tmp_path / "key.pem").write_bytes(pair.key)
    config = f'tls {{cert_file: "{tmp_path}/cert.pem", key_file: "{tmp_path}/key.pem"}}'
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    async with run_nats(tmp_path, config, trust=trust) as nats:
        cluster.add("ca", ca__crt=authority.pem)
        for scheme in ("nats", "tls"):
            address = f"{scheme}://127.0.0.1:{nats.port}"
            await deliver(provider("nats", address, channel="a", certSecretRef="ca"))
            assert (await nats.arrived.get())[0] == "a"
        with pytest.raises(NotDelivered, match="not trusted"):
            await deliver(provider("nats", f"nats://127.0.0.1:{nats.port}", channel="a"))


@pytest.mark.looptime(noop_cycles=2000)
async def test_a_server_that_says_nothing_costs_no_more_than_the_timeout(deliver, provider):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotDelivered, match="no answer within the timeout of 3s"):
            await deliver(provider("nats", f"nats://127.0.0.1:{port}", channel="a", timeout="3s"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"220 mail.example.com\r\n", "what answers is no NATS server"),
        (b"INFO {" + b" " * 100_000 + b"}\r\n", "the server says a line that is too long for NATS"),
    ],
)
async def test_what_is_no_nats_server_is_told(deliver, provider, said, told):
    async def greet(reader, writer):
        writer.write(said)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotDelivered, match=f"^error publishing event to subject a: {told}$"):
            await deliver(provider("nats", f"nats://127.0.0.1:{port}", channel="a"))


@pytest.mark.parametrize(
    ("address", "channel", "secret", "error"),
    [
        ("", "a", {}, "NATS server (address) cannot be empty"),
        ("nats://127.0.0.1", "", {}, "NATS subject (channel) cannot be empty"),
        ("nats://127.0.0.1", "a b", {}, "white space"),
        ("http://127.0.0.1", "a", {}, "not that of a NATS server"),
        ("nats://127.0.0.1", "a", {"nkey": "SUNONSENSE"}, "the value of key 'nkey' has no seed"),
        ("nats://127.0.0.1", "a", {"creds": "nonsense"}, "the value of key 'creds' has no user JWT and seed"),
    ],
)
async def test_what_can_not_be_used_is_named(notifiers, provider, cluster, address, channel, secret, error):
    cluster.add("s", **secret)
    with pytest.raises(Unusable) as caught:
        await notifiers.open(provider("nats", address, channel=channel, secretRef="s"))
    assert error in str(caught.value)


async def test_credentials_that_are_nothing_but_dashes_take_no_time(notifiers, provider, cluster):
    cluster.add("s", creds="-" * 900_000)
    with pytest.raises(Unusable, match="has no user JWT and seed in it"):
        await notifiers.open(provider("nats", "nats://127.0.0.1", channel="a", secretRef="s"))
