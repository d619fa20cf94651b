"""Assignments and merges here give what the real helm program gives, and fail where it fails."""

import json
import random
from functools import partial

import pytest

from helm_controller.values.composing import ValuesComposer
from helm_controller.values.strvals import StrvalsError, escaped, parse_into, parse_into_string
from shared.api.helm_v2 import ValuesReference
from shared.testing.chart_server import helm, write_chart

BASE = {"m": {"x": 1, "n": {"y": None}}, "l": [1, {"x": 2}, [3]], "s": "text", "z": None}
ODD = [
    "",
    ",",
    "=",
    "a",
    "a=",
    "=1",
    "a=,b=",
    "a==",
    "a=b=c",
    "a= 1 , b=2",
    "a=null,m=null",
    "m.x=null",
    "m.n.y.z=1",
    "z.a=1",
    "z[0]=1",
    "s.a=1",
    "s[0]=1",
    "m[0]=1",
    "l.a=1",
    "l[0].a=1",
    "l[1].y=2",
    "l[1][0]=2",
    "l[2][1]=4",
    "l[5]=x",
    "l[5].a=x",
    "l[0]",
    "l[0",
    "l[",
    "l[]=1",
    "l[+1]=1",
    "l[-1]=1",
    "l[ 1]=1",
    "l[0x1]=1",
    "l[65537]=1",
    "l[9999999999999999999]=1",
    "l[9999999999999999999]",
    "l[0]x=1",
    "a[0][1][2]=x",
    "a[0][1",
    "a[1].b=",
    "a[0].b=1,a[0].c=2",
    "[0]=1",
    "[0].a=1",
    ".a=1",
    "a.=1",
    "a..b=1",
    "a.b",
    "a.",
    "m.q.",
    "l[0].q=",
    "a[0][1][2",
    "a.b,c=1",
    "a={}",
    "a={,}",
    "a={1,two,null,0}",
    "a={1}b=2",
    "a={1},b=2",
    "a={1",
    "a={1}}",
    "a={{1}}",
    "a={1,{2}}",
    "a=x{1}",
    r"a=\{1}",
    r"a\.b=1",
    r"a\=b=1",
    r"a\[0\]=1",
    "a\\",
    "a=b\\",
    r"a=b\,c",
    r"a=\n",
    r"a=\\",
    r"a={x\,y,\}}",
    "a=TRUE,b=fAlse,c=Null,d=fal\u017fe",
    "a=00,b=01,c=-0,d=-01,e=+1,f=1.0,g=1e3,h=0x1,i=1_0",
    "a=9223372036854775807,b=9223372036854775808,c=-9223372036854775808,d=-9223372036854775809",
    "a=ä,ö=日本",
    "a=two\nlines",
    "a.b.c.d=1,a.b.c=2,a.b.c.d=3",
    "a." * 30 + "a=1",
    "a." * 31 + "a=1",
    "a=" + "7" * 50,
]
PIECES = [
    "a",
    "m",
    "l",
    "s",
    "x",
    ".",
    ".",
    "=",
    "=",
    ",",
    "[0]",
    "[1]",
    "[2]",
    "[",
    "]",
    "{",
    "}",
    "\\",
    "1",
    "0",
]
SHAPES = [
    "{k}={v}",
    "{k}={v},{k}={v}",
    "{k}.{k}={v}",
    "{k}[{n}].{k}={v}",
    "{k}[{n}]={{{v},{v}}}",
    "{k}[{n}][{n}]={v}",
]


def texts(count):
    """Sound assignments with something out of place, and pieces in any order; always the same ones."""
    dice = random.Random(7)
    for number in range(count):
        if number % 3 == 0:
            yield "".join(dice.choice(PIECES) for _ in range(dice.randint(2, 12)))
            continue
        text = ",".join(
            dice.choice(SHAPES).format(
                k=dice.choice("amlsz"), v=dice.choice(["1", "true", "null", "", "x y"]), n=dice.randint(0, 3)
            )
            for _ in range(dice.randint(1, 3))
        )
        if number % 3 == 1:
            at = dice.randrange(len(text))
            text = text[:at] + dice.choice(PIECES) + text[at + dice.randint(0, 1) :]
        yield text


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The values that helm would store with a release, as text; None where it refuses."""
    home = tmp_path_factory.mktemp("helm")
    chart = write_chart(home / "chart", "app")
    (home / "base.json").write_text(json.dumps(BASE))

    def given(*arguments, base=True):
        values = ["--values", home / "base.json"] if base else []
        try:
            out = helm(
                "install", "r", chart, "--dry-run=client", "-o", "json", *values, *arguments, home=home
            )
        except RuntimeError:
            return None
        return shown(json.loads(out).get("config") or {})

    given.home = home
    return given


def shown(values):
    """Text in which 1 and true differ."""
    return json.dumps(values, sort_keys=True)


def ours(parse, text):
    values = json.loads(json.dumps(BASE))
    try:
        parse(text, values)
    except StrvalsError:
        return None
    return shown(values)


@pytest.mark.parametrize(("option", "parse"), [("--set", parse_into), ("--set-string", parse_into_string)])
@pytest.mark.parametrize("some", [ODD, list(texts(90))], ids=["odd", "random"])
def test_an_assignment_gives_what_helm_gives(option, parse, some, given):
    different = {
        text: (mine, theirs)
        for text in some
        if (mine := ours(parse, text)) != (theirs := given(option, text))
    }
    assert different == {}


def test_an_escaped_text_is_itself_for_helm_too(given):
    for text in ("a,b", "{a}", "a[0].b=1", "\\", '{"a": [1, 2]}', "two\nlines"):
        stored = given("--set-string", f"key={escaped(text)}", base=False)
        assert json.loads(stored) == {"key": text}


class Maps:
    """ConfigMaps in memory."""

    def __init__(self, *yamls):
        self.yamls = yamls

    async def get(self, _resource, _namespace, name):
        return {"data": {"values.yaml": self.yamls[int(name)]}}


@pytest.mark.parametrize(
    "yamls",
    [
        ("a: {x: 1, y: [1, 2]}\nb: 1", "a: {y: [3]}\nb: {c: 1}", "a: {x: null}\nb: text"),
        ("a: yes\nb: off\nc: 0644\nd: 1.0\ne: 1e3\nf: .5\ng: ~\nh: '1'\ni: 2020-01-01\nj: 1_000",),
        ("on: 1\n1: one\ntrue: two",),
        ("a: 1\na: 2",),
        ("x: &x {y: 1}\na: *x\nb: {<<: *x, z: 2}", "a: {z: 3}"),
        ("", "# nothing\n", "{}"),
        ("- a list",),
        ("text",),
        ("a: [",),
    ],
)
async def test_yaml_is_read_and_merged_as_helm_does(yamls, given):
    references, files = [], []
    for number, text in enumerate(yamls):
        (given.home / f"{number}.yaml").write_text(text)
        files += ["--values", given.home / f"{number}.yaml"]
        references.append(ValuesReference(kind="ConfigMap", name=str(number)))
    compose = partial(ValuesComposer(Maps(*yamls)).compose, "apps", references, None)
    theirs = given(*files, base=False)
    if theirs is None:
        with pytest.raises(Exception, match="failed to read values data"):
            await compose()
    else:
        assert shown((await compose()).values) == theirs
