output "cluster_name" {
  description = "Name of the cluster, for aws eks update-kubeconfig."
  value       = aws_eks_cluster.this.name
}

output "cluster_endpoint" {
  description = "Address of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "cluster_ca" {
  description = "Certificate of the API's authority, base64; public."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "security_group_id" {
  description = "Security group every node carries; databases let it in."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "oidc_provider_arn" {
  description = "The cluster's OIDC provider in IAM."
  value       = aws_iam_openid_connect_provider.cluster.arn
}

output "oidc_issuer" {
  description = "Issuer of the cluster's tokens without https://, as conditions of trust policies name it."
  value       = trimprefix(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
}

output "node_role_name" {
  description = "Role of nodes; Karpenter's node class or Auto Mode's names it."
  value       = var.compute == "karpenter" ? aws_iam_role.karpenter_node[0].name : aws_iam_role.node.name
}

output "interruption_queue" {
  description = "Queue of interruption warnings for Karpenter's chart; null without Karpenter."
  value       = one(aws_sqs_queue.interruptions[*].name)
}

output "workload_role_arns" {
  description = "Role of each workload."
  value       = { for name, role in aws_iam_role.workload : name => role.arn }
}
