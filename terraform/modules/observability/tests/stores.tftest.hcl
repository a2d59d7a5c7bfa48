# Shaped like the real ones, because the provider looks at policies and ARNs even when nothing is made.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/signalbox-prod-program" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::signalbox-prod-bucket" }
  }
}

variables {
  environment       = "prod"
  kms_key_arn       = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/1"
  oidc_issuer       = "oidc.eks.eu-central-1.amazonaws.com/id/1"
}

run "buckets" {
  command = plan

  assert {
    condition     = toset([for bucket in aws_s3_bucket.this : bucket.bucket]) == toset(["signalbox-prod-loki-111122223333", "signalbox-prod-traces-111122223333", "signalbox-prod-access-logs-111122223333"])
    error_message = "a bucket is missing or its name may be taken by another account"
  }

  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "a bucket can be public"
  }

  assert {
    condition     = alltrue([for key in ["loki", "traces"] : one(one(aws_s3_bucket_server_side_encryption_configuration.this[key].rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn])
    error_message = "data is not encrypted with the given key"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this["access-logs"].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "S3 cannot write access logs under a customer key"
  }

  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"])
    error_message = "versions are not kept"
  }

  assert {
    condition     = { for key, life in aws_s3_bucket_lifecycle_configuration.this : key => life.rule[0].expiration[0].days } == { loki = 35, traces = 30, access-logs = 365 }
    error_message = "data stays for another time than asked for"
  }

  assert {
    condition     = toset(keys(aws_s3_bucket_logging.this)) == toset(["loki", "traces"])
    error_message = "who reads is not recorded"
  }

  assert {
    condition     = alltrue([for document in data.aws_iam_policy_document.bucket : document.statement[0].effect == "Deny" && one(document.statement[0].condition).variable == "aws:SecureTransport"])
    error_message = "plain connections are accepted"
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : !bucket.force_destroy])
    error_message = "logs and traces of prod can be destroyed"
  }
}

run "roles_by_oidc" {
  command = apply

  assert {
    condition     = toset(keys(aws_iam_role.program)) == toset(["loki", "collector"])
    error_message = "a program has no role, or one too many"
  }

  assert {
    condition     = toset(one([for c in data.aws_iam_policy_document.trust["loki"].statement[0].condition : c.values if endswith(c.variable, ":sub")])) == toset(["system:serviceaccount:observability:loki"])
    error_message = "another service account may take the role"
  }

  assert {
    condition     = toset(one([for c in data.aws_iam_policy_document.trust["loki"].statement[0].condition : c.values if endswith(c.variable, ":aud")])) == toset(["sts.amazonaws.com"])
    error_message = "tokens for somebody else are accepted"
  }

  assert {
    condition     = alltrue(flatten([for document in data.aws_iam_policy_document.program : [for s in document.statement : !contains(s.resources, "*") && alltrue([for action in s.actions : !strcontains(action, "*")])]]))
    error_message = "a policy has a wildcard resource or action"
  }

  assert {
    condition     = toset(flatten(data.aws_iam_policy_document.program["collector"].statement[*].actions)) == toset(["s3:PutObject", "kms:GenerateDataKey"])
    error_message = "the collector may read or delete"
  }

  assert {
    condition     = length(aws_eks_pod_identity_association.program) == 0
    error_message = "there are associations beside OIDC"
  }

  assert {
    condition     = length(aws_prometheus_workspace.this) == 0
    error_message = "a workspace costs although nobody asked for it"
  }
}

run "roles_by_pod_identity" {
  command = plan
  variables {
    cluster_name      = "signalbox-prod"
    oidc_provider_arn = ""
    oidc_issuer       = ""
    managed_metrics   = true
  }

  assert {
    condition     = alltrue([for document in data.aws_iam_policy_document.trust : toset(document.statement[0].actions) == toset(["sts:AssumeRole", "sts:TagSession"]) && one(document.statement[0].principals).identifiers == toset(["pods.eks.amazonaws.com"])])
    error_message = "pods cannot take the role with their tags"
  }

  assert {
    condition     = toset([for c in data.aws_iam_policy_document.trust["loki"].statement[0].condition : one(c.values)]) == toset(["arn:aws:eks:eu-central-1:111122223333:cluster/signalbox-prod", "observability", "loki"])
    error_message = "pods of another cluster or namespace may take the role"
  }

  assert {
    condition     = { for key, association in aws_eks_pod_identity_association.program : key => association.service_account } == { loki = "loki", collector = "collector", prometheus = "prometheus", grafana = "grafana" }
    error_message = "a program is not associated"
  }

  assert {
    condition     = aws_prometheus_workspace.this[0].kms_key_arn == var.kms_key_arn
    error_message = "metrics are not encrypted with the given key"
  }

  assert {
    condition     = alltrue([for action in flatten(data.aws_iam_policy_document.program["grafana"].statement[*].actions) : !strcontains(action, "Write")])
    error_message = "Grafana may write"
  }
}
