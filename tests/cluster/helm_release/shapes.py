"""HelmReleases of all sorts, as data: what their charts, values and specs may hold."""

from dataclasses import dataclass, field

from shared.lang import yaml

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
  labels: {helm.sh/chart: '{{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}'}
data:
  values: {{ .Values | toJson | quote }}
  revision: {{ .Release.Revision | quote }}
"""
CLUSTER = """  found: {{ (lookup "v1" "ConfigMap" .Release.Namespace "there").data | toJson | quote }}
  version: {{ .Capabilities.KubeVersion.Version }}
  has: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: main, image: "main:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{port: 80, name: http}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: 'headrace:{{ .Release.Namespace }}'}
rules: []
"""
LIST = """
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: listed-b}}
  - {apiVersion: v1, kind: Secret, metadata: {name: listed-a}, stringData: {key: words}}
"""
HOOK = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations:
    helm.sh/hook: "pre-install,post-install,pre-upgrade"
    helm.sh/hook-weight: "-5"
    helm.sh/hook-delete-policy: hook-succeeded, before-hook-creation
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {helm.sh/hook: post-install}
stringData: {word: {{ .Values.word | default "none" | quote }}}
"""
TEST = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: "test-success"}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test, helm.sh/hook-weight: "1"}
"""
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: passings.pass.example.com}
spec:
  group: pass.example.com
  names: {kind: Passing, plural: passings}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
RICH_CHART = {
    "apiVersion": "v2",
    "name": "demo",
    "version": "1.0.0",
    "appVersion": "2.0",
    "description": "ümlauts & <brackets> \u2028 in words",
    "home": "https://example.com/?a=1&b=2",
    "sources": ["https://example.com/b", "https://example.com/a"],
    "keywords": ["one", "two"],
    "maintainers": [{"name": "Ann", "email": "ann@example.com"}, {"name": "Bob", "url": "https://x"}],
    "icon": "https://example.com/icon.png",
    "kubeVersion": ">=1.20.0-0",
    "annotations": {"b": "2", "a": "1"},
    "type": "application",
    "dependencies": [
        {"name": "sub", "version": "0.1.0", "alias": "other", "condition": "other.enabled", "tags": ["x"]},
        {"name": "sub", "version": "0.1.0", "repository": "https://example.com", "import-values": ["data"]},
    ],
}
SUB_CHART = {
    "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
    "charts/sub/values.yaml": "exports: {data: {imported: 1}}\nown: true\n",
    "charts/sub/templates/config.yaml": CONFIG.replace("{{ .Release.Name }}-config", "{{ .Chart.Name }}"),
}
NUMBERS = {
    "zero": 0,
    "negative": -7,
    "large": 9007199254740993,
    "larger": 12345678901234567890,
    "largest": 1.2345678901234568e29,
    "whole": 3.0,
    "float": 0.1,
    "long": 1234567.5,
    "tiny": 1e-9,
    "small": 0.00001234,
    "huge": 1e21,
    "huger": 1.5e300,
    "below": -2.5e-7,
    "million": 1000000,
    "millions": 20000000.0,
}
LOOK_ALIKES = """
y n yes no on off true false null ~ 0 1 01 0o7 0x1F 1e3 1_000 1:20 12:30:45 2001-12-14 .inf .nan
2001-12-14T21:59:43.10-05:00 = << 0b1 +1 -1 .5 5. 1.5 1,000 NULL Null TRUE off- -off 0.0 -0
Y N ON Off nUll 089 1e-3 1E3 0x 0xZ _1 1_ .1_0 +.inf -.INF
"""
TEXTS = {key: key for key in LOOK_ALIKES.split()}
WORDS = {
    "empty": "",
    "space": " ",
    "leading": "  two",
    "trailing": "two  ",
    "colon": "a: b",
    "hash": "a #b",
    "quote": 'say "hi"',
    "apostrophe": "it's",
    "percent": "%x @y `z",
    "dash": "- item",
    "dashes": "---",
    "dots": "...",
    "question": "? x",
    "braces": "{a: 1}",
    "brackets": "[1, 2]",
    "star": "*anchor &anchor !tag |literal >folded",
    "tab": "a\tb",
    "return": "a\rb",
    "bell": "a\u0007b",
    "lines": "one\ntwo\n",
    "clipped": "one\ntwo",
    "kept": "one\n\n\n",
    "indented": "  one\n two\n",
    "trailing blanks": "one  \ntwo\t\n",
    "only": "\n",
    "crlf": "one\r\ntwo\r\n",
    "unicode": "grüße 漢字 \U0001f600",
    "control": "\x00\x1f\u00a0",
    "long": "word " * 40,
    "longer": "x" * 300,
    "quoted": ("word: " * 40).strip(),
    "mixed": ("long 'and' \"quoted\" # words " * 8) + "\n" + "next line " * 20,
    "html": "<a href='x'>&amp;</a>",
    "backslash": "C:\\path\\n",
    "json": '{"a": [1, 2, {"b": null}]}',
}
SHAPES = {}


@dataclass
class Shape:
    """A HelmRelease with its chart, and what it comes to."""

    templates: dict = field(default_factory=lambda: {"config.yaml": CONFIG})
    spec: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    objects: tuple = ()
    #: Edits of the spec, one after the other.
    changes: tuple = ()
    #: Whether only Flux can make it.
    theirs: bool = False
    end: str = "Ready"
    version: str = "1.0.0"


def shape(name, **how):
    SHAPES[name] = Shape(**how)


shape("a plain chart")
shape(
    "several kinds and lists",
    templates={"a.yaml": DEPLOYMENT, "list.yaml": LIST, "b.yaml": CONFIG, "NOTES.txt": "Hi & <bye> ü"},
    values={"replicas": 0},
)
shape("numbers", spec={"values": NUMBERS})
shape(
    "numbers in templates",
    templates={
        "config.yaml": CONFIG
        + "  all: {{ range $k, $v := .Values }}{{ $k }}={{ $v }}:{{ typeOf $v }} {{ end }}"
    },
    spec={"values": NUMBERS},
)
shape("texts that look like something else", spec={"values": {**TEXTS, "nested": {"list": list(TEXTS)}}})
shape("texts of all kinds", spec={"values": {**WORDS, "list": list(WORDS.values())}})
shape(
    "empty and null values",
    spec={
        "values": {
            "null": None, "gone": None, "map": {}, "list": [], "maps": [{}, [], None, [[]], {"a": {}}],
            "bools": [True, False], "deep": {"a": {"b": {"c": [[1, [2, {"d": None}]]]}}}, "": "empty key",
        }
    },
    values={"gone": {"default": 1}, "map": {"a": 1}},
)  # fmt: skip
shape("no values at all", values={"default": 1})
shape(
    "values of references",
    objects=(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "values"},
            "stringData": {
                "values.yaml": "large: 9007199254740993\nfloat: 1.50\ntext: 'yes'\nword: yes\n"
                "octal: 0777\nhex: 0x1F\nexp: 1e3\ndate: 2001-12-14\nlist: [1, 2.0, 1e21]\nnothing: ~\n",
                "number": "12345678901",
                "list": "{a,1,true,null}",
                "literal": "a,b=c",
            },
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "more"},
            "data": {"more.yaml": "multi: |\n  one\n  two\nmap: {a: 1, b: {c: .5}}\n"},
        },
    ),
    spec={
        "valuesFrom": [
            {"kind": "Secret", "name": "values"},
            {"kind": "ConfigMap", "name": "more", "valuesKey": "more.yaml"},
            {"kind": "Secret", "name": "values", "valuesKey": "number", "targetPath": "set.number"},
            {"kind": "Secret", "name": "values", "valuesKey": "list", "targetPath": "set.list[2]"},
            {
                "kind": "Secret",
                "name": "values",
                "valuesKey": "literal",
                "targetPath": "set.literal",
                "literal": True,
            },
            {"kind": "Secret", "name": "missing", "optional": True},
        ],
        "values": {"map": {"b": {"d": 1.5}}, "inline": 7},
    },
)
shape(
    "assigned numbers in templates",
    templates={
        "config.yaml": CONFIG + "  all: {{ .Values.uid }}:{{ typeOf .Values.uid }} {{ .Values.list }}"
    },
    objects=(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "ids"},
            "data": {"uid": "1000650000", "list": "{1,2000000}"},
        },
    ),
    spec={
        "valuesFrom": [
            {"kind": "ConfigMap", "name": "ids", "valuesKey": "uid", "targetPath": "uid"},
            {"kind": "ConfigMap", "name": "ids", "valuesKey": "list", "targetPath": "list"},
        ],
    },
)
shape("hooks", templates={"config.yaml": CONFIG, "hook.yaml": HOOK}, spec={"values": {"word": "hey"}})
shape(
    "hooks and tests",
    templates={"config.yaml": CONFIG, "hook.yaml": HOOK, "test.yaml": TEST},
    spec={"test": {"enable": True}},
)
shape("tests that are off", templates={"config.yaml": CONFIG, "test.yaml": TEST})
shape("no tests though they are on", spec={"test": {"enable": True}})
shape(
    "one test of two",
    templates={
        "config.yaml": CONFIG,
        "test.yaml": TEST.replace(
            "ServiceAccount\nmetadata:\n  name: {{ .Release.Name }}-test",
            "ServiceAccount\nmetadata:\n  name: other",
        ),
    },
    spec={"test": {"enable": True, "filters": [{"name": "other", "exclude": True}]}},
)
shape(
    "post-renderers",
    templates={"a.yaml": DEPLOYMENT, "b.yaml": CONFIG, "hook.yaml": HOOK},
    values={"replicas": 0},
    spec={
        "postRenderers": [
            {
                "kustomize": {
                    "patches": [
                        {
                            "patch": "- {op: add, path: /metadata/annotations, value: {patched: '<&> ü'}}\n",
                            "target": {"kind": "Deployment|ConfigMap", "name": "a.*", "labelSelector": "!n"},
                        },
                        {"patch": "apiVersion: v1\nkind: Service\nmetadata: {name: app, labels: {y: 'x'}}"},
                    ],
                    "images": [
                        {"name": "main", "newName": "registry.example.com/main", "newTag": "2"},
                        {"name": "other", "digest": "sha256:" + "0" * 64},
                    ],
                }
            },
            {"kustomize": {"images": [{"name": "registry.example.com/main", "newTag": "3"}]}},
        ],
        "values": {"x": 1},
    },
)  # fmt: skip
shape("empty post-renderers", spec={"postRenderers": [{"kustomize": {}}, {}]})
for strategy in ("nohooks", "separate"):
    shape(
        f"post-rendering {strategy}",
        templates={"b.yaml": CONFIG, "hook.yaml": HOOK},
        spec={
            "postRenderStrategy": strategy,
            "commonMetadata": {"labels": {"team": "b.c"}, "annotations": {"note": "<&> ü"}},
        },
    )
shape(
    "common metadata",
    templates={"a.yaml": DEPLOYMENT, "b.yaml": CONFIG, "hook.yaml": HOOK},
    values={"replicas": 0},
    spec={"commonMetadata": {"labels": {"z": "1", "a": "2"}, "annotations": {"note": "<b> & 'x' \u2028"}}},
)
shape("only common annotations", spec={"commonMetadata": {"annotations": {"note": "x"}}})
shape("empty common metadata", spec={"commonMetadata": {}})
shape("definitions", files={"crds/passing.yaml": DEFINITION})
shape(
    "definitions that are skipped",
    files={"crds/passing.yaml": DEFINITION},
    spec={"install": {"crds": "Skip"}},
)
shape("a chart that tells much of itself", files={"Chart.yaml": yaml.dump(RICH_CHART), **SUB_CHART})
shape(
    "sub-charts by tag, with values for all",
    files={"Chart.yaml": yaml.dump(RICH_CHART), **SUB_CHART},
    values={"tags": {"x": False}, "global": {"where": "here"}},
    spec={"values": {"global": {"who": "all"}, "sub": {"own": 1}, "other": {"own": 2}}},
)
shape(
    "sub-charts by condition, with values of their own",
    files={"Chart.yaml": yaml.dump(RICH_CHART), **SUB_CHART},
    values={"tags": {"x": False}},
    spec={"values": {"other": {"enabled": True, "own": None}, "imported": 2}},
)
shape(
    "a hook that stays and is there already",
    templates={
        "b.yaml": CONFIG,
        "hook.yaml": HOOK.replace("hook-succeeded, before-hook-creation", "hook-failed"),
    },
    changes=({"values": {"a": 1}},),
)
shape(
    "what the cluster has",
    templates={"b.yaml": CONFIG + CLUSTER},
    objects=({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there"}, "data": {"a": "1"}},),
    changes=({"values": {"a": 1}},),
)
for strategy in ("nohooks", "combined", "separate"):
    shape(
        f"patches that make hooks and take them away, {strategy}",
        templates={"b.yaml": CONFIG, "hook.yaml": HOOK},
        spec={
            "postRenderStrategy": strategy,
            "postRenderers": [
                {
                    "kustomize": {
                        "patches": [
                            {
                                "patch": "- {op: add, path: /metadata/annotations,"
                                " value: {helm.sh/hook: 'post-install,post-upgrade'}}",
                                "target": {"kind": "ConfigMap", "name": "app-config"},
                            },
                            {
                                "patch": "- {op: remove, path: /metadata/annotations/helm.sh~1hook}",
                                "target": {"kind": "Secret", "name": "app-hook"},
                            },
                        ][: 1 if strategy == "nohooks" else 2]
                    }
                }
            ],
        },
        changes=({"values": {"a": 1}},),
    )
shape("drift detection", spec={"driftDetection": {"mode": "enabled"}})
shape("another name", spec={"releaseName": "another", "timeout": "3m", "maxHistory": 2})
shape("a composed name that is cut", spec={"targetNamespace": "TARGET", "install": {"createNamespace": True}})
shape(
    "several upgrades",
    changes=({"values": {"a": 1}}, {"values": {"a": 2}}, {"values": {"a": 1.5}, "maxHistory": 3}),
)
shape(
    "a retry strategy",
    spec={
        "install": {"strategy": {"name": "RetryOnFailure"}},
        "upgrade": {"strategy": {"name": "RetryOnFailure", "retryInterval": "1m"}},
    },
    changes=({"values": {"a": 1}},),
)
shape(
    "a failed upgrade that was rolled back",
    templates={"a.yaml": DEPLOYMENT, "hook.yaml": HOOK},
    values={"replicas": 0},
    spec={"upgrade": {"timeout": "2s", "remediation": {"retries": 0, "remediateLastFailure": True}}},
    changes=({"values": {"replicas": 1}},),
    end="Stalled",
)
shape(
    "a failed upgrade that was rolled back and mended",
    templates={"a.yaml": DEPLOYMENT},
    values={"replicas": 0},
    spec={"upgrade": {"timeout": "2s", "remediation": {"retries": 0, "remediateLastFailure": True}}},
    changes=(
        {"values": {"replicas": 1}},
        "Stalled",
        {"values": {"replicas": 0, "x": 1}, "upgrade": {"timeout": "1m"}},
    ),
)
shape(
    "a failed installation",
    templates={"a.yaml": DEPLOYMENT},
    values={"replicas": 1},
    spec={"timeout": "2s"},
    end="Stalled",
)
shape(
    "applied by the client",
    templates={"a.yaml": DEPLOYMENT, "b.yaml": CONFIG},
    values={"replicas": 0},
    spec={"install": {"serverSideApply": False}},
)
