output "bucket_names" {
  description = "Buckets by what they hold: loki, traces, access-logs."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.bucket }
}

output "bucket_arns" {
  description = "ARNs of the buckets by what they hold."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.arn }
}

output "role_arns" {
  description = "Role of each program, by the name of its service account. With OIDC the service account carries it as the annotation eks.amazonaws.com/role-arn."
  value       = { for key, role in aws_iam_role.program : key => role.arn }
}

output "metrics_endpoint" {
  description = "Where Prometheus writes to and Grafana reads from, or null without managed_metrics."
  value       = try(aws_prometheus_workspace.this[0].prometheus_endpoint, null)
}
