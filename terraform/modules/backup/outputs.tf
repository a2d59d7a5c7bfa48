output "vault_arn" {
  description = "ARN of the vault, for copy_to_vault_arn of another region."
  value       = aws_backup_vault.this.arn
}

output "vault_name" {
  description = "Name of the vault, for aws backup."
  value       = aws_backup_vault.this.name
}

output "plan_id" {
  description = "Id of the plan, or null with vault_only."
  value       = try(aws_backup_plan.this[0].id, null)
}

output "role_arn" {
  description = "Role that a restore by hand passes on, or null with vault_only."
  value       = try(aws_iam_role.this[0].arn, null)
}
