"""The state bucket and the pipeline's roles as the AWS API reports them, and the lock of the S3 backend in use."""
import json
import shutil
import subprocess
import time

import children
from botocore.exceptions import ClientError

import tf

BACKEND = """
terraform {
  backend "s3" {
    bucket         = "%s"
    key            = "dev/lock-test.tfstate"
    region         = "eu-central-1"
    use_lockfile   = true
    use_path_style = true
    skip_requesting_account_id  = true
  }
}

resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "touch holding && while [ ! -e go-on ]; do sleep 0.2; done"
  }
}
"""


# What the applied copy says otherwise: the bucket refuses to be destroyed, here it has to be; and moto 5.2.1 forgets how many
# old versions always stay, so that the apply waits for it in vain.
OTHERWISE = {"prevent_destroy = true": "prevent_destroy = false", "newer_noncurrent_versions = 10\n": "\n"}


def prepare(folder):
    copy = shutil.copytree(folder.parents[2] / "bootstrap", folder / "bootstrap", ignore=shutil.ignore_patterns("tests", ".terraform*"))
    state, registry, main = copy / "state.tf", copy / "registry.tf", folder / "main.tf"
    text = state.read_text()
    for one, other in OTHERWISE.items():
        if text.count(one) != 1:
            raise tf.Failure(f"bootstrap/state.tf does not say '{one.strip()}' once: states are not protected, or this area is old")
        text = text.replace(one, other)
    state.write_text(text)
    text = registry.read_text().replace('"../modules/', '"../../../../modules/')
    registry.write_text(text.replace("/../../services.yaml", "/../../../../../services.yaml"))
    main.write_text(main.read_text().replace('"../../../bootstrap"', '"./bootstrap"'))


def check(cloud):
    made = cloud.out["bootstrap"]
    bucket_is_closed(cloud, made)
    roles_are_narrow(cloud, made)
    pusher_is_narrow(cloud)
    second_apply_is_locked_out(cloud)


def pusher_is_narrow(cloud):
    iam = cloud.aws("iam")
    trust = iam.get_role(RoleName="signalbox-registry-push")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    trust = trust[0] if isinstance(trust, list) else trust
    cloud.see("registry-push: subject", trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"],
              "repo:example/signalbox:environment:registry")
    cloud.see("registry-push: policies", iam.list_attached_role_policies(RoleName="signalbox-registry-push")["AttachedPolicies"], [])
    rights = iam.get_role_policy(RoleName="signalbox-registry-push", PolicyName="push")["PolicyDocument"]["Statement"]
    made = {r["repositoryArn"] for r in cloud.aws("ecr").describe_repositories()["repositories"]}
    cloud.see("registry-push: where", (rights[0]["Action"], set(rights[1]["Resource"])), ("ecr:GetAuthorizationToken", made))


def bucket_is_closed(cloud, made):
    s3, bucket = cloud.aws("s3"), {"Bucket": made["state_bucket"]}
    cloud.see("versioning", s3.get_bucket_versioning(**bucket)["Status"], "Enabled")
    rule = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    cloud.see("encryption", (rule["SSEAlgorithm"], rule["KMSMasterKeyID"]), ("aws:kms", made["state_key_arn"]))
    block = s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
    cloud.see("public access", all(block.values()) and len(block), 4)
    statement = json.loads(s3.get_bucket_policy(**bucket)["Policy"])["Statement"]
    statement = statement[0] if isinstance(statement, list) else statement
    cloud.see("TLS only", (statement["Effect"], statement["Condition"]), ("Deny", {"Bool": {"aws:SecureTransport": "false"}}))
    try:
        s3.head_object(**bucket, Key="dev/main.tfstate")
        answer = "found"
    except ClientError as refused:
        answer = refused.response["Error"]["Code"]
    cloud.see("a state by plain HTTP", answer, "403")
    days = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"][0]["NoncurrentVersionExpiration"]["NoncurrentDays"]
    cloud.see("old versions", days, 90)


def roles_are_narrow(cloud, made):
    iam = cloud.aws("iam")
    roles = [f"{e}-{w}" for e in ("dev", "prod", "staging") for w in ("apply", "plan")]
    cloud.see("roles", sorted(made["role_arns"]), sorted([*roles, "registry-push"]))
    for name in roles:
        environment, work = name.split("-")
        trust = iam.get_role(RoleName=f"signalbox-{name}")["Role"]["AssumeRolePolicyDocument"]["Statement"]
        trust = trust[0] if isinstance(trust, list) else trust
        subject = trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        wanted = f"environment:{environment}" + ("-plan" if work == "plan" else "")
        cloud.see(f"{name}: subject", subject, f"repo:example/signalbox:{wanted}")
        policies = {p["PolicyName"] for p in iam.list_attached_role_policies(RoleName=f"signalbox-{name}")["AttachedPolicies"]}
        cloud.see(f"{name}: policies", policies, {"ViewOnlyAccess", "SecurityAudit"} if work == "plan" else {"AdministratorAccess"})
        inline = set(iam.list_role_policies(RoleName=f"signalbox-{name}")["PolicyNames"])
        cloud.see(f"{name}: own policies", inline, {"state"} if work == "plan" else {"state", "deny"})


def second_apply_is_locked_out(cloud):
    """One apply holds the lock for as long as we say; another must fail on it, and one afterwards must not.

    In a bucket of its own: moto is plain HTTP, which the state bucket's policy refuses."""
    bucket = "lock-test"
    cloud.aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    first, second = cloud.folder / "lock-first", cloud.folder / "lock-second"
    objects = lambda: sorted(o["Key"] for o in cloud.aws("s3").list_objects_v2(Bucket=bucket).get("Contents", []))  # noqa: E731
    for folder in (first, second):
        folder.mkdir()
        (folder / "main.tf").write_text(BACKEND % bucket)
        ready = terraform(cloud, folder, "init")
        cloud.see(f"{folder.name}: backend", (children.finish(ready, 120) and ready.returncode), 0)
    holder = terraform(cloud, first, "apply", "-auto-approve")
    deadline = time.monotonic() + 90
    while not (first / "holding").exists() and holder.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    cloud.see("the first apply is at work", (first / "holding").exists(), True)
    cloud.see("the lock is an object beside the state", objects(), ["dev/lock-test.tfstate.tflock"])
    refused = terraform(cloud, second, "apply", "-auto-approve")
    text = children.finish(refused, 90)
    cloud.see("the second apply is refused", (refused.returncode, "Error acquiring the state lock" in text), (1, True))
    cloud.see("it did nothing", (second / "holding").exists(), False)
    (first / "go-on").touch()
    cloud.see("the first ends", (children.finish(holder, 90) and holder.returncode), 0)
    cloud.see("the lock is gone", objects(), ["dev/lock-test.tfstate"])
    after = terraform(cloud, second, "apply", "-auto-approve")
    text = children.finish(after, 90)
    cloud.see("an apply afterwards finds what the first made", (after.returncode, "No changes" in text), (0, True))


def terraform(cloud, folder, *words):
    return children.start(["terraform", *words, "-input=false", "-no-color"], cwd=folder, env=cloud.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
