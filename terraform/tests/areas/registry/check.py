"""The image registry as the AWS API reports it."""
import json


def check(cloud):
    ecr = cloud.aws("ecr")
    found = {r["repositoryName"]: r for r in ecr.describe_repositories()["repositories"]}
    cloud.see("repositories", sorted(found), [f"signalbox/{s}" for s in ("auth", "gateway")])
    cloud.see("outputs", sorted(cloud.out["urls"].values()), sorted(r["repositoryUri"] for r in found.values()))
    for name, repository in found.items():
        cloud.see(f"{name}: tags", repository["imageTagMutability"], "IMMUTABLE")
        cloud.see(f"{name}: key", repository["encryptionConfiguration"], {"encryptionType": "KMS", "kmsKey": cloud.out["key"]})
        cloud.see(f"{name}: scan", repository["imageScanningConfiguration"]["scanOnPush"], True)
        policy = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
        cloud.see(f"{name}: lifecycle", [r["selection"]["tagStatus"] for r in policy["rules"]], ["untagged", "tagged"])
    scanning = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    cloud.see("scanning", (scanning["scanType"], scanning["rules"][0]["scanFrequency"]), ("ENHANCED", "CONTINUOUS_SCAN"))
