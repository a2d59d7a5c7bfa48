"""The broker as the AWS API reports it."""


def check(cloud):
    found = cloud.aws("mq").describe_broker(BrokerId=cloud.out["id"])
    cloud.see("engine", (found["EngineType"].upper(), found["EngineVersion"]), ("RABBITMQ", "4.2"))
    cloud.see("deployment", found["DeploymentMode"], "CLUSTER_MULTI_AZ")
    cloud.see("reachable from outside", found["PubliclyAccessible"], False)
    cloud.see("key", found["EncryptionOptions"], {"KmsKeyId": cloud.out["key"], "UseAwsOwnedKey": False})
    cloud.see("logs", found["Logs"]["General"], True)
    cloud.see("subnets", len(found["SubnetIds"]), 3)
    cloud.see("users", [user["Username"] for user in found["Users"]], ["operations"])
    cloud.see("groups", found["SecurityGroups"], [cloud.out["security_group"]])
    rules = cloud.aws("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [cloud.out["security_group"]]}])["SecurityGroupRules"]
    inward = sorted((r["FromPort"], r["ReferencedGroupInfo"]["GroupId"]) for r in rules if not r["IsEgress"])
    cloud.see("rules inward", inward, [(443, cloud.out["clients"]), (5671, cloud.out["clients"])])
    cloud.see("rules outward", [r for r in rules if r["IsEgress"]], [])
    alarms = cloud.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    cloud.see("alarms", sorted(a["AlarmName"].rsplit("-", 1)[1] for a in alarms), ["cpu", "memory", "ready"])
