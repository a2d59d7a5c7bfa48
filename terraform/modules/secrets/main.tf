# Secrets by name: <project>/<environment>/<service>/<what>. The value of a generated one is made by AWS during the apply and
# written without passing through plan or state; all others are empty until somebody puts the value
# (aws secretsmanager put-secret-value), and Terraform never reads it.

locals {
  prefix    = "${var.project}/${var.environment}"
  generated = { for name, secret in var.secrets : name => secret if secret.generate }
}

resource "aws_secretsmanager_secret" "this" {
  # checkov:skip=CKV2_AWS_57:a new value must reach Redis or the broker too, so people rotate by raising `rotation` (runbook), not a function on its own
  for_each = var.secrets

  name                    = "${local.prefix}/${each.key}"
  description             = each.value.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.environment == "dev" ? 0 : 30
  tags                    = var.tags
}

# One ephemeral value for each generated secret; every apply makes new ones, which is why secret_string_wo_version decides
# whether they are written.
ephemeral "aws_secretsmanager_random_password" "generated" {
  for_each = local.generated

  password_length     = each.value.length
  exclude_punctuation = true # it goes into connection URLs
}

resource "aws_secretsmanager_secret_version" "generated" {
  for_each = local.generated

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.generated[each.key].random_password
  secret_string_wo_version = each.value.rotation
}

# Given from outside (a CI variable, a prompt): written once per rotation, never kept.
resource "aws_secretsmanager_secret_version" "given" {
  for_each = var.given_rotation

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = var.given[each.key]
  secret_string_wo_version = each.value
}

# What External Secrets may read: the secrets of this environment and the key that opens them.
data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
    resources = concat([for secret in aws_secretsmanager_secret.this : secret.arn], var.other_secret_arns)
  }

  statement {
    sid       = "Open"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }
}
