output "address" {
  description = "Host name of the primary; it stays the same when a replica takes over."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "port" {
  description = "Port of the cache; it takes TLS only."
  value       = aws_elasticache_replication_group.this.port
}

output "arn" {
  description = "ARN of the replication group, for policies (elasticache:Connect)."
  value       = aws_elasticache_replication_group.this.arn
}

output "replication_group_id" {
  description = "Name of the replication group, for aws elasticache and for dashboards."
  value       = aws_elasticache_replication_group.this.replication_group_id
}

output "user_ids" {
  description = "User of each service, by service: what `aws elasticache modify-user` takes and what the service logs in as."
  value       = { for service, user in aws_elasticache_user.service : service => user.user_id }
}

output "user_prefix" {
  description = "What stands before the name of a service in its user (signalbox-prod-): stores.redis.userPrefix of the chart."
  value       = "${local.name}-"
}

output "security_group_id" {
  description = "Security group of the cache."
  value       = aws_security_group.this.id
}
