{{/* Services by name: what services.yaml says of each, what values say (its own entry over serviceDefaults), `protocol` and `main`,
     the port that callers use, and in `calls` also its stores, the broker and the collector. */}}
{{- define "signalbox.services" -}}
{{- $root := . }}
{{- range $service, $listed := (.Files.Get "files/services.yaml" | fromYaml).services }}
{{- $calls := concat $listed.calls $listed.stores }}
{{- if or $listed.publishes $listed.consumes }}
{{- $calls = append $calls "rabbitmq" }}
{{- end }}
{{- $known := dict "calls" (append $calls "collector") "digest" "" "config" dict }}
{{- range $protocol := list "http" "grpc" }}
{{- with index $listed $protocol }}
{{- $_ := mergeOverwrite $known (dict "protocol" $protocol "main" .) }}
{{- end }}
{{- end }}
{{ $service }}: {{ mergeOverwrite (deepCopy $listed) $known (deepCopy $root.Values.serviceDefaults) (index $root.Values.services $service | default dict | deepCopy) | toJson }}
{{- end }}
{{- end }}

{{/* What services.yaml lists beside the services: stores, exporters and the like, with their ports. */}}
{{- define "signalbox.parts" -}}
{{- (.Files.Get "files/services.yaml" | fromYaml).parts | toYaml }}
{{- end }}

{{/* Who calls whom. A test compares the rendered policies with services.yaml, and that with the configuration of the services. */}}
{{- define "signalbox.calls" -}}
{{- range $service, $its := include "signalbox.services" . | fromYaml }}
{{ $service }}: {{ toJson $its.calls }}
{{- if has "postgres" $its.calls }}
migrate-{{ $service }}: [postgres]
{{- end }}
{{- end }}
{{- if .Values.exporters.enabled }}
{{- range $part, $its := include "signalbox.parts" . | fromYaml }}
{{- with $its.calls }}
{{ $part }}: {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}
{{- if eq .Values.stores.postgres.mode "operator" }}
provision: [postgres]
{{- end }}
{{- end }}

{{/* Ports that Prometheus reads. */}}
{{- define "signalbox.scraped" -}}
{{- range $service, $its := include "signalbox.services" . | fromYaml }}
{{ $service }}: {{ $its.admin | int }}
{{- end }}
{{- range $part, $its := include "signalbox.parts" . | fromYaml }}
{{- with $its.metrics }}
{{ $part }}: {{ . | int }}
{{- end }}
{{- end }}
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
{{- $services := include "signalbox.services" .root | fromYaml -}}
{{- if hasKey $services .callee }}
- to:
    - podSelector:
        matchLabels: {{- include "signalbox.selector" (dict "name" .callee) | nindent 10 }}
  ports: [{port: {{ (index $services .callee).main | int }}, protocol: TCP}]
{{- else if hasKey $values.stores .callee }}
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
  ports: [{port: {{ include "signalbox.portOf" (dict "root" .root "part" .callee) }}, protocol: TCP}]
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
