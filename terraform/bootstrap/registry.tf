# The images of all environments: built and signed once, the same digests go from one environment to the next. So there is one
# registry, and the release workflow's role pushes to it and does nothing else.

resource "aws_kms_key" "images" {
  description             = "Images of ${var.project}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "images" {
  name          = "alias/${var.project}-images"
  target_key_id = aws_kms_key.images.key_id
}

module "registry" {
  source      = "../modules/registry"
  project     = var.project
  environment = "prod" # what prod runs is in it, so its rules against losing data hold
  kms_key_arn = aws_kms_key.images.arn

  repositories = [for service in yamldecode(file("${path.module}/../../services.yaml")).services : service.image]
  pull_through = var.pull_through
}

# Jobs of the GitHub environment `registry`, no others. It sees no state.
data "aws_iam_policy_document" "push_trust" {
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
      values   = ["repo:${var.repository}:environment:registry"]
    }
  }
}

# Push, pull (to scan and to join architectures) and describe. It deletes nothing and changes no repository.
data "aws_iam_policy_document" "push" {
  # checkov:skip=CKV_AWS_356:GetAuthorizationToken takes no resource; everything else names the repositories
  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "Images"
    resources = values(module.registry.repository_arns)

    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
      "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
      "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListImages",
    ]
  }
}

resource "aws_iam_role" "push" {
  name                 = "${var.project}-registry-push"
  description          = "Pipeline of ${var.repository}: registry-push"
  assume_role_policy   = data.aws_iam_policy_document.push_trust.json
  max_session_duration = 7200 # a build takes more than an hour when no cache helps
}

resource "aws_iam_role_policy" "push" {
  name   = "push"
  role   = aws_iam_role.push.id
  policy = data.aws_iam_policy_document.push.json
}
