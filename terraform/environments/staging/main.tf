# As prod in kind, smaller in size: the same managed servers without standby, one NAT gateway.

module "stack" {
  source = "../../modules/stack"

  environment          = "staging"
  domain               = var.domain
  wait_for_certificate = var.wait_for_certificate
  emails               = var.emails
  access               = var.access
  guardrails           = var.guardrails
  secret_rotations     = var.secret_rotations

  cidr                      = "10.20.0.0/16"
  budget_usd                = var.budget_usd
  broker_bootstrap_password = var.broker_bootstrap_password

  cluster = {
    nodes               = { min = 2, desired = 3, max = 6 }
    public_access_cidrs = var.public_access_cidrs
    addon_versions      = var.addon_versions
  }

  postgres = { multi_az = false, deletion_protection = false }
  broker   = { deployment_mode = "SINGLE_INSTANCE", instance_type = "mq.m7g.medium" }
}
