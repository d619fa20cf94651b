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

{{/* Pods of the controller and of all its shards. */}}
{{- define "controller.pods" -}}
app.kubernetes.io/component: {{ include "controller.name" . }}
app.kubernetes.io/instance: {{ .Release.Namespace }}
{{- end }}

{{/* The shards as a YAML list; the first one has an empty name and is what is left to the controller itself. */}}
{{- define "controller.shards" -}}
{{- $shards := concat .Values.shards ((.Values.global).shards | default list) | uniq -}}
{{- toYaml (prepend $shards "") }}
{{- end }}

{{/* The next ones take a list of the context and the name of a shard. */}}
{{- define "controller.shardName" -}}
{{ include "controller.name" (first .) }}{{ with last . }}-{{ . }}{{ end }}
{{- end }}

{{- define "controller.shardLabels" -}}
{{ include "controller.labels" (first .) }}
{{- with last . }}
sharding.fluxcd.io/key: {{ . | quote }}
{{- end }}
{{- end }}

{{/* The selector of a Deployment can't be changed, so it is the same with and without shards. */}}
{{- define "controller.shardPods" -}}
app: {{ include "controller.shardName" . }}
{{- end }}

{{/* The objects that a shard looks after: its own; for the controller itself those of no shard. */}}
{{- define "controller.watchLabelSelector" -}}
{{- $root := first . -}}
{{- $parts := list -}}
{{- with $root.Values.watchLabelSelector -}}
{{- $parts = append $parts . -}}
{{- end -}}
{{- if last . -}}
{{- $parts = append $parts (printf "sharding.fluxcd.io/key=%s" (last .)) -}}
{{- else if gt (len (include "controller.shards" $root | fromYamlArray)) 1 -}}
{{- $parts = append $parts "!sharding.fluxcd.io/key" -}}
{{- end -}}
{{ join "," $parts }}
{{- end }}

{{- define "controller.image" -}}
{{- $tag := required "image.tag is needed: flux version reads it" .Values.image.tag -}}
{{ with (.Values.global).imageRegistry }}{{ . }}/{{ end }}{{ .Values.image.repository }}:{{ $tag }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "controller.imagePullSecrets" -}}
{{- with concat .Values.imagePullSecrets ((.Values.global).imagePullSecrets | default list) | uniq -}}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "controller.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "controller.name" .) }}
{{- end }}

{{- define "controller.eventsAddr" -}}
{{- if .Values.events.enabled -}}
{{ .Values.events.address | default (printf "http://notification-controller.%s.svc.%s./" .Release.Namespace .Values.clusterDomain) }}
{{- end -}}
{{- end }}

{{/* What comes behind the arguments that have a fixed place; takes a list of the context and the name of a shard. */}}
{{- define "controller.moreArguments" -}}
{{- $root := first . -}}
{{- $arguments := list -}}
{{- with include "controller.watchLabelSelector" . -}}
{{- $arguments = append $arguments (printf "--watch-label-selector=%s" .) -}}
{{- end -}}
{{- $gates := list -}}
{{- range $gate, $on := $root.Values.featureGates -}}
{{- $gates = append $gates (printf "%s=%t" $gate $on) -}}
{{- end -}}
{{- with $gates -}}
{{- $arguments = append $arguments (printf "--feature-gates=%s" (join "," .)) -}}
{{- end -}}
{{- range $flag, $value := $root.Values.flags -}}
{{- range (kindIs "slice" $value | ternary $value (list $value)) -}}
{{- /* JSON, as large numbers are written with an exponent otherwise. */ -}}
{{- $arguments = append $arguments (printf "--%s=%s" $flag (kindIs "string" . | ternary . (toJson .))) -}}
{{- end -}}
{{- end -}}
{{- with concat $arguments $root.Values.extraArgs -}}
{{ toYaml . }}
{{- end -}}
{{- end }}
