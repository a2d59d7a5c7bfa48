output "detector_id" {
  description = "GuardDuty's detector, for aws guardduty; null when it is off."
  value       = one(aws_guardduty_detector.this[*].id)
}

output "records_bucket" {
  description = "Bucket of CloudTrail's and Config's records; null when both are off."
  value       = one(aws_s3_bucket.records[*].id)
}
