# The whole module in one apply: what moto has no call for, or cannot hold, gets made-up values; all else is made on moto, so that
# every name and ARN that goes from one resource into another is a real one. The harness gives the provider.

override_resource {
  target = module.eks.aws_eks_cluster.this
  values = {
    arn                   = "arn:aws:eks:eu-central-1:123456789012:cluster/signalbox-dev"
    endpoint              = "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com"
    identity              = [{ oidc = [{ issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF" }] }]
    certificate_authority = [{ data = "Y2E=" }]
  }
}

override_resource {
  target = module.eks.aws_eks_node_group.this
}

override_resource {
  target = module.eks.aws_eks_addon.before_nodes
}

override_resource {
  target = module.eks.aws_eks_addon.after_nodes
}

override_resource {
  target = module.eks.aws_eks_access_entry.role
}

override_resource {
  target = module.eks.aws_eks_access_entry.karpenter_nodes
}

override_resource {
  target = module.eks.aws_eks_access_policy_association.role
}

override_resource {
  target = module.eks.aws_eks_pod_identity_association.karpenter
}

override_resource {
  target = module.eks.aws_eks_pod_identity_association.workload
}

run "whole_module" {
  command = apply

  assert {
    condition     = module.eks.oidc_provider_arn == "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF"
    error_message = "the provider of the cluster's tokens was not made from its issuer"
  }

  assert {
    condition     = module.eks.workload_role_arns["external-secrets"] == "arn:aws:iam::123456789012:role/signalbox-dev-external-secrets"
    error_message = "a workload has no role of its own"
  }

  assert {
    condition     = module.eks.node_role_name == "signalbox-dev-karpenter-node" && module.eks.interruption_queue == "signalbox-dev-interruptions"
    error_message = "Karpenter's nodes have no role, or nobody tells it of interruptions"
  }
}
