output "load_balancer_role_arn" {
  description = "Role of the AWS Load Balancer Controller; Pod Identity gives it, so no chart needs it."
  value       = aws_iam_role.load_balancer.arn
}
