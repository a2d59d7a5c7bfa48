# What a dashboard inside the cluster cannot see while the cluster is the thing that is broken.

locals {
  gib = 1073741824

  alarms = {
    cpu = {
      metric      = "CPUUtilization"
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 80
      periods     = 15
      description = "CPU above 80 % for 15 minutes: look at Performance Insights for the statement that takes it."
    }
    storage = {
      metric      = "FreeStorageSpace"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = ceil(var.allocated_storage_gib * 0.1) * local.gib
      periods     = 5
      description = "Less than a tenth of the first storage is free although it grows by itself: the limit is reached or growing failed."
    }
    connections = {
      metric      = "DatabaseConnections"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = floor(var.max_connections * 0.8)
      periods     = 5
      description = "More than 80 % of the connections are taken: a pool is too large or leaks."
    }
    memory = {
      metric      = "FreeableMemory"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 128 * 1024 * 1024
      periods     = 15
      description = "Less than 128 MiB of memory are free for 15 minutes: the instance is too small for its connections."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-postgres-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  # An instance that reports nothing is broken.
  treat_missing_data = "breaching"
  alarm_actions      = var.alarm_topic_arns
  ok_actions         = var.alarm_topic_arns
  tags               = local.tags
}
