{{/* Ports by service: what callers use, and the admin port. */}}
{{- define "signalbox.ports" -}}
gateway: {main: 8080, admin: 9080}
auth: {main: 50051, admin: 9081}
user: {main: 50052, admin: 9082}
product: {main: 50053, admin: 9083}
notification: {admin: 9084}
{{- end }}

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
{{- $values := index .root.Values.services .service -}}
{{- with .root.Values.image.registry }}{{ . }}/{{ end -}}
signalbox/{{ .service }}
{{- if $values.digest }}@{{ $values.digest }}{{ else }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Whether a service is a Rollout ("true") or a Deployment: {root, service}. notification has no traffic to share out. */}}
{{- define "signalbox.isRollout" -}}
{{- if and .root.Values.rollouts.enabled (ne .service "notification") }}true{{ end }}
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
{{- $ports := dict "postgres" 5432 "redis" 6379 "rabbitmq" 5672 -}}
{{- $names := dict "postgres" "postgres-rw" "redis" "redis" "rabbitmq" "rabbitmq" -}}
{{- $store := index .root.Values.stores .store -}}
{{- if eq $store.mode "managed" -}}{{ $store.host }}:{{ $store.port | int }}{{ else }}{{ index $names .store }}:{{ index $ports .store }}{{ end }}
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
