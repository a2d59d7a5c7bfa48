"""The AWS provider: fetched once, linked into every folder from there, and kept running where commands may share it.

Starting it costs every command 2 to 3 seconds of a processor (it builds the schema of 1,500 types). A provider that was started
with -debug serves many commands, one after the other or at once; this is how the acceptance tests of providers work
(TF_REATTACH_PROVIDERS). It is safe for mock tests and validation, which never configure it, and for one area, whose commands
all configure it alike. The environments have two configurations of it, so each of their commands starts its own.
"""
import json
import os
import re
import time

import children
import tf

fetched = {}  # version, binary


def fetch():
    """One init from the chosen source; afterwards every init links the same files, so they may run at once."""
    folder = tf.fresh_copy(tf.RUN / "provider" / "terraform") / "bootstrap"
    wanted = os.environ.get("PLAN_TEST_AWS_PROVIDER", "")
    if wanted:
        (folder / "version_override.tf").write_text(
            f'terraform {{\n  required_providers {{\n    aws = {{\n      source  = "hashicorp/aws"\n      version = "{wanted}"\n    }}\n  }}\n}}\n')
    try:
        tf.init(folder)
    except tf.Failure as wrong:
        if not re.search(r"Failed to (query|install) .*provider", str(wrong)):
            raise
        raise tf.Failure(f"no AWS provider {wanted}: neither the mirror nor the public registry gave it; name a folder that holds "
                         f"registry.terraform.io/hashicorp/aws with TF_PLUGIN_MIRROR\n{wrong}") from None
    store = folder / ".terraform" / "providers"
    found = list(store.glob("registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*"))
    if len(found) != 1:
        raise tf.Failure(f"terraform init gave {len(found)} AWS providers, not one: {found}")
    fetched.update(version=found[0].parent.parent.name, binary=found[0])
    settings = tf.RUN / "terraform.rc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{store}"\n  }}\n}}\n')
    os.environ["TF_CLI_CONFIG_FILE"] = str(settings)
    os.environ.pop("TF_PLUGIN_CACHE_DIR", None)
    return fetched["version"]


class Shared:
    """A running provider for as long as the `with` block lasts; `env` makes Terraform use it."""

    def __init__(self, name, **env):
        self.log = tf.RUN / f"provider-{re.sub(r'[^a-z0-9]+', '-', name)}.log"
        self.wanted = tf.environment(**env)

    def __enter__(self):
        with open(self.log, "w") as log:
            self.process = children.start([fetched["binary"], "-debug"], env=self.wanted, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            said = re.search(r"TF_REATTACH_PROVIDERS='(\{.*\})'", self.log.read_text())
            if said:
                json.loads(said[1])
                self.env = {**self.wanted, "TF_REATTACH_PROVIDERS": said[1]}
                return self
            time.sleep(0.1)
        self.__exit__()
        if children.stopped():
            raise children.Stopped()
        raise tf.Failure(f"the provider did not start within 120 s\n{self.log.read_text()[-2000:]}")

    def __exit__(self, *_):
        children.end(self.process)
