"""The restricted Pod Security Standard, written again as code, and what this project asks for beyond it."""
import re

from render import containers, pods

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"}
HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe")


def kernel(where, security):
    """What of AppArmor, SELinux and Windows a pod or a container may not ask for."""
    wrong = []
    if security.get("appArmorProfile", {}).get("type", "RuntimeDefault") == "Unconfined":
        wrong.append(f"{where}: AppArmor is off")
    linux = security.get("seLinuxOptions", {})
    if linux.get("type", "") not in ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t") or {"user", "role"} & set(linux):
        wrong.append(f"{where}: SELinux options")
    if security.get("windowsOptions", {}).get("hostProcess"):
        wrong.append(f"{where}: a process of the host")
    return wrong


def restricted(name, spec):
    """What of a pod the profile `restricted` refuses."""
    wrong = []
    pod = spec.get("securityContext") or {}
    for key in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if spec.get(key):
            wrong.append(f"{name}: {key}")
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= VOLUMES:
            wrong.append(f"{name}: volume {volume['name']} is a {', '.join(kinds)}")
    if pod.get("sysctls"):
        wrong.append(f"{name}: sysctls")
    wrong += kernel(name, pod)
    for container in containers(spec):
        where = f"{name}/{container['name']}"
        own = container.get("securityContext") or {}
        wrong += kernel(where, own)
        if own.get("privileged"):
            wrong.append(f"{where}: privileged")
        if own.get("allowPrivilegeEscalation") is not False:
            wrong.append(f"{where}: allowPrivilegeEscalation is not false")
        capabilities = own.get("capabilities") or {}
        if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
            wrong.append(f"{where}: capabilities are not all dropped")
        if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
            wrong.append(f"{where}: runAsNonRoot is not true")
        if own.get("runAsUser", pod.get("runAsUser")) == 0:
            wrong.append(f"{where}: user 0")
        seccomp = (own.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type")
        if seccomp not in ("RuntimeDefault", "Localhost"):
            wrong.append(f"{where}: seccomp profile {seccomp}")
        if own.get("procMount", "Default") != "Default":
            wrong.append(f"{where}: procMount")
        if any("hostPort" in port for port in container.get("ports", [])):
            wrong.append(f"{where}: hostPort")
        handlers = [container.get(key) or {} for key in HANDLERS] + list((container.get("lifecycle") or {}).values())
        if any((handler.get(kind) or {}).get("host") for handler in handlers for kind in ("httpGet", "tcpSocket")):
            wrong.append(f"{where}: a probe or hook names a host")
    return wrong


def beyond(name, spec):
    """What the profile lets pass and this project does not."""
    wrong = []
    pod = spec.get("securityContext") or {}
    if spec.get("automountServiceAccountToken") is not False:
        wrong.append(f"{name}: mounts a token of the API server")
    if spec.get("enableServiceLinks") is not False:
        wrong.append(f"{name}: service links")
    if spec.get("serviceAccountName", "default") == "default":
        wrong.append(f"{name}: the default service account")
    for container in containers(spec):
        where = f"{name}/{container['name']}"
        own = container.get("securityContext") or {}
        if own.get("readOnlyRootFilesystem") is not True:
            wrong.append(f"{where}: the root file system can be written")
        for key in ("runAsUser", "runAsGroup"):
            if own.get(key, pod.get(key, 0)) < 10000:
                wrong.append(f"{where}: {key} below 10000")
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        for key in ("cpu", "memory", "ephemeral-storage"):
            if key not in requests:
                wrong.append(f"{where}: no request of {key}")
        if requests.get("memory") != limits.get("memory"):
            wrong.append(f"{where}: memory requested is not its limit")
        if "cpu" in limits:
            wrong.append(f"{where}: a limit of CPU throttles")
        tag = container["image"].rsplit("/", 1)[-1]
        if not re.search(r"@sha256:[0-9a-f]{64}$|:[^:]*\d[^:]*$", tag):
            wrong.append(f"{where}: image {container['image']} has no exact tag")
    return wrong


def probes(kind, name, spec):
    """Probes, and the order of the end of a service's pod."""
    wrong = []
    for container in spec["containers"]:
        if kind == "Job" or container["name"] == "exporter":
            continue
        where = f"{name}/{container['name']}"
        paths = {key: container.get(key, {}).get("httpGet", {}).get("path") for key in HANDLERS}
        ports = {container.get(key, {}).get("httpGet", {}).get("port") for key in HANDLERS}
        if paths != {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"} or ports != {"admin"}:
            wrong.append(f"{where}: probes are {paths} at {ports}")
        pre_stop = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain = 10  # shutdown.drain_ms
        if spec.get("terminationGracePeriodSeconds", 30) < pre_stop + drain + 5:
            wrong.append(f"{where}: killed before preStop ({pre_stop} s), drain ({drain} s) and 5 s for telemetry are over")
    return wrong


def problems(items):
    wrong = []
    for kind, name, _, spec in pods(items):
        wrong += restricted(name, spec) + beyond(name, spec) + probes(kind, name, spec)
    return wrong
