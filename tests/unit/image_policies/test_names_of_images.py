"""Names of images mean the repositories that users expect."""

import pytest

from image_controllers.naming import InvalidImage, canonical


@pytest.mark.case("image-10")
@pytest.mark.parametrize(
    ("image", "means"),
    [
        ("alpine", "index.docker.io/library/alpine"),
        ("org/app", "index.docker.io/org/app"),
        ("docker.io/alpine", "index.docker.io/library/alpine"),
        ("index.docker.io/org/app", "index.docker.io/org/app"),
        ("localhost/x", "index.docker.io/localhost/x"),
        ("localhost:5000/xx", "localhost:5000/xx"),
        ("example.com", "index.docker.io/library/example.com"),
        ("registry.example.com:5000/org/app", "registry.example.com:5000/org/app"),
        ("[::1]:5000/org/app", "[::1]:5000/org/app"),
    ],
)
def test_what_names_mean(image, means):
    assert str(canonical(image)) == means


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("https://registry.example.com/x", "should not include URL scheme; remove 'https://'"),
        ("registry.example.com/org/app:1.0", "should not include a tag; remove ':1.0'"),
        ("registry.example.com:5000/org/app:1.0", "should not include a tag; remove ':1.0'"),
        ("org/app@sha256:" + "a" * 64, "should not include a tag; remove ':" + "a" * 64 + "'"),
        ("a", "could not parse reference: a"),
        ("registry.example.com/x", "could not parse reference: registry.example.com/x"),
        ("Org/App", "could not parse reference: Org/App"),
        ("", "could not parse reference: "),
        ("org/app:", "could not parse reference: org/app:"),
        (
            "registry.example.com:65536/org/app",
            "could not parse reference: registry.example.com:65536/org/app",
        ),
        ("registry..example.com/org/app", "could not parse reference: registry..example.com/org/app"),
        ("org/a b", "could not parse reference: org/a b"),
        ("org/" + "a" * 300, "could not parse reference: "),
    ],
)
def test_what_is_refused(image, text):
    with pytest.raises(InvalidImage) as caught:
        canonical(image)
    assert text in str(caught.value)
