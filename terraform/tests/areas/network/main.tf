resource "aws_kms_key" "test" {
  description = "stands for the environment's key"
}

module "network" {
  source              = "../../../modules/network"
  project             = "signalbox"
  environment         = "staging"
  zones               = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat_gateways        = 2
  interface_endpoints = true
  kms_key_arn         = aws_kms_key.test.arn
}

output "network" { value = module.network }
output "key" { value = aws_kms_key.test.arn }
