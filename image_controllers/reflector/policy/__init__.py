"""Which tag of a list a policy chooses."""

from image_controllers.reflector.policy.choosing import (
    Alphabetical,
    Choice,
    InvalidPolicy,
    NoChoice,
    Numerical,
    Semver,
)
from image_controllers.reflector.policy.filtering import TagFilter

__all__ = ["Alphabetical", "Choice", "InvalidPolicy", "NoChoice", "Numerical", "Semver", "TagFilter"]
