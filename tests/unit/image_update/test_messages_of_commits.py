"""Messages of commits are templates over what changed."""

import hashlib

import pytest

from image_controllers.automation.setters.edits import Change, ObjectName
from image_controllers.automation.update.message import RemovedField, read, rendered
from shared.lang.gotmpl import NoField, ParseError, RunError

CHANGES = {
    "apps/a.yaml": {
        ObjectName("apps/v1", "Deployment", "web", ""): [Change("1", "2", "ns:z")],
        ObjectName("helm.toolkit.fluxcd.io/v2", "HelmRelease", "api", "default"): [
            Change("1.0", "5.0.3", "ns:api:tag"),
            Change("x", "y", "ns:api:name"),
        ],
    },
    "apps/b.yaml": {
        ObjectName("apps/v1", "Deployment", "web", "default"): [Change("web:1.0", "web:1.1", "ns:web")]
    },
}
VALUES = {"cluster": "prod", "b": "2"}
FILES = """\
{{ range $filename, $objchange := .Changed.FileChanges -}}
- File: {{ $filename }}
{{- range $obj, $changes := $objchange }}
  - Object: {{ $obj.Kind }}/{{ $obj.Namespace }}/{{ $obj.Name }}
    Changes:
{{- range $_ , $change := $changes }}
    - {{ $change.OldValue }} -> {{ $change.NewValue }} ({{ $change.Setter }})
{{ end -}}
{{ end -}}
{{ end -}}
"""
FILES_WRITTEN = """\
- File: apps/a.yaml
  - Object: Deployment//web
    Changes:
    - 1 -> 2 (ns:z)

  - Object: HelmRelease/default/api
    Changes:
    - 1.0 -> 5.0.3 (ns:api:tag)

    - x -> y (ns:api:name)
- File: apps/b.yaml
  - Object: Deployment/default/web
    Changes:
    - web:1.0 -> web:1.1 (ns:web)
"""
WEB, WEB_DEFAULT = "{{{apps/v1 Deployment} {web }}}", "{{{apps/v1 Deployment} {web default}}}"
API = "{{{helm.toolkit.fluxcd.io/v2 HelmRelease} {api default}}}"
API_CHANGES = "[{1.0 5.0.3 ns:api:tag} {x y ns:api:name}]"
PRINTED = (
    f"map[apps/a.yaml:map[{WEB}:[{{1 2 ns:z}}] {API}:{API_CHANGES}] "
    f"apps/b.yaml:map[{WEB_DEFAULT}:[{{web:1.0 web:1.1 ns:web}}]]]"
)


def message(template):
    return rendered(read(template), "flux-system", "auto", CHANGES, VALUES)


