{{/* Names don't depend on the release: tools and other controllers look for them. */}}
{{- define "controller.name" -}}
{{ .Chart.Name }}
{{- end }}

{{/* Names outside of namespaces carry the namespace, so that several installs fit into one cluster. */}}
{{- define "controller.clusterName" -}}
{{ .Chart.Name }}-{{ .Release.Namespace }}
{{- end }}

{{/* What the flux command line looks for; without a managed-by label, which makes it ask for confirmation. */}}
{{- define "controller.labels" -}}
app.kubernetes.io/component: {{ include "controller.name" . }}
app.kubernetes.io/instance: {{ .Release.Namespace }}
app.kubernetes.io/part-of: flux
app.kubernetes.io/version: {{ .Values.fluxVersion }}
control-plane: controller
headrace.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "controller.selector" -}}
app: {{ include "controller.name" . }}
{{- end }}

{{- define "controller.image" -}}
{{- $tag := required "image.tag is needed: flux version reads it" .Values.image.tag -}}
{{ .Values.image.repository }}:{{ $tag }}
{{- end }}

{{- define "controller.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "controller.name" .) }}
{{- end }}

{{- define "controller.eventsAddr" -}}
{{- if .Values.events.enabled -}}
{{ .Values.events.address | default (printf "http://notification-controller.%s.svc.%s./" .Release.Namespace .Values.clusterDomain) }}
{{- end -}}
{{- end }}

{{- define "controller.featureGates" -}}
{{- $pairs := list -}}
{{- range $gate, $on := .Values.featureGates -}}
{{- $pairs = append $pairs (printf "%s=%t" $gate $on) -}}
{{- end -}}
{{ join "," $pairs }}
{{- end }}
