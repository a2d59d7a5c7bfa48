{{/* Stores that a program reaches and whose certificate an authority of its own has signed: {root, name}. */}}
{{- define "signalbox.ownAuthorities" -}}
{{- $root := .root -}}
{{- $calls := index (include "signalbox.calls" .root | fromYaml) .name -}}
{{- range list "postgres" "redis" "rabbitmq" }}
{{- $store := index $root.Values.stores . }}
{{- if and (has . $calls) (eq $store.mode "managed") $store.caConfigMap }}
- {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* The certificates of those authorities in the container, and in the pod: {root, name}. */}}
{{- define "signalbox.caMounts" -}}
{{- range include "signalbox.ownAuthorities" . | fromYamlArray }}
- {name: ca-{{ . }}, mountPath: /etc/ca/{{ . }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "signalbox.caVolumes" -}}
{{- $root := .root }}
{{- range include "signalbox.ownAuthorities" . | fromYamlArray }}
- name: ca-{{ . }}
  configMap: {name: {{ (index $root.Values.stores .).caConfigMap }}}
{{- end }}
{{- end }}

{{/* The pod of a service: {root, service}. */}}
{{- define "signalbox.pod" -}}
{{- $root := .root }}
{{- $service := .service }}
{{- $its := index (include "signalbox.services" .root | fromYaml) .service }}
{{- $upper := upper .service }}
{{- $hash := ternary "rollouts-pod-template-hash" "pod-template-hash" (eq (include "signalbox.isRollout" .) "true") }}
metadata:
  labels: {{- include "signalbox.labels" (dict "root" $root "name" $service) | nindent 4 }}
  annotations:
    # A pod reads its configuration at start, so a change of it rolls the pods.
    checksum/config: {{ include "signalbox.configOf" . | sha256sum }}
spec:
  {{- include "signalbox.podBase" (dict "root" $root "account" $service) | nindent 2 }}
  restartPolicy: Always
  terminationGracePeriodSeconds: {{ $root.Values.pods.terminationSeconds | int }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" $root.Values.pods.requireZones }}
      labelSelector:
        matchLabels: {{- include "signalbox.selector" (dict "name" $service) | nindent 10 }}
      # Each version is spread by itself, so that a canary does not stand where the stable pods leave room.
      matchLabelKeys: [{{ $hash }}]
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "signalbox.selector" (dict "name" $service) | nindent 10 }}
      # Each version is spread by itself, so that a canary does not stand where the stable pods leave room.
      matchLabelKeys: [{{ $hash }}]
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels: {{- include "signalbox.selector" (dict "name" $service) | nindent 16 }}
  containers:
    - name: {{ $service }}
      image: {{ include "signalbox.image" . }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      envFrom:
        - configMapRef: {name: {{ $service }}}
      env:
        - name: SIGNALBOX_{{ $upper }}_CONFIG
          value: /run/secrets/signalbox/config.toml
        - name: SIGNALBOX_{{ $upper }}_TELEMETRY_INSTANCE
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: SIGNALBOX_{{ $upper }}_RUNTIME_WORKER_THREADS
          valueFrom: {resourceFieldRef: {containerName: {{ $service }}, resource: requests.cpu, divisor: "1"}}
      ports:
        {{- with $its.main }}
        - {name: {{ $its.protocol }}, containerPort: {{ . | int }}, protocol: TCP}
        {{- end }}
        - {name: admin, containerPort: {{ $its.admin | int }}, protocol: TCP}
      # Alive is the process alone; ready is what the service needs to answer; starting may take a minute.
      startupProbe: {httpGet: {path: /livez, port: admin}, periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 30}
      livenessProbe: {httpGet: {path: /livez, port: admin}, periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 3}
      readinessProbe: {httpGet: {path: /readyz, port: admin}, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2}
      lifecycle:
        preStop: {sleep: {seconds: {{ $root.Values.pods.preStopSeconds | int }}}}
      resources:
        requests: {cpu: {{ $its.cpu | quote }}, memory: {{ $its.memory }}, ephemeral-storage: 32Mi}
        limits: {memory: {{ $its.memory }}, ephemeral-storage: 128Mi}
      securityContext: {{- include "signalbox.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: secrets, mountPath: /run/secrets/signalbox, readOnly: true}
        {{- if has "smtp" $its.calls }}
        - {name: data, mountPath: /data}
        {{- end }}
        {{- with include "signalbox.caMounts" (dict "root" $root "name" $service) }}
        {{- . | trim | nindent 8 }}
        {{- end }}
  volumes:
    - name: secrets
      secret: {secretName: {{ $service }}}
    {{- if has "smtp" $its.calls }}
    # Mails of the transport "file"; nothing with "smtp".
    - name: data
      emptyDir: {sizeLimit: 64Mi}
    {{- end }}
    {{- with include "signalbox.caVolumes" (dict "root" $root "name" $service) }}
    {{- . | trim | nindent 4 }}
    {{- end }}
{{- end }}
