output "address" {
  description = "Host name of the server; it stays the same when the standby takes over."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the server."
  value       = aws_db_instance.this.port
}

output "identifier" {
  description = "Name of the instance, for aws rds and for dashboards."
  value       = aws_db_instance.this.identifier
}

output "arn" {
  description = "ARN of the instance, for the restore test of the module backup."
  value       = aws_db_instance.this.arn
}

output "resource_id" {
  description = "Id that policies for IAM login name (rds-db:connect)."
  value       = aws_db_instance.this.resource_id
}

output "operator_secret_arn" {
  description = "Secret with the password of the operator, made and changed by RDS. The ARN only, never the password."
  value       = try(aws_db_instance.this.master_user_secret[0].secret_arn, null)
}

output "security_group_id" {
  description = "Security group of the server."
  value       = aws_security_group.this.id
}
