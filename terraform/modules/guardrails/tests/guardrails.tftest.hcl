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
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock", id = "mock" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:111122223333:key/mock" }
  }
}

variables {
  environment       = "prod"
  public_subnet_ids = ["subnet-1", "subnet-2", "subnet-3"]
  topic_arn         = "arn:aws:sns:eu-central-1:111122223333:signalbox-prod-alarms"
}

run "everything" {
  command = apply

  assert {
    condition     = aws_guardduty_detector.this[0].enable && aws_guardduty_detector_feature.runtime[0].name == "RUNTIME_MONITORING" && aws_guardduty_detector_feature.runtime[0].status == "ENABLED"
    error_message = "nobody looks at what runs on the nodes"
  }

  assert {
    condition     = one(aws_guardduty_detector_feature.runtime[0].additional_configuration).name == "EKS_ADDON_MANAGEMENT" && one(aws_guardduty_detector_feature.runtime[0].additional_configuration).status == "ENABLED"
    error_message = "the agent of GuardDuty does not get into the cluster"
  }

  assert {
    condition     = contains(keys(aws_guardduty_detector_feature.audit), "EKS_AUDIT_LOGS")
    error_message = "the audit log of the cluster is not looked at"
  }

  assert {
    condition     = aws_cloudtrail.this[0].is_multi_region_trail && aws_cloudtrail.this[0].enable_log_file_validation && aws_cloudtrail.this[0].kms_key_id == aws_kms_key.records[0].arn
    error_message = "the trail misses regions, can be forged, or is not encrypted with its key"
  }

  assert {
    condition     = aws_config_configuration_recorder.this[0].recording_group[0].all_supported && aws_config_configuration_recorder_status.this[0].is_enabled
    error_message = "settings are not recorded"
  }

  assert {
    condition     = endswith(aws_securityhub_standards_subscription.best_practices[0].standards_arn, "standards/aws-foundational-security-best-practices/v/1.0.0") && !aws_securityhub_account.this[0].enable_default_standards
    error_message = "Security Hub checks something else than the best practices"
  }

  assert {
    condition     = aws_vpc_block_public_access_options.this[0].internet_gateway_block_mode == "block-ingress" && aws_vpc_block_public_access_exclusion.load_balancers[*].subnet_id == ["subnet-1", "subnet-2", "subnet-3"]
    error_message = "the internet reaches more than the load balancers, or not even these"
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_event_target.finding)) == toset(["guardduty", "securityhub", "images"]) && alltrue([for t in aws_cloudwatch_event_target.finding : t.arn == var.topic_arn])
    error_message = "a finding reaches nobody"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.finding["images"].event_pattern).detail.resources.type == ["AWS_ECR_CONTAINER_IMAGE"] && jsondecode(aws_cloudwatch_event_rule.finding["guardduty"].event_pattern).detail.severity[0].numeric[1] == 4
    error_message = "findings of images are not told, or too many of GuardDuty"
  }
}

run "records" {
  command = apply

  assert {
    condition     = alltrue([for flag in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] : aws_s3_bucket_public_access_block.records[0][flag]])
    error_message = "records can be made public"
  }

  assert {
    condition     = tolist(aws_s3_bucket_server_side_encryption_configuration.records[0].rule)[0].apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.records[0].arn && aws_s3_bucket_versioning.records[0].versioning_configuration[0].status == "Enabled"
    error_message = "records are not encrypted with their key, or can be overwritten"
  }

  assert {
    condition     = data.aws_iam_policy_document.records[0].statement[0].effect == "Deny" && length([for s in data.aws_iam_policy_document.records[0].statement : s if s.effect == "Allow" && !contains([for c in s.condition : c.variable], "aws:SourceArn")]) == 0
    error_message = "others than this trail write records, or without TLS"
  }

  assert {
    condition     = toset(flatten([for s in data.aws_iam_policy_document.config_writes[0].statement : s.actions if contains(s.resources, "*")])) == toset([])
    error_message = "Config writes elsewhere than to its bucket"
  }
}

run "an_organization_has_the_rest" {
  command = apply
  variables {
    parts             = ["block-public-access"]
    public_subnet_ids = ["subnet-1"]
  }

  assert {
    condition     = output.detector_id == null && output.records_bucket == null && length(aws_cloudtrail.this) + length(aws_config_configuration_recorder.this) + length(aws_securityhub_account.this) + length(aws_kms_key.records) + length(aws_s3_bucket.records) == 0
    error_message = "something is made that the organization has"
  }

  assert {
    condition     = keys(aws_cloudwatch_event_rule.finding) == ["images"] && length(aws_vpc_block_public_access_exclusion.load_balancers) == 1
    error_message = "findings of images are not told, or rules listen to what is off"
  }
}

run "trail_alone" {
  command = apply
  variables { parts = ["cloudtrail"] }

  assert {
    condition     = length(aws_s3_bucket.records) == 1 && length(aws_iam_role.config) == 0 && length(aws_vpc_block_public_access_options.this) == 0
    error_message = "the trail has no bucket, or more than the trail is made"
  }
}

run "wrong_project" {
  command = plan
  variables { project = "Signal Box" }
  expect_failures = [var.project]
}

run "wrong_environment" {
  command = plan
  variables { environment = "test" }
  expect_failures = [var.environment]
}

run "unknown_part" {
  command = plan
  variables { parts = ["guard-duty"] }
  expect_failures = [var.parts]
}

run "security_hub_with_nothing_to_read" {
  command = plan
  variables { parts = ["securityhub"] }
  expect_failures = [var.parts]
}

run "no_way_in" {
  command = plan
  variables { public_subnet_ids = [] }
  expect_failures = [var.public_subnet_ids]
}

run "not_a_topic" {
  command = plan
  variables { topic_arn = "signalbox-prod-alarms" }
  expect_failures = [var.topic_arn]
}

run "severity_out_of_range" {
  command = plan
  variables { guardduty_severity = 11 }
  expect_failures = [var.guardduty_severity]
}

run "records_gone_too_soon" {
  command = plan
  variables { record_days = 30 }
  expect_failures = [var.record_days]
}
