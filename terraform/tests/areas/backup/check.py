"""Vaults, their locks, the plan and its role as the AWS API reports them."""


def check(cloud):
    backup = cloud.aws("backup")
    vaults = {v["BackupVaultName"]: v for v in backup.list_backup_vaults()["BackupVaultList"]}
    cloud.see("vaults", sorted(vaults), ["signalbox-copy-prod", "signalbox-prod"])
    for name, vault in vaults.items():
        cloud.see(f"{name}: key", vault["EncryptionKeyArn"], cloud.out["key"])
        cloud.see(f"{name}: locked", (vault["Locked"], vault["MinRetentionDays"], vault["MaxRetentionDays"]), (True, 7, 365))
    plan = backup.get_backup_plan(BackupPlanId=cloud.out["plan"])["BackupPlan"]
    rules = {r["RuleName"]: r for r in plan["Rules"]}
    cloud.see("rules", {name: r["Lifecycle"]["DeleteAfterDays"] for name, r in rules.items()}, {"daily": 35, "monthly": 365})
    for name, rule in rules.items():
        cloud.see(f"{name}: vault", rule["TargetBackupVaultName"], "signalbox-prod")
        cloud.see(f"{name}: copy", [c["DestinationBackupVaultArn"] for c in rule["CopyActions"]], [cloud.out["copy"]])
    attached = cloud.aws("iam").list_attached_role_policies(RoleName="signalbox-prod-backup")["AttachedPolicies"]
    cloud.see("policies of the role", sorted(p["PolicyName"] for p in attached),
              ["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"])
