# Mock providers know no ephemeral resources (Terraform 1.11), so this is the real one, planning without an account: with no
# generated secret it has nothing to ask AWS. A generated value is tried in tests/areas/secrets.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "testing"
  secret_key                  = "testing"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  project     = "signalbox"
  environment = "prod"
  kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  secrets = {
    "auth/redis"        = { description = "password of auth at Redis" }
    "notification/smtp" = { description = "URL of the mail server" }
  }
}

run "names_and_keys" {
  command = plan

  assert {
    condition     = aws_secretsmanager_secret.this["auth/redis"].name == "signalbox/prod/auth/redis"
    error_message = "a secret is not <project>/<environment>/<service>/<what>"
  }
  assert {
    condition     = alltrue([for s in aws_secretsmanager_secret.this : s.kms_key_id == var.kms_key_arn && s.recovery_window_in_days == 30])
    error_message = "a secret has another key, or is gone at once when destroyed"
  }
  assert {
    condition     = length(aws_secretsmanager_secret_version.generated) == 0 && length(aws_secretsmanager_secret_version.given) == 0
    error_message = "values are made that are not asked for"
  }
  assert {
    condition     = toset(data.aws_iam_policy_document.read.statement[0].actions) == toset(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"])
    error_message = "External Secrets may do more than read"
  }
}

run "given_value" {
  command = plan
  variables {
    environment    = "dev"
    given          = { "notification/smtp" = "smtps://example.invalid" }
    given_rotation = { "notification/smtp" = 3 }
  }

  assert {
    condition     = aws_secretsmanager_secret_version.given["notification/smtp"].secret_string_wo_version == 3
    error_message = "the number of the rotation does not decide"
  }
  assert {
    condition     = aws_secretsmanager_secret.this["auth/redis"].recovery_window_in_days == 0
    error_message = "a dev environment cannot be made again under the same names"
  }
}

run "wrong_environment" {
  command = plan
  variables { environment = "test" }
  expect_failures = [var.environment]
}

run "wrong_name" {
  command = plan
  variables { secrets = { "AuthRedis" = { description = "x" } } }
  expect_failures = [var.secrets]
}

run "too_short" {
  command = plan
  variables { secrets = { "auth/redis" = { description = "x", length = 8 } } }
  expect_failures = [var.secrets]
}

run "given_without_a_secret" {
  command = plan
  variables { given_rotation = { "auth/signing" = 1 } }
  expect_failures = [var.given_rotation]
}
