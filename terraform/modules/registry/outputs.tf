output "repository_urls" {
  description = "URL of the repository of each image, for the chart's image.repository."
  value       = { for name, repository in aws_ecr_repository.service : name => repository.repository_url }
}

output "repository_arns" {
  description = "ARN of the repository of each image, for the rights of the pipeline."
  value       = { for name, repository in aws_ecr_repository.service : name => repository.arn }
}
