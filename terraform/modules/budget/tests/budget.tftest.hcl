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

run "what_is_told" {
  command = plan

  assert {
    condition     = aws_budgets_budget.this.limit_amount == "600" && aws_budgets_budget.this.limit_unit == "USD" && aws_budgets_budget.this.time_unit == "MONTHLY"
    error_message = "the limit is another one"
  }

  assert {
    condition     = toset([for n in aws_budgets_budget.this.notification : n.threshold if n.notification_type == "ACTUAL"]) == toset([50, 80, 100])
    error_message = "what was spent is told at other shares"
  }

  assert {
    condition     = [for n in aws_budgets_budget.this.notification : n.threshold if n.notification_type == "FORECASTED"] == [100]
    error_message = "a limit that is about to be passed is not told"
  }

  assert {
    condition     = alltrue([for n in aws_budgets_budget.this.notification : n.subscriber_email_addresses == toset(["people@example.com"])])
    error_message = "somebody is not told"
  }

  assert {
    condition     = one(aws_budgets_budget.this.cost_filter).values == tolist(["user:environment$prod"])
    error_message = "other environments count too"
  }

  assert {
    condition     = jsondecode(aws_ce_anomaly_monitor.this.monitor_specification).Tags == { Key = "environment", Values = ["prod"], MatchOptions = null }
    error_message = "a sudden cost is looked for elsewhere"
  }

  assert {
    condition     = aws_ce_anomaly_subscription.this.frequency == "DAILY"
    error_message = "a sudden cost is told too late"
  }

  assert {
    condition     = one(one(aws_ce_anomaly_subscription.this.threshold_expression).dimension).values == toset(["20"])
    error_message = "small changes are told"
  }
}

run "several_people" {
  command = plan
  variables {
    emails         = ["a@example.com", "b@example.com"]
    actual_percent = [90]
  }

  assert {
    condition     = toset([for s in aws_ce_anomaly_subscription.this.subscriber : s.address]) == toset(["a@example.com", "b@example.com"])
    error_message = "somebody is not told of a sudden cost"
  }

  assert {
    condition     = length(aws_budgets_budget.this.notification) == 2
    error_message = "there are more mails than asked for"
  }
}
