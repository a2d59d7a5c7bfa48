# Who did what, and how settings changed: CloudTrail and Config, into one bucket that nobody's pipeline writes to.

locals {
  records   = local.on["cloudtrail"] + local.on["config"] > 0 ? 1 : 0
  trail     = local.name
  trail_arn = "${local.arn}:cloudtrail:${local.region}:${local.account}:trail/${local.trail}"
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:in a key's policy "*" means this key, and the account's IAM decides who manages it
  # checkov:skip=CKV_AWS_111:in a key's policy "*" means this key, not every resource
  # checkov:skip=CKV_AWS_356:a key's policy can name no other resource than "*", this key
  count = local.records

  statement {
    sid       = "IamOfTheAccountDecides"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["${local.arn}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "Trail"
    actions   = ["kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }
}

resource "aws_kms_key" "records" {
  count = local.records

  description             = "Records of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key[0].json
  tags                    = local.tags
}

resource "aws_s3_bucket" "records" {
  # checkov:skip=CKV_AWS_144:records of one account and region; a copy elsewhere is an organization's archive account
  # checkov:skip=CKV_AWS_18:access to the records is in CloudTrail's own events; server logs add a bucket to protect
  # checkov:skip=CKV2_AWS_62:nothing reacts to a new record; findings go to the topic
  count = local.records

  bucket = "${local.name}-${local.account}-${local.region}"
  tags   = local.tags
}

resource "aws_s3_bucket_versioning" "records" {
  count  = local.records
  bucket = aws_s3_bucket.records[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "records" {
  count  = local.records
  bucket = aws_s3_bucket.records[0].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.records[0].arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "records" {
  count  = local.records
  bucket = aws_s3_bucket.records[0].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "records" {
  count  = local.records
  bucket = aws_s3_bucket.records[0].id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.record_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.records]
}

data "aws_iam_policy_document" "records" {
  count = local.records

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.records[0].arn, "${aws_s3_bucket.records[0].arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "TrailLooks"
    actions   = ["s3:GetBucketAcl"]
    resources = [aws_s3_bucket.records[0].arn]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }

  statement {
    sid       = "TrailWrites"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.records[0].arn}/AWSLogs/${local.account}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "s3:x-amz-acl"
      values   = ["bucket-owner-full-control"]
    }
  }
}

resource "aws_s3_bucket_policy" "records" {
  count      = local.records
  bucket     = aws_s3_bucket.records[0].id
  policy     = data.aws_iam_policy_document.records[0].json
  depends_on = [aws_s3_bucket_public_access_block.records]
}

resource "aws_cloudtrail" "this" {
  # checkov:skip=CKV_AWS_252:findings reach people through GuardDuty and Security Hub; a notice for every log file reaches nobody
  # checkov:skip=CKV2_AWS_10:a second copy in CloudWatch Logs is paid by the GB; Security Hub and GuardDuty read the trail itself
  count = local.on["cloudtrail"]

  name                          = local.trail
  s3_bucket_name                = aws_s3_bucket.records[0].id
  kms_key_id                    = aws_kms_key.records[0].arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  tags                          = local.tags

  depends_on = [aws_s3_bucket_policy.records]
}

data "aws_iam_policy_document" "config_trust" {
  count = local.on["config"]

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "config_writes" {
  count = local.on["config"]

  statement {
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.records[0].arn}/AWSLogs/${local.account}/Config/*"]
  }

  statement {
    actions   = ["s3:GetBucketAcl", "s3:ListBucket"]
    resources = [aws_s3_bucket.records[0].arn]
  }

  statement {
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = [aws_kms_key.records[0].arn]
  }
}

resource "aws_iam_role" "config" {
  count = local.on["config"]

  name               = "${local.name}-config"
  assume_role_policy = data.aws_iam_policy_document.config_trust[0].json
  tags               = local.tags
}

resource "aws_iam_role_policy_attachment" "config" {
  count = local.on["config"]

  role       = aws_iam_role.config[0].name
  policy_arn = "${local.arn}:iam::aws:policy/service-role/AWS_ConfigRole"
}

resource "aws_iam_role_policy" "config" {
  count = local.on["config"]

  name   = "records"
  role   = aws_iam_role.config[0].id
  policy = data.aws_iam_policy_document.config_writes[0].json
}

resource "aws_config_configuration_recorder" "this" {
  count = local.on["config"]

  name     = local.name
  role_arn = aws_iam_role.config[0].arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }
}

resource "aws_config_delivery_channel" "this" {
  count = local.on["config"]

  name           = local.name
  s3_bucket_name = aws_s3_bucket.records[0].id
  s3_kms_key_arn = aws_kms_key.records[0].arn

  depends_on = [aws_config_configuration_recorder.this, aws_iam_role_policy.config]
}

resource "aws_config_configuration_recorder_status" "this" {
  count = local.on["config"]

  name       = aws_config_configuration_recorder.this[0].name
  is_enabled = true
  depends_on = [aws_config_delivery_channel.this]
}
