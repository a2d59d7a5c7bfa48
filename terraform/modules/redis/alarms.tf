# What a dashboard inside the cluster cannot see while the cluster is the thing that is broken.

locals {
  alarms = {
    cpu = {
      metric      = "EngineCPUUtilization"
      threshold   = 80
      periods     = 15
      description = "The one thread of the engine is busy above 80 % for 15 minutes: look at the slow log, then take a larger node."
    }
    memory = {
      metric      = "DatabaseMemoryUsagePercentage"
      threshold   = 85
      periods     = 5
      description = "More than 85 % of the memory is used: at 100 % what expires soonest goes, sessions among it."
    }
    evictions = {
      metric      = "Evictions"
      threshold   = 0
      periods     = 3
      description = "Keys are dropped before they expire: people are logged out early. Take a larger node."
    }
    replication_lag = {
      metric      = "ReplicationLag"
      threshold   = 30
      periods     = 5
      description = "A replica is more than 30 s behind: taking over now loses the sessions of that time."
    }
  }

  # The group names its nodes <group>-001 onwards.
  nodes = [for number in range(1, var.node_count + 1) : format("%s-%03d", local.name, number)]

  node_alarms = merge([
    for node in local.nodes : { for key, alarm in local.alarms : "${node}-${key}" => merge(alarm, { node = node }) }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.node_alarms

  alarm_name          = each.key
  alarm_description   = each.value.description
  namespace           = "AWS/ElastiCache"
  metric_name         = each.value.metric
  dimensions          = { CacheClusterId = each.value.node }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  # A primary has no lag and reports none.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.alarm_topic_arns
  ok_actions         = var.alarm_topic_arns
  tags               = local.tags
}
