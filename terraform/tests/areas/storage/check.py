"""The buckets of logs and traces, and who may use them, as the AWS API reports it."""
import json


def check(cloud):
    s3, iam = cloud.aws("s3"), cloud.aws("iam")
    cloud.see("buckets", sorted(b["Name"] for b in s3.list_buckets()["Buckets"]), sorted(cloud.out["buckets"].values()))
    for kind, name in cloud.out["buckets"].items():
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        cloud.see(f"{kind}: closed to the public", sorted(block.values()), [True] * 4)
        rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
        given = rule["ApplyServerSideEncryptionByDefault"]
        wanted = {"SSEAlgorithm": "AES256"} if kind == "access-logs" else {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": cloud.out["key"]}
        cloud.see(f"{kind}: key", given, wanted)
        cloud.see(f"{kind}: versions", s3.get_bucket_versioning(Bucket=name)["Status"], "Enabled")
        cloud.see(f"{kind}: days", s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]["Expiration"]["Days"],
                  {"loki": 35, "traces": 30, "access-logs": 365}[kind])
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
        deny = [s for s in policy if s["Effect"] == "Deny"]
        cloud.see(f"{kind}: plain connections", deny[0]["Condition"], {"Bool": {"aws:SecureTransport": "false"}})
        allowed = [s["Principal"] for s in policy if s["Effect"] == "Allow"]
        cloud.see(f"{kind}: others", allowed, [{"Service": "logging.s3.amazonaws.com"}] if kind == "access-logs" else [])
    for kind in ("loki", "traces"):
        record = s3.get_bucket_logging(Bucket=cloud.out["buckets"][kind])["LoggingEnabled"]
        cloud.see(f"{kind}: record", (record["TargetBucket"], record["TargetPrefix"]), (cloud.out["buckets"]["access-logs"], f"s3/{kind}/"))
    cloud.see("roles", sorted(cloud.out["roles"]), ["collector", "grafana", "loki", "prometheus"])
    for program, arn in cloud.out["roles"].items():
        name = arn.rsplit("/", 1)[1]
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        cloud.see(f"{program}: who", [s["Principal"] for s in trust], [{"Federated": cloud.out["provider"]}])
        subjects = {k: v for k, v in trust[0]["Condition"]["StringEquals"].items() if k.endswith(":sub")}
        cloud.see(f"{program}: account", list(subjects.values()), [f"system:serviceaccount:observability:{program}"])
        allowed = iam.get_role_policy(RoleName=name, PolicyName="store")["PolicyDocument"]["Statement"]
        cloud.see(f"{program}: wildcards", [s for s in allowed if s["Resource"] == "*" or "*" in str(s["Action"])], [])
    workspaces = cloud.aws("amp").list_workspaces()["workspaces"]
    cloud.see("workspaces", [w["alias"] for w in workspaces], ["signalbox-staging"])
