"""The list of services in the root, and what follows from it: who serves a port, who stores where, who is on the broker."""
import yaml

from render import ROOT

LISTED = yaml.safe_load((ROOT / "services.yaml").read_text())
SERVICES = LISTED["services"]
PARTS = LISTED["parts"]


def storing(store):
    """Services that store something there."""
    return [name for name, service in SERVICES.items() if store in service["stores"]]


OWNERS = storing("postgres")
ON_BROKER = [name for name, service in SERVICES.items() if "publishes" in service or "consumes" in service]
SERVED = {name: service.get("http", service.get("grpc")) for name, service in SERVICES.items() if "http" in service or "grpc" in service}
# Services that only handle events are scaled by the length of their queues: service -> queues.
QUEUES = {name: [f"{name}.{context}" for context in service["consumes"]] for name, service in SERVICES.items()
          if "consumes" in service and name not in SERVED}
