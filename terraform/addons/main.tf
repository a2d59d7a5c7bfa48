# What programs in the cluster need in AWS and no environment can give them, because it comes after the cluster. Roles of
# External Secrets and external-dns are workloads of the module eks; this is the one whose policy must name "*" to look around.
# The programs themselves are charts: charts.json has their versions, scripts/install-addons installs them.

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = var.project
      environment = var.environment
      owner       = var.owner
      cost-center = var.cost_center
      managed-by  = "terraform/addons"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  ec2     = "arn:${data.aws_partition.current.partition}:ec2:${var.region}:${local.account}"
  elb     = "arn:${data.aws_partition.current.partition}:elasticloadbalancing:${var.region}:${local.account}"
  program = "aws-load-balancer-controller"

  # The controller marks all it makes with this tag, and the policy lets it touch nothing without.
  mark = "elbv2.k8s.aws/cluster"

  balancers = ["${local.elb}:loadbalancer/app/*", "${local.elb}:loadbalancer/net/*", "${local.elb}:targetgroup/*"]
  listeners = [
    "${local.elb}:listener/app/*", "${local.elb}:listener/net/*",
    "${local.elb}:listener-rule/app/*", "${local.elb}:listener-rule/net/*",
  ]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = [var.load_balancer_namespace]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [local.program]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "load_balancer" {
  name               = "${var.project}-${var.environment}-load-balancer"
  description        = "What ${local.program} of ${var.cluster_name} may do in AWS."
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "load_balancer" {
  name   = "balance"
  role   = aws_iam_role.load_balancer.id
  policy = data.aws_iam_policy_document.load_balancer.json
}

resource "aws_eks_pod_identity_association" "load_balancer" {
  cluster_name    = var.cluster_name
  namespace       = var.load_balancer_namespace
  service_account = local.program
  role_arn        = aws_iam_role.load_balancer.arn
}
