"""The path of a Receiver is the one that `flux` computes."""

from notification_controller.receivers.paths import shown, webhook_path


def test_it_is_a_digest_of_token_name_and_namespace():
    path = webhook_path(b"s3cr3t", "github-receiver", "flux-system")
    assert path == "/hook/605dbd4976c3504a20afec155a68122702621389b3b29f71feb118008a1696a1"


def test_the_bytes_of_the_token_are_taken_as_they_are():
    assert webhook_path(b"s3cr3t\n", "a", "b") != webhook_path(b"s3cr3t", "a", "b")
    assert webhook_path(b"\xff\xfe", "a", "b").startswith("/hook/")


def test_parts_are_put_together_without_anything_in_between():
    assert webhook_path(b"t", "ab", "c") == webhook_path(b"t", "a", "bc") == webhook_path(b"ta", "b", "c")


def test_a_log_has_only_the_beginning_of_it():
    assert shown(webhook_path(b"s3cr3t", "github-receiver", "flux-system")) == "605dbd49"
