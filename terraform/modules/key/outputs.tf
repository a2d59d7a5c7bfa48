output "key_arn" {
  description = "ARN of the environment's key."
  value       = aws_kms_key.this.arn
}

output "alarm_topic_arn" {
  description = "Topic alarms publish to; known before it is made, so that others can count on it."
  value       = "arn:${data.aws_partition.current.partition}:sns:${local.region}:${local.account}:${local.name}-alarms"
  depends_on  = [aws_sns_topic.alarms]
}
