{{- define "signalbox.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: signalbox
{{- end }}

{{/* Labels of every object: {root, name}. */}}
{{- define "signalbox.labels" -}}
{{ include "signalbox.selector" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* The image of a service: {root, service}. */}}
{{- define "signalbox.image" -}}
{{- $its := index (include "signalbox.services" .root | fromYaml) .service -}}
{{- with .root.Values.image.registry }}{{ . }}/{{ end -}}
signalbox/{{ $its.image }}
{{- if $its.digest }}@{{ $its.digest }}{{ else }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Whether a service is a Rollout ("true") or a Deployment: {root, service}. Who serves no port has no traffic to share out. */}}
{{- define "signalbox.isRollout" -}}
{{- if and .root.Values.rollouts.enabled (index (include "signalbox.services" .root | fromYaml) .service).main }}true{{ end }}
{{- end }}

{{/* What owns the number of replicas, if it is on: keda for a service that only handles events, else autoscaling. */}}
{{- define "signalbox.scaler" -}}
{{- if and .consumes (not .main) }}keda{{ else }}autoscaling{{ end }}
{{- end }}

{{- define "signalbox.scaleTarget" -}}
{{- if include "signalbox.isRollout" . -}}
apiVersion: argoproj.io/v1alpha1
kind: Rollout
{{- else -}}
apiVersion: apps/v1
kind: Deployment
{{- end }}
name: {{ .service }}
{{- end }}

{{/* Host and port of a store: the managed endpoint, or the operator's service: {root, store}. */}}
{{- define "signalbox.storeAddress" -}}
{{- $names := dict "postgres" "postgres-rw" "redis" "redis" "rabbitmq" "rabbitmq" -}}
{{- $store := index .root.Values.stores .store -}}
{{- if eq $store.mode "managed" -}}{{ $store.host }}:{{ $store.port | int }}{{ else }}{{ index $names .store }}:{{ include "signalbox.portOf" (dict "root" .root "part" .store) }}{{ end }}
{{- end }}

{{/* Port of a part in the cluster: {root, part}. */}}
{{- define "signalbox.portOf" -}}
{{- (index (include "signalbox.parts" .root | fromYaml) .part).port | int }}
{{- end }}

{{/* URL of a store, with TLS and the names of certificates checked where it is managed. PASSWORD is what the template of a
     Secret puts there, never a password: {root, store, user, password, path}. */}}
{{- define "signalbox.storeUrl" -}}
{{- $managed := eq (index .root.Values.stores .store).mode "managed" -}}
{{- $schemes := dict "postgres" (list "postgres" "postgres") "redis" (list "redis" "rediss") "rabbitmq" (list "amqp" "amqps") -}}
{{- index $schemes .store (ternary 1 0 $managed) }}://{{ .user }}:{{ .password }}@{{ .address | default (include "signalbox.storeAddress" .) }}{{ with .path }}/{{ . }}{{ end }}
{{- if and $managed (eq .store "postgres") }}?sslmode=verify-full{{ end }}
{{- end }}

{{/* Sections of the services' configuration by store. */}}
{{- define "signalbox.storeSections" -}}
postgres: database
redis: redis
rabbitmq: broker
{{- end }}

{{/* The restricted profile, and a read-only root. */}}
{{- define "signalbox.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "signalbox.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What every pod has: {root, account}. */}}
{{- define "signalbox.podBase" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.pods }}
{{- if .userNamespaces }}
hostUsers: false
{{- end }}
{{- with .priorityClass }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
securityContext: {{- include "signalbox.podSecurity" . | nindent 2 }}
{{- end }}