@pytest.mark.case("image-49")
@pytest.mark.parametrize(
    ("template", "written"),
    [
        (
            "{{range .Changed.Changes}}{{print .OldValue}} -> {{println .NewValue}}{{end}}",
            "1 -> 2\n1.0 -> 5.0.3\nx -> y\nweb:1.0 -> web:1.1\n",
        ),
        (
            "Automated image update by Flux for cluster {{ .Values.cluster }}.",
            "Automated image update by Flux for cluster prod.",
        ),
        ('Cluster: {{ index .Values "cluster" }}', "Cluster: prod"),
        ("{{ len .Changed.Changes }} {{ with .Values.b }}{{ . }}{{ else }}none{{ end }}", "4 2"),
        (
            '{{ .Values.missing }}|{{ .Values.cluster | upper | quote }}|{{ default "d" .Values.missing }}',
            '<no value>|"PROD"|d',
        ),
        (
            (
                "{{ range $f, $_ := .Changed.FileChanges }}"
                '{{ base $f | trimSuffix ".yaml" }} {{ dir $f }} {{ end }}'
            ),
            "a apps b apps ",
        ),
        (
            '{{ range .Changed.Changes }}{{ $p := splitList ":" .NewValue }}{{ last $p }} {{ end }}',
            "2 5.0.3 y 1.1 ",
        ),
        (
            '{{ $id := "" }}{{ $id = printf "%s%s" $id (.Changed.FileChanges | toString) }}{{ $id }}',
            PRINTED,
        ),
        (
            '{{ printf "I%s" (sha256sum (.Changed.FileChanges | toString) | trunc 8) }}',
            f"I{hashlib.sha256(PRINTED.encode()).hexdigest()[:8]}",
        ),
        (FILES, FILES_WRITTEN),
        (
            "{{ range $resource, $changes := .Changed.Objects -}}{{ $resource.Kind | lower }} {{ end -}}",
            "deployment deployment helmrelease ",
        ),
        (
            (
                "{{ range .Changed.Changes }}"
                '{{ if contains "5.0.3" .NewValue -}} new {{ else -}} [skip ci] {{ end -}}{{ end }}'
            ),
            "[skip ci] new [skip ci] [skip ci] ",
        ),
        ("{{ .AutomationObject }}", "flux-system/auto"),
        ('{{ printf "%q %.4s" .AutomationObject .AutomationObject }}', '"flux-system/auto" flux'),
        (
            '{{ printf "%+v" (index .Changed.Changes 0) }} {{ printf "%+v" .AutomationObject }}',
            "{OldValue:1 NewValue:2 Setter:ns:z} flux-system/auto",
        ),
        (
            '{{ range $key, $_ := .Changed.Objects }}{{ printf "%+v %q" $key $key }}{{ break }}{{ end }}',
            (
                "{ResourceIdentifier:{TypeMeta:{APIVersion:apps/v1 Kind:Deployment} "
                'NameMeta:{Name:web Namespace:}}} {{{"apps/v1" "Deployment"} {"web" ""}}}'
            ),
        ),
        ("{{ .AutomationObject.Namespace }}", "flux-system"),
        (None, "Update from image update automation"),
        ("plain [ci skip]", "plain [ci skip]"),
    ],
)
def test_templates_that_users_have(template, written):
    assert message(template) == written


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            "{{ .Updated }}",
            "template uses removed '.Updated' field. Please use '.Changed' instead. See: https://",
        ),
        ("{{ range .Updated.Files }}{{ end }}", "template uses removed '.Updated' field."),
        ("{{ .Changed.ImageResult.Images }}", "template uses removed '.Changed.ImageResult' field."),
    ],
)
def test_fields_that_are_gone(template, text):
    with pytest.raises(RemovedField) as caught:
        message(template)
    assert text in str(caught.value)


def test_other_mistakes():
    with pytest.raises(NoField, match=r"can't evaluate field Updated in type types\.NamespacedName"):
        message("{{ .AutomationObject.Updated }}")
    with pytest.raises(ParseError, match=r'template: commit message:1: function "now" not defined'):
        message("{{ now }}")
    with pytest.raises(NoField, match=r"can't evaluate field Nope in type source\.TemplateData"):
        message("{{ .Nope }}")
    with pytest.raises(RunError, match=r"expected string; got types\.NamespacedName"):
        message("{{ .AutomationObject | upper }}")
    assert message("{{ .AutomationObject | toString | upper }}") == "FLUX-SYSTEM/AUTO"


def test_a_change_that_is_made_twice_is_told_once():
    twice = {"a": {ObjectName(): [Change("1", "2", "x")]}, "b": {ObjectName(): [Change("1", "2", "x")]}}
    assert rendered(read("{{ len .Changed.Changes }}"), "ns", "n", twice, {}) == "1"
    assert (
        rendered(read("{{ .Changed.Objects }}"), "ns", "n", twice, {}) == "map[{{{ } { }}}:[{1 2 x} {1 2 x}]]"
    )


def test_json_of_what_go_can_write():
    assert message("{{ toJson .AutomationObject }}") == '{"Namespace":"flux-system","Name":"auto"}'
    assert (
        message("{{ toJson (index .Changed.Changes 0) }}")
        == '{"OldValue":"1","NewValue":"2","Setter":"ns:z"}'
    )
    keys = "{{ range $object, $_ := .Changed.Objects }}{{ toJson $object }}{{ break }}{{ end }}"
    assert message(keys) == '{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}'


def test_json_of_a_map_of_objects_is_nothing():
    assert message("[{{ toJson .Changed }}{{ toPrettyJson .Changed.Objects }}{{ toRawJson . }}]") == "[]"
    with pytest.raises(RunError, match=r"mustToJson: json: unsupported type: update\.ObjectChanges"):
        message("{{ mustToJson .Changed }}")
