mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000", key_id = "00000000-0000-0000-0000-000000000000" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:111122223333:mock" }
  }
}

variables {
  project      = "signalbox"
  environment  = "prod"
  alarm_emails = ["oncall@example.com"]
}

run "key" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "the key is never rotated, or prod's goes in less than 30 days"
  }
  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.key.statement : s.sid == "IamOfTheAccountDecides" || length(s.condition) > 0])
    error_message = "a service or a stranger may use the key without a condition"
  }
  assert {
    condition     = aws_kms_alias.this.name == "alias/signalbox-prod"
    error_message = "the alias is not <project>-<environment>"
  }
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.this.arn && aws_sns_topic_subscription.alarms["oncall@example.com"].protocol == "email"
    error_message = "alarms are not encrypted, or reach nobody"
  }
}

run "topic" {
  command = plan

  assert {
    condition = toset(flatten([for s in data.aws_iam_policy_document.alarms.statement : [for p in s.principals : p.identifiers]])) == toset([
      "cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com", "backup.amazonaws.com",
    ])
    error_message = "an alarm, a backup, a budget or a finding cannot reach the topic, or a stranger can"
  }
  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.alarms.statement : s.actions == toset(["sns:Publish"]) && s.resources == toset([aws_sns_topic.alarms.arn])])
    error_message = "services may do more than publish to this topic"
  }
}

run "dev" {
  command = plan
  variables { environment = "dev" }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 7
    error_message = "a dev environment leaves its key behind for a month"
  }
}

run "wrong_environment" {
  command = plan
  variables { environment = "test" }
  expect_failures = [var.environment]
}

run "not_an_address" {
  command = plan
  variables { alarm_emails = ["oncall"] }
  expect_failures = [var.alarm_emails]
}
