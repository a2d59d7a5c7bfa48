mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_eks_cluster" {
    defaults = {
      arn                   = "arn:aws:eks:eu-central-1:111122223333:cluster/signalbox-dev"
      identity              = [{ oidc = [{ issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC" }] }]
      certificate_authority = [{ data = "Y2E=" }]
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:111122223333:mock" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:111122223333:rule/mock" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  project     = "signalbox"
  environment = "dev"
  kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  subnet_ids  = ["subnet-1", "subnet-2", "subnet-3"]
  access = {
    admins = { role_arn = "arn:aws:iam::111122223333:role/admins", policy = "AmazonEKSClusterAdminPolicy" }
    deploy = { role_arn = "arn:aws:iam::111122223333:role/deploy", policy = "AmazonEKSAdminPolicy", namespaces = ["signalbox"] }
  }
  workloads = {
    external-secrets = {
      namespace       = "external-secrets"
      service_account = "external-secrets"
      policy          = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"arn:aws:secretsmanager:eu-central-1:111122223333:secret:signalbox/dev/*\"}]}"
    }
  }
}

run "control_plane" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "the API can be reached from the internet by default"
  }
  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "rights come from elsewhere than access entries"
  }
  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.kms_key_arn && contains(aws_eks_cluster.this.encryption_config[0].resources, "secrets")
    error_message = "Kubernetes secrets are not encrypted with the given key"
  }
  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "not all five control plane logs are on"
  }
  assert {
    condition     = aws_cloudwatch_log_group.cluster.name == "/aws/eks/signalbox-dev/cluster" && aws_cloudwatch_log_group.cluster.retention_in_days == 90
    error_message = "EKS makes a log group of its own that never expires"
  }
  assert {
    condition     = aws_eks_cluster.this.upgrade_policy[0].support_type == "STANDARD" && aws_eks_cluster.this.zonal_shift_config[0].enabled
    error_message = "extended support is bought silently or zonal shift is off"
  }
  assert {
    condition     = output.oidc_issuer == "oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    error_message = "the issuer is not in the form of trust policies"
  }
}

run "who_may" {
  command = plan

  assert {
    condition     = aws_eks_access_policy_association.role["admins"].access_scope[0].type == "cluster"
    error_message = "admins do not reach the whole cluster"
  }
  assert {
    condition     = aws_eks_access_policy_association.role["deploy"].access_scope[0].type == "namespace" && aws_eks_access_policy_association.role["deploy"].access_scope[0].namespaces == toset(["signalbox"])
    error_message = "the pipeline reaches more than its namespace"
  }
  assert {
    condition     = aws_eks_access_policy_association.role["admins"].policy_arn == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    error_message = "not AWS's access policy"
  }
  assert {
    condition     = aws_eks_pod_identity_association.workload["external-secrets"].service_account == "external-secrets" && aws_iam_role.workload["external-secrets"].name == "signalbox-dev-external-secrets"
    error_message = "a workload does not get its role by Pod Identity"
  }
  assert {
    condition     = toset(data.aws_iam_policy_document.pod_trust.statement[0].actions) == toset(["sts:AssumeRole", "sts:TagSession"]) && tolist(data.aws_iam_policy_document.pod_trust.statement[0].principals)[0].identifiers == toset(["pods.eks.amazonaws.com"])
    error_message = "the trust policy is not Pod Identity's"
  }
}

run "managed_nodes" {
  command = plan

  assert {
    condition     = aws_launch_template.node[0].metadata_options[0].http_tokens == "required" && aws_launch_template.node[0].metadata_options[0].http_put_response_hop_limit == 1
    error_message = "pods can reach the credentials of their node"
  }
  assert {
    condition     = tobool(aws_launch_template.node[0].block_device_mappings[0].ebs[0].encrypted) && aws_launch_template.node[0].block_device_mappings[0].ebs[0].volume_type == "gp3"
    error_message = "disks of nodes are not encrypted gp3"
  }
  assert {
    condition     = aws_eks_node_group.this[0].ami_type == "AL2023_ARM_64_STANDARD" && aws_eks_node_group.this[0].update_config[0].max_unavailable == 1
    error_message = "nodes are not AL2023 on Graviton, replaced one by one"
  }
  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies are decoration"
  }
  assert {
    condition     = toset(keys(aws_eks_addon.before_nodes)) == toset(["vpc-cni", "eks-pod-identity-agent"]) && toset(keys(aws_eks_addon.after_nodes)) == toset(["kube-proxy", "coredns", "metrics-server", "aws-ebs-csi-driver"])
    error_message = "add-ons are missing or in the wrong order"
  }
  assert {
    condition     = length(aws_sqs_queue.interruptions) == 0 && !aws_eks_cluster.this.compute_config[0].enabled
    error_message = "parts of another way to bring nodes"
  }
}

run "x86_nodes" {
  command = plan
  variables {
    architecture   = "x86_64"
    instance_types = ["m7i.large"]
  }

  assert {
    condition     = aws_eks_node_group.this[0].ami_type == "AL2023_x86_64_STANDARD"
    error_message = "the image is not of the architecture"
  }
}

run "karpenter" {
  command = plan
  variables { compute = "karpenter" }

  assert {
    condition     = length(aws_cloudwatch_event_rule.interruptions) == 4 && aws_sqs_queue.interruptions[0].sqs_managed_sse_enabled
    error_message = "Karpenter is not warned of interruptions"
  }
  assert {
    condition     = aws_eks_access_entry.karpenter_nodes[0].type == "EC2_LINUX"
    error_message = "nodes of Karpenter cannot join"
  }
  assert {
    condition     = aws_eks_node_group.this[0].labels["signalbox/role"] == "system"
    error_message = "no place for Karpenter itself"
  }
  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.karpenter[0].statement : s.sid == "Read" || !contains(s.resources, "*")])
    error_message = "Karpenter may do more than read on any resource"
  }
}

run "auto_mode" {
  command = plan
  variables { compute = "auto" }

  assert {
    condition     = aws_eks_cluster.this.compute_config[0].enabled && aws_eks_cluster.this.storage_config[0].block_storage[0].enabled && aws_eks_cluster.this.kubernetes_network_config[0].elastic_load_balancing[0].enabled
    error_message = "the three parts of auto mode are not on together"
  }
  assert {
    condition     = !aws_eks_cluster.this.bootstrap_self_managed_addons && length(aws_eks_node_group.this) == 0 && keys(aws_eks_addon.after_nodes) == ["metrics-server"]
    error_message = "auto mode has add-ons or nodes of its own besides"
  }
}

run "public_api_for_an_office" {
  command = plan
  variables { public_access_cidrs = ["198.51.100.0/24"] }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["198.51.100.0/24"])
    error_message = "the list of ranges is not what opens the API"
  }
}
