"""What surrounds the cluster, as the AWS API reports it; the cluster itself is in exemptions.md."""


def check(cloud):
    ec2, iam, events, sqs = (cloud.aws(s) for s in ("ec2", "iam", "events", "sqs"))
    template = ec2.describe_launch_templates()["LaunchTemplates"][0]
    data = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    cloud.see("metadata", (data["MetadataOptions"]["HttpTokens"], data["MetadataOptions"]["HttpPutResponseHopLimit"]), ("required", 1))
    disk = data["BlockDeviceMappings"][0]["Ebs"]
    cloud.see("disk", (disk["Encrypted"], disk["VolumeType"], disk["KmsKeyId"]), (True, "gp3", cloud.out["key"]))

    group = cloud.aws("logs").describe_log_groups(logGroupNamePrefix="/aws/eks/signalbox-dev/cluster")["logGroups"][0]
    cloud.see("control plane logs", (group["retentionInDays"], group["kmsKeyId"]), (90, cloud.out["key"]))
    attached = {p["PolicyName"] for p in iam.list_attached_role_policies(RoleName="signalbox-dev-cluster")["AttachedPolicies"]}
    cloud.see("rights of the cluster", attached, {"AmazonEKSClusterPolicy"})

    rules = [r["Name"] for r in events.list_rules(NamePrefix="signalbox-dev-")["Rules"]]
    cloud.see("warnings", sorted(rules), [f"signalbox-dev-{k}" for k in ("health", "rebalance", "spot", "state")])
    queue = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName="signalbox-dev-interruptions")["QueueUrl"], AttributeNames=["All"])["Attributes"]
    cloud.see("queue", (queue["SqsManagedSseEnabled"], queue["MessageRetentionPeriod"]), ("true", "300"))
    targets = {t["Arn"] for rule in rules for t in events.list_targets_by_rule(Rule=rule)["Targets"]}
    cloud.see("targets", targets, {queue["QueueArn"]})
