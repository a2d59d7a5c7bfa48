"""How programs reach the stores: by TLS where a store is managed, as the users that Terraform and the servers know, with the
authorities they were given. Reads rendered manifests; problems() says what is not so."""
import json
import re
import tomllib

from network import STORES, graph
from render import pods
from services import OWNERS, QUEUES, SERVICES

# Section of a service's configuration by store.
SECTION = {"postgres": "database", "redis": "redis", "rabbitmq": "broker"}
SCHEME = {"postgres": ("postgres", "postgres"), "redis": ("redis", "rediss"), "rabbitmq": ("amqp", "amqps")}
IN_CLUSTER = {"postgres": ("postgres-rw", 5432), "redis": ("redis", 6379), "rabbitmq": ("rabbitmq", 5672)}
PEM = "/etc/ca/{}/ca.pem"
CALLS = graph()["calls"]


def callees(name):
    """Stores that a program calls."""
    return [store for store in STORES if store in CALLS.get(name, [])]


def user_of(name, store, values):
    """The name by which a store knows a program."""
    service = name.removeprefix("migrate-")
    if store == "postgres":
        return f"{service}_owner" if name.startswith("migrate-") else f"{service}_app"
    return values["stores"]["redis"]["userPrefix"] + service if store == "redis" else service


def url_of(name, store, values, password, host=None):
    settings = values["stores"][store]
    managed = settings["mode"] == "managed"
    server, port = (settings["host"], settings["port"]) if managed else IN_CLUSTER[store]
    path = {"postgres": "/" + name.removeprefix("migrate-"), "redis": "", "rabbitmq": "/" + settings.get("vhost", "")}[store]
    query = "?sslmode=verify-full" if managed and store == "postgres" else ""
    return f"{SCHEME[store][managed]}://{user_of(name, store, values)}:{password}@{host if host and not managed else server}:{port}{path}{query}"


def authorities(name, values):
    """Store -> ConfigMap with the certificates of the authorities that a program needs beyond those of the system."""
    return {store: values["stores"][store]["caConfigMap"] for store in callees(name)
            if values["stores"][store]["mode"] == "managed" and values["stores"][store]["caConfigMap"]}


def secret_files(items):
    return {item["metadata"]["name"]: item["spec"]["target"]["template"]["data"] for item in items if item["kind"] == "ExternalSecret"}


def wrong_urls(items, values):
    files, wrong = secret_files(items), []
    for name in [*SERVICES, *(f"migrate-{service}" for service in OWNERS)]:
        sections = tomllib.loads(files[name]["config.toml"])
        for store in callees(name):
            key = SECTION[store]
            want = url_of(name, store, values, f"{{{{ .{key} | urlquery }}}}")
            found = sections.get(key, {}).get("url")
            if found != want:
                wrong.append(f"{name}: {key}.url is {found}, not {want}")
    for name in (name for name in QUEUES if f"{name}-scaler" in files):
        want = url_of(name, "rabbitmq", values, "{{ .broker | urlquery }}", "rabbitmq.signalbox")
        found = files[f"{name}-scaler"]["host"].strip()
        if found != want:
            wrong.append(f"{name}-scaler: host is {found}, not {want}")
    if "redis-exporter" in files:
        keys = set(json.loads(re.sub(r"\{\{.*?\}\}", '""', files["redis-exporter"]["passwords.json"])))
        address = url_of("metrics", "redis", values, "").replace("metrics:@", "metrics@")
        if keys != {address, re.sub(r"//.*@", "//", address)}:
            wrong.append(f"redis-exporter: passwords are for {keys}, not for {address}")
    return wrong


