output "network" {
  description = "VPC, subnets and the addresses the cluster calls from."
  value       = module.stack.network
}

output "cluster" {
  description = "Name, address and roles of the cluster."
  value       = module.stack.cluster
}

output "dns" {
  description = "Zone, name servers to delegate to, certificate."
  value       = module.stack.dns
}

output "secrets" {
  description = "ARN of each secret; never a value."
  value       = module.stack.secrets
}

output "key_arn" {
  description = "The environment's key."
  value       = module.stack.key_arn
}

output "postgres" {
  description = "Address of Postgres and the secret of its operator; null when it runs in the cluster."
  value       = module.stack.postgres
}

output "redis" {
  description = "Address of Redis; null when it runs in the cluster."
  value       = module.stack.redis
}

output "broker" {
  description = "Address of RabbitMQ; null when it runs in the cluster."
  value       = module.stack.broker
}

output "observability" {
  description = "Buckets and roles of logs, traces and metrics."
  value       = module.stack.observability
}

output "backup" {
  description = "Vault and plan of the backups; null when data run in the cluster."
  value       = module.stack.backup
}

output "budget" {
  description = "Names of the budget and of the monitor of unusual cost."
  value       = module.stack.budget
}

output "guardrails" {
  description = "Detector and bucket of the account's guardrails; null when another environment has them, or none."
  value       = module.stack.guardrails
}
