# The part of the guardrails that moto holds: settings recorded by Config, and the bucket of the records.
module "guardrails" {
  source            = "../../../modules/guardrails"
  environment       = "prod"
  parts             = ["config"]
  public_subnet_ids = []
  topic_arn         = "arn:aws:sns:eu-central-1:123456789012:alarms"
}

output "guardrails" {
  value = module.guardrails
}
