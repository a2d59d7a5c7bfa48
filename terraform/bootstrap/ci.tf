# The pipeline's roles, taken with GitHub's token: no key is stored anywhere. For each environment one that plans (jobs of
# the GitHub environment <name>-plan; it only reads) and one that applies (jobs of the protected environment <name>).

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  roles = merge(
    { for environment in var.environments : "${environment}-plan" => { environment = environment, subject = "repo:${var.repository}:environment:${environment}-plan" } },
    { for environment in var.environments : "${environment}-apply" => { environment = environment, subject = "repo:${var.repository}:environment:${environment}" } },
  )
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [each.value.subject]
    }
  }
}

resource "aws_iam_role" "ci" {
  for_each = local.roles

  name                 = "${var.project}-${each.key}"
  description          = "Pipeline of ${var.repository}: ${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
}

# The state of its environment, and nobody else's; whoever plans locks too.
data "aws_iam_policy_document" "state_access" {
  for_each = local.roles

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.state.arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${each.value.environment}/*"]
    }
  }

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.state.arn}/${each.value.environment}/*"]
  }

  statement {
    sid       = "Lock"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${aws_s3_bucket.state.arn}/${each.value.environment}/*.tflock"]
  }

  dynamic "statement" {
    for_each = endswith(each.key, "-apply") ? ["Write"] : []

    content {
      sid       = statement.value
      actions   = ["s3:PutObject"]
      resources = ["${aws_s3_bucket.state.arn}/${each.value.environment}/*.tfstate"]
    }
  }

  # Ephemeral passwords are made up during a plan too, and thrown away; the call takes no resource.
  statement {
    sid       = "MakeUpPasswords"
    actions   = ["secretsmanager:GetRandomPassword"]
    resources = ["*"]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.state.arn]
  }
}

resource "aws_iam_role_policy" "state" {
  for_each = local.roles

  name   = "state"
  role   = aws_iam_role.ci[each.key].id
  policy = data.aws_iam_policy_document.state_access[each.key].json
}

# ViewOnly and SecurityAudit read settings but no data: no secret value, no object, no log line. A plan that looks at AWS again
# needs secret values, so scripts/terraform plans against the state alone there.
resource "aws_iam_role_policy_attachment" "plan" {
  for_each = { for pair in setproduct(var.environments, ["job-function/ViewOnlyAccess", "SecurityAudit"]) : join(":", pair) => pair }

  role       = aws_iam_role.ci["${each.value[0]}-plan"].name
  policy_arn = "${local.arn}:iam::aws:policy/${each.value[1]}"
}

# Whoever makes clusters, roles and keys can give itself anything; the guard is who may take the role, and the boundary.
resource "aws_iam_role_policy_attachment" "apply" {
  # checkov:skip=CKV_AWS_274:it makes roles and keys for a whole environment; bound to the protected GitHub environment, one hour, and a deny for its own way in
  for_each = var.environments

  role       = aws_iam_role.ci["${each.value}-apply"].name
  policy_arn = "${local.arn}:iam::aws:policy/AdministratorAccess"
}

# The pipeline cannot widen its own way in or take the states' protection away.
data "aws_iam_policy_document" "deny" {
  statement {
    sid    = "OwnRoles"
    effect = "Deny"
    actions = [
      "iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy",
      "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    ]
    resources = concat([for role in aws_iam_role.ci : role.arn], [aws_iam_role.push.arn])
  }

  statement {
    sid    = "OwnProvider"
    effect = "Deny"
    actions = [
      "iam:AddClientIDToOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", "iam:UpdateOpenIDConnectProviderThumbprint",
    ]
    resources = [aws_iam_openid_connect_provider.github.arn]
  }

  statement {
    sid    = "States"
    effect = "Deny"
    actions = [
      "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
    ]
    resources = [aws_s3_bucket.state.arn, "${aws_s3_bucket.state.arn}/*"]
  }

  statement {
    sid       = "StateKey"
    effect    = "Deny"
    actions   = ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]
    resources = [aws_kms_key.state.arn]
  }

  # No static keys, whoever asks.
  statement {
    sid       = "StaticKeys"
    effect    = "Deny"
    actions   = ["iam:CreateAccessKey", "iam:CreateUser"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "deny" {
  for_each = var.environments

  name   = "deny"
  role   = aws_iam_role.ci["${each.value}-apply"].id
  policy = data.aws_iam_policy_document.deny.json
}
