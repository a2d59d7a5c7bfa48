# Backups outside of the services they are of: in a vault that even an administrator cannot empty, copied to another
# region, and restored every week to see that they can be. What is backed up carries the tag backup=<project>-<environment>.

data "aws_partition" "current" {}

locals {
  name = "${var.project}-${var.environment}"
  tags = merge(var.tags, { module = "backup" })
  plan = var.vault_only ? 0 : 1

  rules = {
    daily   = { schedule = "cron(0 3 * * ? *)", days = var.daily_retention_days }
    monthly = { schedule = "cron(0 4 1 * ? *)", days = var.monthly_retention_days }
  }
}

resource "aws_backup_vault" "this" {
  name        = local.name
  kms_key_arn = var.kms_key_arn
  tags        = local.tags
}

resource "aws_backup_vault_lock_configuration" "this" {
  count = var.lock ? 1 : 0

  backup_vault_name   = aws_backup_vault.this.name
  min_retention_days  = 7
  max_retention_days  = var.monthly_retention_days
  changeable_for_days = var.lock_changeable_days == 0 ? null : var.lock_changeable_days
}

resource "aws_backup_vault_notifications" "this" {
  count = var.notification_topic_arn == "" ? 0 : 1

  backup_vault_name = aws_backup_vault.this.name
  sns_topic_arn     = var.notification_topic_arn
  # The event of completed jobs also comes for failed ones; the subscription filters by State.
  backup_vault_events = ["BACKUP_JOB_COMPLETED", "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED"]
}

resource "aws_backup_plan" "this" {
  count = local.plan

  name = local.name
  tags = local.tags

  dynamic "rule" {
    for_each = local.rules

    content {
      rule_name         = rule.key
      target_vault_name = aws_backup_vault.this.name
      schedule          = rule.value.schedule
      # Minutes: starts within an hour, is over within four.
      start_window      = 60
      completion_window = 240

      lifecycle {
        delete_after = rule.value.days
      }

      dynamic "copy_action" {
        for_each = var.copy_to_vault_arn == "" ? [] : [var.copy_to_vault_arn]

        content {
          destination_vault_arn = copy_action.value

          lifecycle {
            delete_after = rule.value.days
          }
        }
      }
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["backup.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  count = local.plan

  name               = "${local.name}-backup"
  description        = "Lets AWS Backup back up and restore ${local.name}."
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = local.tags
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = toset(var.vault_only ? [] : ["Backup", "Restores"])

  role       = aws_iam_role.this[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor${each.key}"
}

resource "aws_backup_selection" "this" {
  count = local.plan

  name         = local.name
  plan_id      = aws_backup_plan.this[0].id
  iam_role_arn = aws_iam_role.this[0].arn

  selection_tag {
    type  = "STRINGEQUALS"
    key   = "backup"
    value = local.name
  }
}

locals {
  restore_test = var.restore_test_subnet_group == "" || var.vault_only ? 0 : 1
}

# Every Monday the newest backup of the week becomes an instance that is looked at for a day and deleted again.
resource "aws_backup_restore_testing_plan" "this" {
  count = local.restore_test

  # Letters, digits and underscores only.
  name                = replace("${local.name}_weekly", "-", "_")
  schedule_expression = "cron(0 6 ? * MON *)"
  start_window_hours  = 2
  tags                = local.tags

  recovery_point_selection {
    algorithm             = "LATEST_WITHIN_WINDOW"
    include_vaults        = [aws_backup_vault.this.arn]
    recovery_point_types  = ["SNAPSHOT"]
    selection_window_days = 7
  }
}

resource "aws_backup_restore_testing_selection" "this" {
  count = local.restore_test

  name                      = replace("${local.name}_postgres", "-", "_")
  restore_testing_plan_name = aws_backup_restore_testing_plan.this[0].name
  protected_resource_type   = "RDS"
  iam_role_arn              = aws_iam_role.this[0].arn
  # Hours the restored instance stays, for a check of what is in it.
  validation_window_hours = 24

  protected_resource_conditions {
    string_equals {
      key   = "aws:ResourceTag/backup"
      value = local.name
    }
  }

  restore_metadata_overrides = {
    dbsubnetgroupname  = var.restore_test_subnet_group
    publiclyaccessible = "false"
  }
}
