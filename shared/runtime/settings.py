"""Settings of a controller: one frozen model behind flags that parse as Flux's do, and environment variables.

`--flag=value`, `--flag value` and bare booleans are accepted; the last occurrence wins; a flag beats its
environment variable; an unknown flag is an error. Durations are in Go's notation.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, NoReturn, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from shared.lang.duration import format_duration, parse_duration

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_UNLIMITED: Final = "an API server that has no flow control of its own"
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _boolean(value: object) -> object:
    if isinstance(value, str):
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        raise ValueError(f"{value!r} is not a boolean")
    return value


def _gates(value: object) -> object:
    if not isinstance(value, str):
        return value
    gates: dict[str, bool] = {}
    for pair in filter(None, (part.strip() for part in value.split(","))):
        name, _, state = pair.partition("=")
        gates[name] = bool(_boolean(state or "true"))
    return gates


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Gates = Annotated[dict[str, bool], BeforeValidator(_gates)]
Repeated = tuple[str, ...]

S = TypeVar("S", bound="Settings")


class UsageError(Exception):
    """The command line can't be used; str() says what is wrong."""


def flag(default: Any, description: str, *, env: str = "", name: str = "") -> Any:
    """A field with its help text and, on demand, an environment variable or a name that isn't the field's."""
    return Field(default, description=description, json_schema_extra={"env": env, "flag": name})


