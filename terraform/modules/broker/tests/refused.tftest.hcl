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
  bootstrap_password         = "0123456789abcdef0123"
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

run "subnet_twice" {
  command = plan
  variables {
    subnet_ids = ["subnet-1", "subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "cluster_in_one_zone" {
  command = plan
  variables {
    subnet_ids = ["subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "mode_of_another_engine" {
  command = plan
  variables {
    environment     = "dev"
    deployment_mode = "ACTIVE_STANDBY_MULTI_AZ"
  }
  expect_failures = [var.deployment_mode]
}

run "prod_on_one_node" {
  command = plan
  variables {
    deployment_mode = "SINGLE_INSTANCE"
  }
  expect_failures = [var.deployment_mode]
}

run "unknown_version" {
  command = plan
  variables {
    engine_version = "3.12"
  }
  expect_failures = [var.engine_version]
}

run "type_without_prefix" {
  command = plan
  variables {
    engine_version = "3.13"
    instance_type  = "m7g.medium"
  }
  expect_failures = [var.instance_type]
}

run "old_type_for_the_new_version" {
  command = plan
  variables {
    instance_type = "mq.m5.large"
  }
  expect_failures = [var.instance_type]
}

run "password_amazon_mq_refuses" {
  command = plan
  variables {
    bootstrap_password = "too=short"
  }
  expect_failures = [var.bootstrap_password]
}

run "alarm_at_nothing" {
  command = plan
  variables {
    max_ready_messages = 0
  }
  expect_failures = [var.max_ready_messages]
}

run "prod_on_a_size_for_trying_out" {
  command = plan
  variables {
    instance_type = "mq.m7g.medium"
  }
  expect_failures = [var.instance_type]
}
