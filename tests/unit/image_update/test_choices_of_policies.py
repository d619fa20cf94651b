"""What policies have chosen is written only if it is an image; names are those that repositories may have."""

import pytest

from image_controllers.automation.update.policies import Choices
from shared.api.image_v1 import ImageRef

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "name",
    [
        "alpine",
        "org/app",
        "registry.example.com/team/app",
        "my_reg.local:5000/team/app",
        "reg_x:5000/aa",
        "Reg_x.io/xx",
        "[fd00::5]:5000/team/app",
    ],
)
def test_any_name_that_a_repository_may_have_is_written(name):
    choices = Choices("team", {"web": ImageRef(name=name, tag="v1", digest=DIGEST)})
    assert choices.invalid == ()
    assert choices.value_of("team:web") == f"{name}:v1@{DIGEST}"
    assert choices.value_of("team:web:name") == name


@pytest.mark.parametrize(
    ("name", "tag", "digest"),
    [
        ("", "v1", None),
        ("org/app\n- x", "v1", None),
        ("https://registry.example.com/app", "v1", None),
        ("registry.example.com/app:v1", "v1", None),
        ("org/app", "v 1", None),
        ("org/app", "", None),
        ("org/app", "v1", "sha256:zz"),
    ],
)
def test_what_is_no_image_is_not_written(name, tag, digest):
    choices = Choices("team", {"web": ImageRef(name=name, tag=tag, digest=digest)})
    assert choices.invalid == ("web",)
    assert choices.value_of("team:web") is None
