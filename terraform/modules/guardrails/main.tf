# Guardrails of an account in one region: who did what (CloudTrail, Config), what looks wrong (GuardDuty, Security Hub), what
# must not happen (no way in from the internet but the load balancers' subnets). An account has each of these once, so one of
# its environments switches them on; `parts` leaves out what an organization already gives its accounts.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  name    = "${var.project}-${var.environment}-guardrails"
  arn     = "arn:${data.aws_partition.current.partition}"
  region  = data.aws_region.current.id
  account = data.aws_caller_identity.current.account_id
  tags    = merge(var.tags, { module = "guardrails" })
  on      = { for part in local.all_parts : part => contains(var.parts, part) ? 1 : 0 }

  all_parts = ["guardduty", "cloudtrail", "config", "securityhub", "block-public-access"]
}

resource "aws_guardduty_detector" "this" {
  # checkov:skip=CKV2_AWS_3:enabled for this account; an organization's delegated administrator enables it for all of them
  count = local.on["guardduty"]

  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
  tags                         = local.tags
}

# What the detector looks at besides its own sources.
resource "aws_guardduty_detector_feature" "audit" {
  for_each = toset(local.on["guardduty"] == 1 ? ["EKS_AUDIT_LOGS", "S3_DATA_EVENTS", "RDS_LOGIN_EVENTS"] : [])

  detector_id = aws_guardduty_detector.this[0].id
  name        = each.key
  status      = "ENABLED"
}

# System calls on the nodes. GuardDuty installs and updates its agent in the cluster itself.
resource "aws_guardduty_detector_feature" "runtime" {
  count = local.on["guardduty"]

  detector_id = aws_guardduty_detector.this[0].id
  name        = "RUNTIME_MONITORING"
  status      = "ENABLED"

  additional_configuration {
    name   = "EKS_ADDON_MANAGEMENT"
    status = "ENABLED"
  }
}

resource "aws_securityhub_account" "this" {
  count = local.on["securityhub"]

  enable_default_standards = false # the one below, by name, and no other
}

resource "aws_securityhub_standards_subscription" "best_practices" {
  count = local.on["securityhub"]

  standards_arn = "${local.arn}:securityhub:${local.region}::standards/aws-foundational-security-best-practices/v/1.0.0"
  depends_on    = [aws_securityhub_account.this]
}

# Nothing reaches a VPC of this region from the internet, except what stands in the subnets of the load balancers. NAT
# gateways go out as before.
resource "aws_vpc_block_public_access_options" "this" {
  count = local.on["block-public-access"]

  internet_gateway_block_mode = "block-ingress"
  depends_on                  = [aws_vpc_block_public_access_exclusion.load_balancers] # the way in first, or the API is away meanwhile
}

# By position: ids of subnets are not known before they exist.
resource "aws_vpc_block_public_access_exclusion" "load_balancers" {
  count = local.on["block-public-access"] * length(var.public_subnet_ids)

  subnet_id                       = var.public_subnet_ids[count.index]
  internet_gateway_exclusion_mode = "allow-bidirectional"
  tags                            = local.tags
}

# What somebody has to look at, to the topic of the alarms.
locals {
  findings = {
    guardduty = {
      source      = ["aws.guardduty"]
      detail-type = ["GuardDuty Finding"]
      detail      = { severity = [{ numeric = [">=", var.guardduty_severity] }] }
    }
    securityhub = {
      source      = ["aws.securityhub"]
      detail-type = ["Security Hub Findings - Imported"]
      detail      = { findings = { Severity = { Label = ["HIGH", "CRITICAL"] }, Workflow = { Status = ["NEW"] }, RecordState = ["ACTIVE"] } }
    }
    # The registry's continuous scan.
    images = {
      source      = ["aws.inspector2"]
      detail-type = ["Inspector2 Finding"]
      detail      = { severity = ["HIGH", "CRITICAL"], status = ["ACTIVE"], resources = { type = ["AWS_ECR_CONTAINER_IMAGE"] } }
    }
  }
  told = { for name, pattern in local.findings : name => pattern if try(local.on[name], 1) == 1 }
}

resource "aws_cloudwatch_event_rule" "finding" {
  for_each = local.told

  name          = "${local.name}-${each.key}"
  description   = "Findings of ${each.key} that somebody has to look at"
  event_pattern = jsonencode(each.value)
  tags          = local.tags
}

resource "aws_cloudwatch_event_target" "finding" {
  for_each = aws_cloudwatch_event_rule.finding

  rule      = each.value.name
  target_id = "topic"
  arn       = var.topic_arn
}
