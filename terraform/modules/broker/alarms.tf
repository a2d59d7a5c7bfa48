# What a dashboard inside the cluster cannot see while the cluster is the thing that is broken. The rules in
# observability/ watch queues one by one; these only see the broker as a whole.

locals {
  alarms = {
    cpu = {
      metric      = "SystemCpuUtilization"
      statistic   = "Average"
      threshold   = 80
      periods     = 15
      description = "CPU above 80 % for 15 minutes: take a larger instance type or find who publishes so much."
    }
    ready = {
      metric      = "MessageReadyCount"
      statistic   = "Maximum"
      threshold   = var.max_ready_messages
      periods     = 10
      description = "More than ${var.max_ready_messages} messages wait for 10 minutes: consumers are gone or too slow."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-broker-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/AmazonMQ"
  metric_name         = each.value.metric
  dimensions          = { Broker = aws_mq_broker.this.broker_name }
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  # A broker that reports nothing is broken.
  treat_missing_data = "breaching"
  alarm_actions      = var.alarm_topic_arns
  ok_actions         = var.alarm_topic_arns
  tags               = local.tags
}

# The ratio counts: the limit differs by instance type, and above it the broker stops all publishers.
resource "aws_cloudwatch_metric_alarm" "memory" {
  alarm_name          = "${local.name}-broker-memory"
  alarm_description   = "More than 80 % of the memory limit is used for 5 minutes: at 100 % the broker blocks whoever publishes."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  evaluation_periods  = 5
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags

  metric_query {
    id          = "share"
    expression  = "100 * used / allowed"
    label       = "Memory used, % of the limit"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { used = "RabbitMQMemUsed", allowed = "RabbitMQMemLimit" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/AmazonMQ"
        metric_name = metric_query.value
        dimensions  = { Broker = aws_mq_broker.this.broker_name }
        period      = 60
        stat        = metric_query.key == "used" ? "Maximum" : "Minimum"
      }
    }
  }
}
