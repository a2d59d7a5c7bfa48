module "key" {
  source       = "../../../modules/key"
  project      = "signalbox"
  environment  = "prod"
  alarm_emails = ["oncall@example.com"]
}

output "key" {
  value = module.key
}
