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
  services                   = ["auth", "product", "gateway"]
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
    subnet_ids = ["subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "unknown_version" {
  command = plan
  variables {
    engine_version = "6.2"
  }
  expect_failures = [var.engine_version]
}

run "type_without_prefix" {
  command = plan
  variables {
    node_type = "t4g.small"
  }
  expect_failures = [var.node_type]
}

run "no_node" {
  command = plan
  variables {
    environment = "dev"
    node_count  = 0
  }
  expect_failures = [var.node_count]
}

run "prod_without_replica" {
  command = plan
  variables {
    node_count = 1
  }
  expect_failures = [var.node_count]
}

run "snapshots_for_too_long" {
  command = plan
  variables {
    snapshot_retention_days = 36
  }
  expect_failures = [var.snapshot_retention_days]
}

run "prod_without_snapshots" {
  command = plan
  variables {
    snapshot_retention_days = 0
  }
  expect_failures = [var.snapshot_retention_days]
}

run "service_with_a_capital" {
  command = plan
  variables {
    services = ["Auth"]
  }
  expect_failures = [var.services]
}
