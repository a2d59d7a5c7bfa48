mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock", id = "mock" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:111122223333:key/mock", key_id = "mock" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
  }
  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:eu-central-1:111122223333:repository/signalbox/mock", repository_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/signalbox/mock" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }
}

variables { repository = "example/signalbox" }

run "state" {
  command = plan

  assert {
    condition     = aws_s3_bucket.state.bucket == "signalbox-tfstate-111122223333-eu-central-1"
    error_message = "the bucket's name is not unique to account and region"
  }
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "a broken state cannot be taken back"
  }
  assert {
    condition     = tolist(aws_s3_bucket_server_side_encryption_configuration.state.rule)[0].apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.state.arn
    error_message = "states are not encrypted with the key"
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.state.rule[0].noncurrent_version_expiration[0].newer_noncurrent_versions == 10
    error_message = "the last versions of a state go with time"
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.state.block_public_acls && aws_s3_bucket_public_access_block.state.block_public_policy && aws_s3_bucket_public_access_block.state.ignore_public_acls && aws_s3_bucket_public_access_block.state.restrict_public_buckets
    error_message = "states can be made public"
  }
  assert {
    condition     = data.aws_iam_policy_document.state.statement[0].effect == "Deny" && one(data.aws_iam_policy_document.state.statement[0].condition).variable == "aws:SecureTransport"
    error_message = "states travel without TLS"
  }
}

run "pipeline" {
  command = plan

  assert {
    condition     = toset(keys(aws_iam_role.ci)) == toset(["dev-plan", "dev-apply", "staging-plan", "staging-apply", "prod-plan", "prod-apply"])
    error_message = "not a role to plan and one to apply for each environment"
  }
  assert {
    condition = alltrue([for name, document in data.aws_iam_policy_document.trust :
      contains([for c in document.statement[0].condition : join(",", c.values) if c.variable == "token.actions.githubusercontent.com:sub" && c.test == "StringEquals"],
      "repo:example/signalbox:environment:${trimsuffix(name, "-apply")}")
    ])
    error_message = "others than this repository and its environment can take a role"
  }
  assert {
    condition     = alltrue([for name, a in aws_iam_role_policy_attachment.plan : !strcontains(a.policy_arn, "Administrator") && !strcontains(a.policy_arn, "PowerUser")])
    error_message = "a plan can change something"
  }
  assert {
    condition     = alltrue([for name, d in data.aws_iam_policy_document.state_access : length([for s in d.statement : s if s.sid == "Write"]) == (endswith(name, "-apply") ? 1 : 0)])
    error_message = "whoever plans can write states"
  }
  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.deny.statement : s.effect == "Deny"]) && length(aws_iam_role_policy.deny) == 3
    error_message = "the pipeline can widen its own way in"
  }
}

run "registry" {
  command = plan

  assert {
    condition     = toset([for c in data.aws_iam_policy_document.push_trust.statement[0].condition : "${c.test} ${c.variable} ${join(",", c.values)}"]) == toset(["StringEquals token.actions.githubusercontent.com:aud sts.amazonaws.com", "StringEquals token.actions.githubusercontent.com:sub repo:example/signalbox:environment:registry"])
    error_message = "others than the jobs of the environment registry can push"
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.push.statement : s.sid if contains(s.resources, "*")] == ["LogIn"] && data.aws_iam_policy_document.push.statement[0].actions == toset(["ecr:GetAuthorizationToken"])
    error_message = "whoever pushes may do it anywhere"
  }
  assert {
    condition     = length(data.aws_iam_policy_document.push.statement[1].actions) == 10 && alltrue([for a in data.aws_iam_policy_document.push.statement[1].actions : startswith(a, "ecr:") && !can(regex("Delete|Policy|Tag|Create|[*]", a))])
    error_message = "whoever pushes may delete images or change repositories"
  }
  # Known by name, and as many as there are services.
  assert {
    condition     = length(setsubtract(["gateway", "auth", "user", "product", "notification"], keys(module.registry.repository_urls))) == 0 && length(module.registry.repository_urls) == length(yamldecode(file("../../services.yaml")).services)
    error_message = "a service has no repository for its image, or there is one without a service"
  }
  assert {
    condition     = contains(keys(output.role_arns), "registry-push")
    error_message = "the role does not come out"
  }
  assert {
    condition     = contains(data.aws_iam_policy_document.deny.statement[0].resources, aws_iam_role.push.arn)
    error_message = "an environment's pipeline can change who pushes images"
  }
  assert {
    condition     = output.registry == "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
    error_message = "REGISTRY is not what stands before the project"
  }
}

run "wrong_project" {
  command = plan
  variables { project = "Signal Box" }
  expect_failures = [var.project]
}

run "any_repository" {
  command = plan
  variables { repository = "example/*" }
  expect_failures = [var.repository]
}

run "unknown_environment" {
  command = plan
  variables { environments = ["dev", "test"] }
  expect_failures = [var.environments]
}

run "old_versions_go_too_soon" {
  command = plan
  variables { old_versions_days = 1 }
  expect_failures = [var.old_versions_days]
}
