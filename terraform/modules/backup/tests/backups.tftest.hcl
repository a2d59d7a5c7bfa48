# Shaped like the real ones, because the provider looks at policies and ARNs even when nothing is made.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
}

variables {
  environment               = "prod"
  kms_key_arn               = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  copy_to_vault_arn         = "arn:aws:backup:eu-west-1:111122223333:backup-vault:signalbox-prod"
  restore_test_subnet_group = "signalbox-prod"
}

run "backups_of_prod" {
  command = plan

  assert {
    condition     = aws_backup_vault.this.kms_key_arn == var.kms_key_arn
    error_message = "the vault is not encrypted with the given key"
  }

  assert {
    condition     = aws_backup_vault_lock_configuration.this[0].min_retention_days == 7
    error_message = "backups can be deleted early"
  }

  assert {
    condition     = aws_backup_vault_lock_configuration.this[0].changeable_for_days == null
    error_message = "the lock is final although nobody said so"
  }

  assert {
    condition     = { for rule in aws_backup_plan.this[0].rule : rule.rule_name => one(rule.lifecycle).delete_after } == { daily = 35, monthly = 365 }
    error_message = "no daily or no monthly backup"
  }

  assert {
    condition     = alltrue([for rule in aws_backup_plan.this[0].rule : one(rule.copy_action).destination_vault_arn == var.copy_to_vault_arn])
    error_message = "a backup has no copy in another region"
  }

  assert {
    condition     = alltrue([for rule in aws_backup_plan.this[0].rule : one(one(rule.copy_action).lifecycle).delete_after == one(rule.lifecycle).delete_after])
    error_message = "a copy is kept for another time than its backup"
  }

  assert {
    condition     = alltrue([for rule in aws_backup_plan.this[0].rule : one(rule.lifecycle).delete_after <= aws_backup_vault_lock_configuration.this[0].max_retention_days])
    error_message = "a backup is kept for longer than the lock allows"
  }

  assert {
    condition     = one(aws_backup_selection.this[0].selection_tag).key == "backup" && one(aws_backup_selection.this[0].selection_tag).value == "signalbox-prod"
    error_message = "something else is backed up than what carries the tag"
  }

  assert {
    condition     = toset(keys(aws_iam_role_policy_attachment.this)) == toset(["Backup", "Restores"])
    error_message = "the role cannot back up and restore"
  }

  assert {
    condition     = aws_backup_restore_testing_plan.this[0].schedule_expression == "cron(0 6 ? * MON *)" && one(aws_backup_restore_testing_plan.this[0].recovery_point_selection).algorithm == "LATEST_WITHIN_WINDOW"
    error_message = "nobody restores"
  }

  assert {
    condition     = one(one(aws_backup_restore_testing_selection.this[0].protected_resource_conditions).string_equals).value == "signalbox-prod"
    error_message = "another database is restored than the one of this environment"
  }

  assert {
    condition     = aws_backup_restore_testing_selection.this[0].restore_metadata_overrides["publiclyaccessible"] == "false"
    error_message = "what is restored can be reached from outside"
  }
}

run "the_vault_of_the_other_region" {
  command = plan
  variables {
    vault_only                = true
    copy_to_vault_arn         = ""
    restore_test_subnet_group = ""
  }

  assert {
    condition     = length(aws_backup_plan.this) + length(aws_backup_selection.this) + length(aws_iam_role.this) + length(aws_backup_restore_testing_plan.this) == 0
    error_message = "there is more than the vault"
  }

  assert {
    condition     = length(aws_backup_vault_lock_configuration.this) == 1
    error_message = "copies can be deleted early"
  }
}

run "a_final_lock_and_people_who_hear_of_failures" {
  command = plan
  variables {
    lock_changeable_days   = 14
    notification_topic_arn = "arn:aws:sns:eu-central-1:111122223333:alarms"
  }

  assert {
    condition     = aws_backup_vault_lock_configuration.this[0].changeable_for_days == 14
    error_message = "the lock does not become final"
  }

  assert {
    condition     = toset(aws_backup_vault_notifications.this[0].backup_vault_events) == toset(["BACKUP_JOB_COMPLETED", "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED"])
    error_message = "nobody hears of a failed copy or restore"
  }
}

run "dev_without_extras" {
  command = plan
  variables {
    environment               = "dev"
    lock                      = false
    copy_to_vault_arn         = ""
    restore_test_subnet_group = ""
  }

  assert {
    condition     = length(aws_backup_vault_lock_configuration.this) == 0 && length(aws_backup_restore_testing_plan.this) == 0
    error_message = "dev cannot be torn down"
  }

  assert {
    condition     = length(aws_backup_plan.this) == 1 && alltrue([for rule in aws_backup_plan.this[0].rule : length(rule.copy_action) == 0])
    error_message = "dev has no backups"
  }
}
