output "key_arn" {
  description = "ARN of the environment's key."
  value       = aws_kms_key.this.arn
}

output "alarm_topic_arn" {
  description = "Topic alarms publish to."
  value       = aws_sns_topic.alarms.arn
}
