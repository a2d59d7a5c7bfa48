# What this environment may cost, who hears of it, and who hears of a sudden cost before the month is over. Both look at
# the tag environment, which has to be activated as a cost allocation tag once in the account (README.md).

locals {
  name = "${var.project}-${var.environment}"
  tags = merge(var.tags, { module = "budget" })
}

resource "aws_budgets_budget" "this" {
  name         = local.name
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.limit_usd)
  limit_unit   = "USD"
  tags         = local.tags

  # Several tags in one filter are joined by OR, not AND, so it is one: the tag that tells environments apart.
  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:environment$%s", var.environment)]
  }

  dynamic "notification" {
    for_each = var.actual_percent

    content {
      notification_type          = "ACTUAL"
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.emails
    }
  }

  # In time to do something about it.
  notification {
    notification_type          = "FORECASTED"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.emails
  }
}

resource "aws_ce_anomaly_monitor" "this" {
  name         = local.name
  monitor_type = "CUSTOM"
  tags         = local.tags

  monitor_specification = jsonencode({
    Tags = {
      Key          = "environment"
      Values       = [var.environment]
      MatchOptions = null
    }
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
  })
}

resource "aws_ce_anomaly_subscription" "this" {
  name             = local.name
  frequency        = "DAILY"
  monitor_arn_list = [aws_ce_anomaly_monitor.this.arn]
  tags             = local.tags

  dynamic "subscriber" {
    for_each = var.emails

    content {
      type    = "EMAIL"
      address = subscriber.value
    }
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly_usd)]
    }
  }
}
