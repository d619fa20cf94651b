{{/* What Services and the Deployment, whose selector can't be changed, choose pods by. */}}
{{- define "notification.selector" -}}
app: {{ include "controller.name" . }}
{{- end }}

{{/* What comes behind the arguments that have a fixed place; there are no shards. */}}
{{- define "notification.moreArguments" -}}
{{- $arguments := list -}}
{{- $gates := list -}}
{{- range $gate, $on := .Values.featureGates -}}
{{- $gates = append $gates (printf "%s=%t" $gate $on) -}}
{{- end -}}
{{- with $gates -}}
{{- $arguments = append $arguments (printf "--feature-gates=%s" (join "," .)) -}}
{{- end -}}
{{- range $flag, $value := .Values.flags -}}
{{- /* JSON, as large numbers are written with an exponent otherwise. */ -}}
{{- $arguments = append $arguments (printf "--%s=%s" $flag (kindIs "string" $value | ternary $value (toJson $value))) -}}
{{- end -}}
{{- with concat $arguments .Values.extraArgs -}}
{{ toYaml . }}
{{- end -}}
{{- end }}
