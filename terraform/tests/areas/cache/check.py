"""What moto holds of the cache: who may connect, where its logs go."""


def check(cloud):
    rules = cloud.aws("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [cloud.out["security_group"]]}])["SecurityGroupRules"]
    cloud.see("rules", [(r["IsEgress"], r["FromPort"], r["ReferencedGroupInfo"]["GroupId"]) for r in rules],
              [(False, 6379, cloud.out["clients"])])
    logs = cloud.aws("logs").describe_log_groups()["logGroups"]
    cloud.see("log groups", sorted((g["logGroupName"].rsplit("/", 1)[1], g["retentionInDays"], g["kmsKeyId"]) for g in logs),
              [("engine-log", 365, cloud.out["key"]), ("slow-log", 365, cloud.out["key"])])
