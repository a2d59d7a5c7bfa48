{{/* Who calls whom. deploy/call-graph.yaml says the same, and a test compares the rendered policies with it and it with the
     configuration of the services. */}}
{{- define "signalbox.calls" -}}
gateway: [auth, user, product, redis, collector]
auth: [user, postgres, redis, rabbitmq, collector]
user: [postgres, rabbitmq, collector]
product: [postgres, redis, rabbitmq, collector]
notification: [postgres, rabbitmq, smtp, collector]
{{- range list "auth" "user" "product" "notification" }}
migrate-{{ . }}: [postgres]
{{- end }}
{{- if .Values.exporters.enabled }}
postgres-exporter: [postgres]
redis-exporter: [redis]
{{- end }}
{{- if eq .Values.stores.postgres.mode "operator" }}
provision: [postgres]
{{- end }}
{{- end }}

{{/* Ports that Prometheus reads. */}}
{{- define "signalbox.scraped" -}}
{{- range $service, $ports := include "signalbox.ports" . | fromYaml }}
{{ $service }}: {{ $ports.admin | int }}
{{- end }}
postgres-exporter: 9187
redis-exporter: 9121
rabbitmq: 15692
{{- end }}

{{/* Labels that an operator gives the pods of a store. */}}
{{- define "signalbox.storeLabels" -}}
postgres: {cnpg.io/cluster: postgres}
redis: {app: redis, redis_setup_type: standalone}
rabbitmq: {app.kubernetes.io/name: rabbitmq, app.kubernetes.io/component: rabbitmq}
{{- end }}

{{/* Peers and port of a callee as the body of an egress rule: {root, callee}. */}}
{{- define "signalbox.callee" -}}
{{- $values := .root.Values -}}
{{- $ports := include "signalbox.ports" .root | fromYaml -}}
{{- $storePorts := dict "postgres" 5432 "redis" 6379 "rabbitmq" 5672 -}}
{{- if hasKey $ports .callee }}
- to:
    - podSelector:
        matchLabels: {{- include "signalbox.selector" (dict "name" .callee) | nindent 10 }}
  ports: [{port: {{ (index $ports .callee).main | int }}, protocol: TCP}]
{{- else if hasKey $storePorts .callee }}
{{- $store := index $values.stores .callee }}
{{- if eq $store.mode "managed" }}
- to:
    {{- range required "stores.cidrs is empty: name the subnets of the managed stores" $values.stores.cidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  ports: [{port: {{ $store.port | int }}, protocol: TCP}]
{{- else }}
- to:
    - podSelector:
        matchLabels: {{- index (include "signalbox.storeLabels" .root | fromYaml) .callee | toYaml | nindent 10 }}
  ports: [{port: {{ index $storePorts .callee }}, protocol: TCP}]
{{- end }}
{{- else if eq .callee "collector" }}
- to:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: {{ $values.observability.namespace }}}
      podSelector:
        matchLabels: {{- $values.observability.collector.labels | toYaml | nindent 10 }}
  ports: [{port: {{ $values.observability.collector.port | int }}, protocol: TCP}]
{{- else if eq .callee "smtp" }}
- to:
    {{- if $values.mail.cidrs }}
    {{- range $values.mail.cidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
    {{- else }}
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: {{ $values.mail.namespace }}}
    {{- end }}
  ports: [{port: {{ $values.mail.port | int }}, protocol: TCP}]
{{- else }}
{{- fail (printf "no such callee: %s" .callee) }}
{{- end }}
{{- end }}