class Settings(BaseModel):
    """What every controller can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Feature gates and their defaults; a controller adds its own.
    gates: ClassVar[Mapping[str, bool]] = {
        "CacheSecretsAndConfigMaps": False,
        "ObjectLevelWorkloadIdentity": False,
    }
    #: Fields that are no flags of a controller.
    absent: ClassVar[frozenset[str]] = frozenset()

    metrics_addr: str = flag(":8080", "address of the metrics server")
    health_addr: str = flag(":9440", "address of the health server")
    export_resource_metrics: Boolean = flag(True, "serve gotk_resource_info, a series for each object")
    events_addr: str = flag("", "URL of the notification controller's event receiver")
    concurrent: int = flag(4, "turns per kind that may be active at once")
    log_level: str = flag("info", "trace, debug, info or error")
    log_encoding: str = flag("json", "json or console")
    enable_leader_election: Boolean = flag(False, "run only while holding the lease of this controller")
    leader_election_release_on_cancel: Boolean = flag(True, "give the lease back at a graceful stop")
    leader_election_lease_duration: Duration = flag(timedelta(seconds=35), "how long a lease is valid")
    leader_election_renew_deadline: Duration = flag(
        timedelta(seconds=30), "when a leader that can't renew gives up"
    )
    leader_election_retry_period: Duration = flag(
        timedelta(seconds=5), "time between tries to get or renew the lease"
    )
    kube_api_qps: float = flag(50.0, f"requests per second to {_UNLIMITED}; 0 is no limit")
    kube_api_burst: int = flag(300, f"requests at once to {_UNLIMITED}")
    token_cache_max_size: int = flag(100, "number of tokens of clouds that are kept; 0 keeps none")
    token_cache_max_duration: Duration = flag(
        timedelta(hours=1), "how long a token of a cloud is kept at most"
    )
    feature_gates: Gates = flag({}, "comma-separated list of Name=bool")
    default_service_account: str = flag("", "account for objects that name none")
    min_retry_delay: Duration = flag(timedelta(milliseconds=750), "first delay after a failure")
    max_retry_delay: Duration = flag(timedelta(minutes=15), "longest delay after failures")
    watch_all_namespaces: Boolean = flag(True, "watch all namespaces, not only that of the controller")
    watch_label_selector: str = flag("", "reconcile only objects with these labels")
    watch_configs_label_selector: str = flag(
        "reconcile.fluxcd.io/watch=Enabled", "labels of the ConfigMaps and Secrets whose changes trigger"
    )
    interval_jitter_percentage: int = flag(5, "plus or minus this share of the interval, 0 to 99")
    requeue_dependency: Duration = flag(
        timedelta(seconds=30), "how long to wait for a dependency without news of it"
    )
    kubeconfig: str = flag("", "kubeconfig file, for use outside a cluster", env="KUBECONFIG")
    runtime_namespace: Annotated[str, Field(validate_default=True)] = flag(
        "", "namespace of the controller", env="RUNTIME_NAMESPACE"
    )

    @field_validator("concurrent")
    @classmethod
    def _at_least_one(cls, value: int) -> int:
        if value < 1:
            raise ValueError("must be at least 1")
        return value

    @field_validator("max_retry_delay")
    @classmethod
    def _not_shorter(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        if value < info.data.get("min_retry_delay", value):
            raise ValueError("must not be shorter than --min-retry-delay")
        return value

    @field_validator("leader_election_renew_deadline")
    @classmethod
    def _in_time(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        lease = info.data.get("leader_election_lease_duration")
        if lease is not None and value >= lease:
            raise ValueError("must be shorter than --leader-election-lease-duration")
        return value

    @field_validator("leader_election_retry_period")
    @classmethod
    def _often_enough(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        deadline = info.data.get("leader_election_renew_deadline")
        if deadline is not None and value >= deadline:
            raise ValueError("must be shorter than --leader-election-renew-deadline")
        return value

    @field_validator("leader_election_lease_duration")
    @classmethod
    def _whole_seconds(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError("must be at least 1s")
        return value

    @field_validator("leader_election_retry_period", "min_retry_delay", "requeue_dependency")
    @classmethod
    def _some_time(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            raise ValueError("must be longer than 0s")
        return value

    @field_validator("runtime_namespace")
    @classmethod
    def _known_namespace(cls, value: str, info: ValidationInfo) -> str:
        # An empty namespace in a request means all of them.
        if not value and info.data.get("watch_all_namespaces") is False:
            raise ValueError(
                "--watch-all-namespaces=false needs the environment variable RUNTIME_NAMESPACE "
                "with the namespace of the controller"
            )
        return value

    @field_validator("interval_jitter_percentage")
    @classmethod
    def _jitter(cls, value: int) -> int:
        if not 0 <= value < 100:
            raise ValueError("must be between 0 and 99")
        return value

    @field_validator("feature_gates")
    @classmethod
    def _known_gates(cls, value: dict[str, bool]) -> dict[str, bool]:
        for name in value:
            if name not in cls.gates:
                raise ValueError(f"feature-gate '{name}' not supported")
        return value

    def gate(self, name: str) -> bool:
        """Whether a feature gate is on."""
        return self.feature_gates.get(name, self.gates[name])

    def need_gate(self, name: str, gate: str) -> None:
        """Refuses a setting whose feature gate is closed."""
        if not self.gate(gate):
            raise ValueError(f"{name}: invalid configuration: needs the feature gate {gate}")

    @property
    def notified(self) -> str:
        """URL that events are posted to; empty means nowhere."""
        return self.events_addr

    @property
    def watched_namespace(self) -> str | None:
        """The one namespace to watch, or None for all."""
        return None if self.watch_all_namespaces else self.runtime_namespace


def parse(model: type[S], argv: Sequence[str], environ: Mapping[str, str]) -> S:
    """Settings from a command line and an environment.

    Raises:
        UsageError: a flag is unknown, lacks its value or has a bad one.
    """
    fields = {_flag_name(name, info): (name, info) for name, info in _flags(model).items()}
    values: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        variable = _extra(info, "env")
        if variable and environ.get(variable):
            values[name] = environ[variable]
    repeated: dict[str, list[str]] = {}
    arguments = iter(argv)
    for argument in arguments:
        if not argument.startswith("--"):
            raise UsageError(f"unexpected argument {argument!r}")
        flag_name, equals, value = argument[2:].partition("=")
        if flag_name not in fields:
            raise UsageError(f"unknown flag: --{flag_name}")
        name, info = fields[flag_name]
        if not equals:
            value = "true" if _is_boolean(info) else next(arguments, "\0")
        if value == "\0":
            raise UsageError(f"flag needs an argument: --{flag_name}")
        if get_origin(info.annotation) is tuple:
            given = repeated.setdefault(name, [])
            given.append(value)
            values[name] = tuple(given)
        else:
            values[name] = value
    try:
        return model(**values)
    except ValidationError as error:
        raise UsageError(_readable(model, error)) from error


def parse_or_exit(model: type[S], program: str, argv: Sequence[str], environ: Mapping[str, str]) -> S:
    """Like `parse`; prints help or the error with usage, and exits as pflag programs do."""
    if "--help" in argv or "-h" in argv:
        sys.stdout.write(usage(model, program))
        raise SystemExit(0)
    try:
        return parse(model, argv, environ)
    except UsageError as error:
        _exit(f"{usage(model, program)}\n{error}\n")


def usage(model: type[Settings], program: str) -> str:
    """The help text."""
    lines = [f"Usage of {program}:"]
    for name, info in sorted(_flags(model).items()):
        default = format_duration(info.default) if isinstance(info.default, timedelta) else info.default
        shown = f" (default {default})" if default not in ("", (), {}, False) else ""
        lines.append(f"      --{_flag_name(name, info)}\n            {info.description}{shown}")
    return "\n".join(lines) + "\n"


def _exit(text: str) -> NoReturn:
    sys.stderr.write(text)
    raise SystemExit(2)


def _flags(model: type[Settings]) -> dict[str, FieldInfo]:
    return {name: info for name, info in model.model_fields.items() if name not in model.absent}


def _flag_name(name: str, info: FieldInfo) -> str:
    return _extra(info, "flag") or name.replace("_", "-")


def _extra(info: FieldInfo, key: str) -> str:
    extra = info.json_schema_extra
    return str(extra.get(key) or "") if isinstance(extra, dict) else ""


def _is_boolean(info: FieldInfo) -> bool:
    return info.annotation is bool or bool in get_args(info.annotation)


def _readable(model: type[Settings], error: ValidationError) -> str:
    problems = []
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else ""
        info = model.model_fields.get(name)
        label = f"--{_flag_name(name, info)}" if info else name
        problems.append(f"invalid argument for {label}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(problems)
