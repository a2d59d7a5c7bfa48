output "id" {
  description = "Id of the broker, for aws mq."
  value       = aws_mq_broker.this.id
}

output "arn" {
  description = "ARN of the broker."
  value       = aws_mq_broker.this.arn
}

output "endpoint" {
  description = "Where services connect, amqps://<host>:5671, without user and password."
  value       = try(aws_mq_broker.this.instances[0].endpoints[0], null)
}

output "console_url" {
  description = "Console and management interface, reachable from the allowed groups only."
  value       = try(aws_mq_broker.this.instances[0].console_url, null)
}

output "security_group_id" {
  description = "Security group of the broker."
  value       = aws_security_group.this.id
}
