"""What image-reflector-controller can be told, on top of what every controller can."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import field_validator, model_validator

from shared.runtime.assembly import IdentitySettings
from shared.runtime.settings import Boolean, flag

_LONGEST_PAUSE = 65535


class ReflectorSettings(IdentitySettings):
    """Flags of image-reflector-controller."""

    gates: ClassVar[Mapping[str, bool]] = {**IdentitySettings.gates, "FluxStorage": False}
    absent: ClassVar[frozenset[str]] = frozenset({"watch_configs_label_selector"})

    storage_path: str = flag("/data", "folder of the tags")
    storage_value_log_file_size: int = flag(268435456, "accepted for compatibility")
    storage_compression_threshold: int = flag(64, "size from which on a list of tags is compressed, KiB")
    gc_interval: int = flag(10, "minutes between two looks for tags of repositories that went away; 0 is off")
    max_tags: int = flag(100_000, "how many tags a repository may have")
    no_cross_namespace_refs: Boolean = flag(False, "refuse repositories in other namespaces")

    @field_validator("gc_interval")
    @classmethod
    def _minutes(cls, value: int) -> int:
        if not 0 <= value <= _LONGEST_PAUSE:
            raise ValueError(f"must be between 0 and {_LONGEST_PAUSE}")
        return value

    @field_validator("max_tags")
    @classmethod
    def _some(cls, value: int) -> int:
        if value < 1:
            raise ValueError("must be at least 1")
        return value

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.gate("FluxStorage") and self.storage_compression_threshold <= 0:
            raise ValueError("storage_compression_threshold: must be more than 0")
        return self

    @property
    def gc_pause(self) -> timedelta | None:
        """Time between two looks for what is left over; None for none."""
        return timedelta(minutes=self.gc_interval) if self.gc_interval else None