def variables(items, spec):
    """Variables of a pod's first container whose values stand in manifests."""
    maps = {item["metadata"]["name"]: item["data"] for item in items if item["kind"] == "ConfigMap" and "data" in item}
    container, found = spec["containers"][0], {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    return found | {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}


def ca_variable(name, store):
    if name == "redis-exporter":
        return "REDIS_EXPORTER_TLS_CA_CERT_FILE"
    return f"SIGNALBOX_{name.removeprefix('migrate-')}_{SECTION[store]}_ca_file".upper()


def wrong_authorities(items, values):
    """Each program has the certificates it needs, from the right ConfigMap, read-only, and is told where; and no others."""
    wrong = []
    for _, _, labels, spec in pods(items):
        name = labels["app.kubernetes.io/name"]
        needed = authorities(name, values)
        told = variables(items, spec)
        mounts = {mount["mountPath"]: mount for mount in spec["containers"][0].get("volumeMounts", [])}
        volumes = {volume["name"]: volume.get("configMap", {}).get("name") for volume in spec.get("volumes", [])}
        for store in STORES:
            pem = PEM.format(store)
            mount = mounts.get(pem.rsplit("/", 1)[0])
            if store not in needed:
                if mount or pem in str(told):
                    wrong.append(f"{name}: has certificates for {store} and needs none")
                continue
            if not mount or not mount.get("readOnly") or volumes.get(mount["name"]) != needed[store]:
                wrong.append(f"{name}: ConfigMap {needed[store]} is not mounted read-only for {store}")
            uri = told.get("DATA_SOURCE_URI")
            if name == "postgres-exporter" and f"sslrootcert={pem}" in uri:
                continue
            if name == "postgres-exporter" or told.get(ca_variable(name, store)) != pem:
                wrong.append(f"{name}: is not told of {pem}")
    return wrong


def wrong_exporters(items, values):
    wrong = []
    for _, _, labels, spec in pods(items):
        told, name = variables(items, spec), labels["app.kubernetes.io/name"]
        if name == "postgres-exporter":
            managed = values["stores"]["postgres"]["mode"] == "managed"
            server, port = (values["stores"]["postgres"][key] for key in ("host", "port")) if managed else IN_CLUSTER["postgres"]
            start = f"{server}:{port}/postgres?sslmode={'verify-full' if managed else 'disable'}"
            if told["DATA_SOURCE_URI"].split("&")[0] != start or told["DATA_SOURCE_USER"] != "metrics":
                wrong.append(f"{name}: reads {told['DATA_SOURCE_URI']} as {told['DATA_SOURCE_USER']}, not {start} as metrics")
        if name == "redis-exporter":
            want = re.sub(r"//.*@", "//", url_of("metrics", "redis", values, ""))
            if (told["REDIS_ADDR"], told["REDIS_USER"]) != (want, user_of("metrics", "redis", values)):
                wrong.append(f"{name}: reads {told['REDIS_ADDR']} as {told['REDIS_USER']}, not {want}")
            if (told.get("REDIS_EXPORTER_CONFIG_COMMAND") == "-") != want.startswith("rediss:"):
                wrong.append(f"{name}: asks a managed Redis for settings, or one in the cluster for none")
    return wrong


def wrong_scaler(items, values):
    """KEDA, which asks the broker from its own namespace, knows the broker's authority if it has one of its own."""
    wrong = []
    for item in (item for item in items if item["kind"] == "TriggerAuthentication"):
        service = item["metadata"]["name"]
        name = authorities(service, values).get("rabbitmq")
        config = item["spec"].get("configMapTargetRef", [])
        keys = {ref["parameter"]: ref["key"] for ref in item["spec"]["secretTargetRef"]}
        if config != ([{"parameter": "ca", "name": name, "key": "ca.pem"}] if name else []):
            wrong.append(f"KEDA: reads authorities from {config}, not from {name}")
        if keys != ({"host": "host", "tls": "tls"} if name else {"host": "host"}):
            wrong.append(f"KEDA: reads {keys}")
        file = secret_files(items).get(f"{service}-scaler", {})
        if file and file.get("tls", "").strip() != ("enable" if name else ""):
            wrong.append("KEDA: the switch of TLS does not follow the authority")
    return wrong


def problems(items, values):
    external = wrong_urls(items, values) if values["secrets"]["mode"] == "external" else []
    return external + wrong_authorities(items, values) + wrong_exporters(items, values) + wrong_scaler(items, values)
