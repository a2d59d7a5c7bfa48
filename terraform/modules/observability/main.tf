# Where logs and traces live longer than the cluster: a bucket each for Loki and for archived traces, a third for the
# record of who read them, on request a workspace for metrics, and a role for each program that writes there.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name = "${var.project}-${var.environment}"
  tags = merge(var.tags, { module = "observability" })

  # Bucket names are taken world-wide, hence the account.
  buckets = {
    loki        = { days = var.log_retention_days }
    traces      = { days = var.trace_retention_days }
    access-logs = { days = var.access_log_retention_days }
  }
  data_buckets = toset(["loki", "traces"])
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV2_AWS_62:nothing acts on single objects; Loki and the collector find theirs by name
  # checkov:skip=CKV_AWS_144:logs and traces are not needed to go on working; losing a region may lose them
  # checkov:skip=CKV_AWS_145:only access-logs has no customer key, because S3 refuses to write logs under one
  for_each = local.buckets

  bucket        = "${local.name}-${each.key}-${data.aws_caller_identity.current.account_id}"
  force_destroy = var.force_destroy
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

# S3 writes access logs only into buckets with its own key (SSE-S3), so that one has no customer key.
resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    bucket_key_enabled = each.key != "access-logs"

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "access-logs" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "access-logs" ? null : var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "expire"
    status = "Enabled"
    filter {}

    expiration {
      days = each.value.days
    }

    # What was overwritten or deleted by mistake comes back within a week.
    noncurrent_version_expiration {
      noncurrent_days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = local.data_buckets

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["access-logs"].id
  target_prefix = "s3/${each.key}/"

  depends_on = [aws_s3_bucket_policy.this]
}

data "aws_iam_policy_document" "bucket" {
  for_each = local.buckets

  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]

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

  dynamic "statement" {
    for_each = each.key == "access-logs" ? ["access-logs"] : []

    content {
      sid       = "RecordsOfAccess"
      actions   = ["s3:PutObject"]
      resources = ["${aws_s3_bucket.this["access-logs"].arn}/*"]

      principals {
        type        = "Service"
        identifiers = ["logging.s3.amazonaws.com"]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [for key in local.data_buckets : aws_s3_bucket.this[key].arn]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # Both at once disturb each other.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_prometheus_workspace" "this" {
  count = var.managed_metrics ? 1 : 0

  alias       = local.name
  kms_key_arn = var.kms_key_arn
  tags        = local.tags
}
