variable "test_secret" {
  type        = string
  description = "Known value that must reach Secrets Manager and nothing else."
  ephemeral   = true
}

resource "aws_kms_key" "test" {
  description = "stands for the environment's key"
}

module "secrets" {
  source      = "../../../modules/secrets"
  project     = "signalbox"
  environment = "dev"
  kms_key_arn = aws_kms_key.test.arn
  secrets = {
    "auth/redis"        = { description = "password of auth at Redis", generate = true }
    "gateway/redis"     = { description = "password of the gateway at Redis", generate = true, length = 64 }
    "notification/smtp" = { description = "URL of the mail server" }
    "auth/signing"      = { description = "empty until somebody puts it" }
  }
  given          = { "notification/smtp" = var.test_secret }
  given_rotation = { "notification/smtp" = 1 }
}

output "arns" {
  value = module.secrets.secret_arns
}

output "policy" {
  value = module.secrets.read_policy
}

output "key" {
  value = aws_kms_key.test.arn
}
