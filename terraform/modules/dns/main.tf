# The environment's zone and a certificate for it and everything one level below, proven by DNS.

data "aws_partition" "current" {}

resource "aws_route53_zone" "this" {
  # checkov:skip=CKV2_AWS_38:DNSSEC takes a DS record in the parent zone, which another team may own; docs name the step
  # checkov:skip=CKV2_AWS_39:query logs of a public zone go to us-east-1 only and are bought by the query; alerts watch the gateway instead
  name          = var.domain
  comment       = "${var.project} ${var.environment}"
  force_destroy = var.environment == "dev" # records of external-dns do not keep a dev zone alive
  tags          = var.tags
}

resource "aws_acm_certificate" "this" {
  domain_name               = var.domain
  subject_alternative_names = ["*.${var.domain}"]
  validation_method         = "DNS"
  tags                      = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# The name and its wildcard share one record.
resource "aws_route53_record" "validation" {
  for_each = {
    for option in aws_acm_certificate.this.domain_validation_options : option.domain_name => option
    if option.domain_name == var.domain
  }

  zone_id         = aws_route53_zone.this.zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

# Waits until the parent zone delegates to this one; with `wait_for_certificate = false` the first apply ends before.
resource "aws_acm_certificate_validation" "this" {
  count = var.wait_for_certificate ? 1 : 0

  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

# Only our certificate authority may issue for this name.
resource "aws_route53_record" "caa" {
  zone_id = aws_route53_zone.this.zone_id
  name    = var.domain
  type    = "CAA"
  ttl     = 3600
  records = ["0 issue \"amazon.com\"", "0 issuewild \"amazon.com\""]
}

# What external-dns may change: the records of this zone.
data "aws_iam_policy_document" "records" {
  statement {
    sid       = "Change"
    actions   = ["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets", "route53:ListTagsForResource"]
    resources = [aws_route53_zone.this.arn]
  }

  statement {
    sid       = "Find"
    actions   = ["route53:ListHostedZones"]
    resources = ["arn:${data.aws_partition.current.partition}:route53:::hostedzone/*"]
  }
}
