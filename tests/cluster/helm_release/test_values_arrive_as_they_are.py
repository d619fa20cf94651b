"""Values on their way through helm and the API server."""

from json import loads

ALL = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-config}
data:
  {{- range $key, $value := .Values }}
  {{ $key }}: {{ $value | toJson | quote }}
  {{- end }}
"""
ODD = {
    "controls": "\x01\x1f\x7f\x80\x9f",
    "breaks": "one\u0085two\u2028three\u2029four",
    "marks": "\ufeff\u200b\u00a0",
    "smile": "\U0001f600",
    "quotes": "'\"`\\",
}


async def test_signs_that_are_none_in_yaml(releases):
    await releases.chart({"all.yaml": ALL})
    await releases.release(values=ODD)
    await releases.upgraded(1)
    live = await releases.live("ConfigMap", "app-config")
    assert {key: loads(value) for key, value in live["data"].items()} == ODD
