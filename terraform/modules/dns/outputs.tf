output "zone_id" {
  description = "ID of the zone."
  value       = aws_route53_zone.this.zone_id
}

output "name_servers" {
  description = "Name servers the parent zone delegates to."
  value       = aws_route53_zone.this.name_servers
}

output "certificate_arn" {
  description = "Certificate of the name and of everything one level below, for the load balancer."
  value       = var.wait_for_certificate ? aws_acm_certificate_validation.this[0].certificate_arn : aws_acm_certificate.this.arn
}

output "records_policy" {
  description = "Policy (JSON) of who may change the zone's records: external-dns."
  value       = data.aws_iam_policy_document.records.json
}
