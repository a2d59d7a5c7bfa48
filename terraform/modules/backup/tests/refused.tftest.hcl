# Every wrong value is refused, by the variable it was given to.
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

run "environment_unknown" {
  command = plan
  variables {
    environment = "production"
  }
  expect_failures = [var.environment]
}

run "project_too_long" {
  command = plan
  variables {
    project = "a-name-that-is-far-too-long"
  }
  expect_failures = [var.project]
}

run "key_by_alias" {
  command = plan
  variables {
    kms_key_arn = "alias/signalbox"
  }
  expect_failures = [var.kms_key_arn]
}

run "daily_for_too_short" {
  command = plan
  variables {
    daily_retention_days = 3
  }
  expect_failures = [var.daily_retention_days]
}

run "monthly_below_daily" {
  command = plan
  variables {
    monthly_retention_days = 30
  }
  expect_failures = [var.monthly_retention_days]
}

run "prod_without_lock" {
  command = plan
  variables {
    lock = false
  }
  expect_failures = [var.lock]
}

run "lock_without_time_to_think" {
  command = plan
  variables {
    lock_changeable_days = 1
  }
  expect_failures = [var.lock_changeable_days]
}

run "copy_to_a_name" {
  command = plan
  variables {
    copy_to_vault_arn = "signalbox-prod"
  }
  expect_failures = [var.copy_to_vault_arn]
}

run "prod_without_copy" {
  command = plan
  variables {
    copy_to_vault_arn = ""
  }
  expect_failures = [var.copy_to_vault_arn]
}

run "told_to_no_topic" {
  command = plan
  variables {
    notification_topic_arn = "people@example.com"
  }
  expect_failures = [var.notification_topic_arn]
}

run "prod_without_restore_test" {
  command = plan
  variables {
    restore_test_subnet_group = ""
  }
  expect_failures = [var.restore_test_subnet_group]
}
