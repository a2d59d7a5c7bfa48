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
  environment = "prod"
  limit_usd   = 600
  emails      = ["people@example.com"]
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

run "no_limit" {
  command = plan
  variables {
    limit_usd = 0
  }
  expect_failures = [var.limit_usd]
}

run "nobody_told" {
  command = plan
  variables {
    emails = []
  }
  expect_failures = [var.emails]
}

run "too_many_mails" {
  command = plan
  variables {
    actual_percent = [10, 20, 30, 40, 50]
  }
  expect_failures = [var.actual_percent]
}

run "every_cent_an_anomaly" {
  command = plan
  variables {
    anomaly_usd = 0
  }
  expect_failures = [var.anomaly_usd]
}
