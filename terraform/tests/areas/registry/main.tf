resource "aws_kms_key" "test" {
  description = "stands for the environment's key"
}

module "registry" {
  source      = "../../../modules/registry"
  project     = "signalbox"
  environment = "dev"
  kms_key_arn = aws_kms_key.test.arn

  repositories = ["gateway", "auth"]
}

output "urls" { value = module.registry.repository_urls }
output "key" { value = aws_kms_key.test.arn }
