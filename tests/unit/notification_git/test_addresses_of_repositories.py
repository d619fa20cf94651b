"""What an address of a repository says about the API of its host."""

import pytest

from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.git.address import Address
from notification_controller.delivery.git.github import is_public


@pytest.mark.parametrize(
    ("text", "origin", "parts"),
    [
        ("https://github.com/o/r", "https://github.com", "o/r"),
        ("https://github.com/o/r.git", "https://github.com", "o/r"),
        ("https://github.com/o/r/", "https://github.com", "o/r"),
        (" https://user:word@host:8443/a/b/c.git\n", "https://host:8443", "a/b/c"),
        ("http://127.0.0.1:3000/o/r", "http://127.0.0.1:3000", "o/r"),
        ("http://[::1]:3000/o/r", "http://[::1]:3000", "o/r"),
        ("ssh://git@host/o/r.git", "https://host", "o/r"),
        ("ssh://git@host:2222/o/r", "https://host", "o/r"),
        ("git@github.com:o/r.git", "https://github.com", "o/r"),
        ("host:/o/r", "https://host", "o/r"),
        ("https://dev.azure.com/o/My%20Project/_git/r", "https://dev.azure.com", "o/My Project/_git/r"),
    ],
)
def test_addresses_are_taken_apart(text, origin, parts):
    found = Address.parse(text)
    assert (str(found.origin), found.id) == (origin, parts)


@pytest.mark.parametrize("text", ["", "o/r", "file:///o/r", "https://", "https://h:99999/o/r", "ftp://h/o/r"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(Unusable, match=r"^the address is not that of a repository; it should be like"):
        Address.parse(text)


@pytest.mark.parametrize("text", ["https://s3cr3t:w0rd@h//", "https://s3cr3t@h", "https://s3cr3t@h/a//b"])
def test_errors_name_the_path_alone(text):
    with pytest.raises(Unusable, match=r"^invalid repository id '") as caught:
        Address.parse(text)
    assert "s3cr3t" not in str(caught.value)


def test_parts_are_counted_and_escaped():
    address = Address.parse("https://dev.azure.com/o/My%20Project/_git/r%3F")
    assert address.exactly(4) == ("o", "My%20Project", "_git", "r%3F")
    with pytest.raises(Unusable, match=r"^invalid repository id 'o/My Project/_git/r\?'$"):
        address.exactly(2)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://h/o/r", "https://h"),
        ("https://h/git/o/r", "https://h/git"),
        ("https://h/a/b/o/r.git", "https://h/a/b"),
    ],
)
def test_a_host_may_be_below_a_path(text, base):
    found, owner, name = Address.parse(text).below_any_path()
    assert (str(found).rstrip("/"), owner, name) == (base, "o", "r")


def test_a_repository_needs_an_owner():
    with pytest.raises(Unusable, match=r"^invalid repository id 'r'$"):
        Address.parse("https://h/r").below_any_path()


@pytest.mark.parametrize(
    ("text", "base", "project", "name"),
    [
        ("https://h/scm/p/r.git", "https://h", "p", "r"),
        ("https://h/context/scm/p/r.git", "https://h/context", "p", "r"),
        ("https://h/a/b/c/scm/p/r", "https://h/a/b/c", "p", "r"),
        ("https://h/scm/scm/p/r.git", "https://h/scm", "p", "r"),
        ("https://h/scm/p/scm", "https://h", "p", "scm"),
        ("http://h:7990/scm/~user/r", "http://h:7990", "~user", "r"),
    ],
)
def test_the_last_scm_of_a_clone_address_counts(text, base, project, name):
    found = Address.parse(text).clone_of_bitbucket()
    assert (str(found[0]).rstrip("/"), *found[1:]) == (base, project, name)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ssh://git@h/scm/p/r.git", "not that of a clone by HTTP"),
        ("git@h:scm/p/r.git", "not that of a clone by HTTP"),
        ("https://h/projects/p/repos/r", "not that of a clone by HTTP"),
        ("https://h/scm/p", "^invalid repository id 'p'$"),
        ("https://h/scm/a/b/c", "^invalid repository id 'a/b/c'$"),
        ("https://h/scm/scm/r", "^invalid repository id 'r'$"),
    ],
)
def test_other_addresses_are_none_of_a_bitbucket_server(text, told):
    with pytest.raises(Unusable, match=told):
        Address.parse(text).clone_of_bitbucket()


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("https://github.com/o/r", True),
        ("git@github.com:o/r.git", True),
        ("https://octo.ghe.com/o/r", True),
        ("https://github.example.com/o/r", False),
        ("https://notghe.com/o/r", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_hosts_of_github_are_known(text, public):
    assert is_public(text) is public
