# EKS's own add-ons. In auto mode EKS brings network, DNS, storage and Pod Identity itself; only metrics-server is left.

locals {
  # Before the nodes: without a CNI they never get ready, without the agent their first pods have no identity.
  # The CNI enforces NetworkPolicies only when told to; without it the chart's policies are decoration.
  addons_before_nodes = local.auto ? {} : {
    vpc-cni                  = jsonencode({ enableNetworkPolicy = "true" })
    "eks-pod-identity-agent" = null
  }
  addons_after_nodes = local.auto ? { metrics-server = null } : {
    kube-proxy         = null
    coredns            = null
    metrics-server     = null
    aws-ebs-csi-driver = null
  }
  addon_names = sort(concat(keys(local.addons_before_nodes), keys(local.addons_after_nodes)))

  # The AWS managed policy of the add-ons that call AWS, and the service account that does.
  addon_roles = local.auto ? {} : {
    vpc-cni            = { account = "aws-node", policy = "AmazonEKS_CNI_Policy" }
    aws-ebs-csi-driver = { account = "ebs-csi-controller-sa", policy = "service-role/AmazonEBSCSIDriverPolicy" }
  }
}

resource "aws_iam_role" "addon" {
  for_each = local.addon_roles

  name               = "${local.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.pod_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "addon" {
  for_each = local.addon_roles

  role       = aws_iam_role.addon[each.key].name
  policy_arn = "${local.arn}:iam::aws:policy/${each.value.policy}"
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.addons_before_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  configuration_values        = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = var.tags

  dynamic "pod_identity_association" {
    for_each = contains(keys(local.addon_roles), each.key) ? [local.addon_roles[each.key]] : []

    content {
      role_arn        = aws_iam_role.addon[each.key].arn
      service_account = pod_identity_association.value.account
    }
  }
}

resource "aws_eks_addon" "after_nodes" {
  for_each = local.addons_after_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  configuration_values        = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"
  tags                        = var.tags

  dynamic "pod_identity_association" {
    for_each = contains(keys(local.addon_roles), each.key) ? [local.addon_roles[each.key]] : []

    content {
      role_arn        = aws_iam_role.addon[each.key].arn
      service_account = pod_identity_association.value.account
    }
  }

  depends_on = [aws_eks_node_group.this]
}
