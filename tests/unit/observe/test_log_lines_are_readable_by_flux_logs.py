import io
import json

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared.observe import logging


@pytest.fixture
def lines():
    """Logs as configured by the test; gives the lines written so far."""
    stream = io.StringIO()
    before = structlog.get_config()

    def configure(level="info", encoding="json"):
        logging.configure(level, encoding, stream)
        # Bound loggers of earlier tests must not be found again.
        structlog.configure(cache_logger_on_first_use=False)
        return structlog.get_logger("test").bind(controller="kustomization")

    configure.read = lambda: stream.getvalue().splitlines()
    yield configure
    structlog.configure(**before)


def test_a_line_has_the_keys_of_flux(lines):
    lines().info("Reconciliation finished", namespace="apps", name="web", empty="", none=None, zero=0)
    (line,) = map(json.loads, lines.read())
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "info",
        "msg": "Reconciliation finished",
        "controller": "kustomization",
        "namespace": "apps",
        "name": "web",
        "zero": 0,
    }


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("trace", ["debug", "info", "error"]),
        ("debug", ["debug", "info", "error"]),
        ("info", ["info", "error"]),
        ("error", ["error"]),
    ],
)
def test_levels(lines, level, shown):
    log = lines(level)
    log.debug("debug")
    log.info("info")
    log.error("error")
    assert [json.loads(line)["level"] for line in lines.read()] == shown


def test_fields_that_readers_take_for_strings_are_strings(lines):
    lines().error(404, error=ValueError("no"), name=5, namespace=b"x", controllerKind=["K"], logger=1.5)
    (line,) = map(json.loads, lines.read())
    for key in ("msg", "error", "name", "namespace", "controllerKind", "logger", "ts", "level"):
        assert isinstance(line[key], str), key
    assert line["error"] == "no"


def test_an_exception_brings_its_trace_as_text(lines):
    try:
        int("broken")
    except ValueError:
        lines().exception("unexpected error", error="broken")
    (line,) = map(json.loads, lines.read())
    assert line["level"] == "error"
    assert "ValueError: invalid literal" in line["stacktrace"]
    assert "\n" in line["stacktrace"]


def test_a_huge_error_stays_below_64_kib_and_the_next_line_follows(lines):
    log = lines()
    log.error(
        "failed",
        error="x" * 200 * 1024,
        output="\x01" * 200 * 1024,
        **{f"f{n}": "y" * 9000 for n in range(99)},
    )
    log.info("next")
    first, second = lines.read()
    assert len(first.encode()) < 64 * 1024
    assert json.loads(first)["error"].startswith("xxx")
    assert json.loads(second)["msg"] == "next"


@given(
    st.dictionaries(
        st.sampled_from(["error", "name", "namespace", "output", "x"]),
        st.text(st.characters(codec=None), max_size=50) | st.integers() | st.none() | st.lists(st.binary()),
    ),
    st.sampled_from([1, 400, 4000]),
)
def test_whatever_is_logged_is_one_short_json_object(fields, times):
    fields = {key: value * times if isinstance(value, str) else value for key, value in fields.items()}
    line = logging._json(None, "info", logging._shape(None, "info", {"event": "said", **fields}))
    assert len(line.encode()) < 64 * 1024
    assert "\n" not in line
    decoded = json.loads(line)
    assert all(isinstance(decoded.get(key, ""), str) for key in ("msg", "error", "name", "namespace", "ts"))


def test_the_console_form_is_one_tabbed_line_that_does_not_look_like_json(lines):
    lines(encoding="console").info("two\nlines", revision="main@sha1:abc")
    (line,) = lines.read()
    moment, level, message, rest = line.split("\t")
    assert moment.endswith("Z")
    assert (level, message) == ("INFO", "two\\nlines")
    assert json.loads(rest)["revision"] == "main@sha1:abc"


@pytest.mark.parametrize(("level", "encoding"), [("loud", "json"), ("info", "xml")])
def test_unknown_levels_and_encodings_are_refused(level, encoding):
    with pytest.raises(ValueError, match="is none of"):
        logging.configure(level, encoding)
