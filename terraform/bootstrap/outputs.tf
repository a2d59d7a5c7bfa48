output "state_bucket" {
  description = "Bucket of the states: terraform init -backend-config=bucket=<this>."
  value       = aws_s3_bucket.state.id
}

output "state_key_arn" {
  description = "Key of the states: terraform init -backend-config=kms_key_id=<this>."
  value       = aws_kms_key.state.arn
}

output "role_arns" {
  description = "Roles of the pipeline: <environment>-plan and <environment>-apply, and registry-push (AWS_PUSH_ROLE)."
  value       = merge({ for name, role in aws_iam_role.ci : name => role.arn }, { registry-push = aws_iam_role.push.arn })
}

output "registry" {
  description = "Where the images are, what stands before /<project>/<service>: REGISTRY."
  value       = split("/", values(module.registry.repository_urls)[0])[0]
}
