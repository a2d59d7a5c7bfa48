# Stands for what the environment gives: its key, and the OIDC provider of the cluster.
resource "aws_kms_key" "test" {
  description = "stands for the key of the environment"
}

resource "aws_iam_openid_connect_provider" "test" {
  url            = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF"
  client_id_list = ["sts.amazonaws.com"]
}

module "observability" {
  source = "../../../modules/observability"

  environment       = "staging"
  kms_key_arn       = aws_kms_key.test.arn
  oidc_provider_arn = aws_iam_openid_connect_provider.test.arn
  oidc_issuer       = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF"
  managed_metrics   = true
  # The record of access is never empty at the end, on moto as on AWS.
  force_destroy = true
}

output "key" { value = aws_kms_key.test.arn }
output "provider" { value = aws_iam_openid_connect_provider.test.arn }
output "buckets" { value = module.observability.bucket_names }
output "roles" { value = module.observability.role_arns }
