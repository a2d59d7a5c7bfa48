# Karpenter's AWS side: the role and queue of the controller, and the role of the nodes it makes. The chart is installed with
# the other parts of the cluster, on the group that carries signalbox/role=system and never on a node Karpenter owns.

locals {
  karpenter = var.compute == "karpenter" ? 1 : 0

  interruptions = var.compute == "karpenter" ? {
    health    = { source = "aws.health", type = "AWS Health Event" }
    spot      = { source = "aws.ec2", type = "EC2 Spot Instance Interruption Warning" }
    rebalance = { source = "aws.ec2", type = "EC2 Instance Rebalance Recommendation" }
    state     = { source = "aws.ec2", type = "EC2 Instance State-change Notification" }
  } : {}
}

resource "aws_iam_role" "karpenter_node" {
  count = local.karpenter

  name               = "${local.name}-karpenter-node"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "karpenter_node" {
  for_each = local.karpenter == 1 ? toset(local.node_policies) : toset([])

  role       = aws_iam_role.karpenter_node[0].name
  policy_arn = "${local.arn}:iam::aws:policy/${each.value}"
}

resource "aws_sqs_queue" "interruptions" {
  count = local.karpenter

  name                      = "${local.name}-interruptions"
  message_retention_seconds = 300 # an older warning is about a node that is gone
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

data "aws_iam_policy_document" "interruptions" {
  count = local.karpenter

  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.interruptions[0].arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_sqs_queue_policy" "interruptions" {
  count = local.karpenter

  queue_url = aws_sqs_queue.interruptions[0].id
  policy    = data.aws_iam_policy_document.interruptions[0].json
}

resource "aws_cloudwatch_event_rule" "interruptions" {
  for_each = local.interruptions

  name          = "${local.name}-${each.key}"
  description   = "${each.value.type} to Karpenter"
  event_pattern = jsonencode({ source = [each.value.source], "detail-type" = [each.value.type] })
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "interruptions" {
  for_each = aws_cloudwatch_event_rule.interruptions

  rule = each.value.name
  arn  = aws_sqs_queue.interruptions[0].arn
}

# Reading prices and instance types takes no resource name; everything that makes or ends something is bound to this cluster's
# tag or to the role above.
data "aws_iam_policy_document" "karpenter" {
  count = local.karpenter

  statement {
    sid = "Read"
    actions = [
      "ec2:DescribeAvailabilityZones", "ec2:DescribeCapacityReservations", "ec2:DescribeImages", "ec2:DescribeInstances",
      "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplates",
      "ec2:DescribeSecurityGroups", "ec2:DescribeSpotPriceHistory", "ec2:DescribeSubnets", "pricing:GetProducts",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [data.aws_region.current.id, "us-east-1"] # prices are answered there
    }
  }

  statement {
    sid       = "Images"
    actions   = ["ssm:GetParameter"]
    resources = ["${local.arn}:ssm:${data.aws_region.current.id}::parameter/aws/service/*"]
  }

  statement {
    sid     = "UseWhatExists"
    actions = ["ec2:RunInstances", "ec2:CreateFleet"]
    resources = [for kind in ["image", "snapshot", "security-group", "subnet", "capacity-reservation"] :
      "${local.arn}:ec2:${data.aws_region.current.id}:${contains(["image", "snapshot"], kind) ? "" : "*"}:${kind}/*"
    ]
  }

  statement {
    sid     = "MakeTagged"
    actions = ["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:CreateTags"]
    resources = [for kind in ["fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request"] :
      "${local.arn}:ec2:${data.aws_region.current.id}:${local.account}:${kind}/*"
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes.io/cluster/${local.name}"
      values   = ["owned"]
    }
  }

  statement {
    sid     = "UseAndEndOwn"
    actions = ["ec2:RunInstances", "ec2:CreateFleet", "ec2:TerminateInstances", "ec2:DeleteLaunchTemplate", "ec2:CreateTags"]
    resources = [for kind in ["instance", "launch-template"] :
      "${local.arn}:ec2:${data.aws_region.current.id}:${local.account}:${kind}/*"
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/kubernetes.io/cluster/${local.name}"
      values   = ["owned"]
    }
  }

  statement {
    sid       = "Interruptions"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    resources = [aws_sqs_queue.interruptions[0].arn]
  }

  statement {
    sid       = "GiveNodesTheirRole"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.karpenter_node[0].arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }

  statement {
    sid = "InstanceProfiles"
    actions = [
      "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile",
      "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile",
    ]
    resources = ["${local.arn}:iam::${local.account}:instance-profile/*"]
  }

  statement {
    sid       = "Cluster"
    actions   = ["eks:DescribeCluster"]
    resources = [aws_eks_cluster.this.arn]
  }
}

resource "aws_iam_role" "karpenter" {
  count = local.karpenter

  name               = "${local.name}-karpenter"
  assume_role_policy = data.aws_iam_policy_document.pod_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "karpenter" {
  count = local.karpenter

  name   = "nodes"
  role   = aws_iam_role.karpenter[0].id
  policy = data.aws_iam_policy_document.karpenter[0].json
}

resource "aws_eks_pod_identity_association" "karpenter" {
  count = local.karpenter

  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "karpenter"
  role_arn        = aws_iam_role.karpenter[0].arn
  tags            = var.tags
}
