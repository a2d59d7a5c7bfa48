"""The values are in Secrets Manager, and (the harness searches) nowhere else."""
import json


def check(cloud):
    vault = cloud.aws("secretsmanager")
    found = {s["Name"]: s for page in vault.get_paginator("list_secrets").paginate() for s in page["SecretList"]}
    names = ["signalbox/dev/auth/redis", "signalbox/dev/auth/signing", "signalbox/dev/gateway/redis", "signalbox/dev/notification/smtp"]
    cloud.see("names", sorted(found), names)
    cloud.see("keys", {s["KmsKeyId"] for s in found.values()}, {cloud.out["key"]})

    value = {name: vault.get_secret_value(SecretId=name)["SecretString"] for name in names if "signing" not in name}
    cloud.see("the given value arrived", value[names[3]], cloud.secret)
    cloud.see("lengths of generated values", (len(value[names[0]]), len(value[names[2]])), (40, 64))
    cloud.see("generated values go into URLs", all(value[n].isalnum() for n in (names[0], names[2])), True)
    cloud.see("an empty secret has no value", "VersionIdsToStages" in vault.describe_secret(SecretId=names[1]), False)

    statements = json.loads(cloud.out["policy"])["Statement"]
    cloud.see("readable", sorted(statements[0]["Resource"]), sorted(cloud.out["arns"].values()))
