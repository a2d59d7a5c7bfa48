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
  environment                = "prod"
  vpc_id                     = "vpc-1"
  subnet_ids                 = ["subnet-1", "subnet-2", "subnet-3"]
  allowed_security_group_ids = ["sg-1", "sg-2"]
  kms_key_arn                = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
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

run "no_network" {
  command = plan
  variables {
    vpc_id = "subnet-1"
  }
  expect_failures = [var.vpc_id]
}

run "nobody_may_connect" {
  command = plan
  variables {
    allowed_security_group_ids = []
  }
  expect_failures = [var.allowed_security_group_ids]
}

run "alarm_to_no_topic" {
  command = plan
  variables {
    alarm_topic_arns = ["people@example.com"]
  }
  expect_failures = [var.alarm_topic_arns]
}

run "logs_for_45_days" {
  command = plan
  variables {
    log_retention_days = 45
  }
  expect_failures = [var.log_retention_days]
}

run "one_zone" {
  command = plan
  variables {
    subnet_ids = ["subnet-1", "subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "minor_version_named" {
  command = plan
  variables {
    engine_version = "17.2"
  }
  expect_failures = [var.engine_version]
}

run "class_without_prefix" {
  command = plan
  variables {
    instance_class = "t4g.small"
  }
  expect_failures = [var.instance_class]
}

run "too_little_storage" {
  command = plan
  variables {
    allocated_storage_gib = 10
  }
  expect_failures = [var.allocated_storage_gib]
}

run "no_room_to_grow" {
  command = plan
  variables {
    max_allocated_storage_gib = 20
  }
  expect_failures = [var.max_allocated_storage_gib]
}

run "too_few_connections" {
  command = plan
  variables {
    max_connections = 20
  }
  expect_failures = [var.max_connections]
}

run "prod_without_standby" {
  command = plan
  variables {
    multi_az = false
  }
  expect_failures = [var.multi_az]
}

run "backups_of_a_day" {
  command = plan
  variables {
    environment           = "dev"
    backup_retention_days = 1
  }
  expect_failures = [var.backup_retention_days]
}

run "prod_with_a_week_of_backups" {
  command = plan
  variables {
    backup_retention_days = 7
  }
  expect_failures = [var.backup_retention_days]
}

run "prod_can_be_deleted" {
  command = plan
  variables {
    deletion_protection = false
  }
  expect_failures = [var.deletion_protection]
}

run "prod_without_a_last_snapshot" {
  command = plan
  variables {
    skip_final_snapshot = true
  }
  expect_failures = [var.skip_final_snapshot]
}

run "no_monitoring" {
  command = plan
  variables {
    monitoring_interval_s = 0
  }
  expect_failures = [var.monitoring_interval_s]
}

run "backup_window_of_words" {
  command = plan
  variables {
    backup_window = "at night"
  }
  expect_failures = [var.backup_window]
}

run "maintenance_window_without_day" {
  command = plan
  variables {
    maintenance_window = "03:30-04:30"
  }
  expect_failures = [var.maintenance_window]
}
