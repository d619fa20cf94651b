"""No text that leaves has anything in it that a Secret holds."""

import base64

import pytest

from notification_controller.delivery.masking import MASK, Mask
from notification_controller.delivery.text import cut, in_bytes

HOOK = b"https://user:pa55@hooks.example.com/services/T000/B000/XXXXXXXXXXXXXXXXXXXX?key=quux1\n"


@pytest.mark.parametrize(
    ("data", "said", "want"),
    [
        ({"token": b"s3cr3t\n"}, "token s3cr3t is wrong", "token ***** is wrong"),
        ({"token": b"s3cr3t"}, "s3cr3ts3cr3t", "**********"),
        ({"token": b"abc"}, "abc is short", "abc is short"),
        ({"password": b'a"b c/d'}, r'{"password":"a\"b c/d"}', '{"password":"*****"}'),
        ({"password": b"a b/c+d"}, "?p=a%20b%2Fc%2Bd&q=a+b%2Fc%2Bd", "?p=*****&q=*****"),
        ({"nkey": b"LINE-ONE\nLINE-TWO\n"}, "bad: LINE-TWO, LINE-ONE", "bad: *****, *****"),
        ({"username": b"bot", "password": b"pass1"}, "Basic Ym90OnBhc3Mx", "Basic *****"),
        ({"token": b"pete:app-w0rd\n"}, "Basic cGV0ZTphcHAtdzByZA==, app-w0rd", "Basic *****, *****"),
        ({"token": b"pat0"}, "Basic OnBhdDA=", "Basic *****"),
        ({"address": b"git@host:acme/fleet.git"}, "id 'acme/fleet' at host", "id '*****' at host"),
        ({"address": b"https://host/acme/fleet.git"}, "id 'acme/fleet' at host", "id '*****' at host"),
        ({"long": b"secret-one", "part": b"secret"}, "secret-one secret", "***** *****"),
        ({"blob": b"\xff\xfe"}, "nothing", "nothing"),
        ({}, "nothing", "nothing"),
    ],
)
def test_values_are_hidden_in_every_form(data, said, want):
    assert Mask((data,)).of(said) == want


@pytest.mark.parametrize(
    ("said", "want"),
    [
        ("can't connect to https://hooks.example.com:443", "can't connect to https://hooks.example.com:443"),
        ("no /services/T000/B000/XXXXXXXXXXXXXXXXXXXX here", "no /***** here"),
        ("no hook XXXXXXXXXXXXXXXXXXXX", "no hook *****"),
        ("key=quux1 and quux1", "***** and *****"),
        ("by pa55", "by *****"),
        ("user", "*****"),
    ],
)
def test_of_an_address_scheme_and_host_are_shown(said, want):
    assert Mask(({"address": HOOK},)).of(said) == want


def test_a_connection_string_is_hidden_whole_and_by_its_parts():
    text = "Endpoint=sb://ns.example.net/;SharedAccessKeyName=send;SharedAccessKey=a2V5a2V5;EntityPath=hub"
    mask = Mask(({"address": text.encode()},))
    assert mask.of(text) == MASK
    assert "a2V5a2V5" not in mask.of("the key a2V5a2V5 is wrong")


def test_all_referenced_secrets_count_and_what_was_made_of_them():
    mask = Mask(({"token": b"t0ken"}, {"tls.key": b"-----BEGIN-----\nMII\nEabcdef\n"}), ("hv1-value",))
    assert mask.of("t0ken Eabcdef hv1-value") == "***** ***** *****"


def test_a_cut_after_masking_leaves_no_half_of_a_secret():
    token = base64.b64encode(b"x" * 30)
    said = "." * 500 + token.decode() + "rest"
    short = cut(Mask(({"token": token},)).of(said), 512, in_bytes)
    assert token[:6].decode() not in short


def test_many_lines_of_certificates_cost_next_to_nothing():
    # What is not in the text takes no part in the search: an expression of thousands of lines takes seconds.
    lines = b"\n".join(base64.b64encode(bytes([n % 251, n // 251]) * 24) for n in range(4000))
    mask = Mask(({"ca.crt": lines, "token": b"t0ken"},))
    assert mask.of("the t0ken, " + "word " * 2000).startswith("the *****, word ")
