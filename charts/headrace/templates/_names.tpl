{{/* The labels of what belongs to the suite and to none of its controllers. */}}
{{- define "headrace.labels" -}}
app.kubernetes.io/instance: {{ .Release.Namespace }}
app.kubernetes.io/part-of: flux
app.kubernetes.io/version: {{ .Values.fluxVersion }}
headrace.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
