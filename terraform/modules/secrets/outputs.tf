output "secret_arns" {
  description = "ARN of each secret; never a value."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "read_policy" {
  description = "Policy (JSON) of who may read the secrets of this environment: External Secrets."
  value       = data.aws_iam_policy_document.read.json
}
