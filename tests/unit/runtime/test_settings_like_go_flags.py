import re
from datetime import timedelta

import pytest

from kustomize_controller.settings import KustomizeSettings
from shared.runtime.settings import Repeated, Settings, UsageError, flag, parse, parse_or_exit, usage
from source_controller.settings import SourceSettings

COMMON = """
concurrent default-service-account enable-leader-election events-addr feature-gates health-addr
interval-jitter-percentage kube-api-burst kube-api-qps leader-election-lease-duration
leader-election-release-on-cancel leader-election-renew-deadline leader-election-retry-period
log-encoding log-level max-retry-delay metrics-addr min-retry-delay requeue-dependency
token-cache-max-duration token-cache-max-size
watch-all-namespaces watch-configs-label-selector watch-label-selector
"""


class Some(Settings):
    names: Repeated = flag((), "may be repeated", name="name")


def of(*argv, model=Some, environ=None):
    return parse(model, argv, environ or {})


def test_defaults_are_those_of_flux():
    some = of()
    assert (some.metrics_addr, some.health_addr, some.events_addr) == (":8080", ":9440", "")
    assert (some.concurrent, some.log_level, some.log_encoding) == (4, "info", "json")
    assert (some.min_retry_delay, some.max_retry_delay) == (
        timedelta(milliseconds=750),
        timedelta(minutes=15),
    )
    assert some.requeue_dependency == timedelta(seconds=30)
    assert some.interval_jitter_percentage == 5
    assert some.watch_all_namespaces
    assert not some.enable_leader_election
    lease = (
        some.leader_election_lease_duration,
        some.leader_election_renew_deadline,
        some.leader_election_retry_period,
    )
    assert lease == (timedelta(seconds=35), timedelta(seconds=30), timedelta(seconds=5))


@pytest.mark.parametrize("model", [SourceSettings, KustomizeSettings])
def test_every_common_flag_of_flux_is_known(model):
    known = set(re.findall(r"^ +--(\S+)", usage(model, "c"), re.MULTILINE))
    assert set(COMMON.split()) - known == set()


@pytest.mark.parametrize("argv", [["--concurrent=7"], ["--concurrent", "7"]])
def test_values_come_after_an_equals_sign_or_a_space(argv):
    assert of(*argv).concurrent == 7


def test_the_last_occurrence_wins():
    assert of("--concurrent=4", "--concurrent=20").concurrent == 20


def test_repeatable_flags_collect():
    assert of("--name=a", "--name", "b").names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("--enable-leader-election", True),
        ("--enable-leader-election=false", False),
        ("--enable-leader-election=T", True),
        ("--enable-leader-election=0", False),
    ],
)
def test_booleans_stand_alone_or_with_what_go_takes_for_a_boolean(text, value):
    assert of(text).enable_leader_election is value


def test_a_bare_boolean_takes_no_value_from_the_next_word():
    with pytest.raises(UsageError, match="unexpected argument 'false'"):
        of("--enable-leader-election", "false")


def test_durations_are_in_go_notation():
    assert of("--requeue-dependency=1m30s").requeue_dependency == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--nope"], "unknown flag: --nope"),
        (["--nope=1"], "unknown flag: --nope"),
        (["-c"], "unexpected argument '-c'"),
        (["--concurrent"], "flag needs an argument: --concurrent"),
        (["--concurrent=many"], "invalid argument for --concurrent"),
        (["--concurrent=0"], "invalid argument for --concurrent: must be at least 1"),
        (["--requeue-dependency=1 minute"], "invalid argument for --requeue-dependency"),
        (["--watch-all-namespaces=maybe"], "'maybe' is not a boolean"),
        (["--interval-jitter-percentage=-1"], "must be between 0 and 99"),
        (["--feature-gates=CacheSecretsAndConfigMaps=perhaps"], "'perhaps' is not a boolean"),
        (["--max-retry-delay=1ms"], "must not be shorter than --min-retry-delay"),
        (["--leader-election-renew-deadline=35s"], "must be shorter than --leader-election-lease-duration"),
        (["--leader-election-retry-period=30s"], "must be shorter than --leader-election-renew-deadline"),
        (["--leader-election-retry-period=0s"], "--leader-election-retry-period: must be longer than 0s"),
        (["--leader-election-lease-duration=500ms"], "--leader-election-lease-duration: must be at least 1s"),
        (["--min-retry-delay=0s"], "--min-retry-delay: must be longer than 0s"),
        (["--requeue-dependency=0s"], "--requeue-dependency: must be longer than 0s"),
        (["--watch-all-namespaces=false"], "--watch-all-namespaces=false needs the environment variable"),
    ],
)
def test_mistakes_are_named(argv, said):
    with pytest.raises(UsageError) as caught:
        of(*argv)
    assert said in str(caught.value)


def test_gates_have_defaults_and_are_known_by_name():
    some = of("--feature-gates=CacheSecretsAndConfigMaps=true, ObjectLevelWorkloadIdentity")
    assert some.gate("CacheSecretsAndConfigMaps")
    assert some.gate("ObjectLevelWorkloadIdentity")
    assert not of().gate("CacheSecretsAndConfigMaps")
    with pytest.raises(UsageError, match="feature-gate 'Nope' not supported"):
        of("--feature-gates=Nope=true")


def test_a_flag_beats_its_variable_and_a_variable_the_default():
    environ = {"RUNTIME_NAMESPACE": "from-variable"}
    assert of(environ=environ).runtime_namespace == "from-variable"
    assert of("--runtime-namespace=from-flag", environ=environ).runtime_namespace == "from-flag"
    assert of().runtime_namespace == ""


def test_one_namespace_is_watched_on_demand():
    environ = {"RUNTIME_NAMESPACE": "mine"}
    assert of(environ=environ).watched_namespace is None
    assert of("--watch-all-namespaces=false", environ=environ).watched_namespace == "mine"


def test_kustomize_controller_takes_a_default_account_without_a_gate():
    assert of("--default-service-account=x", model=KustomizeSettings).default_service_account == "x"


def test_help_names_every_flag_and_ends_well(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_or_exit(KustomizeSettings, "kustomize-controller", ["--help"], {})
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text == usage(KustomizeSettings, "kustomize-controller")
    for name in ("--concurrent\n", "--no-cross-namespace-refs\n", "--override-manager\n"):
        assert name in text
    assert "(default 35s)" in text


def test_a_mistake_ends_with_usage_and_code_2(capsys):
    with pytest.raises(SystemExit) as ended:
        parse_or_exit(Some, "some", ["--nope"], {})
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("Usage of some:")
    assert error.endswith("\nunknown flag: --nope\n")  # the last line is what people see
