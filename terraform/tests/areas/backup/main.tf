# Stands for the key of the environment.
resource "aws_kms_key" "test" {
  description = "stands for the key of the environment"
}

# The vault of the other region; in the same one here, since a moto server of one region proves the same.
module "copy" {
  source = "../../../modules/backup"

  project     = "signalbox-copy"
  environment = "prod"
  kms_key_arn = aws_kms_key.test.arn
  vault_only  = true
}

module "backup" {
  source = "../../../modules/backup"

  environment               = "prod"
  kms_key_arn               = aws_kms_key.test.arn
  copy_to_vault_arn         = module.copy.vault_arn
  restore_test_subnet_group = "signalbox-prod"
}

output "key" { value = aws_kms_key.test.arn }
output "copy" { value = module.copy.vault_arn }
output "plan" { value = module.backup.plan_id }
output "role" { value = module.backup.role_arn }
