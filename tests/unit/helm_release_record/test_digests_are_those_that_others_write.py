"""Checksums that decide whether a release made elsewhere is taken for changed."""

import pytest

from helm_controller.release.digest import config_digest, is_config_digest, piece_digest, release_digest
from helm_controller.release.model import Hook, Info, Release
from shared.api.helm_v2 import shortened
from shared.lang.gojson import dumps

EMPTY = Release("foo", "", 0, Info(), {}, {}, "", ())


@pytest.mark.case("helm-15")
def test_the_digest_of_an_almost_empty_release():
    assert release_digest(EMPTY) == "sha256:f1498f27a16a09cd7e1ee610d924df065c03d30035638babc95dd9a8d412ce4d"


@pytest.mark.case("helm-15")
def test_digests_of_values():
    values = {
        "replicas": 3,
        "image": {"repository": "nginx", "tag": "latest"},
        "ports": [{"port": 8080, "protocol": "TCP"}, {"port": 9090, "protocol": "UDP"}],
    }
    assert config_digest(values) == "sha256:fcdc2b0de1581a3633ada4afee3f918f6eaa5b5ab38c3fef03d5b48d3f85d9f6"
    keys = {
        "632bd80235a05f4192aefade": "value1",
        "632bd80ddf416cf32fd50679": "value2",
        "632bd817c559818a52307da2": "value3",
        "632bd82398e71231a98004b6": "value4",
    }
    digest = "sha256:8a980fcbeadd6f05818f07e8aec14070c22250ca3d96af1fcd5f93b3e85b4d70"
    assert config_digest({"replicas": 3, "test": keys}) == digest


@pytest.mark.parametrize("values", [{}, None])
def test_no_values_have_the_digest_of_nothing(values):
    assert config_digest(values).startswith("sha256:e3b0c44298fc1c14")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "blake3"])
def test_values_are_known_by_a_digest_of_any_algorithm(algorithm):
    digest = config_digest({"a": 1}, algorithm)
    assert is_config_digest(digest, {"a": 1})
    assert not is_config_digest(digest, {"a": 2})


@pytest.mark.parametrize("digest", ["", "sha256:", "md5:00", "nothing"])
def test_values_have_no_digest_that_is_none(digest):
    assert not is_config_digest(digest, {})


def test_whole_numbers_are_integers_however_they_were_written():
    assert config_digest({"a": 3.0}) == config_digest({"a": 3})
    assert config_digest({"a": 1234567.0}) == config_digest({"a": 1234567})


def test_tests_are_no_part_of_the_digest():
    test = Hook("t", "Pod", "t.yaml", "kind: Pod", ("test",))
    other = Hook("h", "Pod", "h.yaml", "kind: Pod", ("pre-install",))
    with_test = Release("foo", "", 0, Info(), {}, {}, "", (test,))
    with_hook = Release("foo", "", 0, Info(), {}, {}, "", (other,))
    assert release_digest(with_test) == release_digest(EMPTY)
    assert release_digest(with_hook) != release_digest(EMPTY)


def test_the_digest_of_an_absent_piece_is_nothing():
    assert piece_digest(None) == ""
    assert piece_digest([]).startswith("sha256:")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a<b>&\u2028", '"a\\u003cb\\u003e\\u0026\\u2028"'),
        ('tab\t"q"', '"tab\\t\\"q\\""'),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (1e-7, "1e-7"),
        (0.000001, "0.000001"),
        (-2.5e-9, "-2.5e-9"),
        (123456789.125, "123456789.125"),
        ([True, None, {"b": 1, "a": ""}], '[true,null,{"b":1,"a":""}]'),
    ],
)
def test_json_is_written_as_go_writes_it(value, text):
    assert dumps(value) == text


@pytest.mark.case("helm-6")
def test_a_name_that_is_too_long_is_cut():
    name = "a" * 68
    short = shortened(name)
    assert short.startswith("a" * 40 + "-")
    assert len(short) == 53
    assert shortened("a" * 53) == "a" * 53
