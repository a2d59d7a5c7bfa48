"""The database as the AWS API reports it."""


def check(cloud):
    found = cloud.aws("rds").describe_db_instances(DBInstanceIdentifier=cloud.out["identifier"])["DBInstances"][0]
    cloud.see("engine", found["Engine"], "postgres")
    cloud.see("reachable from outside", found["PubliclyAccessible"], False)
    cloud.see("standby", found["MultiAZ"], True)
    cloud.see("key", (found["StorageEncrypted"], found["KmsKeyId"]), (True, cloud.out["key"]))
    cloud.see("key of the password", found["MasterUserSecret"]["KmsKeyId"], cloud.out["key"])
    cloud.see("storage", (found["AllocatedStorage"], found["MaxAllocatedStorage"], found["StorageType"]), (20, 100, "gp3"))
    cloud.see("backups", found["BackupRetentionPeriod"], 14)
    cloud.see("login by IAM", found["IAMDatabaseAuthenticationEnabled"], True)
    cloud.see("logs", sorted(found["EnabledCloudwatchLogsExports"]), ["postgresql", "upgrade"])
    cloud.see("tag of backups", [t["Value"] for t in found["TagList"] if t["Key"] == "backup"], ["signalbox-staging"])
    rules = cloud.aws("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [cloud.out["security_group"]]}])["SecurityGroupRules"]
    cloud.see("rules", [(r["IsEgress"], r["FromPort"], r["ReferencedGroupInfo"]["GroupId"]) for r in rules],
              [(False, 5432, cloud.out["clients"])])
    groups = cloud.aws("logs").describe_log_groups()["logGroups"]
    cloud.see("log groups", sorted((g["logGroupName"].rsplit("/", 1)[1], g["retentionInDays"], g["kmsKeyId"]) for g in groups),
              [("postgresql", 365, cloud.out["key"]), ("upgrade", 365, cloud.out["key"])])
    alarms = cloud.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    cloud.see("alarms", sorted(a["AlarmName"].rsplit("-", 1)[1] for a in alarms), ["connections", "cpu", "memory", "storage"])
