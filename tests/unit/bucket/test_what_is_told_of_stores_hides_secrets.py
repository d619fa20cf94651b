"""Addresses in texts of others lose what may be a secret."""

import pytest

from source_controller.bucket.conditions import failed, shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain text? yes", "plain text? yes"),
        ("at https://h/p?sig=x&y=1 it broke", "at https://h/p it broke"),
        ("'https://h/p?sig=x'", "'https://h/p'"),
        ("http://ada:pw@h:1/p#x", "http://h:1/p"),
        ('HTTPS://h?x "http://i/?y"', 'HTTPS://h "http://i/"'),
    ],
)
def test_queries_and_logins_are_cut(text, told):
    assert shown(text) == told
    assert failed(text).message == told


def test_long_texts_are_cut_as_well():
    assert len(shown("x" * 10_000)) == 1000
