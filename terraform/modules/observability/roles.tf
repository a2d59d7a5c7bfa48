# A role per program, for its service account alone, with the one bucket it needs. No policy has a wildcard resource
# but for the objects within a bucket.

locals {
  pod_identity = var.cluster_name != ""

  # Program (and service account) -> what it may do there.
  programs = merge(
    {
      loki = [
        { sid = "Bucket", actions = ["s3:ListBucket"], resources = [aws_s3_bucket.this["loki"].arn] },
        { sid = "Objects", actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resources = ["${aws_s3_bucket.this["loki"].arn}/*"] },
        { sid = "Key", actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [var.kms_key_arn] },
      ]
      # The collector only ever adds.
      collector = [
        { sid = "Objects", actions = ["s3:PutObject"], resources = ["${aws_s3_bucket.this["traces"].arn}/*"] },
        { sid = "Key", actions = ["kms:GenerateDataKey"], resources = [var.kms_key_arn] },
      ]
    },
    var.managed_metrics ? {
      prometheus = [
        { sid = "Write", actions = ["aps:RemoteWrite"], resources = [aws_prometheus_workspace.this[0].arn] },
      ]
      grafana = [
        { sid = "Read", actions = ["aps:QueryMetrics", "aps:GetSeries", "aps:GetLabels", "aps:GetMetricMetadata"], resources = [aws_prometheus_workspace.this[0].arn] },
      ]
    } : {}
  )
}

data "aws_iam_policy_document" "trust" {
  for_each = local.programs

  dynamic "statement" {
    for_each = local.pod_identity ? ["pods"] : []

    content {
      sid     = "PodIdentity"
      actions = ["sts:AssumeRole", "sts:TagSession"]

      principals {
        type        = "Service"
        identifiers = ["pods.eks.amazonaws.com"]
      }

      # Only pods of this cluster and of this service account.
      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/eks-cluster-arn"
        values   = ["arn:${data.aws_partition.current.partition}:eks:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:cluster/${var.cluster_name}"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-namespace"
        values   = [var.namespace]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-service-account"
        values   = [each.key]
      }
    }
  }

  dynamic "statement" {
    for_each = local.pod_identity ? [] : ["oidc"]

    content {
      sid     = "ServiceAccount"
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [var.oidc_provider_arn]
      }

      condition {
        test     = "StringEquals"
        variable = "${var.oidc_issuer}:sub"
        values   = ["system:serviceaccount:${var.namespace}:${each.key}"]
      }

      condition {
        test     = "StringEquals"
        variable = "${var.oidc_issuer}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }
}

data "aws_iam_policy_document" "program" {
  for_each = local.programs

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

resource "aws_iam_role" "program" {
  for_each = local.programs

  name               = "${local.name}-${each.key}"
  description        = "What ${each.key} of ${local.name} may do in AWS."
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
  tags               = local.tags
}

resource "aws_iam_role_policy" "program" {
  for_each = local.programs

  name   = "store"
  role   = aws_iam_role.program[each.key].id
  policy = data.aws_iam_policy_document.program[each.key].json
}

resource "aws_eks_pod_identity_association" "program" {
  for_each = local.pod_identity ? local.programs : {}

  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = each.key
  role_arn        = aws_iam_role.program[each.key].arn
  tags            = local.tags
}
